"""Where a face's painted part lies in each frame of a shot: failed measurements replaced, trembling of the measurement
itself taken out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipblend.picture.similarity import Similarity
from lipblend.stages.registration.placement import MIN_EVIDENCE, MIN_OFFSET_FRAC, Placement, is_certain

Series = npt.NDArray[np.float64]

_MIN_SHARE = 0.1  # of a shot's frames that must be displaced
_LIMIT_FRAC, _MAX_SPREADS = 0.03, 5.0  # outliers are farther from the median of their neighbours than both
_REACH = 4


def steady_placements(
    measured: Sequence[Placement | None], middles: Series, widths: Series, times_s: Series
) -> list[Similarity] | None:
    """The placement of every frame of a shot.

    Parameters
    ----------
    measured : sequence of Placement or None
        One per frame.
    middles : (n, 2) float64
        Middle of the painted part in the original, pixels.
    widths : (n,) float64
        Face widths, pixels.
    times_s : (n,) float64

    Returns
    -------
    list of Similarity or None
        None if the painted part lies in its place: no frame in ten is displaced by more than 0.006 face widths.
    """
    values = np.full((len(measured), 4), np.nan)
    for row, each in enumerate(measured):
        if each is not None and each.evidence >= MIN_EVIDENCE:
            values[row] = _about(each.similarity, middles[row], widths[row])
    known = np.isfinite(values[:, 0])
    if not known.any():
        return None
    displaced = known & (np.hypot(values[:, 0], values[:, 1]) >= MIN_OFFSET_FRAC)
    certain = np.array([each is not None and is_certain(each) for each in measured])
    if np.count_nonzero(displaced & certain) <= _MIN_SHARE * np.count_nonzero(known):
        return None
    known = _without_outliers(values, known)
    filled = np.stack([np.interp(times_s, times_s[known], column[known]) for column in values.T], axis=1)
    rows = zip(filled, middles, widths, strict=True)
    return [_from_about(value, middle, width) for value, middle, width in rows]


def _about(each: Similarity, middle: Series, width: float) -> Series:
    """Shift of the middle of the painted part (face widths), growth, and turn (radians)."""
    right, down = (each.apply(middle) - middle) / width
    return np.array([right, down, each.scale - 1, each.turn_rad])


def _from_about(value: Series, middle: Series, width: float) -> Similarity:
    size, turn = 1 + value[2], value[3]
    cosine, sine = size * np.cos(turn), size * np.sin(turn)
    x, y = middle
    right, down = middle + value[:2] * width - (cosine * x - sine * y, sine * x + cosine * y)
    return Similarity(float(cosine), float(sine), float(right), float(down))


def _without_outliers(values: Series, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Without frames far from the median of their neighbours, measured in what frames usually differ by from it."""
    rows = np.flatnonzero(known)
    sizes = np.array([1.0, 1.0, 0.3, 0.3])  # a third of a face width away from the middle
    deviations = np.empty(len(rows))
    for place, row in enumerate(rows):
        near = rows[max(0, place - _REACH) : place + _REACH + 1]
        deviations[place] = np.abs((values[row] - np.median(values[near], axis=0)) * sizes).max()
    limit = max(_LIMIT_FRAC, _MAX_SPREADS * float(np.median(deviations)))
    kept = known.copy()
    kept[rows[deviations > limit]] = False
    return kept if kept.any() else known
