"""Hands near the faces of a clip, searched for where something may lie in front of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.faces.hand_landmarker import Hand, HandLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Timeline
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.stages.occlusion.hand_paths import HANDS_SHAPE, follow_hands
from lipblend.stages.occlusion.hand_shape import palm_centre, palm_length_px
from lipblend.stages.occlusion.linking import face_cells, suspicion
from lipblend.stages.occlusion.stored import read_departures

Points = npt.NDArray[np.float32]

_CROP_WIDTHS = 4.0  # of the face: a palm then takes a tenth of the crop; at 1.5, none was found
_PADDING = 0.25  # of the crop, beyond the picture's border, where a hand comes from
_EXTEND_FRAMES = 1
_WORTH_A_TRY, _TRY_EVERY = 1.3, 3  # departure, and frames between two
_REACH_PALMS = 2.5  # from the palm's middle: an arm's and the fingers' length

Faces = dict[int, list[tuple[FaceTable, int]]]
HandFinder = Callable[[npt.NDArray[np.uint8]], list[Hand]]


def add_hands(
    original: Scan,
    line: Timeline,
    tracks: Mapping[int, FaceTrack],
    shot_starts: npt.NDArray[np.intp],
    open_model: Callable[[], HandLandmarker],
    *,
    always: bool,
) -> None:
    """Fill the column ``hands`` of the tracks' table in rows with departures, or in all.

    Parameters
    ----------
    original : Scan
        Some of its frames are decoded again.
    line : Timeline
    tracks : mapping of int to FaceTrack
        All of one table.
    shot_starts : (m,) int
    open_model : callable
        Called only if there is something to search.
    always : bool
    """
    faces = _faces(tracks, always=always)
    if not faces:
        return
    found: dict[int, Points] = {}
    with ExitStack() as stack:
        search: _Search | None = None
        for start, stop in pairwise([*shot_starts.tolist(), len(line.original_index)]):
            for run in _runs([frame for frame in sorted(faces) if start <= frame < stop]):
                tried = run if always else _worth_a_try(run, faces)
                if tried:
                    search = search or _Search(original, line, faces, stack.enter_context(open_model()).detect)
                    seen = search.look(tried)
                    if any(seen.values()):
                        found.update(search.followed(run, seen))
    for table in {id(track.table): track.table for track in tracks.values()}.values():
        table.replace("hands", found)


def _worth_a_try(frames: Sequence[int], faces: Faces) -> list[int]:
    """Frames with a departure that a hand may cause, not all of those that follow each other."""
    tried: list[int] = []
    for frame in frames:
        if tried and frame - tried[-1] < _TRY_EVERY:
            continue
        if any(_departure(table, row) >= _WORTH_A_TRY for table, row in faces[frame]):
            tried.append(frame)
    return tried


def _departure(table: FaceTable, row: int) -> float:
    stored = table.columns["departures"][row]
    if stored is None:
        return 0.0
    meshes = [Landmarks(table.columns[name][row]) for name in ("original", "synced") if table.columns[name].holds(row)]
    return suspicion(read_departures(stored), *face_cells(meshes))


def _faces(tracks: Mapping[int, FaceTrack], *, always: bool) -> Faces:
    """Table and row of the faces in question, by output frame."""
    faces: Faces = {}
    for track in tracks.values():
        wanted = np.ones(len(track), bool) if always else track.has("departures")
        for row, want in zip(track.rows, wanted.tolist(), strict=True):
            if want:
                faces.setdefault(track.table.frames[row], []).append((track.table, row))
    return faces


@dataclass(frozen=True)
class _Search:
    """What hands are searched with."""

    original: Scan
    line: Timeline
    faces: Faces
    detect: HandFinder

    def look(self, frames: Sequence[int]) -> dict[int, list[Points]]:
        """The hands near the faces of some output frames."""
        indices = [int(self.line.original_index[each]) for each in frames]
        seen: dict[int, list[Points]] = {}
        for frame, picture in zip(frames, self.original.frames(indices), strict=True):
            meshes = [Landmarks(table.columns["original"][row]) for table, row in self.faces[frame]]
            seen[frame] = _hands_in(picture.picture(self.original.info), meshes, self.detect)
        return seen

    def followed(self, frames: Sequence[int], seen: dict[int, list[Points]]) -> dict[int, Points]:
        """The hands at each face of consecutive output frames, by row of the table; ``seen`` in some of them."""
        seen = seen | self.look([frame for frame in frames if frame not in seen])
        paths = follow_hands([seen[frame] for frame in frames], extend=_EXTEND_FRAMES)
        found: dict[int, Points] = {}
        for place, frame in enumerate(frames):
            hands = [points for path in paths if (points := path.at(place)) is not None]
            for table, row in self.faces[frame]:
                near = [points for points in hands if _reaches(points, Landmarks(table.columns["original"][row]))]
                if near:
                    rows = np.full(HANDS_SHAPE, np.nan, np.float32)
                    rows[: min(len(near), len(rows))] = near[: len(rows)]
                    found[row] = rows
        return found


def _hands_in(picture: Picture, faces: Sequence[Landmarks], detect: HandFinder) -> list[Points]:
    """The hands near some faces, in pixels of the picture, each once."""
    hands: list[Points] = []
    for face in faces:
        half = _CROP_WIDTHS / 2 * face.face_width_px
        middle = np.asarray(face.mouth_centre, np.float64)
        wanted = Box.around(middle - half, middle + half)
        box = wanted.clipped(*picture.size)
        if not (box.width and box.height):
            continue
        most = round(_PADDING * wanted.width)
        beyond = (box.y0 - wanted.y0, wanted.y1 - box.y1, box.x0 - wanted.x0, wanted.x1 - box.x1)
        top, bottom, left, right = (min(most, each) for each in beyond)
        crop = cv2.copyMakeBorder(picture.to_rgb(box), top, bottom, left, right, cv2.BORDER_REPLICATE)
        corner = np.array([box.x0 - left, box.y0 - top], np.float32)
        for hand in detect(np.asarray(crop, np.uint8)):
            points = hand.points + corner
            if all(_apart(points, other) for other in hands):
                hands.append(points)
    return hands


def _apart(first: Points, second: Points) -> bool:
    """Whether two hands are not the same one, seen in two crops."""
    return bool(np.linalg.norm(palm_centre(first) - palm_centre(second)) > 0.3 * palm_length_px(first))


def _reaches(points: Points, face: Landmarks) -> bool:
    """Whether a hand may lie before a face."""
    distance = float(np.linalg.norm(palm_centre(points) - face.mouth_centre))
    return distance <= _REACH_PALMS * palm_length_px(points) + face.face_width_px / 2


def _runs(frames: Sequence[int]) -> list[list[int]]:
    """Consecutive frames."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return runs
