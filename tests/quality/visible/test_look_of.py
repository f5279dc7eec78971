"""Whose look belongs to a face: of who was seen there at about the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest
from visible_faces import Sitter, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.evaluation.person import FaceLook, LookLearner, look_of
from lipblend.quality.view import FaceView


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face)


@dataclass(frozen=True)
class _At:
    """A view of the person elsewhere in the frame."""

    person: Sitter
    right: float

    def view(self) -> FaceView:
        mesh = Landmarks(self.person.mesh.points + np.float32([self.right * self.person.width, 0]))
        made = self.person.view(self.person.picture, self.person.picture)
        return cast(FaceView, type(made)(**{**_fields(made), "original_mesh": mesh, "synced_mesh": mesh}))


def _fields(view: FaceView) -> dict[str, object]:
    return {name: getattr(view, name) for name in view.__dataclass_fields__}


def looks(person: Sitter, places: list[float]) -> list[FaceLook]:
    learner = LookLearner()
    for number, right in enumerate(places):
        learner.add(10 * number, [_At(person, right).view()])
    return learner.looks()


def test_a_head_that_crosses_the_picture_keeps_its_look(person: Sitter) -> None:
    places = [0.0, 0.3, 0.6, 0.9, 1.2]
    found = looks(person, places)
    assert len(found) == 1
    for number, right in enumerate(places):
        assert look_of(10 * number + 2, _At(person, right).view(), found) is found[0].look


def test_somebody_else_has_no_look_of_this_person(person: Sitter) -> None:
    found = looks(person, [0.0, 0.0, 0.0])
    assert found[0].look is not None
    assert look_of(10, _At(person, 2.0).view(), found) is None
