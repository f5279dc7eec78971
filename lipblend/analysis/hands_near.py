"""Hands near the faces of a clip, searched for where something may lie in front of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import FaceTable
from lipblend.analysis.meshes_in_place import meshes_in_place
from lipblend.analysis.near_faces import Faces, NearFrames, original_mesh, runs_of
from lipblend.faces.hand_landmarker import Hand
from lipblend.faces.landmarks import Landmarks
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

HandFinder = Callable[[npt.NDArray[np.uint8]], list[Hand]]


class HandLooker:
    """Looks for hands; see `lipblend.analysis.near_faces.Looker`.

    Parameters
    ----------
    faces : mapping
        Those in question.
    detect : callable
        `HandLandmarker.detect`.
    always : bool
        Look at every frame, and not first at some with a departure that a hand may cause.
    """

    column = "hands"

    def __init__(self, faces: Faces, detect: HandFinder, *, always: bool) -> None:
        self.faces, self._detect, self._always = faces, detect, always
        self._seen: dict[int, list[Points]] = {}

    def wanted(self, frames: Sequence[int]) -> list[int]:
        """All frames, or the first tries."""
        if self._always:
            return list(frames)
        return [frame for run in runs_of(frames) for frame in _worth_a_try(run, self.faces)]

    def look(self, frame: int, picture: Picture) -> None:
        """Search one frame."""
        meshes = [original_mesh(table, row) for table, row in self.faces[frame]]
        self._seen[frame] = _hands_in(picture, meshes, self._detect)

    def finished(self, frames: Sequence[int], near: NearFrames) -> dict[int, Points]:
        """The hands at each face, (2, 21, 2) float32, in runs of frames of which one shows a hand."""
        found: dict[int, Points] = {}
        for run in runs_of(frames):
            if any(self._seen.get(frame) for frame in run):
                for frame, picture in near.pictures([frame for frame in run if frame not in self._seen]):
                    self.look(frame, picture)
                found.update(self._followed(run))
        self._seen.clear()
        return found

    def _followed(self, frames: Sequence[int]) -> dict[int, Points]:
        """The hands at each face of consecutive output frames, by row of the table."""
        paths = follow_hands([self._seen[frame] for frame in frames], extend=_EXTEND_FRAMES)
        found: dict[int, Points] = {}
        for place, frame in enumerate(frames):
            hands = [points for path in paths if (points := path.at(place)) is not None]
            for table, row in self.faces[frame]:
                near = [points for points in hands if _reaches(points, original_mesh(table, row))]
                if near:
                    rows = np.full(HANDS_SHAPE, np.nan, np.float32)
                    rows[: min(len(near), len(rows))] = near[: len(rows)]
                    found[row] = rows
        return found


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
    return 0.0 if stored is None else suspicion(read_departures(stored), *face_cells(meshes_in_place(table, row)))


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
