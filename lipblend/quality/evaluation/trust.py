"""Whether a result was made with the settings at hand, and whether it took anything over."""

from __future__ import annotations

import numpy as np

from lipblend.quality.evaluation.walk import Walk

_SAMPLED_FRAMES = 8
_MAX_APART, _MAX_APART_PER_LEVEL = 0.06, 0.1
"""Results of these very settings are 0.02 to 0.03 apart at CRF 14 (outside 0.16 to 0.5 levels) and 0.06 to 0.11 at CRF
30 (0.6 to 1.3 levels); the synced videos themselves 0.16 to 0.9; presets that give nearly the same 0.04 to 0.12."""


def shows_settings(walk: Walk) -> tuple[bool, str]:
    """Render a few frames again and compare them with the result's.

    The result counts as made with the walk's settings if the median frame is no farther apart
    (`lipblend.quality.evaluation.matte_estimate.share_apart`) than an encoder makes it: 0.06, plus 0.1 per level that
    it lost outside the mattes.

    Returns
    -------
    bool, and the values found as a sentence
    """
    found = list(walk.unlike(_sampled(_with_faces(walk))))
    if not found:
        return True, "nothing is blended"
    unlike, outside = (float(value) for value in np.median(np.array(found), axis=0))
    limit = _MAX_APART + _MAX_APART_PER_LEVEL * outside
    return unlike <= limit, f"around the mouth it is {unlike:.2f} apart in alpha, up to {limit:.2f} is usual"


def shows_nothing(walk: Walk) -> bool:
    """Whether a result shows nothing of the synced picture in any frame, so that there is nothing to judge.

    It may be the original, or both videos show the same mouth. False too if the plan itself blends nothing: its rows
    say why. Ends with the first frame that shows something.
    """
    faces = _with_faces(walk)
    return bool(faces) and not any(walk.takes_over(_sampled(faces))) and not any(walk.takes_over(faces))


def _with_faces(walk: Walk) -> list[int]:
    return [index for index in range(len(walk)) if walk.result.rows[index] >= 0 and walk.row(index).faces]


def _sampled(indices: list[int]) -> list[int]:
    places = np.linspace(0, len(indices) - 1, _SAMPLED_FRAMES)
    return sorted({indices[int(place)] for place in places}) if indices else []
