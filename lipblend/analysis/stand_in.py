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
from lipblend.analysis.texture_motion import Points
from lipblend.faces.neutral_face import neutral_face
from lipblend.faces.search import overlap
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Timeline
from lipblend.picture.patch import Box

_MIN_S = 0.5
_SAMPLES = 12
_WIDTH_PX = 480  # of the pictures that are compared
_MIN_SHARE = 0.6  # of the change, in one part: else the whole picture was redrawn
_MAX_SIDE_FRAC = 0.75  # of that part, of the picture's width and height
_MAX_ASPECT = 2.5  # subtitles are wider
_MIN_LIVELY = 0.25  # of what generators paint: 0.32 to 0.92
_MIN_GOOD_SHARE = 0.5  # of the samples
_AROUND_FACE = 1.0  # face widths around a mesh that count as this face
_PART_WIDTHS = 1.07  # width of the part that generators paint, in face widths
# A box about the lower face has its middle below the mouth, one about the whole face above.
_BELOW_FRAC, _USUAL_HEIGHT, _MAX_BELOW_FRAC = 0.35, 0.87, 0.15
_NEAR_S = 0.25  # a closed mouth hardly differs: a change this near in time counts too
_SAME_FACE_IOU = 0.1


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
    shown = line.original_index
    times_s = np.array(original.times_s)[shown]
    out = dict(tracks)
    for start, stop in pairwise([*shot_starts.tolist(), len(shown)]):
        meshes = _meshes(tracks, start, stop)
        rows = _lone_rows(original, synced, line, meshes, range(start, stop))
        if len(rows) < 2 or len(rows) * float(np.median(np.diff(times_s[start:stop]))) < _MIN_S:
            continue
        samples, width = _samples(original, synced, line, reading, rows)
        if not samples or width < min_face_px:
            continue
        number = max(out, default=-1) + 1
        found = {
            row: [face]
            for row, face in sorted(_followed(original, line, samples, width, range(start, stop), number).items())
            if np.abs(times_s[rows] - times_s[row]).min() <= _NEAR_S
            and not any(overlap(face.mesh, mesh) >= _SAME_FACE_IOU for mesh in meshes.get(row, []))
        }
        measured = measure_carried(found, original, synced, line, reading, look_elsewhere=False).get(number, [])
        if measured:
            table = next((track.table for track in out.values()), None) or FaceTable()
            added = [table.append(row, face.mesh, None, each, carried=face.fit) for row, face, each in measured]
            out[number] = FaceTrack(table, array("q", added))
    return out


def _meshes(tracks: Mapping[int, FaceTrack], start: int, stop: int) -> dict[int, list[Points]]:
    """The meshes of each row of a shot."""
    meshes: dict[int, list[Points]] = {}
    for track in tracks.values():
        part = track.between(start, stop)
        for row, mesh in zip(part.frames, part.original, strict=True):
            meshes.setdefault(row, []).append(mesh)
    return meshes


def _lone_rows(
    original: Scan, synced: Scan, line: Timeline, meshes: Mapping[int, Sequence[Points]], shot: range
) -> list[int]:
    """Rows of a shot in which the small pictures differ where no face is, but may have been or will be."""
    with_faces = np.array(sorted(meshes), np.intp)
    scale = original.info.upright_width / original.thumbs[0].shape[1]
    out = []
    for row in shot:
        if line.synced_index[row] < 0:
            continue
        first, second = original.thumbs[line.original_index[row]], synced.thumbs[line.synced_index[row]]
        if first.shape != second.shape:
            continue
        part = main_part(size_of_change(signed_change(first, second)), SURE)
        if part is None or part.share < _MIN_SHARE:
            continue
        centre = np.array(part.centre, np.float32) * np.float32(scale)
        if any(_is_at(mesh, centre) for mesh in meshes.get(row, [])):
            continue
        if len(with_faces):
            nearest = meshes[int(with_faces[np.abs(with_faces - row).argmin()])]
            if not any(_is_at(mesh, centre) for mesh in nearest):
                continue
        out.append(row)
    return out


