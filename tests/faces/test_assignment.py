"""Which mesh continues which face, with a synthetic detector: square faces in a picture of coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.faces.search import Mesh, find_faces
from lipblend.faces.tracks import FaceTracker, TrackedFace
from lipblend.picture.patch import Box

SIDE = 800
COORDINATES = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=2).astype(np.int16)
Faces = tuple[tuple[float, float, float], ...]


def square(width: float, x: float, y: float) -> Mesh:
    """A mesh `width` wide (also between points 234 and 454) about (x, y)."""
    mesh = np.zeros((478, 2))
    mesh[0], mesh[1] = (-0.5, -0.5), (0.5, 0.5)
    mesh[234], mesh[454] = (-0.5, 0), (0.5, 0)
    return (mesh * width + [x, y]).astype(np.float32)


@pytest.fixture(autouse=True)
def without_flattened_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """These pictures hold coordinates, not colours."""
    for module in ("flattened", "tracks"):
        monkeypatch.setattr(f"lipblend.faces.{module}.flattened", lambda rgb: None)


class World:
    """Detects every face that lies completely inside the given picture."""

    def __init__(self) -> None:
        self.faces: Faces = ()
        self.sides: list[int] = []

    def rgb_of(self, box: Box) -> np.ndarray:
        return COORDINATES[box.y0 : box.y1, box.x0 : box.x1]

    def detect(self, view: np.ndarray) -> list[Mesh]:
        self.sides.append(max(view.shape))
        low = view[0, 0]
        meshes = [square(*face) - low.astype(np.float32) for face in self.faces]
        return [m for m in meshes if m.min() >= 0 and (m.max(axis=0) <= [view.shape[1], view.shape[0]]).all()]


def follow(*frames: Faces) -> tuple[list[dict[int, tuple[float, float]]], World]:
    """Middles of the faces by number, frame by frame."""
    world = World()
    tracker = FaceTracker(world, SIDE, SIDE, min_face_px=40, search_every_s=9.0, max_faces=4)

    def middle(face: TrackedFace) -> tuple[float, float]:
        points = face.landmarks.points
        x, y = (points[234] + points[454]) / 2
        return round(float(x)), round(float(y))

    places = []
    for number, faces in enumerate(frames):
        world.faces = faces
        seen = tracker.step(world.rgb_of, new_shot=False, time_s=number / 25)
        places.append({face.track_id: middle(face) for face in seen})
    return places, world


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        # The large face stays, so that no search of the whole picture is due that could find the other one instead.
        (
            (((150, 650, 650), (100, 300, 400)), ((150, 650, 650), (100, 370, 400))),
            [{0: (650, 650), 1: (300, 400)}, {0: (650, 650), 1: (370, 400)}],
        ),
        (
            (((90, 300, 400), (90, 360, 400)), ((90, 360, 400),), ((90, 300, 400), (90, 360, 400))),
            [{0: (300, 400), 1: (360, 400)}, {1: (360, 400)}, {0: (300, 400), 1: (360, 400)}],
        ),
        (
            (((90, 300, 400), (90, 370, 400)), ((90, 315, 400), (90, 385, 400))),
            [{0: (300, 400), 1: (370, 400)}, {0: (315, 400), 1: (385, 400)}],
        ),
        ((((100, 300, 400),), ((100, 420, 400),)), [{0: (300, 400)}, {1: (420, 400)}]),
        ((((60, 300, 400),), ((120, 300, 400),)), [{0: (300, 400)}, {1: (300, 400)}]),
    ],
    ids=[
        "a jump out of the crop is found in a wider one",
        "a hidden face does not take its neighbour's mesh",
        "the best match comes first",
        "a larger jump is another face",
        "a sudden other size is another face",
    ],
)
def test_assignment(frames: tuple[Faces, ...], expected: list[dict[int, tuple[float, float]]]) -> None:
    assert follow(*frames)[0] == expected


def test_the_crop_grows_and_shrinks_with_the_face() -> None:
    for widths in ([80 * 1.1**i for i in range(10)], [190 / 1.1**i for i in range(10)]):
        _, world = follow(*(((width, 400, 400),) for width in widths))
        assert 1.6 < world.sides[-1] / widths[-1] < 2.3


def search(detect: object, *, min_face_px: int = 40) -> list[Mesh]:
    world = World()
    return find_faces(
        world.rgb_of(Box(0, 0, SIDE, SIDE)),
        detect,  # type: ignore[arg-type]
        min_face_px=min_face_px,
        exhaustive=True,
    )


def test_a_face_narrower_than_asked_is_left_out() -> None:
    world = World()
    world.faces = ((38, 300, 300), (42, 600, 500))
    assert [mesh[454, 0] - mesh[234, 0] for mesh in search(world.detect)] == [42]


def test_one_face_seen_in_many_tiles_is_one_face() -> None:
    world = World()
    world.faces = ((60, 390, 410),)
    assert len(search(world.detect)) == 1


def test_a_mesh_not_found_again_is_no_face() -> None:
    def only_in_large_pictures(view: np.ndarray) -> list[Mesh]:
        return [square(100, 200, 200)] if max(view.shape) == SIDE else []

    assert search(only_in_large_pictures) == []


def test_a_mesh_found_elsewhere_the_second_time_is_no_face() -> None:
    def somewhere_else(view: np.ndarray) -> list[Mesh]:
        return [square(100, 200, 200)] if max(view.shape) == SIDE else [square(60, 30, 30)] if len(view) == 190 else []

    assert search(somewhere_else) == []
