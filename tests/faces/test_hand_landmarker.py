"""Hands and people in pictures. No picture of a hand is at hand here, so what the library finds is made up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lipblend.errors import LipblendError, ModelError
from lipblend.faces import hand_landmarker as hand_module
from lipblend.faces.hand_landmarker import HAND_POINTS, HandLandmarker
from lipblend.faces.models import resolve_model
from lipblend.faces.person_segmenter import PersonSegmenter


@pytest.fixture(scope="module")
def hands() -> Iterator[HandLandmarker]:
    with HandLandmarker(resolve_model("hand_landmarker")) as made:
        yield made


@pytest.fixture(scope="module")
def people() -> Iterator[PersonSegmenter]:
    with PersonSegmenter(resolve_model("selfie_segmenter")) as made:
        yield made


def test_both_models_are_cut_off_from_the_network_as_the_face_model_is(
    hands: HandLandmarker, people: PersonSegmenter
) -> None:
    if sys.platform.startswith("linux"):
        assert hands.network.refused
        assert people.network.refused


def test_a_portrait_without_a_hand(hands: HandLandmarker, astronaut: np.ndarray) -> None:
    assert hands.detect(astronaut) == []
    assert hands.detect(np.zeros((1, 1, 3), np.uint8)) == []


def answer(points: int, name: str = "Left", x: float = 0.25) -> SimpleNamespace:
    point = SimpleNamespace(x=x, y=0.5)
    return SimpleNamespace(
        hand_landmarks=[[point] * points], handedness=[[SimpleNamespace(category_name=name, score=0.75)]]
    )


def test_hands_are_given_in_pixels_and_named_as_seen(hands: HandLandmarker, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    monkeypatch.setattr(hands, "_call", lambda rgb: answer(HAND_POINTS))
    (hand,) = hands.detect(picture)
    assert hand.points.dtype == np.float32
    np.testing.assert_array_equal(hand.points, np.tile(np.float32([20.5, 20.5]), (HAND_POINTS, 1)))
    assert (hand.confidence, hand.handedness) == (0.75, "left")
    for useless in (answer(5), answer(HAND_POINTS, x=float("nan"))):
        monkeypatch.setattr(hands, "_call", lambda rgb, useless=useless: useless)
        assert hands.detect(picture) == []


def test_a_failing_library_is_reported(hands: HandLandmarker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(rgb: np.ndarray) -> None:
        raise RuntimeError("graph error")

    monkeypatch.setattr(hands, "_call", fail)
    with pytest.raises(LipblendError, match="MediaPipe failed on a picture of 80x40: graph error"):
        hands.detect(np.zeros((40, 80, 3), np.uint8))


@pytest.mark.parametrize(("most", "confidence"), [(0, 0.5), (5, 0.5), (2, 1.5), (2, -0.1)])
def test_hand_options_out_of_range(most: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="got"):
        HandLandmarker(resolve_model("hand_landmarker"), max_hands=most, confidence=confidence)


def test_options_reach_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[object, ...]] = []

    def stop(*options: object) -> None:
        given.append(options)
        raise RuntimeError("stopped here")

    path = resolve_model("hand_landmarker")
    monkeypatch.setattr(hand_module, "_create_hands", stop)
    with pytest.raises(ModelError, match="MediaPipe cannot use the model"):
        HandLandmarker(path, max_hands=3, confidence=0.25)
    assert given == [(path, 3, 0.25)]


@pytest.mark.parametrize("kind", [HandLandmarker, PersonSegmenter])
def test_files_that_are_no_hand_or_person_model(kind: type, tmp_path: Path) -> None:
    path = tmp_path / "x.task"
    with pytest.raises(ModelError, match="is not a file"):
        kind(path)
    path.write_bytes(b"no model" * 100)
    with pytest.raises(ModelError, match="MediaPipe cannot use the model"):
        kind(path)


def test_a_person_is_told_from_the_background(people: PersonSegmenter, astronaut: np.ndarray) -> None:
    plane = people.segment(astronaut)
    assert (plane.shape, plane.dtype) == ((512, 512), np.float32)
    assert 0 <= plane.min() <= plane.max() <= 1
    assert plane[150, 220] > 0.95, "the face"
    assert plane[20, 30] < 0.05, "the flag behind"
    np.testing.assert_array_equal(people.segment(astronaut), plane)


def test_the_person_plane_has_the_size_of_any_picture(people: PersonSegmenter, astronaut: np.ndarray) -> None:
    view = astronaut[:301, 50:253]
    assert not view.flags.c_contiguous
    plane = people.segment(view)
    assert plane.shape == (301, 203)
    np.testing.assert_array_equal(plane, people.segment(view.copy()))


def test_closed_models_say_so() -> None:
    made = PersonSegmenter(resolve_model("selfie_segmenter"))
    made.close()
    made.close()
    with pytest.raises(ValueError, match="PersonSegmenter is closed"):
        made.segment(np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(ValueError, match=r"expected \(h, w, 3\) uint8"):
        made.segment(np.zeros((9, 9), np.uint8))


@pytest.mark.slow(2)
def test_hand_and_person_models_are_quiet() -> None:
    code = """
import numpy as np
from lipblend.faces.hand_landmarker import HandLandmarker
from lipblend.faces.models import resolve_model
from lipblend.faces.person_segmenter import PersonSegmenter
picture = np.zeros((90, 90, 3), np.uint8)
with HandLandmarker(resolve_model("hand_landmarker")) as hands, PersonSegmenter(resolve_model("selfie_segmenter")) as p:
    print(len(hands.detect(picture)), p.segment(picture).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0 (90, 90)\n"
    assert done.stderr == ""
