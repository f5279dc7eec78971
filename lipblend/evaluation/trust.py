"""Whether a result shows what the settings at hand would have made."""

from __future__ import annotations

import numpy as np

from lipblend.evaluation.walk import Walk

_SAMPLED = 8
_UNEXPLAINED = 0.25  # share of the change that may be otherwise
_FLOOR_LEVELS = 0.5


def shows_settings(walk: Walk) -> tuple[bool, str]:
    """Render a few frames again, and compare them with the result's.

    The result is taken to be made with the walk's settings if it differs from the frames rendered again by no more
    than its encoding loss (as seen outside the mattes), half a level and a quarter of the change that was made, in the
    median frame.

    Returns
    -------
    bool, and what was found, in words
    """
    blended = [index for index in range(len(walk)) if walk.result.rows[index] >= 0 and walk.row(index).faces]
    chosen = sorted({blended[int(place)] for place in np.linspace(0, len(blended) - 1, _SAMPLED)}) if blended else []
    found = [
        (looked.unlike, looked.outside or 0.0, looked.change)
        for looked in walk.looked_at(chosen)
        if looked.unlike is not None and looked.change is not None
    ]
    if not found:
        return True, "nothing is blended"
    unlike, outside, change = (float(value) for value in np.median(np.array(found), axis=0))
    text = f"inside the mattes it differs by {unlike:.1f} levels from what they give, outside by {outside:.1f}"
    return unlike <= outside + _FLOOR_LEVELS + _UNEXPLAINED * change, text