def _is_at(mesh: Points, centre: npt.NDArray[np.float32]) -> bool:
    low, high = mesh.min(0), mesh.max(0)
    around = _AROUND_FACE * (high - low)
    return bool((centre >= low - around).all() and (centre <= high + around).all())


def _samples(
    original: Scan, synced: Scan, line: Timeline, reading: PairReading, rows: Sequence[int]
) -> tuple[list[_Sample], float]:
    """Where the changed part lies in some of the rows, and the width of its face, pixels; none if it is no face's."""
    chosen = [rows[place] for place in np.unique(np.linspace(0, len(rows) - 1, _SAMPLES).round().astype(int))]
    step = max(1, 2 * round(original.info.upright_width / (2 * _WIDTH_PX)))
    good: list[tuple[int, Part, Plane]] = []
    for row, apart in _changes(original, synced, line, reading, chosen, step):
        part = main_part(size_of_change(apart), SURE)
        height, width = apart.shape[:2]
        if part is None or part.share < _MIN_SHARE:
            continue
        if part.size[0] <= _MAX_SIDE_FRAC * width and part.size[1] <= _MAX_SIDE_FRAC * height:
            good.append((row, part, apart))
    if len(good) < max(2, _MIN_GOOD_SHARE * len(chosen)):
        return [], 0.0
    centres = [part.centre for _, part, _ in good]
    sizes = [size_of_change(apart) for _, _, apart in good]
    mean = mean_change(sizes, centres)
    whole = main_part(mean, FAINT)
    if whole is None or whole.size[0] > _MAX_ASPECT * whole.size[1] or whole.size[1] > _MAX_ASPECT * whole.size[0]:
        return [], 0.0
    if lively_share([apart for _, _, apart in good], centres) < _MIN_LIVELY:
        return [], 0.0
    face = whole.size[0] / _PART_WIDTHS
    height = float(np.median([part.size[1] / part.size[0] for _, part, _ in good]))
    down = face * float(np.clip(_BELOW_FRAC * (height - _USUAL_HEIGHT), -_MAX_BELOW_FRAC, _MAX_BELOW_FRAC))
    return [_Sample(row, (part.centre[0] * step, (part.centre[1] + down) * step)) for row, part, _ in good], face * step


def _changes(
    original: Scan, synced: Scan, line: Timeline, reading: PairReading, rows: Sequence[int], step: int
) -> Iterator[tuple[int, Plane]]:
    """The `signed_change` of whole frames at one ``step``-th of their size."""
    for row, (first, second) in zip(rows, decoded_pairs(original, synced, line.pairs(rows)), strict=True):
        picture, other = first.picture(reading.original_info), second.picture(reading.synced_info)
        patches = ReducedPair(picture, other, reading.mapping, step).patches(Box(0, 0, *picture.size))
        if patches is not None and (patches[2].x0, patches[2].y0) == (0, 0):
            yield row, signed_change(patches[0], patches[1])


def _followed(
    original: Scan,
    line: Timeline,
    samples: Sequence[_Sample],
    width_px: float,
    shot: range,
    number: int,
) -> dict[int, CarriedFace]:
    """The neutral mesh laid on the middle sample and followed from there; again on a sample that is not reached."""
    neutral = neutral_face() * np.float32(width_px)
    found: dict[int, CarriedFace] = {}
    left = list(samples)
    while left:
        sample = left[len(left) // 2]
        mesh = np.asarray(neutral + np.array(sample.centre, np.float32), np.float32)
        found[sample.row] = CarriedFace(number, mesh, 1.0, 0)
        for rows in (range(sample.row, shot.stop), range(sample.row, shot.start - 1, -1)):
            for row, each in follow_mesh(original, line.original_index, mesh, rows):
                if row in found:
                    break
                found[row] = CarriedFace(number, each.mesh, each.fit, abs(row - sample.row))
        left = [each for each in left if each.row not in found]
    return found
