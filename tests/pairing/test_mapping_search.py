"""The search for the mapping on small pictures, and on whole frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from textures import texture

from lipblend.output.synth import write_clip
from lipblend.pairing.mapping_search import find_mapping, refine_on_frames
from lipblend.pairing.scan import Scan, thumbnail
from lipblend.pairing.small_pictures import SmallPictures
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

SIZE = (480, 360)
FRAMES = 8


def scene(index: int) -> np.ndarray:
    """(h, w) float32: a still background and a moving middle."""
    back, front = texture(SIZE, 1, fine_px=4), texture(SIZE, 2, fine_px=4)
    front = np.roll(front, 3 * index, 1)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    disc = np.clip((1 - np.hypot((x - 240) / 120, (y - 180) / 150)) * 4, 0, 1).astype(np.float32)
    return back + disc * (front - back)


def framed(picture: np.ndarray, mapping: FrameMapping, size: tuple[int, int]) -> np.ndarray:
    matrix = np.array([[mapping.scale_x, 0, mapping.shift_x + 0.5 * mapping.scale_x - 0.5],
                       [0, mapping.scale_y, mapping.shift_y + 0.5 * mapping.scale_y - 0.5]])  # fmt: skip
    if mapping.scale_x < 0.9:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.5 * np.sqrt(1 / mapping.scale_x**2 - 1))
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC)


def clip(path: Path, mapping: FrameMapping | None, size: tuple[int, int]) -> Scan:
    def picture(index: int) -> np.ndarray:
        grey = scene(index) if mapping is None else framed(scene(index), mapping, size)
        return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, 2)

    write_clip(path, [picture(index) for index in range(FRAMES)], frame_rate=Fraction(25), crf=18)
    scan = Scan(probe(path))
    with VideoReader(scan.info) as reader:
        for frame in reader:
            scan.pts.append(frame.pts)
            scan.durations.append(frame.duration)
            scan.times_s.append(frame.time_s)
            scan.thumbs.append(thumbnail(frame.planes[0], 8))
            scan.faces.append(())
    return scan


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    return clip(tmp_path_factory.mktemp("mapping_search") / "original.mp4", None, SIZE)


WAYS = {
    "same": (SIZE, FrameMapping()),
    "scaled": ((240, 180), FrameMapping(0.5, 0.5)),
    "other aspect": ((320, 320), FrameMapping(320 / 480, 320 / 360)),
    "padded": ((480, 480), FrameMapping(1, 1, 0, 60)),
    "padded and scaled": ((256, 256), FrameMapping(256 / 480, 256 / 480, 0, 32)),
    "cropped": ((360, 360), FrameMapping(1, 1, -60, 0)),
    "cropped and enlarged": ((512, 512), FrameMapping(512 / 360, 512 / 360, -60 * 512 / 360, 0)),
    "portrait": ((270, 480), FrameMapping(480 / 360, 480 / 360, (270 - 640) / 2, 0)),
    "overscan": (SIZE, FrameMapping(1.03, 1.03, -7.2, -5.4)),
}
IDENTICAL_PAIRS = [(index, index) for index in range(FRAMES)]
WRONG_PAIRS = [(index, (index + 3) % FRAMES) for index in range(FRAMES)]


def off_px(got: FrameMapping, wanted: FrameMapping) -> float:
    corners = np.array([[0, 0], SIZE], np.float64)
    return float(np.abs(got.to_original(wanted.to_synced(corners)) - corners).max())


@pytest.mark.slow(2)
@pytest.mark.parametrize("name", WAYS)
def test_the_mapping_is_found_within_0_3_px(original: Scan, tmp_path: Path, name: str) -> None:
    size, truth = WAYS[name]
    synced = clip(tmp_path / "synced.mp4", truth, size)
    small = SmallPictures.of(original, synced)
    rough = find_mapping(original, synced, small, WRONG_PAIRS, enough=0.9)
    assert off_px(rough, truth) < 4
    fine = refine_on_frames(original, synced, IDENTICAL_PAIRS, rough)
    assert off_px(fine, truth) < 0.3
    if name not in ("overscan",):
        assert off_px(fine, truth) < 1e-3, "a usual way is taken exactly"
    assert small.likeness(IDENTICAL_PAIRS, fine) > 0.97


def test_frames_of_one_size_that_are_alike_are_left_alone(original: Scan) -> None:
    small = SmallPictures.of(original, original)
    assert find_mapping(original, original, small, IDENTICAL_PAIRS, enough=0.9) == FrameMapping()


def test_pixels_show_the_same_places_of_the_scene(original: Scan, tmp_path: Path) -> None:
    size, truth = WAYS["padded and scaled"]
    small = SmallPictures.of(original, clip(tmp_path / "synced.mp4", truth, size))
    first, second = small.pixels(truth)
    assert first.shape == second.shape
    assert first.dtype == second.dtype == np.uint8
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.98
    cropped = SmallPictures.of(original, clip(tmp_path / "cropped.mp4", WAYS["cropped"][1], WAYS["cropped"][0]))
    part = cropped.pixels(WAYS["cropped"][1])[0].shape[1] / small.original[0].size
    assert part == pytest.approx(0.75, abs=0.06)


def test_how_far_two_mappings_lie_apart(original: Scan) -> None:
    small = SmallPictures.of(original, original)
    factor = small.to_small[0][0]
    assert small.max_distance_px(FrameMapping(), FrameMapping(1, 1, 10, 0)) == pytest.approx(10 * factor, rel=1e-3)
