"""Patches that do not fit the face: beside their place, of another face, or in other colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.analysis.health import CELL_FRAC, CELLS, Health

Series = npt.NDArray[np.float64]
Thumbs = npt.NDArray[np.float32]

MAX_APART = 2.0
"""Root mean square of the difference from the original, less the shot's usual one, in its usual deviations (of at most
4 in each cell): see `MAX_ALONE`."""
MAX_ALONE = 1.35
"""The same for what changed in the synced face and not in the original since the nearest healthy frames. Frames of the
clean clips reach at most 0.61 of both limits; hands before the mouth exceed the first alone."""
MIN_BESIDE_FRAC, MIN_BESIDE_GAIN, MIN_BESIDE_LIKENESS = 0.1, 0.3, 0.6
"""Displacement in face widths, correlation that it gains and reaches; redrawn heads are displaced by up to 0.05."""
MIN_COLOUR_LEVELS, MAX_INVERTED = 16.0, -0.3
"""Mean displacement of chroma, 8-bit levels, and correlation of luma, that are named after the colour: most other
faces' skin stays within 12."""

_CHANNEL_WEIGHTS = np.array([1, 2, 2], np.float32)  # of Y, Cb, Cr: chroma varies less
_MIN_DEVIATION_LEVELS = 2.0
_MAX_DEVIATIONS = 4.0  # that a cell counts: a wide open mouth covers a fifth of them
_HEALTHY_SHARE = 0.62  # of a shot of which up to a third may be broken
_CLOSE = 1.4  # `MAX_APART`'s unit: healthy enough to compare others with
_MAX_REFERENCE_S = 1.0
_MOVED_ALONG = 1.2  # the synced face may change this much more than the original's
_REACH_CELLS = (6, 4)
_MIN_CORRELATED = 30
_MIN_CONTRAST = 1e-3


@dataclass(frozen=True)
class Misfit:
    """How badly each row's patch fits.

    Attributes
    ----------
    scores : (n,) float64
        1 at the limit.
    colour : (n,) float64
        Displacement of the mean chroma, 8-bit levels.
    expected, seen : (n, 12, 16) float32
        Luma of the thumbnail that the original would usually give, and of the synced one.
    """

    scores: Series
    colour: Series
    expected: Thumbs
    seen: Thumbs

    def kind(self, row: int) -> str:
        """Name the misfit of a row."""
        if self.colour[row] > MIN_COLOUR_LEVELS:
            return "colours"
        distance, gain, correlation = _displacement(self.expected[row], self.seen[row])
        if correlation < MAX_INVERTED:
            return "colours"
        likely = gain >= MIN_BESIDE_GAIN and correlation + gain >= MIN_BESIDE_LIKENESS
        return "beside" if distance >= MIN_BESIDE_FRAC and likely else "other face"


def patch_misfit(health: Health, times_s: Series) -> Misfit:
    """Compare each row with the shot's usual difference from the original, and with its nearest healthy rows."""
    synced, original = health.face_synced * _CHANNEL_WEIGHTS, health.face_original * _CHANNEL_WEIGHTS
    rows = np.arange(len(health))
    for _ in range(2):
        usual = np.median((synced - original)[rows], axis=0)
        off = synced - original - usual
        spread = 1.4826 * np.median(np.abs(off[rows]), axis=0) + _MIN_DEVIATION_LEVELS
        apart = _capped_rms(off / spread)
        rows = np.argsort(apart, kind="stable")[: max(1, int(_HEALTHY_SHARE * len(health)))]
    healthy = np.flatnonzero(apart <= max(_CLOSE, float(apart[rows].max())))
    typical = np.median(synced[rows], axis=0), np.median(original[rows], axis=0)
    alone = np.zeros(len(health))
    for row in np.flatnonzero(apart > _CLOSE).tolist():
        near = [(synced[each], original[each]) for each in _nearest(healthy, row, times_s)] or [typical]
        alone[row] = min(_alone(synced[row] - first, original[row] - second, spread) for first, second in near)
    chroma = off[..., 1:].mean(axis=(1, 2)) / _CHANNEL_WEIGHTS[1:]
    return Misfit(
        np.minimum(apart / MAX_APART, alone / MAX_ALONE),
        np.hypot(*chroma.T).astype(np.float64),
        (original + usual)[..., 0],
        synced[..., 0],
    )


def _nearest(healthy: npt.NDArray[np.intp], row: int, times_s: Series) -> list[int]:
    """The nearest healthy rows before and after a row, at most a second away."""
    found = [*healthy[healthy < row][-1:].tolist(), *healthy[healthy > row][:1].tolist()]
    return [each for each in found if abs(times_s[each] - times_s[row]) <= _MAX_REFERENCE_S]


def _alone(synced: Thumbs, original: Thumbs, spread: Thumbs) -> float:
    """What changed in the synced face beyond what changed in the original's, cell by cell."""
    beyond = np.maximum(np.abs(synced) - _MOVED_ALONG * np.abs(original), 0)
    return float(_capped_rms((beyond / spread)[None])[0])


def _capped_rms(deviations: npt.NDArray[np.floating]) -> Series:
    """Root mean square of each thumbnail; a mouth that opens rarely is far off in few cells, and counts little."""
    capped = np.minimum(np.abs(deviations.astype(np.float64)), _MAX_DEVIATIONS)
    return np.asarray(np.sqrt((capped**2).mean(axis=(1, 2, 3))))


def _displacement(expected: Thumbs, seen: Thumbs) -> tuple[float, float, float]:
    """Distance in face widths at which two thumbnails correlate best, what that gains, and the correlation without."""
    across, down = _REACH_CELLS
    (columns, rows), found = CELLS, {}
    for y in range(-down, down + 1):
        for x in range(-across, across + 1):
            first = expected[max(0, -y) : rows - max(0, y), max(0, -x) : columns - max(0, x)].ravel()
            second = seen[max(0, y) : rows + min(0, y), max(0, x) : columns + min(0, x)].ravel()
            if len(first) >= _MIN_CORRELATED and min(first.std(), second.std()) > _MIN_CONTRAST:
                found[x, y] = float(np.corrcoef(first, second)[0, 1])
    if (0, 0) not in found:
        return 0.0, 0.0, 0.0
    best = max(found, key=lambda place: found[place])
    return float(np.hypot(*best)) * CELL_FRAC, found[best] - found[0, 0], found[0, 0]
