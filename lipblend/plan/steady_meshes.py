"""A face's meshes over a shot, cleaned and smoothed block by block, because a shot may be an hour long.

Every step has a limited reach, so a block is computed from itself and the rows within that reach. The result is bit for
bit that of the whole shot at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lipblend.plan import smoothing
from lipblend.plan.smoothing import Series, Valid
from lipblend.settings import Settings

Points = npt.NDArray[np.float32]

BLOCK_ROWS = 128
MESH_VALUES = 478 * 2
"""Values per mesh: x and y of every point in turn."""

_DAMPING_ORDER = 2
_MEDIAN_REACH = 4  # known rows on each side of a block that its medians use


class MeshSeries:
    """A track's meshes as one row per frame of a shot.

    Parameters
    ----------
    frames : sequence of int
        Ascending.
    meshes : sequence of (478, 2) float32 or None
    start, stop : int
        The shot.
    brought_back : callable, optional
        From a row and the points of its mesh to where they are wanted.
    without : collection of int
        Rows whose meshes are not used.
    """

    def __init__(
        self,
        frames: Sequence[int],
        meshes: Sequence[npt.NDArray[np.float32] | None],
        start: int,
        stop: int,
        brought_back: Callable[[int, Points], Points] | None = None,
        without: Collection[int] = (),
    ) -> None:
        self._meshes, self._brought_back = meshes, brought_back
        self._place = np.full(stop - start, -1)
        for place, frame in enumerate(frames):
            if start <= frame < stop and frame - start not in without:
                self._place[frame - start] = place
        self.valid = np.array([place >= 0 and meshes[place] is not None for place in self._place.tolist()], bool)

    def __len__(self) -> int:
        return len(self._place)

    def rows(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Rows [start, stop), (stop - start, 956) float32; 0 where there is no mesh."""
        out = np.zeros((stop - start, MESH_VALUES), np.float32)
        for row in np.flatnonzero(self.valid[start:stop]).tolist():
            mesh = self._meshes[int(self._place[start + row])]
            assert mesh is not None
            if self._brought_back is not None:
                mesh = self._brought_back(start + row, mesh)
            out[row] = mesh.ravel()
        return out


def blocks(count: int) -> Iterator[tuple[int, int]]:
    """Half-open ranges of rows that are computed at a time."""
    return ((start, min(start + BLOCK_ROWS, count)) for start in range(0, count, BLOCK_ROWS))


class SteadyMeshes:
    """Meshes without outliers, with short gaps filled, smoothed over time.

    Parameters
    ----------
    series : MeshSeries
    times_s : (n,) float64
    settings : Settings

    Attributes
    ----------
    valid : (n,) bool
        Which rows hold a mesh afterwards.
    """

    def __init__(self, series: MeshSeries, times_s: Series, settings: Settings) -> None:
        self._series, self._times, self._settings = series, times_s, settings
        self._known = series.valid
        self.valid = series.valid
        if series.valid.any():
            self._known = self._inliers()
            nothing = np.zeros((len(series), 1), np.float32)
            _, self.valid = smoothing.fill_gaps(nothing, self._known, times_s, max_gap_s=settings.track.max_gap_s)

    def blocks(self) -> Iterator[Series]:
        """The rows, `BLOCK_ROWS` at a time."""
        method, last = self._settings.smooth.method, None
        for start, stop in blocks(len(self._series)):
            if not self._series.valid.any():
                yield self._series.rows(start, stop)
            elif method == "zero_phase":
                yield self._smoothed(start, stop)
            elif method == "ema":
                values, valid = self._filled(start, stop), self.valid[start:stop]
                if last is not None and self.valid[start - 1]:
                    values, valid = np.concatenate([last[None], values]), self.valid[start - 1 : stop]
                out = smoothing.ema(values, valid, weight=self._settings.smooth.ema_weight)[start - stop :]
                last = out[-1]
                yield out
            else:
                yield self._filled(start, stop)

    def _inliers(self) -> Valid:
        valid = self._series.valid
        known, out = np.flatnonzero(valid), valid.copy()
        for first, end in blocks(len(known)):
            low = int(known[max(0, first - _MEDIAN_REACH)])
            high = int(known[min(end + _MEDIAN_REACH, len(known)) - 1]) + 1
            values = self._series.rows(low, high)
            across = values.reshape(-1, 478, 2)[:, :, 0]
            widths = np.abs(across.max(1) - across.min(1))
            inliers = smoothing.reject_outliers(
                values, valid[low:high], widths, limit=self._settings.track.outlier_frac
            )
            out[known[first:end]] = inliers[known[first:end] - low]
        return out

    def _filled(self, start: int, stop: int) -> Series:
        known = np.flatnonzero(self._known)
        before, after = np.searchsorted(known, start, "right") - 1, np.searchsorted(known, stop - 1)
        low = min(start, int(known[before])) if before >= 0 else start
        high = max(stop, int(known[after]) + 1) if after < len(known) else stop
        values, _ = smoothing.fill_gaps(
            self._series.rows(low, high),
            self._known[low:high],
            self._times[low:high],
            max_gap_s=self._settings.track.max_gap_s,
        )
        return values[start - low : stop - low]

    def _smoothed(self, start: int, stop: int) -> Series:
        sigma_s = self._settings.smooth.sigma_s
        reach = smoothing.CUTOFF_SIGMAS * sigma_s
        low = int(np.searchsorted(self._times, self._times[start] - reach, "left"))
        high = int(np.searchsorted(self._times, self._times[stop - 1] + reach, "right"))
        low, high = max(0, low - 1), min(high + 1, len(self._series))
        out = smoothing.zero_phase(
            self._filled(low, high), self.valid[low:high], self._times[low:high], sigma_s=sigma_s, order=_DAMPING_ORDER
        )
        return out[start - low : stop - low]
