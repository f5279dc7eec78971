"""Faces without a mesh: a neutral mesh stands in where the generator changed one compact part of the picture.

A profile, a mask, a drawing or a face in hard light may not be found in any frame. What the generator changed there is
found by comparing the pictures, a neutral mesh is laid over it, and that mesh is followed through the shot by the
texture it lies on. The footprint of the change bounds the matte, as it does for other faces.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lipblend.analysis.carried_faces import CarriedFace, measure_carried
from lipblend.analysis.changed_part import (
    FAINT,
    SURE,
    Part,
    Plane,
    lively_share,
    main_part,
    mean_change,
    signed_change,
    size_of_change,
)
from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.first_reading import PairReading, decoded_pairs
from lipblend.analysis.follow_mesh import follow_mesh
from lipblend.analysis.reduced_pair import ReducedPair
from lipblend.analysis.small_changes import MIN_SHARE, SmallChanges
from lipblend.analysis.texture_motion import Points
from lipblend.faces.neutral_face import neutral_face
from lipblend.faces.search import overlap
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Timeline
from lipblend.picture.patch import Box

_MIN_S = 0.5
_SAMPLES, _EVERY_S = (12, 40), 15.0  # frames that are compared, fewest and most, and how often in a long shot
_GLANCE_S = 0.2
_WIDTH_PX = 480  # of the pictures that are compared
_MAX_SIDE_FRAC = 0.75  # of that part, of the picture's width and height
_MAX_ASPECT = 2.5  # subtitles are wider
_MIN_LIVELY = 0.25  # of what generators paint: 0.32 to 0.92
_MIN_GOOD_SHARE = 0.5  # of the samples
_MIN_FOLLOWED_SHARE = 0.5  # of the rows that differ
_AROUND_FACE = 1.0  # face widths around a mesh that count as this face
_PART_WIDTHS = 1.07  # width of the part that generators paint, in face widths
# A box about the lower face has its middle below the mouth, one about the whole face above.
_BELOW_FRAC, _USUAL_HEIGHT, _MAX_BELOW_FRAC = 0.35, 0.87, 0.15
_NEAR_S = 0.25  # a closed mouth hardly differs: a change this near in time counts too
_SAME_FACE_IOU = 0.1


Boxes = dict[int, list[Points]]
Corner = tuple[int, int]


@dataclass(frozen=True)
class _Sample:
    """A row in which one part changed; the middle of the part in the original's pixels."""

    row: int
    centre: tuple[float, float]


def add_stand_ins(
    original: Scan,
    synced: Scan,
    line: Timeline,
    reading: PairReading,
    tracks: Mapping[int, FaceTrack],
    shot_starts: npt.NDArray[np.intp],
    *,
    min_face_px: float,
) -> dict[int, FaceTrack]:
    """The tracks, with one more for each shot in which a part changed for half a second where no face was found.

    Parameters
    ----------
    original, synced : Scan
        Read completely. Some frames are decoded again.
    line : Timeline
    reading : PairReading
    tracks : mapping of int to FaceTrack
        All of one table.
    shot_starts : (m,) int
    min_face_px : float
        Narrower faces are left alone.
    """
    times_s = np.array(original.times_s)[line.original_index]
    out = dict(tracks)
    small = SmallChanges(original, synced, reading.mapping)
    for start, stop in pairwise([*shot_starts.tolist(), len(times_s)]):
        boxes = _boxes(tracks, start, stop)
        rows = _lone_rows(small, line, boxes, times_s, range(start, stop))
        if len(rows) < 2 or len(rows) * float(np.median(np.diff(times_s[start:stop]))) < _MIN_S:
            continue
        samples, width = _samples(original, synced, line, reading, rows, times_s)
        if not samples or width < min_face_px:
            continue
        number = max(out, default=-1) + 1
        near = _near(times_s, rows, start, stop)
        found = _followed(original, line, samples, width, boxes, times_s, range(start, stop), number)
        kept = [row for row in sorted(found) if near[row - start]]
        kept = _in_lasting_runs(kept, times_s)
        if len(kept) < _MIN_FOLLOWED_SHARE * len(rows):
            continue
        by_row = {row: [found[row]] for row in kept}
        measured = measure_carried(by_row, original, synced, line, reading, look_elsewhere=False).get(number, [])
        if measured:
            table = next((track.table for track in out.values()), None) or FaceTable()
            added = [table.append(row, face.mesh, None, each, carried=face.fit) for row, face, each in measured]
            out[number] = FaceTrack(table, array("q", added))
    return out


