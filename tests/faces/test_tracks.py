from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from counting import Counting

from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.search import Mesh
from lipblend.faces.tracks import FaceTracker, TrackedFace
from lipblend.picture.patch import Box

FPS = 25
Scene = Callable[..., np.ndarray]
Faces = tuple[tuple[float, float, float], ...]


def rgb_from(picture: np.ndarray) -> Callable[[Box], np.ndarray]:
    def rgb_of(box: Box) -> np.ndarray:
        assert 0 <= box.x0 < box.x1 <= picture.shape[1]
        assert 0 <= box.y0 < box.y1 <= picture.shape[0]
        return picture[box.y0 : box.y1, box.x0 : box.x1]

    return rgb_of


def follow(
    landmarker: object, pictures: list[np.ndarray], *, cuts: tuple[int, ...] = (), **changed: object
) -> list[tuple[TrackedFace, ...]]:
    height, width = pictures[0].shape[:2]
    numbers: dict[str, object] = {"min_face_px": 40, "search_every_s": 0.2, "max_faces": 4, **changed}
    tracker = FaceTracker(landmarker, width, height, **numbers)  # type: ignore[arg-type]
    return [
        tracker.step(rgb_from(picture), new_shot=number in cuts, time_s=number / FPS)
        for number, picture in enumerate(pictures)
    ]


def ids(steps: list[tuple[TrackedFace, ...]]) -> list[list[int]]:
    return [[face.track_id for face in step] for step in steps]


def film(scene: Scene, width: int, height: int, *frames: Faces) -> list[np.ndarray]:
    return [scene(width, height, *faces) for faces in frames]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height", "face_px"), [(426, 240, 50), (720, 1080, 60), (1920, 1080, 50), (640, 360, 180)]
)
def test_a_moving_face_keeps_its_number(
    width: int, height: int, face_px: int, landmarker: FaceLandmarker, scene: Scene
) -> None:
    places = [(width * 0.4 + 0.1 * face_px * i, height * 0.5 + 0.05 * face_px * i) for i in range(10)]
    steps = follow(landmarker, film(scene, width, height, *(((face_px, x, y),) for x, y in places)))
    assert ids(steps) == [[0]] * 10
    for (x, y), (face,) in zip(places, steps, strict=True):
        mesh = face.landmarks
        assert (mesh.points[234] + mesh.points[454]) / 2 == pytest.approx([x, y], abs=0.12 * face_px)
        assert mesh.face_width_px == pytest.approx(face_px, rel=0.12)


FAST = [((80, 300 + 60 * i, 300),) for i in range(6)]
NUMBERS: dict[str, tuple[list[Faces], dict[str, object], list[list[int]]]] = {
    "a fast face": (FAST, {}, [[0]] * 6),
    "away for a moment": (
        [*[((60, 250, 300),)] * 2, *[()] * 3, *[((60, 270, 290),)] * 2],
        {},
        [*[[0]] * 2, *[[]] * 3, *[[0]] * 2],
    ),
    "a cut": ([*[((90, 300, 300),)] * 3, *[((55, 700, 250),)] * 3], {"cuts": (3,)}, [[0]] * 3 + [[1]] * 3),
    "a flash": ([((90, 300, 300),)] * 4, {"cuts": (2,)}, [[0]] * 4),
    "an undetected cut": (
        [*[((120, 250, 300),)] * 3, *[((55, 1000, 250),)] * 2],
        {"search_every_s": 9.0},
        [[0]] * 3 + [[1]] * 2,
    ),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name: str, landmarker: FaceLandmarker, scene: Scene) -> None:
    frames, changed, expected = NUMBERS[name]
    assert ids(follow(landmarker, film(scene, 1280, 720, *frames), **changed)) == expected  # type: ignore[arg-type]


@pytest.mark.slow(2)
@pytest.mark.parametrize(("away", "elsewhere"), [(3, 500), (30, 0)])
def test_a_face_elsewhere_or_away_for_long_gets_a_new_number(
    away: int, elsewhere: int, landmarker: FaceLandmarker, scene: Scene
) -> None:
    frames = [*[((100, 250, 300),)] * 3, *[()] * away, *[((100, 250 + elsewhere, 300),)] * 8]
    seen = ids(follow(landmarker, film(scene, 1000, 600, *frames)))
    assert seen[: 3 + away] == [[0]] * 3 + [[]] * away
    assert seen[-1] == [1]


@pytest.mark.slow
def test_a_growing_face_is_followed(landmarker: FaceLandmarker, scene: Scene) -> None:
    sizes = [60 * 1.15**i for i in range(14)]
    steps = follow(landmarker, film(scene, 1000, 800, *(((size, 500, 380),) for size in sizes)))
    assert ids(steps) == [[0]] * 14
    assert steps[-1][0].landmarks.face_width_px == pytest.approx(sizes[-1], rel=0.12)


def test_a_face_that_stays_is_detected_in_its_crop_only(landmarker: FaceLandmarker, scene: Scene) -> None:
    counting = Counting(landmarker)
    picture = scene(900, 600, (90, 400, 300))
    follow(counting, [picture] * 5, search_every_s=9.0)
    assert len(set(counting.shapes[-4:])) == 1
    assert counting.shapes[-1][0] == counting.shapes[-1][1] < 400


