"""Faces of pictures far apart in time: how often is looked, who is found, and what is no face."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lipblend.faces.census import census
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.sampled_search import SampledSearch
from lipblend.faces.search import Mesh, Sweep, add_confirmed, find_faces

WIDTH, HEIGHT, LEAST = 1280, 720, 40


class Counted:
    """The real detector, counting its looks."""

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self._landmarker = landmarker
        self.looks = 0

    def __call__(self, rgb: np.ndarray) -> list[Mesh]:
        self.looks += 1
        return self._landmarker.detect(rgb)


def searched(detect: Counted, pictures: Sequence[np.ndarray], scenes: Sequence[bool] = ()) -> list[list[Landmarks]]:
    search = SampledSearch(detect, WIDTH, HEIGHT, min_face_px=LEAST, max_faces=4)
    new = scenes or [number == 0 for number in range(len(pictures))]
    return [
        [Landmarks(mesh) for mesh in search.search(picture, number / 2, new_scene=new[number])]
        for number, picture in enumerate(pictures)
    ]


@pytest.mark.slow
def test_faces_that_stay_cost_a_few_looks_a_picture(
    landmarker: FaceLandmarker, scene: Callable[..., np.ndarray]
) -> None:
    pictures = [scene(WIDTH, HEIGHT, (150, 400 + 5 * step, 300), (50, 1000, 500)) for step in range(9)]
    detect = Counted(landmarker)
    find_faces(pictures[0], detect, min_face_px=LEAST, exhaustive=True)
    whole = detect.looks
    detect.looks = 0
    found = searched(detect, pictures)
    assert [len(faces) for faces in found] == [2] * 9
    assert detect.looks <= whole + 8 * 20
    assert whole > 2 * 20, "otherwise nothing was saved"
    for step, (large, small) in enumerate(found):
        expected = landmarker_position(large), landmarker_position(small)
        assert expected[0] == pytest.approx([400 + 5 * step, 300], abs=18)
        assert expected[1] == pytest.approx([1000, 500], abs=6)


def landmarker_position(face: Landmarks) -> np.ndarray:
    return np.asarray((face.points[234] + face.points[454]) / 2)


@pytest.mark.slow
def test_a_small_face_that_comes_later_is_found(landmarker: FaceLandmarker, scene: Callable[..., np.ndarray]) -> None:
    alone, both = scene(WIDTH, HEIGHT, (150, 400, 300)), scene(WIDTH, HEIGHT, (150, 400, 300), (50, 1000, 500))
    found = searched(Counted(landmarker), [alone] * 3 + [both] * 4 + [alone] * 2 + [both])
    assert [len(faces) for faces in found] == [1, 1, 1, 2, 2, 2, 2, 1, 1, 2]


@pytest.mark.slow(2)
def test_after_a_change_of_the_scene_all_tiles_are_looked_at(
    landmarker: FaceLandmarker, scene: Callable[..., np.ndarray]
) -> None:
    before = scene(WIDTH, HEIGHT, (150, 400, 300))
    after = 255 - scene(WIDTH, HEIGHT)
    detect = Counted(landmarker)
    counts = []
    for new_scene in (False, True):
        detect.looks = 0
        searched(detect, [before, after], [True, new_scene])
        counts.append(detect.looks)
    more = len(Sweep(WIDTH, HEIGHT, LEAST)) - 12
    assert counts[1] - counts[0] == more
    rationed = []
    for pictures in (8, 12):
        detect.looks = 0
        searched(detect, [before] + [after] * pictures, [True] * (pictures + 1))
        rationed.append(detect.looks)
    assert rationed[1] - rationed[0] < 4 * (more + 12), "where every scene is new, that ends"


class Fold:
    """A detector that takes something for a face, with a mesh that depends on how large the picture is."""

    def __init__(self, mesh: Mesh, *, least: float, most: float, shift_px: float) -> None:
        self._mesh, self._least, self._most, self._shift_px = mesh, least, most, shift_px

    def __call__(self, rgb: np.ndarray) -> list[Mesh]:
        # The pictures' first two channels say where in the frame they begin.
        x0, y0 = (float(value) for value in rgb[0, 0, :2])
        size = rgb.shape[1] / float(np.ptp(self._mesh, axis=0).max())
        if not self._least <= size <= self._most:
            return []
        moved = self._mesh + np.float32(self._shift_px * (size - 1.9)) * np.float32([1, 0])
        return [moved - np.float32([x0, y0])]


@pytest.mark.parametrize(
    ("least", "most", "shift", "kept"),
    [(0, 99, 0, True), (1.7, 99, 0, False), (0, 2.2, 0, False), (0, 99, 0.3, False), (0, 99, 0.05, True)],
    ids=["a face", "not in a smaller crop", "not in a larger crop", "elsewhere in each", "nearly in place"],
)
def test_what_is_no_face_in_another_crop_is_none(
    least: float, most: float, shift: float, kept: bool, landmarker: FaceLandmarker, portrait: np.ndarray
) -> None:
    mesh = landmarker.detect(portrait)[0]
    width_px = Landmarks(mesh).face_width_px
    mesh = mesh + np.float32([300, 200])
    whole = np.zeros((1024, 1280, 3), np.int16)
    whole[..., 0], whole[..., 1] = np.meshgrid(np.arange(1280), np.arange(1024))
    found: list[Mesh] = []
    add_confirmed(found, mesh, whole, Fold(mesh, least=least, most=most, shift_px=shift * width_px), LEAST)  # type: ignore[arg-type]
    assert len(found) == kept


def test_what_is_seen_once_in_a_scene_is_left_out(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    beside = transformed(face, shift=(3 * face.face_width_px, 0))
    once = [[face], [face, beside], [face]]
    assert len(census(once)) == 2
    assert len(census(once, [True, False, False])) == 1
    assert len(census(once, [True, True, False])) == 1, "its scene goes on without it"
    assert len(census(once, [True, False, True])) == 1, "it began without it"
    assert len(census(once, [True, True, True])) == 2, "its scene was looked at once only"
    assert [item.frames for item in census([[face]], [True])] == [1]
