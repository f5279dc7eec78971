"""A fixed crop box around a face or its mouth."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from lipblend.errors import NoFaceError
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.faces.search import find_faces
from lipblend.picture.patch import Box
from lipblend.settings import TrackSettings
from lipblend.video.info import VideoInfo
from lipblend.video.seeking import SampleReader, reachable, spread
from lipblend.video.survey import survey

Crop = Literal["face", "mouth"]
"""What a crop can be centred on."""

_FACE_SAMPLES = 8
_MARGINS: dict[Crop, float] = {"face": 0.12, "mouth": 0.4}  # share of the width of face or mouth, on each side


def face_box(info: VideoInfo, from_s: float, to_s: float | None, model: Path | None, target: Crop) -> Box:
    """A box with a margin that contains the largest face, or its mouth, of some frames in a period (s).

    Raises
    ------
    NoFaceError
    """
    assert model is not None  # the caller provides it for such crops
    found = survey(info)
    unit = float(info.time_base)
    stop_s = to_s if to_s is not None else float("inf")
    near_keys = reachable(found.stamps, found.keys)
    stamps = [stamp for stamp in near_keys if from_s <= stamp * unit - info.start_s <= stop_s] or list(near_keys)
    track = TrackSettings()
    boxes = []
    with (
        FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence) as landmarker,
        SampleReader(info, spread(stamps, _FACE_SAMPLES), found.keys) as reader,
    ):
        for frame in reader:
            meshes = find_faces(
                frame.picture(info).to_rgb(), landmarker.detect, min_face_px=track.min_face_px, exhaustive=False
            )
            boxes += [_box_around(Landmarks(mesh), target) for mesh in meshes[:1]]
    if not boxes:
        raise NoFaceError(
            f"no face in {len(stamps[:_FACE_SAMPLES])} frames of {info.path.name}", hint="Give --crop X,Y,W,H instead."
        )
    margin = round(_MARGINS[target] * float(np.median([box.width for box in boxes])))
    # Ignore boxes that a wrong detection put elsewhere.
    middle = np.median([(box.x0 + box.x1, box.y0 + box.y1) for box in boxes], axis=0) / 2
    used = [box for box in boxes if box.x0 <= middle[0] <= box.x1 and box.y0 <= middle[1] <= box.y1] or boxes
    return Box(
        min(box.x0 for box in used) - margin,
        min(box.y0 for box in used) - margin,
        max(box.x1 for box in used) + margin,
        max(box.y1 for box in used) + margin,
    ).clipped(*info.upright_size)


def _box_around(face: Landmarks, target: Crop) -> Box:
    if target == "face":
        return face.box()
    lips = face.points[list(LIPS_OUTER)]
    low, high = np.floor(lips.min(0)).astype(int), np.ceil(lips.max(0)).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