def test_the_crop_keeps_its_size_while_the_face_changes_little(landmarker: FaceLandmarker, scene: Scene) -> None:
    counting = Counting(landmarker)
    follow(counting, [scene(900, 600, (200 + i % 3, 400, 300)) for i in range(6)], search_every_s=9.0)
    assert len(set(counting.shapes[-5:])) == 1


def test_two_faces_keep_their_numbers(landmarker: FaceLandmarker, scene: Scene) -> None:
    frames = [((90, 250 + 8 * i, 300), (90, 700 - 8 * i, 320)) for i in range(14)]
    steps = follow(landmarker, film(scene, 1000, 600, *frames))
    assert ids(steps) == [[0, 1]] * 14
    first = [step[0].landmarks.points[1, 0] for step in steps]
    assert abs(np.diff(first)).max() < 20, "numbers do not change places"


@pytest.mark.slow
def test_unlike_faces_are_both_found_at_once(landmarker: FaceLandmarker, scene: Scene) -> None:
    steps = follow(landmarker, [scene(1920, 1080, (60, 1500, 700), (300, 500, 500))])
    assert [round(face.landmarks.face_width_px / 60) for face in steps[0]] == [5, 1]


def test_a_search_that_is_not_exhaustive_ends_with_the_size_that_shows_a_face(
    landmarker: FaceLandmarker, scene: Scene
) -> None:
    picture = scene(1920, 1080, (60, 1500, 700), (300, 500, 500))
    steps = follow(counting := Counting(landmarker), [picture], exhaustive=False)
    assert len(steps[0]) == 1
    assert steps[0][0].landmarks.face_width_px > 200
    assert len(counting.shapes) <= 4
    alone = follow(landmarker, [scene(1920, 1080, (60, 1500, 700))], exhaustive=False)
    assert len(alone[0]) == 1


def test_max_faces_takes_the_largest(landmarker: FaceLandmarker, scene: Scene) -> None:
    steps = follow(landmarker, [scene(1000, 600, (80, 250, 300), (160, 700, 320))] * 2, max_faces=1)
    assert [round(face.landmarks.face_width_px / 80) for step in steps for face in step] == [2, 2]


@pytest.mark.slow
def test_a_face_that_enters_is_found_at_the_next_search(landmarker: FaceLandmarker, scene: Scene) -> None:
    one, two = ((150, 250, 300),), ((150, 250, 300), (150, 700, 320))
    steps = follow(landmarker, film(scene, 1000, 600, *[one] * 4, *[two] * 8))
    seen = ids(steps)
    assert seen[:4] == [[0]] * 4
    assert seen[-1] == [0, 1]
    assert seen.index([0, 1]) <= 4 + 6


@pytest.mark.slow
def test_a_hidden_face_does_not_take_the_others_mesh(landmarker: FaceLandmarker, scene: Scene) -> None:
    both, one = ((90, 300, 300), (90, 430, 300)), ((90, 300, 300),)
    seen = ids(follow(landmarker, film(scene, 800, 600, *[both] * 3, *[one] * 3, *[both] * 2)))
    assert seen[:3] == [[0, 1]] * 3
    stayed = {tuple(step) for step in seen[3:6]}
    assert len(stayed) == 1
    assert len(next(iter(stayed))) == 1
    assert seen[-1] == [0, 1]


@pytest.mark.slow(2)
@pytest.mark.parametrize("hides", [False, True])
def test_a_strobe_keeps_the_number_and_is_not_searched_at_each_flash(
    hides: bool, landmarker: FaceLandmarker, scene: Scene
) -> None:
    counting = Counting(landmarker)
    lit = scene(1280, 720, (60, 400, 300))
    flash = np.full_like(lit, 255) if hides else np.minimum(lit.astype(int) * 2, 255).astype(np.uint8)
    pictures = [flash if number % 4 == 3 else lit for number in range(48)]
    cuts = tuple(number for number in range(1, 48) if number % 4 in (0, 3))
    steps = follow(counting, pictures, cuts=cuts, search_every_s=0.5)
    assert all(seen == [0] for number, seen in enumerate(ids(steps)) if number % 4 != 3)
    follow(once := Counting(landmarker), [np.full_like(lit, 255)])
    # 24 flashes up or down in 2 s must not cause a complete search each.
    assert len(counting.shapes) < 10 * len(once.shapes) + 4 * 48


@pytest.mark.slow
def test_quick_cuts_are_each_searched_at_once(landmarker: FaceLandmarker, scene: Scene) -> None:
    places = [((55, 200 + 250 * number, 250),) for number in (0, 3, 1, 4, 2)]
    frames = [place for place in places for _ in range(3)]
    steps = follow(landmarker, film(scene, 1400, 720, *frames), cuts=(3, 6, 9, 12), search_every_s=9.0)
    assert [len(seen) for seen in ids(steps)] == [1] * 15


