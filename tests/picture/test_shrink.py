"""Reducing planes by areas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipblend.picture.shrink import area_mean


@pytest.mark.parametrize(
    ("height", "width", "size", "apart"),
    [(360, 640, (80, 45), 1e-3), (301, 467, (90, 60), 1e-3), (40, 60, (60, 40), 0), (540, 960, (94, 53), 0.3)],
)
def test_it_is_the_area_average_of_one_large_step(height: int, width: int, size: tuple[int, int], apart: float) -> None:
    """Where areas end inside of a halved pixel, it counts as even."""
    noise = np.random.default_rng(1).uniform(0, 255, (height, width)).astype(np.float32)
    plane = cv2.GaussianBlur(noise, (0, 0), 8)
    direct = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(area_mean(plane, size), direct, atol=apart)


def test_integers_stay_what_they_are() -> None:
    plane = np.full((64, 64), 7, np.uint16)
    reduced = area_mean(plane, (8, 8))
    assert reduced.dtype == np.uint16
    assert (reduced == 7).all()
