"""What lies in front of one face through a shot: departures from its look, linked over time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.plan import smoothing
from lipblend.plan.hidden_points import filled_in
from lipblend.runtime.spill import StoredRows
from lipblend.settings import OcclusionSettings
from lipblend.stages.occlusion.face_look import CELLS
from lipblend.stages.occlusion.hand_support import is_borne_out
from lipblend.stages.occlusion.linking import LINKED_ROWS, face_cells, linked
from lipblend.stages.occlusion.lower_face import hand_cells
from lipblend.stages.occlusion.segmented import PERSON_CONFIDENCE, steadied
from lipblend.stages.occlusion.stored import read_departures

Cells = npt.NDArray[np.uint8]
Hands = tuple[npt.NDArray[np.float32], ...]
Meshes = Callable[[int], Sequence[Landmarks]]

_STRANDS, _FAINT_STRANDS = 1.7, 0.8  # face widths: of real clips without strands 1.6 at most, of one with, 0.7 to 4.4
_STRANDS_S = 0.3  # before and after
_HIDING_SHARE = 0.05  # of the face beside the mouth
_RAMP_SHOWN = 0.15  # share of the mouth: where less of it shows, the change fades, since nothing there can be trusted
_RAMP_S = 0.1  # before and after, over which that is averaged
_SOLID = 0.5  # share of a cell: less is nothing to the matte
_LONGEST_ROWS = 500  # linked at once


@dataclass(frozen=True)
class Found:
    """What the analysis found, by row of the shot; see `lipblend.analysis.face_tracks.COLUMNS`.

    Attributes
    ----------
    departures, model, person : mapping of int to (64, 64) uint8
    hands : mapping of int to (2, 21, 2) float32
    strands : mapping of int to float
    """

    departures: Mapping[int, Cells] = field(default_factory=dict)
    hands: Mapping[int, npt.NDArray[np.float32]] = field(default_factory=dict)
    strands: Mapping[int, float] = field(default_factory=dict)
    model: Mapping[int, Cells] = field(default_factory=dict)
    person: Mapping[int, Cells] = field(default_factory=dict)


class InFront:
    """What lies in front, by row of a shot: (64, 64) uint8 in the axes of the original's head, 255 for all of a cell.

    Parameters
    ----------
    found : Found
    meshes : callable
        The original's mesh of a row, and the synced one, if it was found, both in the original's pixels.
    times_s : (n,) float64
    settings : OcclusionSettings

    Attributes
    ----------
    strands : set of int
        Rows with strands before the face.
    hiding : set of int
        Rows in which more of the skin is hidden than that colours should be learnt from it.
    """

    def __init__(
        self, found: Found, meshes: Meshes, times_s: npt.NDArray[np.float64], settings: OcclusionSettings
    ) -> None:
        self._cells = StoredRows((CELLS, CELLS), np.uint8)
        self._places: dict[int, dict[str, int]] = {}  # by row and way
        self._hands: dict[int, Hands] = {}
        self.strands: set[int] = set()
        self.hiding: set[int] = set()
        self._meshes, self._times_s = meshes, times_s
        self._weights = {"hands": settings.hands_weight, "model": settings.model_weight}
        if settings.hands != "off" and settings.hands_weight > 0:
            for row, points in found.hands.items():
                self._take_hands(row, points, found.departures.get(row), meshes(row))
        if settings.strands != "off":
            lengths = ((row, settings.strands_weight * length) for row, length in found.strands.items())
            told = {row: length for row, length in lengths if length >= _FAINT_STRANDS}
            self.strands = strand_rows(told, times_s)
        if settings.looks != "off":
            self._take_departures(found.departures, settings.looks_weight)
        if settings.model != "none" and settings.model_weight > 0:
            self._take_segmented("model", found.model, settings.model_confidence)
        if settings.person != "off":
            self._take_segmented("person", found.person, PERSON_CONFIDENCE)

    def _take_departures(self, found: Mapping[int, Cells], weight: float) -> None:
        for rows, own in _runs(found):
            faces = [face_cells(self._meshes(row)) for row in rows]
            planes = linked(
                np.float32(weight) * np.stack([read_departures(found[row]) for row in rows]),
                np.stack([inside for inside, _ in faces]),
                np.stack([mouth for _, mouth in faces]),
            )
            for row, plane, cells in itertools.islice(zip(rows, planes, faces, strict=True), own.start, own.stop):
                self._add("departures", row, plane, *cells)

    def _take_segmented(self, way: str, found: Mapping[int, Cells], least: float) -> None:
        for rows, own in _runs(found):
            planes = steadied([found[row] for row in rows], least)
            for row, plane in itertools.islice(zip(rows, planes, strict=True), own.start, own.stop):
                if plane.max() > _SOLID:
                    self._add(way, row, plane, *face_cells(self._meshes(row)))

    def _add(
        self,
        way: str,
        row: int,
        plane: npt.NDArray[np.float32],
        inside: npt.NDArray[np.uint8],
        mouth: npt.NDArray[np.uint8],
    ) -> None:
        if not plane.any():
            return
        skin = (inside > 0) & (mouth == 0)
        if plane[skin].mean() > _HIDING_SHARE:
            self.hiding.add(row)
        self._places.setdefault(row, {})[way] = len(self._cells)
        self._cells.append(np.rint(plane * 255).astype(np.uint8))

    def _take_hands(
        self, row: int, hands: npt.NDArray[np.float32], stored: Cells | None, meshes: Sequence[Landmarks]
    ) -> None:
        inside, mouth = face_cells(meshes)
        skin, taken = (inside > 0) & (mouth == 0), []
        for points in hands:
            if not np.isfinite(points).all():
                continue
            cells = hand_cells([points], meshes[0]) > _SOLID
            if not cells[(inside | mouth) > 0].any():
                continue
            if stored is None or is_borne_out(cells, read_departures(stored), skin):
                taken.append(points)
                if cells[skin].mean() > _HIDING_SHARE:
                    self.hiding.add(row)
        if taken:
            self._hands[row] = tuple(taken)

    def hands(self, row: int) -> Hands:
        """The hands near the face."""
        return self._hands.get(row, ())

    def ways(self, row: int) -> tuple[tuple[str, Cells], ...]:
        """What lies in front by how it was found; empty for nothing."""
        return tuple((way, self._cells[place]) for way, place in self._places.get(row, {}).items())

    def showing(self) -> dict[int, float]:
        """How much of the change is taken over, by row, where that is less than all: nearly all of the mouth is hidden.

        What is left of a mouth beside an occluder is the least certain of all, and so are the landmarks there. Rows in
        which more shows stay whole: a mouth that is half faded is two mouths.
        """
        own: dict[int, float] = {}
        for row in self._places.keys() | self._hands.keys():
            meshes = self._meshes(row)
            mouth = face_cells(meshes)[1] > 0
            shows = 1 - float(self._covered(row, meshes[0])[mouth].mean()) if mouth.any() else 1.0
            if shows < _RAMP_SHOWN:
                own[row] = shows / _RAMP_SHOWN
        if not own:
            return {}
        shares = np.ones(len(self._times_s))
        shares[list(own)] = list(own.values())
        steady = smoothing.moving_mean(shares, self._times_s, reach_s=_RAMP_S)
        return {row: float(steady[row]) for row in own}

    def filled_in(self, row: int, mesh: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The original's mesh of a row, (478, 2), with its hidden points filled in (`lipblend.plan.hidden_points`)."""
        if row not in self._places and row not in self._hands:
            return mesh
        original, *synced = self._meshes(row)
        return filled_in(mesh, synced[0].points, self._covered(row, original)) if synced else mesh

    def _covered(self, row: int, face: Landmarks) -> npt.NDArray[np.float32]:
        """What lies in front in whichever way it was found, (64, 64) in [0, 1]; ``face`` is the original's."""
        covered = np.float32(self._weights["hands"]) * hand_cells(self.hands(row), face)
        for way, cells in self.ways(row):
            covered = np.maximum(covered, cells * np.float32(self._weights.get(way, 1.0) / 255))
        return covered

    @property
    def rows(self) -> Collection[int]:
        """Rows in which something lies in front."""
        return self._places.keys()