@pytest.mark.slow(4)
@pytest.mark.parametrize("moving", [False, True])
def test_a_small_newcomer_beside_a_followed_face_is_found_within_two_seconds(
    moving: bool, landmarker: FaceLandmarker, scene: Scene
) -> None:
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(74):
        faces = ((200, 400, 400),) if number < 12 else ((200, 400, 400), (48, 1080, 560))
        picture = scene(1280, 720, *faces)
        if moving:  # everything changes all the time, so changes carry no information
            shade = cv2.resize(rng.normal(0, 12, (9, 16)).astype(np.float32), (1280, 720))[..., None]
            picture = np.clip(picture + shade, 0, 255).astype(np.uint8)
        pictures.append(picture)
    counting = Counting(landmarker)
    seen = ids(follow(counting, pictures, search_every_s=0.5))
    assert seen[11] == [0]
    assert seen.index([0, 1]) <= 12 + (50 if moving else 26)
    assert seen[-1] == [0, 1]


@pytest.mark.slow(2)
def test_the_search_beside_a_tracked_face_uses_few_tiles_per_second(landmarker: FaceLandmarker, scene: Scene) -> None:
    picture = scene(1920, 1080, (200, 400, 400))
    follow(first := Counting(landmarker), [picture])
    follow(counting := Counting(landmarker), [picture] * 76, search_every_s=0.5)
    beside = len(counting.shapes) - len(first.shapes) - 75  # without the crop of every frame
    assert beside <= 3 * 16 + 3 * 2 + 8


def test_without_faces_tiles_are_searched_periodically(landmarker: FaceLandmarker, scene: Scene) -> None:
    counting = Counting(landmarker)
    pictures = [scene(1280, 720)] * 6
    assert ids(follow(counting, pictures, search_every_s=0.2)) == [[]] * 6
    whole = [shape == (720, 1280, 3) for shape in counting.shapes]
    tiles = whole.index(True, 1) - 1
    assert tiles > 4
    # Tiles with the first frame and after 0.2 s; frames between are searched as a whole only.
    assert whole == [True, *[False] * tiles, *[True] * 5, *[False] * tiles]


def test_a_false_detection_in_the_whole_picture_is_not_tracked(landmarker: FaceLandmarker, scene: Scene) -> None:
    mesh = landmarker.detect(scene(640, 360, (180, 320, 180)))[0]

    class Ghost:
        """Detects a face that is not there in every whole picture."""

        def detect(self, rgb: np.ndarray) -> list[Mesh]:
            return [mesh] if rgb.shape == (360, 640, 3) else []

    assert ids(follow(Ghost(), [scene(640, 360)] * 4, search_every_s=10.0)) == [[]] * 4


@pytest.mark.slow
def test_a_frame_alone_equals_the_frame_in_the_clip_nearly(landmarker: FaceLandmarker, scene: Scene) -> None:
    """Nothing is smoothed: a mesh may differ by what the crop does to it, not by where the face was."""
    pictures = film(scene, 800, 600, *(((90, 300 + 5 * i, 300),) for i in range(6)))
    last = follow(landmarker, pictures)[-1][0].landmarks.points
    alone = follow(landmarker, pictures[-1:])[0][0].landmarks.points
    assert np.abs(last - alone).mean() < 0.5


@pytest.mark.slow
def test_the_crop_of_a_large_face_is_reduced(landmarker: FaceLandmarker, scene: Scene) -> None:
    picture = scene(1600, 1000, (420, 801, 503))
    steps: list[int] = []

    def reduced_of(box: Box, step: int) -> np.ndarray:
        steps.append(step)
        assert box.width % (2 * step) == box.height % (2 * step) == box.x0 % 2 == box.y0 % 2 == 0
        part = rgb_from(picture)(box)
        return cv2.resize(part, (box.width // step, box.height // step), interpolation=cv2.INTER_AREA)

    found = []
    for reduced in (None, reduced_of):
        tracker = FaceTracker(landmarker, 1600, 1000, min_face_px=40, search_every_s=9.0, max_faces=1)
        for number in range(3):
            seen = tracker.step(rgb_from(picture), new_shot=False, time_s=number / FPS, reduced_of=reduced)
        found.append(seen[0].landmarks)
    assert steps == [2, 2]
    apart = np.abs(found[0].points - found[1].points).mean() / found[0].face_width_px
    assert 0 < apart < 0.004


@pytest.mark.slow
def test_a_fork_is_independent(landmarker: FaceLandmarker, scene: Scene) -> None:
    numbers = {"min_face_px": 40, "search_every_s": 0.2, "max_faces": 4}
    tracker = FaceTracker(landmarker, 900, 600, **numbers)  # type: ignore[arg-type]
    one, both = scene(900, 600, (150, 600, 300)), scene(900, 600, (150, 250, 300), (150, 600, 300))
    ahead = tracker.fork()
    assert len(ahead.step(rgb_from(both), new_shot=False, time_s=0.0)) == 2
    (face,) = tracker.step(rgb_from(one), new_shot=False, time_s=0.0)
    assert face.track_id == 0
    (left, right) = ahead.step(rgb_from(both), new_shot=False, time_s=0.04)
    assert (left.track_id, right.track_id) == (0, 1)
