"""What is measured along the contour."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.quality.visible.face_parts import half_and_tenth, ring_radius

WIDTH = 100.0
USUAL = round(2.4 * WIDTH) * 2 * ring_radius(WIDTH)  # pixels along both sides of a matte's contour


@pytest.mark.parametrize(
    ("pixels", "half", "tenth"), [(2 * USUAL, 3, 1), (USUAL, 3, 1), (USUAL // 4, 0, 1), (USUAL // 20, 0, 0)]
)
def test_an_edge_around_a_small_spot_is_a_short_one(pixels: int, half: float, tenth: float) -> None:
    ring = np.zeros((30, 100), bool)
    ring.ravel()[:pixels] = True
    assert half_and_tenth(np.full(ring.shape, 3, np.float32), ring, WIDTH) == (half, tenth)
