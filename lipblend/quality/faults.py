"""Faults of the synced frames themselves, which blending cannot repair.

`lipblend.quality.fault_traits` measures each frame; `find_faults` compares it with the medians of its shot. The limits
were chosen on eleven pairs (six made from real clips, five from published generators), undamaged and damaged on
purpose.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.fault_traits import Traits

FAULTS: dict[str, str] = {
    "blurred": "the lower face lost more than half of its usual fine detail",
    "frozen": "the mouth does not change for a quarter of a second or longer while the head moves",
    "misplaced": "the lower face is displaced",
    "ghosted": "the original's lips shine through as a double image",
    "blocky": "the patch shows a grid of blocks",
}
"""Faults of the generator's own patch, with a description for users."""

BLURRED_RATIO = 0.5
"""Detail relative to the original's, as a share of the shot's median. Real clips stay above 0.54; a blur of 0.02
``w_f`` leaves 0.3 to 0.5, one of 0.012 ``w_f`` about 0.5."""
BLURRED_OWN = 0.6
"""Detail of the synced picture as a share of its median, so that a sharper original alone is not a fault."""
BLURRED_ALWAYS = 0.3
"""Median detail relative to the original's below which a whole shot is blurred: real clips have 0.75 to 0.99."""
MIN_MISPLACED, MISPLACED_DEVIATIONS = 0.022, 4.5
"""Minimum distance from the shot's median, in ``w_f`` and in its robust standard deviations."""
MISPLACED_ALWAYS = 0.03
"""Offset of a whole shot, in ``w_f``; real clips have up to 0.01."""
GHOST_SHARE, GHOST_LIKENESS, GHOST_PEAK = (0.3, 0.8), 0.8, 0.009
"""Share of the original's lips, their correlation, and maximum distance of the best match from its place (``w_f``)."""
GHOST_NEAR_S = 0.2
"""A ghost counts only if there is a second one this near in time, because single ones happen by chance. None of 915
frames of real clips that could show one do then; of those mixed half and half with the original, six of ten do."""
MIN_BLOCKY = 0.075
"""Log contrast of the grid in rows and in columns: real clips have 0.01 to 0.04, at most 0.07 on the smallest face;
blocks of a twelfth to a sixteenth of the face 0.08 to 0.35. One real frame is above, the first of its file, with
visible coding blocks."""
MIN_FROZEN_S = 0.25
"""Shortest frozen stretch."""
FROZEN_SHARE, FROZEN_LEVELS = 0.22, 1.0
"""Maximum difference from the first frame of a frozen stretch: as a share of the shot's median change over that time,
or in grey levels, whichever is larger. Real clips with a moving head stay at 0.25 and above. Of 44 stretches with a
patch repeated over 10 frames 30 were found; in the others the head turns (0.25 to 1) or hardly moves."""
MIN_FROZEN_MEDIAN = 2.0
"""Minimum median change in grey levels: below it the mouth hardly moves, and no frame is called frozen."""
MIN_FROZEN_HEAD = 0.01
"""Minimum motion of the head over the stretch, in ``w_f``: a still mouth in a still face is a pause."""

_DEVIATION = 1.4826  # standard deviation of a normal distribution over its median absolute deviation
_MAX_SHIFT_PX = 3

Points = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Mouth = npt.NDArray[np.uint8]


def find_faults(
    traits: Sequence[Traits | None], times_s: Sequence[float] | Points, shots: Sequence[tuple[int, int]]
) -> list[tuple[str, ...]]:
    """Name the faults of each frame.

    Parameters
    ----------
    traits : sequence of Traits or None
        One per frame of the clip; None where there is no face.
    times_s : (n,) float64
    shots : sequence of (start, stop)
        Frames ``start`` to ``stop - 1``. Medians are taken within a shot.

    Returns
    -------
    list of tuple of str
        Keys of `FAULTS`, in its order; empty for a frame without a fault.
    """
    found: list[set[str]] = [set() for _ in traits]
    times = np.asarray(times_s, np.float64)
    for start, stop in shots:
        rows = [i for i in range(start, stop) if traits[i] is not None]
        shot = [each for each in traits[start:stop] if each is not None]
        if not shot:
            continue
        for name, hits in (
            ("blurred", _is_blurred(shot)),
            ("frozen", _is_frozen(shot, times[rows], _runs(rows))),
            ("misplaced", _is_misplaced(shot)),
            ("ghosted", _is_ghosted(shot, times[rows])),
            ("blocky", np.array([t.blocks > MIN_BLOCKY for t in shot])),
        ):
            for row in itertools.compress(rows, hits):
                found[row].add(name)
    return [tuple(name for name in FAULTS if name in names) for names in found]


