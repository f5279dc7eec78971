from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from counting import Counting

from lipblend.faces.flattened import flattened, on_flattened
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.tracks import FaceTracker, TrackedFace
from lipblend.picture.patch import Box

Scene = Callable[..., np.ndarray]
LIGHT = 0.02


def dimmed(picture: np.ndarray) -> np.ndarray:
    return np.rint(picture * LIGHT).astype(np.uint8)


def follow(landmarker: object, pictures: list[np.ndarray]) -> list[tuple[TrackedFace, ...]]:
    height, width = pictures[0].shape[:2]
    tracker = FaceTracker(landmarker, width, height, min_face_px=40, search_every_s=0.2, max_faces=4)  # type: ignore[arg-type]

    def rgb_of(picture: np.ndarray) -> Callable[[Box], np.ndarray]:
        return lambda box: picture[box.y0 : box.y1, box.x0 : box.x1]

    return [tracker.step(rgb_of(each), new_shot=False, time_s=number / 25) for number, each in enumerate(pictures)]


def test_a_picture_in_ordinary_light_has_no_copy(scene: Scene) -> None:
    assert flattened(scene(320, 240)) is None


@pytest.mark.parametrize("level", [10, 240])
def test_a_copy_has_more_contrast(level: int) -> None:
    picture = np.random.default_rng(1).integers(level, level + 12, (240, 320, 3)).astype(np.uint8)
    copy = flattened(picture)
    assert copy is not None
    assert (copy.shape, copy.dtype) == (picture.shape, np.uint8)
    assert copy[..., 1].std() > 1.5 * picture[..., 1].std()


def test_only_a_bright_picture_is_not_lightened() -> None:
    dark, bright = (np.full((64, 64, 3), level, np.uint8) for level in (12, 240))
    dark[:, :8], bright[:, :8] = 20, 230
    copies = [flattened(each) for each in (dark, bright)]
    assert copies[0] is not None
    assert copies[1] is not None
    assert np.median(copies[0]) > 3 * 12


def test_the_detector_sees_only_copies(scene: Scene) -> None:
    seen: list[np.ndarray] = []

    def detect(rgb: np.ndarray) -> list[np.ndarray]:
        seen.append(rgb)
        return []

    detect_on_flattened = on_flattened(detect)
    detect_on_flattened(scene(320, 240))
    assert seen == []
    detect_on_flattened(dimmed(scene(320, 240)))
    assert len(seen) == 1
    assert seen[0].mean() > 3 * LIGHT * 100


@pytest.mark.slow
def test_a_face_in_the_dark_is_found_and_followed(landmarker: FaceLandmarker, scene: Scene) -> None:
    pictures = [scene(640, 360, (120, 300 + 4 * i, 180)) for i in range(4)]
    dark = [dimmed(each) for each in pictures]
    assert not any(landmarker.detect(each) for each in dark)
    counting = Counting(landmarker)
    follow(counting, dark[:1])
    first = len(counting.shapes)
    steps = follow(counting, dark)
    assert len(counting.shapes) - 2 * first <= 3 * 3  # near, wide, and near in the copy: not the whole picture again
    for (seen,), (face,) in zip(follow(landmarker, pictures), steps, strict=True):
        assert (face.track_id, seen.track_id) == (0, 0)
        assert np.abs(face.landmarks.points - seen.landmarks.points).mean() < 0.03 * 120


@pytest.mark.slow
def test_a_dark_picture_without_a_face_has_none(landmarker: FaceLandmarker, scene: Scene) -> None:
    assert follow(landmarker, [dimmed(scene(640, 360))] * 3) == [()] * 3


@pytest.mark.slow
def test_a_tracked_face_costs_nothing_more(
    landmarker: FaceLandmarker, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    for _ in range(2):
        counting = Counting(landmarker)
        picture = (0.4 * scene(640, 360, (120, 300, 180))).astype(np.uint8)
        assert flattened(picture) is not None or shown
        assert all(follow(counting, [picture] * 3))
        shown.append(counting.shapes)
        for module in ("flattened", "tracks"):
            monkeypatch.setattr(f"lipblend.faces.{module}.flattened", lambda rgb: None)
    assert shown[0] == shown[1]
