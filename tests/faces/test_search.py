from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import crop_around, find_faces, overlap, tile_sides, tiles
from lipblend.media.planes import Box


def search(picture: np.ndarray, landmarker: FaceLandmarker, *, exhaustive: bool, least: int = 40) -> list[Landmarks]:
    found = find_faces(picture, landmarker.detect, min_face_px=least, exhaustive=exhaustive)
    return [Landmarks(mesh) for mesh in found]


def middle(face: Landmarks) -> np.ndarray:
    return np.asarray((face.points[234] + face.points[454]) / 2)


@pytest.mark.parametrize(
    ("width", "height", "face_px", "x", "y"),
    [
        (426, 240, 50, 300, 110),
        (640, 320, 50, 90, 200),
        (720, 1080, 79, 400, 700),
        (1280, 720, 50, 1000, 600),
        (1920, 1080, 50, 333, 444),
        (1080, 1920, 55, 800, 300),
        (1920, 1080, 600, 960, 500),
        (3840, 2160, 60, 2222, 1555),
    ],
)
def test_one_face_of_any_size(
    width: int, height: int, face_px: int, x: int, y: int, landmarker: FaceLandmarker, scene: Callable[..., np.ndarray]
) -> None:
    found = search(scene(width, height, (face_px, x, y)), landmarker, exhaustive=False)
    assert len(found) == 1
    assert found[0].face_width_px == pytest.approx(face_px, rel=0.12)
    assert middle(found[0]) == pytest.approx([x, y], abs=0.12 * face_px)


def test_the_small_face_is_not_seen_in_the_whole_picture(
    landmarker: FaceLandmarker, scene: Callable[..., np.ndarray]
) -> None:
    """Otherwise the tests above would pass without any tiles."""
    assert landmarker.detect(scene(720, 1080, (79, 400, 700))) == []


def test_two_faces_of_unlike_size(landmarker: FaceLandmarker, scene: Callable[..., np.ndarray]) -> None:
    picture = scene(1920, 1080, (300, 500, 500), (60, 1500, 700))
    both = search(picture, landmarker, exhaustive=True)
    assert [round(face.face_width_px / 60) for face in both] == [5, 1], "largest first"
    assert len(search(picture, landmarker, exhaustive=False)) == 1


def test_no_face_gives_none(landmarker: FaceLandmarker, scene: Callable[..., np.ndarray]) -> None:
    assert search(scene(800, 600), landmarker, exhaustive=True) == []


def test_faces_below_the_least_width_are_left_out(landmarker: FaceLandmarker, scene: Callable[..., np.ndarray]) -> None:
    assert search(scene(640, 480, (60, 300, 200)), landmarker, exhaustive=True, least=90) == []


@pytest.mark.parametrize(
    ("width", "height", "side"), [(640, 320, 285), (1920, 1080, 285), (100, 90, 120), (301, 300, 300)]
)
def test_tiles_cover_and_overlap(width: int, height: int, side: int) -> None:
    cover = np.zeros((height, width), int)
    boxes = list(tiles(width, height, side))
    for box in boxes:
        assert (box.width, box.height) == (min(side, width), min(side, height))
        cover[box.y0 : box.y1, box.x0 : box.x1] += 1
    assert cover.min() >= 1
    # Whatever is half a tile wide lies wholly in one.
    half = side // 2
    for x in range(0, max(width - half, 1), 7):
        for y in range(0, max(height - half, 1), 7):
            assert any(
                b.x0 <= x and x + min(half, width) <= b.x1 and b.y0 <= y and y + min(half, height) <= b.y1
                for b in boxes
            )


@pytest.mark.parametrize(("width", "height"), [(426, 240), (640, 320), (1920, 1080), (3840, 2160), (200, 200)])
def test_tile_sides_fall_by_at_most_half_down_to_the_least_face(width: int, height: int) -> None:
    sides = [max(width, height), *tile_sides(width, height, 40)]
    assert all(b < a <= 2 * b + 2 for a, b in itertools.pairwise(sides))
    assert 0.12 * sides[-1] <= 40 or sides[-1] <= 1.25 * 40 / 0.14


def test_crop_is_a_square_about_the_middle() -> None:
    mesh = np.array([[10, 20], [30, 60]], np.float32)
    assert crop_around(mesh, 2.0) == Box(-20, 0, 60, 80)
    assert crop_around(mesh, 2.0, 10) == Box(15, 35, 25, 45)


def test_overlap_is_intersection_over_union() -> None:
    first = np.array([[0, 0], [10, 10]], np.float32)
    assert overlap(first, first) == 1.0
    assert overlap(first, first + np.float32(20)) == 0.0
    assert overlap(first, first + np.array([5, 0], np.float32)) == pytest.approx(1 / 3)
    assert overlap(first * 0, first * 0) == 0.0