def strand_rows(lengths: Mapping[int, float], times_s: npt.NDArray[np.float64]) -> set[int]:
    """Rows of a shot with strands before the face, from their length in some of them (face widths)."""
    rows = sorted(lengths)
    known = np.array([lengths[row] for row in rows])
    at = np.asarray(times_s, np.float64)[rows]
    clear, faint = at[known >= _STRANDS], at[known >= _FAINT_STRANDS]
    lasting = faint[_distance(faint, clear) <= 2 * _STRANDS_S]
    return set(np.flatnonzero(_distance(times_s, lasting) <= _STRANDS_S).tolist())


def _distance(times_s: npt.NDArray[np.float64], others_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From each time to the nearest of some others, which ascend; infinite if there are none."""
    around = np.concatenate([[-np.inf], others_s, [np.inf]])
    after = np.searchsorted(others_s, times_s) + 1
    return np.asarray(np.minimum(np.abs(times_s - around[after - 1]), np.abs(around[after] - times_s)), np.float64)


def _runs(rows: Collection[int]) -> Iterator[tuple[list[int], slice]]:
    """Consecutive rows, at most some hundreds at a time, and which of them are new; some before and after go along."""
    ordered = np.array(sorted(rows), np.intp)
    for run in np.split(ordered, np.flatnonzero(np.diff(ordered) != 1) + 1):
        for first in range(0, len(run), _LONGEST_ROWS):
            low, stop = max(0, first - LINKED_ROWS), min(first + _LONGEST_ROWS, len(run))
            yield run[low : stop + LINKED_ROWS].tolist(), slice(first - low, stop - low)
