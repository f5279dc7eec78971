"""What is measured along the contour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from visible_faces import Sitter, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible.face_parts import half_and_tenth, seam_ring
from lipblend.quality.visible.scene import scene


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face)


@pytest.mark.parametrize(
    ("share", "half", "tenth"), [(1.0, 3, 1), (0.6, 3, 1), (0.2, 0, 1), (0.04, 0, 0)], ids=lambda value: f"{value}"
)
def test_an_edge_around_a_small_estimated_spot_is_a_short_one(
    person: Sitter, share: float, half: float, tenth: float
) -> None:
    view = person.view(person.picture)
    seen = scene(view)
    ring = seam_ring(seen)
    assert 4 < np.count_nonzero(ring) / person.width < 5.6
    rows, columns = np.nonzero(ring)
    kept = np.zeros_like(ring)
    some = slice(0, round(share * len(rows)))
    kept[rows[some], columns[some]] = True
    steps = np.full(ring.shape, 3, np.float32)
    assert half_and_tenth(view, seen, steps, kept) == (3, 1)  # the matte of a face that the picture's border cuts
    assert half_and_tenth(replace(view, estimated=True), seen, steps, kept) == (half, tenth)
