"""Whether a result shows what the settings at hand would have made."""

from __future__ import annotations

import numpy as np

from lipblend.quality.evaluation.walk import Walk

_SAMPLED = 8
_APART, _APART_PER_LEVEL = 0.06, 0.1
"""Results of the very settings are 0.02 to 0.03 apart at CRF 14 (outside 0.16 to 0.5 levels), 0.06 to 0.11 at CRF 30
(0.6 to 1.3 levels); the synced videos themselves 0.16 to 0.9; of presets that give nearly the same 0.04 to 0.12."""


def shows_settings(walk: Walk) -> tuple[bool, str]:
    """Render a few frames again, and compare them with the result's.

    The result is taken to be made with the walk's settings if in the median frame it is no farther apart (see
    `lipblend.quality.evaluation.walk.share_apart`) than an encoder makes it: 0.06, and 0.1 for each level that it lost
    outside the mattes.

    Returns
    -------
    bool, and what was found, in words
    """
    blended = [index for index in range(len(walk)) if walk.result.rows[index] >= 0 and walk.row(index).faces]
    chosen = sorted({blended[int(place)] for place in np.linspace(0, len(blended) - 1, _SAMPLED)}) if blended else []
    found = [(looked.unlike, looked.outside or 0.0) for looked in walk.looked_at(chosen) if looked.unlike is not None]
    if not found:
        return True, "nothing is blended"
    unlike, outside = (float(value) for value in np.median(np.array(found), axis=0))
    limit = _APART + _APART_PER_LEVEL * outside
    return unlike <= limit, f"about the mouth it is {unlike:.2f} apart in alpha, {limit:.2f} at most are usual"
