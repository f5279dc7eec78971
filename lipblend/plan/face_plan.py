"""One face through one shot: its steady meshes, colours, footprint and weight, and its plan for each frame."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.meshes_in_place import meshes_in_place
from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.plan import smoothing
from lipblend.plan.bends import Places, distorted_rows, steady_bends
from lipblend.plan.bridges import bridged_rows, share_of_second
from lipblend.plan.broken_frames import Broken, broken_rows
from lipblend.plan.frame_plan import Bridge, BridgeEnd, FacePlan
from lipblend.plan.hidden import Found, InFront
from lipblend.plan.motion import neighbours, velocity
from lipblend.plan.own_mouth_colours import own_mouth
from lipblend.plan.parsed_parts import ParsedParts
from lipblend.plan.placements import steady_placements
from lipblend.plan.steady_colours import colour_maps, membranes, outlier_rows
from lipblend.plan.steady_meshes import MESH_VALUES, MeshSeries, SteadyMeshes
from lipblend.plan.track_rows import TrackRows
from lipblend.runtime.spill import Picked, StoredRows
from lipblend.settings import OcclusionSettings, Settings
from lipblend.stages.masks.footprint import Sample, footprint_outline, footprint_polygon
from lipblend.stages.registration.left_part import left_part
from lipblend.stages.registration.placement import Placement, placement_of

_MIN_LEARNT_SHARE = 0.1  # of the good rows: without as many, colours are learnt from hidden faces too


class ShotFace:
    """One face through the shot [start, stop), and its plan for each of the shot's rows.

    ``inside``, (stop - start,) bool, says in which rows it may be blended; all by default. The others are read, but
    have no plan, and the weight fades towards them.

    Attributes
    ----------
    broken : mapping of int to Broken
        Rows whose synced patch is broken; empty if ``faults.action`` is ``blend``.
    bridged : mapping of int to tuple of int
        Those that are bridged, and the rows whose patches do it.
    borrowed : int
        Number of rows whose synced mesh is the original's.
    elsewhere : bool
        The generator drew the face elsewhere.
    brief : set of int
        Rows left to the original because their run is too short.
    """

    def __init__(
        self,
        analysis: ClipAnalysis,
        settings: Settings,
        track: FaceTrack,
        start: int,
        stop: int,
        continuing: Collection[int] = (),
        inside: smoothing.Valid | None = None,
    ) -> None:
        self._settings, self._synced_index = settings, analysis.synced_index[start:stop]
        self._times = times = analysis.times_s[start:stop]
        self._in_front = _in_front(TrackRows(track, start, stop), times, settings.occlusion)
        meshes = MeshSeries(track.frames, track.original, start, stop, self._in_front.filled_in)
        steady = SteadyMeshes(meshes, times, settings)
        self._original, stable = _stored(steady)
        shown = steady.valid & (self._synced_index >= 0)
        self.broken: Mapping[int, Broken] = {}
        if settings.faults.action != "blend":
            found = broken_rows(track, times, start, stop)
            # A generator that painted over a hand left something of it: that is no fault.
            self.broken = {row: each for row, each in found.items() if shown[row] and row not in self._in_front.hiding}
        good = shown.copy()
        good[list(self.broken)] = False
        bridge_s = settings.faults.bridge_s if settings.faults.action == "bridge" else 0.0
        self.bridged = bridged_rows(self.broken, good, times, max_s=bridge_s)
        self._present = good.copy()
        self._present[list(self.bridged)] = True
        rows = TrackRows(track, start, stop, without=self.broken)
        lying = _measured_placements(rows, stop - start)
        placements = steady_placements(lying, *self._places_of_mouths(), np.asarray(times, np.float64))
        self._left = None if placements is None else left_part(rows.values("left"))
        self.elsewhere = placements is not None
        placements = placements or _displacements(analysis, stable, steady.valid, start)
        measured = rows.read("bend", rows.column("bend").__getitem__)
        bends = steady_bends(measured, lying, placements, self._face, times)
        self._places = Places(placements, bends, self._face)
        series = MeshSeries(track.frames, track.synced, start, stop, self._places.brought_back, without=self.broken)
        steady_synced = SteadyMeshes(series, times, settings)
        borrowed = self._present & ~steady_synced.valid
        self._synced = _stored(steady_synced, instead=(borrowed, self._original))[0]
        inside = np.ones(stop - start, bool) if inside is None else inside
        self.borrowed = int(np.count_nonzero(borrowed & good & inside))
        # Of a distorted shot the frames that were measured undistorted, and the other way round: never some of each.
        distorted = distorted_rows(measured)
        unlike = distorted if bends is None else set(measured) - distorted
        unlike = {*self.broken, *unlike}
        hidden = self._in_front.hiding
        seen = good.copy()
        seen[list(hidden)] = False
        if np.count_nonzero(seen) >= _MIN_LEARNT_SHARE * np.count_nonzero(good):
            unlike |= hidden
        alike = TrackRows(track, start, stop, without=unlike)
        self._colours, self._fields = _colours(alike, times, settings, analysis.matrix)
        self._mouth = own_mouth(
            alike.read("mouth", alike.column("mouth").__getitem__),
            self._colours,
            self._fields,
            (self._face, lambda row: self._mesh(self._synced, row)),
            settings.colour,
            analysis.matrix,
        )
        self._outline = _outline(alike) if settings.footprint.method == "auto" else None
        # The face does not come and go where it goes on in another track.
        blended = self._present.copy()
        blended[[frame - start for frame in continuing if start <= frame < stop]] = True
        lasting = smoothing.without_brief_runs(blended, times, min_s=settings.track.min_run_s)
        if not lasting.any():  # a shot with nothing else: better briefly than never
            lasting = blended
        self.brief = set(np.flatnonzero(self._present & ~lasting).tolist())
        weights = smoothing.ramp(lasting & inside, times, ramp_s=settings.track.ramp_s)
        self._weights = np.where(self._present, weights, 0.0)
        self._showing = self._in_front.showing()
        self._motion = velocity(self._original, steady.valid)
        self._original_parts = _parsed("original_parts", TrackRows(track, start, stop), times, settings)
        self._synced_parts = _parsed("synced_parts", rows, times, settings)

    def plan(self, row: int) -> FacePlan | None:
        """The plan for a row; None if the face is not blended there."""
        if not self._weights[row] > 0:
            return None
        original, bridge = self._face(row), self._bridge(row)
        source = bridge.ends[0] if bridge is not None else None
        reach = self._settings.alpha.average_frames
        synced = self._mesh(self._synced, row) if bridge is None else _mesh_between(bridge)
        return FacePlan(
            weight=float(self._weights[row]),
            original=original,
            synced=synced,
            colour=self._colours[row],
            placement=self._places.placements[row] if source is None else source.placement,
            bend=self._places.bend(row) if source is None else source.bend,
            membrane=self._fields[row],
            mouth=self._mouth,
            left=self._left,
            footprint=None if self._outline is None else footprint_polygon(self._outline, original),
            velocity=self._motion[row],
            neighbours=neighbours(self._original, self._synced, self._present, row, reach=reach),
            bridge=bridge,
            ways=self._in_front.ways(row),
            hands=self._in_front.hands(row),
            strands=row in self._in_front.strands,
            showing=self._showing.get(row, 1.0),
            parts=(self._original_parts.at(row, original), self._synced_parts.at(row, synced)),
        )

    def _bridge(self, row: int) -> Bridge | None:
        if row not in self.bridged:
            return None
        ends = self.bridged[row]
        share = share_of_second(row, ends, self._times)
        return Bridge(
            tuple(self._end(row, end) for end in ends), share, self._places.placements[row], self._places.bend(row)
        )

    def _end(self, row: int, end: int) -> BridgeEnd:
        """A good row's patch, moved with the head onto a broken row."""
        stable = list(STABLE)
        here, there = (self._face(each).points[stable] for each in (row, end))
        moves = Similarity.between(here, there)
        return BridgeEnd(
            synced_index=int(self._synced_index[end]),
            synced=Landmarks(moves.inverse().apply(self._mesh(self._synced, end).points)),
            placement=moves.then(self._places.placements[end]),
            bend=self._places.bend(end),
            colour=self._colours[end],
            membrane=self._fields[end],
            mouth=self._mouth,
        )

    def _face(self, row: int) -> Landmarks:
        return self._mesh(self._original, row)

    def _places_of_mouths(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Middles of the mouths (n, 2) and widths of the faces (n,), pixels."""
        middles, widths = np.zeros((len(self._original), 2)), np.ones(len(self._original))
        for row in range(len(widths)):
            face = self._face(row)
            middles[row], widths[row] = face.mouth_centre, max(face.face_width_px, 1.0)
        return middles, widths

    def _mesh(self, meshes: StoredRows, row: int) -> Landmarks:
        return Landmarks(meshes[row].reshape(-1, 2))


def _in_front(rows: TrackRows, times_s: smoothing.Series, settings: OcclusionSettings) -> InFront:
    """What lies in front of the face, by the meshes as they were found."""

    @cache
    def numbers() -> Mapping[int, int]:  # most clips need none
        return rows.numbers("original")

    def meshes(row: int) -> list[Landmarks]:
        return meshes_in_place(rows.track.table, numbers()[row])

    columns = ("departures", "hands", "strands", "segmented", "person")
    found = Found(*(rows.read(name, rows.column(name).__getitem__) for name in columns))
    if settings.method == "off":
        found = Found({}, {}, {}, {}, {})
    return InFront(found, meshes, np.asarray(times_s, np.float64), settings)


def _parsed(column: str, rows: TrackRows, times_s: smoothing.Series, settings: Settings) -> ParsedParts:
    """What the parser saw in one of the videos."""
    found = rows.read(column, rows.column(column).__getitem__)
    return ParsedParts(found, np.asarray(times_s, np.float64), settings.alpha.average_frames)


def _mesh_between(bridge: Bridge) -> Landmarks:
    first, last = bridge.ends[0].synced.points, bridge.ends[-1].synced.points
    return Landmarks(np.asarray(first + np.float32(bridge.share) * (last - first), np.float32))


def _stored(
    steady: SteadyMeshes, instead: tuple[smoothing.Valid, StoredRows] | None = None
) -> tuple[StoredRows, smoothing.Series]:
    """The meshes in a file, some rows taken from others instead, and the middle of each mesh's stable points."""
    meshes, middles = StoredRows((MESH_VALUES,), np.float32), []
    for block in steady.blocks():
        if instead is not None:
            which, others = instead
            rows = len(meshes) + np.flatnonzero(which[len(meshes) : len(meshes) + len(block)])
            block[rows - len(meshes)] = others[rows]
        meshes.extend(block)
        middles.append(block.reshape(len(block), -1, 2)[:, list(STABLE)].mean(1))
    return meshes, np.concatenate(middles)


def _colours(
    rows: TrackRows, times_s: smoothing.Series, settings: Settings, matrix: npt.NDArray[np.float64]
) -> tuple[Sequence[Any], Sequence[Any]]:
    """Colour maps and membranes of all rows."""
    stats = rows.read("stats", rows.track.table.stats)
    colours = colour_maps(stats, times_s, settings.colour)
    outliers = outlier_rows(stats, settings.colour)
    cells: Mapping[int, Sample] = rows.read("membrane", rows.column("membrane").__getitem__, without=outliers)
    return colours, membranes(cells, colours, times_s, settings.colour, matrix)


def _outline(rows: TrackRows) -> npt.NDArray[np.float64] | None:
    numbers = list(rows.numbers("footprint").values())
    return footprint_outline(Picked(rows.column("footprint"), numbers))


def _measured_placements(rows: TrackRows, count: int) -> list[Placement | None]:
    """What was measured of where the painted part lies, by row of the shot."""
    found: list[Placement | None] = [None] * count
    for row, number in rows.numbers("placement").items():
        found[row] = placement_of(rows.column("placement")[number])
    return found


def _displacements(
    analysis: ClipAnalysis, stable: smoothing.Series, seen: smoothing.Valid, start: int
) -> list[Similarity]:
    """How far the head is displaced in each frame's synced picture.

    If the frame rates differ, or the synced video slips or lacks frames, a synced picture may come from a neighbouring
    frame. The original's own meshes show how the head moved between the two.
    """
    displacements = [NOWHERE] * len(stable)
    if analysis.alignment.timeline.follows == "synced":
        return displacements  # every frame has its own original
    for row in range(len(stable)):
        index = analysis.synced_index[start + row]
        source = int(analysis.alignment.pairing.source[index]) - start if index >= 0 else row
        if source != row and 0 <= source < len(stable) and seen[row] and seen[source]:
            right, down = (stable[source] - stable[row]).tolist()
            displacements[row] = Similarity(right=right, down=down)
    return displacements
