"""Where a result keeps the original's own pixels, for something that passes before the mouth, nothing is compared."""

from __future__ import annotations

import numpy as np
import pytest
from visible_faces import Sitter, sitter
from visible_shots import LAG, Pictures, series, spoken

from lipblend.faces.landmarks import Landmarks

COUNT = 9
RUNNING = np.float32(12)  # levels by which something in front of a face changes from frame to frame


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face, 110.0)


@pytest.fixture(scope="module")
def new(person: Sitter) -> list[np.ndarray]:
    return spoken(person, COUNT, 100)


def passing(person: Sitter, new: Pictures, radius_frac: float) -> tuple[Pictures, Pictures]:
    """Originals with something dark that changes before the middle of the mouth, and results that keep it."""
    where = person.mouth_disc(radius_frac)[..., None]
    originals = [
        each + where * np.float32([-70 + RUNNING * n, 0, 0]) for n, each in enumerate(spoken(person, COUNT, 0))
    ]
    return originals, [b + where * (a - b) for a, b in zip(originals, new, strict=True)]


def test_a_mouth_that_is_covered_and_kept_is_not_measured(person: Sitter, new: Pictures) -> None:
    originals, results = passing(person, new, 0.4)
    found = series(person, originals, new, results)
    assert np.isnan(found["old_lips"]).all()
    assert np.isnan(found["out_of_step"]).all()


def test_the_rest_of_a_mouth_beside_kept_pixels_is_measured(person: Sitter, new: Pictures) -> None:
    originals, results = passing(person, new, 0.05)
    found = series(person, originals, new, results)
    np.testing.assert_allclose(found["old_lips"][LAG:], 0, atol=0.05)
    np.testing.assert_allclose(found["out_of_step"][LAG:], 0, atol=0.1)