def _boxes(tracks: Mapping[int, FaceTrack], start: int, stop: int) -> Boxes:
    """Top left and bottom right corners of the meshes of each row of a shot, (2, 2) float32 each, pixels."""
    boxes: dict[int, list[Points]] = {}
    for track in tracks.values():
        part = track.between(start, stop)
        for row, mesh in zip(part.frames, part.original, strict=True):
            boxes.setdefault(row, []).append(np.stack([mesh.min(0), mesh.max(0)]))
    return boxes


def _lone_rows(
    small: SmallChanges, line: Timeline, boxes: Boxes, times_s: npt.NDArray[np.float64], shot: range
) -> list[int]:
    """Rows of a shot in which the small pictures differ where no face is, but may have been or will be.

    One row in a fifth of a second is looked at first, and all only if it differs so in one of these.
    """
    with_faces = np.array(sorted(boxes), np.intp)

    def is_lone(row: int) -> bool:
        centre = small.centre(int(line.original_index[row]), int(line.synced_index[row]))
        if centre is None or any(_is_at(box, centre) for box in boxes.get(row, [])):
            return False
        if not len(with_faces):
            return True
        nearest = boxes[int(with_faces[np.abs(with_faces - row).argmin()])]
        return any(_is_at(box, centre) for box in nearest)

    shot_s = float(times_s[shot[-1]] - times_s[shot[0]])
    step = max(1, int(_GLANCE_S * len(shot) / max(shot_s, _GLANCE_S)))
    return [row for row in shot if is_lone(row)] if any(is_lone(row) for row in shot[::step]) else []


def _near(times_s: npt.NDArray[np.float64], rows: Sequence[int], start: int, stop: int) -> npt.NDArray[np.bool_]:
    """Which rows of a shot lie near enough in time to one of some rows."""
    known = np.concatenate([[-np.inf], times_s[list(rows)], [np.inf]])
    after = np.searchsorted(known, times_s[start:stop])
    apart = np.minimum(times_s[start:stop] - known[after - 1], known[after] - times_s[start:stop])
    return np.asarray(apart <= _NEAR_S, bool)


def _in_lasting_runs(rows: Sequence[int], times_s: npt.NDArray[np.float64]) -> list[int]:
    """Those of some ascending rows that lie in runs without gaps which last long enough."""
    runs = np.split(np.array(rows, np.intp), np.flatnonzero(np.diff(rows) > 1) + 1) if rows else []
    period_s = float(np.median(np.diff(times_s)))
    return [int(row) for run in runs if len(run) * period_s >= _MIN_S for row in run]


def _is_at(mesh: Points, centre: npt.NDArray[np.float32]) -> bool:
    low, high = mesh.min(0), mesh.max(0)
    around = _AROUND_FACE * (high - low)
    return bool((centre >= low - around).all() and (centre <= high + around).all())


