"""Where a result keeps the original's own pixels, for something that passes before the mouth, nothing is compared."""

from __future__ import annotations

import numpy as np
import pytest
from visible_faces import Sitter, sitter
from visible_shots import LAG, Pictures, mixed, series, spoken

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


def test_a_small_thing_that_is_kept_counts_little(person: Sitter, new: Pictures) -> None:
    originals, results = passing(person, new, 0.05)
    found = series(person, originals, new, results)
    assert found["old_lips"][LAG:].max() < 0.15
    assert found["out_of_step"][LAG:].max() < 0.2


@pytest.mark.parametrize("share", [0.6, 0.9, 1.0])
def test_the_old_mouth_counts_however_much_of_it_shows(person: Sitter, new: Pictures, share: float) -> None:
    old = spoken(person, COUNT, 0)
    found = series(person, old, new, mixed(old, new, share))
    assert found["old_lips"][LAG:].min() > 0.7 * share
    assert found["out_of_step"][LAG:].min() > 0.5 * share
