"""Stretches over which a mouth is the very same picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

MOUTH_SIZE = (32, 24)
"""Width and height of the patches that are compared."""

FROZEN_S = 0.25
"""Shortest stretch."""
FROZEN_SHARE, FROZEN_LEVELS = 0.22, 1.0
"""Largest difference from the stretch's first frame: as a share of the shot's usual change over so long a time, or in
grey levels, whichever is less strict. Real clips with a moving head keep to 0.25 and above. Of 44 stretches with a
patch repeated over 10 frames 30 were found; the others lie in heads that turn (0.25 to 1) or hardly move."""
FROZEN_USUAL = 2.0
"""Least usual change in grey levels: below it the mouth hardly moves at all, and nothing can be said."""
FROZEN_HEAD = 0.01
"""How far the head must move over the stretch, in ``w_f``: a still mouth in a still face is a pause."""

_EDGE = 3  # pixels by which a patch may lie shifted

Patch = npt.NDArray[np.uint8]


def difference(one: Patch, two: Patch) -> float:
    """Root mean square of two patches' difference in grey levels, after the best shift (up to 3 px) and level."""
    ours = one[_EDGE:-_EDGE, _EDGE:-_EDGE].astype(np.float32)
    theirs = two.astype(np.float32)
    shift = np.zeros(2)
    size = ours.shape[1], ours.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    best = np.inf
    for _ in range(6):
        matrix = np.array([[1, 0, _EDGE + shift[0]], [0, 1, _EDGE + shift[1]]])
        laid = cv2.warpAffine(theirs, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        rest = laid - ours
        rest -= rest.mean()
        error = float(np.sqrt((rest * rest).mean()))
        if error > 0.99 * best:
            return min(best, error)
        best = error
        across, along = (cv2.Sobel(laid, cv2.CV_32F, dx, 1 - dx, scale=1 / 8).ravel() for dx in (1, 0))
        terms = np.stack([across, along], axis=1).astype(np.float64)
        terms -= terms.mean(0)
        normal = terms.T @ terms + 0.05 * len(terms) * np.eye(2)
        shift = np.clip(shift - np.linalg.solve(normal, terms.T @ rest.ravel()), -_EDGE, _EDGE)
    return best


def is_frozen(
    mouths: Sequence[Patch | None],
    places: npt.NDArray[np.float64],
    times_s: npt.NDArray[np.float64],
    runs: npt.NDArray[np.intp],
) -> npt.NDArray[np.bool_]:
    """Frames of a shot within a stretch of one and the same mouth.

    Parameters
    ----------
    mouths : sequence of (24, 32) uint8 or None
    places : (n, 2) float64
        Where the head is, in ``w_f``.
    times_s : (n,) float64
    runs : (n,) int
        Frames with one number follow each other without a gap.
    """
    count = len(mouths)
    out = np.zeros(count, bool)
    later = np.searchsorted(times_s, times_s + FROZEN_S - 1e-6)
    later = np.where((later < count) & (runs[np.minimum(later, count - 1)] == runs), later, -1)
    across: dict[int, float] = {}
    for i in np.flatnonzero(later >= 0).tolist():
        one, two = mouths[i], mouths[int(later[i])]
        if one is not None and two is not None:
            across[i] = difference(one, two)
    if not across:
        return out
    usual = float(np.median(list(across.values())))
    if usual < FROZEN_USUAL:
        return out
    limit = max(FROZEN_LEVELS, FROZEN_SHARE * usual)
    for i, far in across.items():
        first, stop = mouths[i], int(later[i]) + 1
        if far > limit or first is None or np.ptp(places[i:stop], axis=0).max() < FROZEN_HEAD:
            continue
        between = mouths[i + 1 : stop - 1]
        if all(each is not None and difference(first, each) <= limit for each in between):
            out[i:stop] = True
    return out
