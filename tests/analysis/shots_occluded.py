"""Tracks of a face before which something passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.measure import FaceMeasure
from lipblend.faces.landmarks import Landmarks
from lipblend.stages.occlusion.stored import DEPARTURES_SHAPE, stored_departures

CHEEK = np.s_[34:46, 16:26]
"""Cells beside the mouth."""


def hand_on(face: Landmarks, right: float = 0.0) -> np.ndarray:
    """(21, 2) float32: a hand over mouth and chin, its fingers up, moved by so many face widths."""
    fingers = [(x, y - 30 * joint) for x, y in ((-27, -92), (-4, -95), (17, -90), (36, -80)) for joint in range(4)]
    points = np.array([(0, 0), (-22, -15), (-38, -38), (-50, -60), (-60, -80), *fingers], np.float32) / 150
    middle = np.asarray(face.mouth_centre, np.float32) + np.float32((right, 0.35)) * face.face_width_px
    return np.asarray(points * np.float32(face.face_width_px) + middle, np.float32)


def looking(
    face: Landmarks, looks: Sequence[np.ndarray | None], *, first: int = 0, table: FaceTable | None = None
) -> FaceTrack:
    """A face that keeps still, with the looks of its frames."""
    count = len(looks)
    measured = [FaceMeasure(1.0, None, looks=each) for each in looks]
    meshes = [face.points] * count
    return FaceTrack.of(list(range(first, first + count)), meshes, meshes, measured, table=table)


def departing(
    track: FaceTrack, frames: Sequence[int], levels: float = 4.0, where: tuple[slice, slice] = CHEEK
) -> FaceTrack:
    """The same with departures, on the cheek, in some frames, and none on record elsewhere."""
    plane = np.zeros(DEPARTURES_SHAPE, np.float32)
    plane[where] = levels
    wanted = set(frames)
    rows = [row for frame, row in zip(track.frames, track.rows, strict=True) if frame in wanted]
    track.table.replace("departures", dict.fromkeys(rows, stored_departures(plane)))
    return track
