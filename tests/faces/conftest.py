"""Faces in pictures made on the spot: scikit-image's public-domain portrait, scaled and pasted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data
from studio import Studio

from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.models import resolve_model

HEAD_ROWS = slice(10, 230)
HEAD_COLUMNS = slice(100, 340)
FACE_WIDTH_PX = 89.0
FACE_CENTRE = (224.0, 112.0)
"""Of the portrait, roughly: the middle between points 234 and 454."""


@pytest.fixture(scope="session")
def model_path() -> Path:
    return resolve_model("face_landmarker")


@pytest.fixture(scope="session")
def landmarker(model_path: Path) -> Iterator[FaceLandmarker]:
    with FaceLandmarker(model_path, max_faces=4, confidence=0.5) as made:
        yield made


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    return np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="session")
def scene(astronaut: np.ndarray) -> Callable[..., np.ndarray]:
    """Make a (height, width, 3) picture with faces of given widths about given middles; parts outside are cut off."""

    def make(width: int, height: int, *faces: tuple[float, float, float]) -> np.ndarray:
        ramp = (
            np.linspace(70, 150, width, dtype=np.float32)[None, :]
            + np.linspace(0, 40, height, dtype=np.float32)[:, None]
        )
        canvas = np.repeat(ramp.astype(np.uint8)[:, :, None], 3, axis=2)
        for face_px, x, y in faces:
            scale = face_px / FACE_WIDTH_PX
            head = cv2.resize(
                astronaut[HEAD_ROWS, HEAD_COLUMNS],
                None,
                fx=scale,
                fy=scale,
                interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC,
            )
            left = round(x - (FACE_CENTRE[0] - HEAD_COLUMNS.start) * scale)
            top = round(y - (FACE_CENTRE[1] - HEAD_ROWS.start) * scale)
            x0, y0 = max(left, 0), max(top, 0)
            x1, y1 = min(left + head.shape[1], width), min(top + head.shape[0], height)
            if x1 > x0 and y1 > y0:
                canvas[y0:y1, x0:x1] = head[y0 - top : y1 - top, x0 - left : x1 - left]
        return canvas

    return make


@pytest.fixture
def studio(portrait: np.ndarray, face: Landmarks, tmp_path: Path) -> Studio:
    """Makes films of people from one portrait."""
    return Studio(portrait, face.points, tmp_path)
