from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import Sweep, crop_around, find_faces, overlap, tile_sides, tiles
from lipblend.picture.patch import Box


def search(picture: np.ndarray, landmarker: FaceLandmarker, *, exhaustive: bool, least: int = 40) -> list[Landmarks]:
    found = find_faces(picture, landmarker.detect, min_face_px=least, exhaustive=exhaustive)
    return [Landmarks(mesh) for mesh in found]


def middle(face: Landmarks) -> np.ndarray:
    return np.asarray((face.points[234] + face.points[454]) / 2)


@pytest.mark.slow
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


@pytest.mark.slow
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


class Positions:
    """A detector that sees nothing and notes where it looked, in pictures whose third channel counts the columns."""

    def __init__(self) -> None:
        self.columns: list[set[int]] = []

    def detect(self, rgb: np.ndarray) -> list[np.ndarray]:
        if rgb.shape[1] < 1280:
            self.columns.append(set(rgb[0, :, 2].tolist()))
        return []


def numbered(width: int, height: int, level: int) -> np.ndarray:
    picture = np.full((height, width, 3), 100, np.uint8)
    picture[..., 2] = np.arange(width) * 255 // width
    picture[:, : width // 4, 1] = level
    return picture


def test_a_sweep_looks_where_it_changed_first_and_elsewhere_in_turn() -> None:
    positions = Positions()
    sweep = Sweep(1280, 720, 40)
    sweep.mark_searched(numbered(1280, 720, 100), 0.0)
    for step in range(1, 40):
        before = len(positions.columns)
        picture = numbered(1280, 720, 100 + 3 * step)
        assert sweep.search(picture, step * 0.5, positions.detect, known=(), count=3) == []
        assert len(positions.columns) == before + 3
    assert all(min(columns) < 255 // 4 for columns in positions.columns[:3])
    far = [number for number, columns in enumerate(positions.columns) if min(columns) > 255 // 2]
    near = [number for number, columns in enumerate(positions.columns) if min(columns) < 255 // 4]
    assert len(near) > len(far) > 5


def test_a_sweep_skips_what_a_known_face_covers() -> None:
    positions = Positions()
    covers = np.array([[-10, -10], [2000, 2000]], np.float32)
    assert Sweep(1280, 720, 40).search(numbered(1280, 720, 100), 0.0, positions.detect, known=[covers], count=99) == []
    assert positions.columns == []


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(426, 240), (1920, 1080), (3840, 2160)])
def test_a_sweep_has_a_tile_for_every_face(width: int, height: int) -> None:
    boxes: list[Box] = []
    coordinates = np.stack([*np.meshgrid(np.arange(width), np.arange(height)), np.zeros((height, width))], axis=2)

    def note(rgb: np.ndarray) -> list[np.ndarray]:
        x0, y0 = rgb[0, 0, :2].tolist()
        boxes.append(Box(x0, y0, x0 + rgb.shape[1], y0 + rgb.shape[0]))
        return []

    Sweep(width, height, 40).search(coordinates.astype(np.int16), 0.0, note, known=(), count=10**6)
    for face in (40, 47, 70, 99, 130, 200):
        size = 1.3 * face  # a head is higher than wide
        for x in range(0, max(1, int(width - size)), 31):
            for y in range(0, max(1, int(height - size)), 31):
                assert any(
                    b.x0 <= x
                    and b.y0 <= y
                    and x + face <= b.x1
                    and y + face <= b.y1
                    and face >= 0.118 * max(b.width, b.height)
                    for b in boxes
                ), (face, x, y)


def test_a_sweep_does_not_see_known_faces_again_and_sees_new_ones(
    landmarker: FaceLandmarker, scene: Callable[..., np.ndarray]
) -> None:
    seen: list[int] = []

    def detect(rgb: np.ndarray) -> list[np.ndarray]:
        seen.append(len(found := landmarker.detect(rgb)))
        return found

    known = [face.points for face in search(scene(1280, 720, (150, 400, 300)), landmarker, exhaustive=False)]
    assert Sweep(1280, 720, 40).search(scene(1280, 720, (150, 400, 300)), 0.0, detect, known=known, count=99) == []
    assert sum(seen) == 0
    both = scene(1280, 720, (150, 400, 300), (50, 1000, 500))
    (new,) = Sweep(1280, 720, 40).search(both, 0.0, detect, known=known, count=99)
    assert middle(Landmarks(new)) == pytest.approx([1000, 500], abs=6)