def mouth_difference(first: Mouth, second: Mouth) -> float:
    """Root mean square difference of two mouths in grey levels, after the best shift (up to 3 px) and level."""
    target = first[_MAX_SHIFT_PX:-_MAX_SHIFT_PX, _MAX_SHIFT_PX:-_MAX_SHIFT_PX].astype(np.float32)
    source = second.astype(np.float32)
    shift = np.zeros(2)
    size = target.shape[1], target.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    best = np.inf
    for _ in range(6):
        matrix = np.array([[1, 0, _MAX_SHIFT_PX + shift[0]], [0, 1, _MAX_SHIFT_PX + shift[1]]])
        warped = cv2.warpAffine(source, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        rest = warped - target
        rest -= rest.mean()
        error = float(np.sqrt((rest * rest).mean()))
        if error > 0.99 * best:
            return min(best, error)
        best = error
        across, down = (cv2.Sobel(warped, cv2.CV_32F, dx, 1 - dx, scale=1 / 8).ravel() for dx in (1, 0))
        terms = np.stack([across, down], axis=1).astype(np.float64)
        terms -= terms.mean(0)
        normal = terms.T @ terms + 0.05 * len(terms) * np.eye(2)
        shift = np.clip(shift - np.linalg.solve(normal, terms.T @ rest.ravel()), -_MAX_SHIFT_PX, _MAX_SHIFT_PX)
    return best


def _runs(rows: Sequence[int]) -> npt.NDArray[np.intp]:
    """A number per row that changes wherever frames are missing in between."""
    return np.cumsum(np.diff(np.asarray(rows), prepend=rows[0] - 1) != 1)


def _is_blurred(shot: Sequence[Traits]) -> Mask:
    synced = np.array([t.detail_synced for t in shot])
    original = np.array([t.detail_original for t in shot])
    ratio = np.divide(synced, original, out=np.full(len(shot), np.nan), where=original > 0)
    if np.isnan(ratio).all():
        return np.zeros(len(shot), bool)
    median = float(np.nanmedian(ratio))
    if median < BLURRED_ALWAYS:
        return np.asarray(ratio < BLURRED_ALWAYS)
    return np.asarray((ratio < BLURRED_RATIO * median) & (synced < BLURRED_OWN * np.nanmedian(synced)))


def _is_frozen(shot: Sequence[Traits], times_s: Points, runs: npt.NDArray[np.intp]) -> Mask:
    """Frames within a stretch of one unchanged mouth; ``runs`` numbers the stretches without missing frames."""
    count = len(shot)
    mouths = [t.mouth for t in shot]
    places = np.array([t.place for t in shot])
    frozen = np.zeros(count, bool)
    ends = np.searchsorted(times_s, times_s + MIN_FROZEN_S - 1e-6)
    ends = np.where((ends < count) & (runs[np.minimum(ends, count - 1)] == runs), ends, -1)
    changes: dict[int, float] = {}
    for i in np.flatnonzero(ends >= 0).tolist():
        first, last = mouths[i], mouths[int(ends[i])]
        if first is not None and last is not None:
            changes[i] = mouth_difference(first, last)
    if not changes:
        return frozen
    median = float(np.median(list(changes.values())))
    if median < MIN_FROZEN_MEDIAN:
        return frozen
    limit = max(FROZEN_LEVELS, FROZEN_SHARE * median)
    for i, change in changes.items():
        first, stop = mouths[i], int(ends[i]) + 1
        if change > limit or first is None or np.ptp(places[i:stop], axis=0).max() < MIN_FROZEN_HEAD:
            continue
        between = mouths[i + 1 : stop - 1]
        if all(mouth is not None and mouth_difference(first, mouth) <= limit for mouth in between):
            frozen[i:stop] = True
    return frozen


def _is_misplaced(shot: Sequence[Traits]) -> Mask:
    offset = np.array([t.offset for t in shot])
    known = np.isfinite(offset).all(1)
    if not known.any():
        return np.zeros(len(shot), bool)
    median = np.median(offset[known], axis=0)
    deviation = _DEVIATION * np.median(np.abs(offset[known] - median), axis=0)
    if np.hypot(*median) > MISPLACED_ALWAYS:
        median = np.zeros(2)
    limit = np.maximum(MIN_MISPLACED, MISPLACED_DEVIATIONS * deviation)
    return np.asarray(known & (np.hypot(*((offset - median) / limit).T) > 1))


def _is_ghosted(shot: Sequence[Traits], times_s: Points) -> Mask:
    share, likeness, peak = (
        np.array([getattr(t, name) for t in shot]) for name in ("ghost_share", "ghost_likeness", "ghost_peak")
    )
    low, high = GHOST_SHARE
    hits = (share > low) & (share < high) & (likeness > GHOST_LIKENESS) & (peak <= GHOST_PEAK)
    ghosted = np.zeros(len(shot), bool)
    for i in np.flatnonzero(hits).tolist():
        ghosted[i] = np.count_nonzero(hits & (np.abs(times_s - times_s[i]) <= GHOST_NEAR_S)) > 1
    return ghosted