def _samples(
    original: Scan,
    synced: Scan,
    line: Timeline,
    reading: PairReading,
    rows: Sequence[int],
    times_s: npt.NDArray[np.float64],
) -> tuple[list[_Sample], float]:
    """Where the changed part lies in some of the rows, and the width of its face, pixels; none if it is no face's."""
    wanted = int(np.clip((times_s[rows[-1]] - times_s[rows[0]]) / _EVERY_S, *_SAMPLES))
    chosen = [rows[place] for place in np.unique(np.linspace(0, len(rows) - 1, wanted).round().astype(int))]
    step = max(1, 2 * round(original.info.upright_width / (2 * _WIDTH_PX)))
    good: list[tuple[int, Part, Plane, Corner]] = []
    for row, apart, corner in _changes(original, synced, line, reading, chosen, step):
        part = main_part(size_of_change(apart), SURE)
        height, width = apart.shape[:2]
        if part is None or part.share < MIN_SHARE:
            continue
        if part.size[0] <= _MAX_SIDE_FRAC * width and part.size[1] <= _MAX_SIDE_FRAC * height:
            good.append((row, part, apart, corner))
    if len(good) < max(2, _MIN_GOOD_SHARE * len(chosen)):
        return [], 0.0
    _, parts, changes, _ = zip(*good, strict=True)
    centres = [part.centre for part in parts]
    whole = main_part(mean_change([size_of_change(apart) for apart in changes], centres), FAINT)
    if whole is None or whole.size[0] > _MAX_ASPECT * whole.size[1] or whole.size[1] > _MAX_ASPECT * whole.size[0]:
        return [], 0.0
    if lively_share(changes, centres) < _MIN_LIVELY:
        return [], 0.0
    face = whole.size[0] / _PART_WIDTHS
    height = float(np.median([part.size[1] / part.size[0] for part in parts]))
    down = face * float(np.clip(_BELOW_FRAC * (height - _USUAL_HEIGHT), -_MAX_BELOW_FRAC, _MAX_BELOW_FRAC))
    return [
        _Sample(row, ((part.centre[0] + left) * step, (part.centre[1] + top + down) * step))
        for row, part, _, (left, top) in good
    ], face * step


def _changes(
    original: Scan, synced: Scan, line: Timeline, reading: PairReading, rows: Sequence[int], step: int
) -> Iterator[tuple[int, Plane, Corner]]:
    """The `signed_change` of what both frames show, at one ``step``-th of their size, and its top left corner there."""
    for row, (first, second) in zip(rows, decoded_pairs(original, synced, line.pairs(rows)), strict=True):
        picture, other = first.picture(reading.original_info), second.picture(reading.synced_info)
        mapping = reading.mapping.at(second.index)
        patches = ReducedPair(picture, other, mapping, step).patches(Box(0, 0, *picture.size))
        if patches is not None:
            yield row, signed_change(patches[0], patches[1]), (patches[2].x0, patches[2].y0)


def _followed(
    original: Scan,
    line: Timeline,
    samples: Sequence[_Sample],
    width_px: float,
    boxes: Boxes,
    times_s: npt.NDArray[np.float64],
    shot: range,
    number: int,
) -> dict[int, CarriedFace]:
    """The neutral mesh laid on the middle sample and followed from there; again on a sample that is not reached.

    It is followed to the next row in which this face was found, at most for a while longer than samples are apart.
    """
    neutral = neutral_face() * np.float32(width_px)
    reach_s = _EVERY_S + (times_s[samples[-1].row] - times_s[samples[0].row]) / len(samples)
    found: dict[int, CarriedFace] = {}
    left = list(samples)
    while left:
        sample = left[len(left) // 2]
        mesh = np.asarray(neutral + np.array(sample.centre, np.float32), np.float32)
        found[sample.row] = CarriedFace(number, mesh, 1.0, 0)
        first, last = np.searchsorted(times_s, times_s[sample.row] + np.array([-reach_s, reach_s])).tolist()
        for rows in (range(sample.row, min(last, shot.stop)), range(sample.row, max(first, shot.start) - 1, -1)):
            for row, each in follow_mesh(original, line.original_index, mesh, rows):
                if row in found or any(overlap(each.mesh, box) >= _SAME_FACE_IOU for box in boxes.get(row, [])):
                    break
                found[row] = CarriedFace(number, each.mesh, each.fit, abs(row - sample.row))
        left = [each for each in left if each.row not in found]
    return found
