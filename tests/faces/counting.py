"""A landmarker that counts."""

from __future__ import annotations

import numpy as np

from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.search import Mesh


class Counting:
    """A landmarker that notes the shape of every picture it is shown."""

    def __init__(self, inner: FaceLandmarker) -> None:
        self.inner = inner
        self.shapes: list[tuple[int, ...]] = []

    def detect(self, rgb: np.ndarray) -> list[Mesh]:
        self.shapes.append(rgb.shape)
        return self.inner.detect(rgb)
