"""Where a result keeps the original's own pixels, for something that passes before the mouth, nothing is compared."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import noise
from visible_faces import Sitter, sitter
from visible_shots import LAG, Pictures, mixed, series, spoken

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible.person_look import learn_look
from lipblend.quality.visible.work_face import work_face

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


@pytest.mark.parametrize("known", [False, True], ids=["somebody unknown", "known"])
def test_a_mouth_that_is_covered_and_kept_is_not_measured(person: Sitter, new: Pictures, known: bool) -> None:
    originals, results = passing(person, new, 0.4)
    look = None
    if known:
        before = [*spoken(person, 2 * COUNT, 300), *originals]  # it passes for a third of the time
        look = learn_look([work_face(replace(person, picture=old).view(old, person.spoken(7))) for old in before])
    found = series(person, originals, new, results, look=look)
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


def test_another_skin_is_nothing_in_front(person: Sitter) -> None:
    """A generator that gives the whole lower face another texture: the old mouth still is the old mouth."""
    skin = person.mouth_disc(0.45) - person.mouth_disc(0.2)
    texture = cv2.GaussianBlur(noise(person.contour.shape[::-1], 60.0, seed=2), (0, 0), 1) * skin[..., None]
    old = spoken(person, COUNT, 0, levels=12)
    new = [each + texture for each in spoken(person, COUNT, 100, levels=12)]
    faces = zip(old, new, strict=True)
    look = learn_look([work_face(replace(person, picture=a).view(a, b)) for a, b in faces])
    found = series(person, old, new, old, look=look)
    assert found["old_lips"][LAG:].min() > 0.7
    unknown = series(person, old, new, old)
    assert np.isnan(unknown["old_lips"]).all()  # so different is the skin
