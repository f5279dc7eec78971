"""The faces of a single frame, without tracking."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import (
    CROP_FACTOR,
    SAME_FACE_IOU,
    Detect,
    Mesh,
    crop_around,
    find_faces,
    overlap,
    shifted,
)
from lipblend.faces.tracks import TrackedFace
from lipblend.picture.patch import Box
from lipblend.settings import TrackSettings


def faces_of_frame(
    rgb_of: Callable[[Box], npt.NDArray[np.uint8]],
    size: tuple[int, int],
    detect: Detect,
    track: TrackSettings,
    near: Sequence[TrackedFace] = (),
) -> tuple[TrackedFace, ...]:
    """Find the faces of a frame: in the whole picture, then in tiles, down to the first size that shows one.

    Parameters
    ----------
    rgb_of : callable
        A box of the frame as (h, w, 3) uint8 RGB.
    size : (int, int)
        Width and height of the frame, pixels.
    detect : callable
        See `lipblend.faces.search.find_faces`.
    track : TrackSettings
    near : sequence of TrackedFace
        Faces of the other video's frame: each is looked for in its place first.
    """
    meshes: list[Mesh] = []
    for face in near:
        crop = crop_around(face.landmarks.points, CROP_FACTOR).clipped(*size)
        seen = [shifted(mesh, crop) for mesh in detect(rgb_of(crop))] if min(crop.width, crop.height) > 1 else []
        meshes += [mesh for mesh in seen if overlap(mesh, face.landmarks.points) >= SAME_FACE_IOU][:1]
    if not near or len(meshes) < len(near):
        whole = rgb_of(Box(0, 0, *size))
        meshes = find_faces(whole, detect, min_face_px=track.min_face_px, exhaustive=False)
    return tuple(TrackedFace(number, Landmarks(mesh)) for number, mesh in enumerate(meshes[: track.max_faces]))
