"""Where one picture lies on another, to a fraction of a pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textures import texture

from lipblend.pairing.mapping_fit import candidates, covered, likeness, refine
from lipblend.picture.frame_mapping import FrameMapping

SIZE = (160, 120)


def shown(scene: np.ndarray, mapping: FrameMapping, size: tuple[int, int], *, seed: int = 0) -> np.ndarray:
    """(h, w) uint8: the synced frame that a mapping makes of a scene; black where the scene ends. With noise."""
    fine = 4  # samples a pixel and side: so that the making is finer than what is tested
    wide, high = size[0] * fine, size[1] * fine
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    ours_x = ((x + 0.5) / fine - mapping.shift_x) / mapping.scale_x
    ours_y = ((y + 0.5) / fine - mapping.shift_y) / mapping.scale_y
    big = cv2.remap(scene, ours_x - 0.5, ours_y - 0.5, cv2.INTER_CUBIC, borderValue=0)
    small = cv2.resize(big, size, interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(seed).normal(0, 1, small.shape)
    return np.clip(np.rint(0.96 * small + 5 + noise), 0, 255).astype(np.uint8)


def off_px(got: FrameMapping, wanted: FrameMapping, size: tuple[int, int] = SIZE) -> float:
    """Largest distance between two mappings, in pixels of the original."""
    corners = np.array([[0, 0], size, (0, size[1]), (size[0], 0)], np.float64)
    return float(np.abs(got.to_original(wanted.to_synced(corners)) - corners).max())


@pytest.mark.parametrize(
    ("original", "synced", "way"),
    [
        ((640, 480), (320, 240), FrameMapping(0.5, 0.5)),
        ((640, 480), (512, 512), FrameMapping(0.8, 512 / 480)),
        ((640, 480), (512, 512), FrameMapping(0.8, 0.8, 0, 64)),  # padded
        ((640, 480), (512, 512), FrameMapping(512 / 480, 512 / 480, -256 / 3 * 1.0, 0)),  # cropped
        ((640, 480), (512, 512), FrameMapping(1, 1, -64, 16)),
        ((640, 480), (512, 480), FrameMapping(1, 1, 0, 0)),  # cut off right
        ((1080, 1920), (512, 512), FrameMapping(512 / 1920, 512 / 1920, (512 - 1080 * 512 / 1920) / 2, 0)),
    ],
)
def test_the_usual_ways_are_among_the_candidates(
    original: tuple[int, int], synced: tuple[int, int], way: FrameMapping
) -> None:
    assert min(off_px(each, way, original) for each in candidates(original, synced, [])) < 1e-3


def test_faces_say_where_an_odd_crop_lies() -> None:
    truth = FrameMapping(1.7, 1.7, -333, -121)
    points = np.random.default_rng(0).uniform(200, 300, (30, 2)).astype(np.float32)
    pairs = [(points, truth.to_synced(points)), (points + 3, truth.to_synced(points + 3))]
    assert min(off_px(each, truth, (640, 480)) for each in candidates((640, 480), (400, 400), pairs)) < 0.05
    flipped = [(points, -points)]
    assert all(each.scale_x > 0 for each in candidates((640, 480), (400, 400), flipped))


WAYS = {
    "scaled": ((100, 75), FrameMapping(0.625, 0.625)),
    "enlarged": ((240, 180), FrameMapping(1.5, 1.5)),
    "other aspect": ((128, 128), FrameMapping(0.8, 128 / 120)),
    "padded": ((140, 140), FrameMapping(140 / 160, 140 / 160, 0, 17.5)),
    "cropped": ((120, 120), FrameMapping(1, 1, -20, 0)),
    "cropped and enlarged": ((160, 160), FrameMapping(160 / 120, 160 / 120, -160 / 6, 0)),
    "moved by part of a pixel": ((160, 120), FrameMapping(1, 1, 0.4, -0.7)),
    "overscan": ((160, 120), FrameMapping(1.02, 1.02, -1.6, -1.2)),
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("start_px", [(0.0, 0.0), (0.9, -0.7)])
def test_a_start_that_is_right_to_a_pixel_becomes_exact(name: str, start_px: tuple[float, float]) -> None:
    size, truth = WAYS[name]
    scenes = [texture(SIZE, seed, fine_px=2.5) for seed in range(3)]
    synced = [shown(scene, truth, size, seed=seed) for seed, scene in enumerate(scenes)]
    shift_x, shift_y = truth.shift_x + start_px[0] * truth.scale_x, truth.shift_y + start_px[1] * truth.scale_y
    got = refine(scenes, synced, FrameMapping(truth.scale_x, truth.scale_y, shift_x, shift_y))
    assert off_px(got, truth) < 0.1


@settings(max_examples=10)
@given(st.floats(0.5, 1.8), st.floats(0.9, 1.1), st.floats(-8, 8), st.floats(-8, 8), st.integers(0, 1000))
def test_any_mapping_is_recovered_within_0_3_px(
    scale: float, aspect: float, shift_x: float, shift_y: float, seed: int
) -> None:
    truth = FrameMapping(scale, scale * aspect, shift_x, shift_y)
    scene = texture(SIZE, seed, fine_px=3)
    synced = shown(scene, truth, (round(160 * scale), round(120 * scale)), seed=seed)
    start = FrameMapping(truth.scale_x * 1.003, truth.scale_y * 0.997, shift_x + 0.5 * scale, shift_y - 0.5 * scale)
    assert off_px(refine([scene], [synced], start), truth) < 0.3


def test_another_mouth_does_not_pull_the_mapping() -> None:
    size, truth = WAYS["padded"]
    scene = texture(SIZE, 0, fine_px=2.5)
    other = scene.copy()
    other[70:100, 60:100] = texture((40, 30), 77, fine_px=2.5)
    got = refine([scene], [shown(other, truth, size)], FrameMapping(0.88, 0.87, 0.5, 17))
    assert off_px(got, truth) < 0.15


@pytest.mark.parametrize("level", [0, 128])
def test_pictures_without_detail_leave_the_start_as_it_is_or_near_it(level: int) -> None:
    flat = [np.full((40, 60), level, np.uint8)]
    start = FrameMapping(0.5, 0.5, 3, 4)
    assert off_px(refine(flat, [np.full((30, 40), level, np.uint8)], start), start, (60, 40)) < 1e-6


def test_a_hopeless_start_does_not_get_worse() -> None:
    original, synced = texture(SIZE, 1), texture(SIZE, 2)
    got = refine([original], [synced], FrameMapping())
    assert np.isfinite([got.scale_x, got.scale_y, got.shift_x, got.shift_y]).all()
    assert min(got.scale_x, got.scale_y) > 0


def test_likeness_tells_scenes_apart() -> None:
    stack = np.stack([texture(SIZE, seed, fine_px=2) for seed in range(4)])
    same = likeness(stack, 0.8 * stack + 20, FrameMapping())
    other = likeness(stack, np.roll(stack, 1, 0), FrameMapping())
    assert same.shape == (4,)
    assert same.min() > 0.99
    assert np.abs(other).max() < 0.2


def test_likeness_looks_at_what_both_show() -> None:
    size, truth = WAYS["padded"]
    scenes = np.stack([texture(SIZE, seed, fine_px=2.5) for seed in range(3)])
    synced = np.stack([shown(scene, truth, size) for scene in scenes])
    assert likeness(scenes, synced, truth).min() > 0.97
    assert likeness(scenes, synced, FrameMapping(140 / 160, 140 / 160)).max() < 0.4


def test_a_synced_frame_that_covers_nothing_is_like_nothing() -> None:
    scene = texture(SIZE, 0)[None]
    assert likeness(scene, scene, FrameMapping(1, 1, 5000, 0)).tolist() == [0.0]


def test_black_pictures_are_alike() -> None:
    black = np.zeros((2, 30, 40), np.uint8)
    assert likeness(black, black, FrameMapping()).tolist() == [1.0, 1.0]


def test_the_covered_part_leaves_a_pixel_at_the_border_out() -> None:
    inside = covered(FrameMapping(1, 1, -10, 5), (40, 30), (60, 50))
    y, x = np.nonzero(inside)
    assert (x.min(), x.max(), y.min(), y.max()) == (11, 38, 0, 33)
