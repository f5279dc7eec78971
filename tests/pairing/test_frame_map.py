"""The frame map on synthetic films: known maps are found exactly."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_films import film, generated, pixel_rows, resampled, same_start, talking_film
from textures import texture

from lipblend.pairing import coarse_costs, frame_map
from lipblend.pairing.coarse_costs import CoarseCosts
from lipblend.pairing.costs import TimePrior
from lipblend.pairing.frame_map import find_frame_map

N = 96
ALL = np.arange(N)


def found(pictures: np.ndarray, source: Sequence[int] | np.ndarray, speed: float = 1.0, **how: float) -> np.ndarray:
    rng = np.random.default_rng(5)
    synced = generated(pictures, source, **how)
    noisy = pictures + rng.normal(0, 1, pictures.shape)
    return find_frame_map(pixel_rows(noisy), pixel_rows(synced), same_start(len(synced), len(pictures), speed))


MAPS: dict[str, tuple[np.ndarray, float]] = {
    "identity": (ALL, 1),
    "starts late": (ALL[17:], 1),
    "ends early": (ALL[:60], 1),
    "late and early": (ALL[9:50], 1),
    "lost frames": (np.delete(ALL, [20, 21, 22, 50, 70]), 1),
    "repeated frames": (np.sort(np.concatenate([ALL, [30, 60, 61]])), 1),
    "slips twice": (np.concatenate([ALL[:30], ALL[29:60], ALL[58:]])[:N], 1),
    "there and back": (np.concatenate([ALL[:70], ALL[68::-1], ALL[1:40]]), 1),
    "there and back, ends shown twice": (np.concatenate([ALL[:70], ALL[69::-1], ALL[:40]]), 1),
    "starts over": (np.concatenate([ALL, ALL[:30]]), 1),
    "pieces joined": (np.concatenate([ALL[:30], ALL[60:]]), 1),
    "pieces the other way round": (np.concatenate([ALL[50:], ALL[:45]]), 1),
    "25 as 29.97 by time": (resampled(N, 25, 30000 / 1001), 25 * 1001 / 30000),
    "29.97 as 25 by time": (resampled(N, 30000 / 1001, 25), 30000 / 1001 / 25),
    "60 as 25 by time": (resampled(N, 60, 25), 60 / 25),
    "25 as 60 by time": (resampled(N, 25, 60), 25 / 60),
    "22.13 as 30 by index, starting over": (np.concatenate([ALL, ALL[:12]]), 22.13 / 30),
    "freezes at the end": (np.concatenate([ALL, np.full(15, N - 1)]), 1),
    "a single frame": (ALL[40:41], 1),
    "two frames": (ALL[:2], 1),
    "every fifth": (ALL[::5], 1),
}


@pytest.fixture(scope="module")
def moving() -> np.ndarray:
    return film(N, step_px=0.7)


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_found_exactly(moving: np.ndarray, name: str) -> None:
    source, speed = MAPS[name]
    np.testing.assert_array_equal(found(moving, source, speed), source)


@pytest.mark.slow
@settings(max_examples=15)
@given(st.integers(0, 10**6), st.data())
def test_any_sequence_of_pieces_is_found(seed: int, data: st.DataObject) -> None:
    source: list[int] = []
    for _ in range(data.draw(st.integers(1, 3))):
        start, length = data.draw(st.integers(0, 59)), data.draw(st.integers(14, 20))
        piece = list(range(start, start + length))
        # A piece that goes on just beside the last one is a lost or repeated frame: tested by itself.
        if not source or abs(piece[0] - source[-1]) > 12:
            source += piece
    pictures = film(80, seed % 5, step_px=0.7)
    np.testing.assert_array_equal(found(pictures, source, seed=seed), source)


def test_heavy_noise_over_half_of_the_picture_does_not_hide_the_rest(moving: np.ndarray) -> None:
    # Measured together with its pixels' steadiness: an animated banner weighs next to nothing.
    rng = np.random.default_rng(2)
    source = MAPS["slips twice"][0]
    synced = generated(moving, source)
    synced[:, :, : moving.shape[2] // 3] = rng.uniform(0, 255, (len(source), moving.shape[1], moving.shape[2] // 3))
    got = find_frame_map(pixel_rows(moving), pixel_rows(synced), same_start(len(source), N))
    np.testing.assert_array_equal(got, source)


@pytest.mark.parametrize("speed", [1.0, 25 / 60, 2.0])
def test_still_pictures_are_paired_by_time(speed: float) -> None:
    still = np.repeat(texture((48, 27), 3)[None], 60, 0)
    count = int(60 / speed)
    got = found(still, np.zeros(count, int), speed)
    assert np.abs(got - np.minimum(np.arange(count) * speed, 59)).max() <= 1


def test_black_pictures_are_paired_by_time() -> None:
    black = np.zeros((40, 200), np.uint8)
    np.testing.assert_array_equal(find_frame_map(black, black, same_start(40, 40)), np.arange(40))


def test_a_pause_is_paired_by_time_and_the_rest_by_the_picture(moving: np.ndarray) -> None:
    pictures = moving.copy()
    pictures[30:60] = pictures[30]
    got = found(pictures, ALL)
    np.testing.assert_array_equal(got[:30], ALL[:30])
    np.testing.assert_array_equal(got[60:], ALL[60:])
    assert np.abs(got[30:60] - ALL[30:60]).max() <= 1


def test_a_known_offset_limits_the_search(moving: np.ndarray) -> None:
    # Both halves show the same: the picture cannot tell them apart, and the clock is asked.
    twice = np.concatenate([moving[:40], moving[:40]])
    synced = pixel_rows(generated(twice, range(44, 70)))
    at = np.arange(26.0)
    free = find_frame_map(pixel_rows(twice), synced, TimePrior(at, np.zeros(26, bool)))
    held = find_frame_map(pixel_rows(twice), synced, TimePrior(at + 44, np.zeros(26, bool), max_deviation=6))
    np.testing.assert_array_equal(free, np.arange(4, 30))
    np.testing.assert_array_equal(held, np.arange(44, 70))


# Long films, of which most show the same thing again and again.


@pytest.mark.slow
def test_a_long_film_in_step_that_repeats_itself_is_mapped_in_step() -> None:
    original, synced = (pixel_rows(each) for each in talking_film(90, 4))
    assert len(original) == 2520 > frame_map.MAX_DENSE_FRAMES
    got = find_frame_map(original, synced, same_start(2520, 2520))
    np.testing.assert_array_equal(got, np.arange(2520))


@pytest.mark.slow
def test_a_film_that_plays_back_and_forth_and_starts_coarsely_coded_is_mapped_in_step() -> None:
    """The pictures repeat after 98 and 196 frames, better coded, and so more similar to the synced ones."""
    there = film(50, 3, size=(32, 18), step_px=0.7)
    order = 49 - np.abs(49 - np.arange(700) % 98)
    coarse = np.where(np.arange(700) < 196, 0.8, 0.4)[:, None, None]
    rng = np.random.default_rng(2)
    original = pixel_rows(there[order] + coarse * rng.normal(0, 1, (700, 18, 32)))
    synced = pixel_rows(generated(there, order, noise=0.5))
    np.testing.assert_array_equal(find_frame_map(original, synced, same_start(700, 700)), np.arange(700))


LONG_N = int(os.environ.get("LIPBLEND_FILM_FRAMES", "840"))
"""Frames of the re-timed films; docs/lab/pairing.md has the results for 5,000 and 20,000."""


def long_maps(count: int) -> dict[str, tuple[np.ndarray, float]]:
    """Frame map, and clock speed, by name of the change made to a film."""
    every = np.arange(count)
    return {
        "starts late": (every[131:], 1),
        "late and early": (every[300:600], 1),
        "lost frames": (np.delete(every, np.arange(40, count, 97)), 1),
        "repeated frames": (np.sort(np.concatenate([every, every[30::60]])), 1),
        "slips twice": (np.concatenate([every[:300], every[299:500], every[498:]])[:count], 1),
        "there and back": (np.concatenate([every[:500], every[498::-1], every[1:300]]), 1),
        "loop": (np.concatenate([every[:350]] * 3), 1),
        "starts over": (np.concatenate([every, every[:200]]), 1),
        "pieces joined": (np.concatenate([every[:300], every[571:]]), 1),
        "pieces the other way round": (np.concatenate([every[400:], every[:380]]), 1),
        "25 as 29.97 by time": (resampled(count, 25, 30000 / 1001), 25 * 1001 / 30000),
        "30 as 25 by time": (resampled(count, 30, 25), 30 / 25),
        "60 as 25 by time": (resampled(count, 60, 25), 60 / 25),
        "1.36 times as fast": (resampled(count, 1.36, 1), 1),
        "22.13 as 30 by index, starting over": (np.concatenate([every, every[:100]]), 22.13 / 30),
        "freezes at the end": (np.concatenate([every, np.full(60, count - 1)]), 1),
        "much shorter": (every[500:540], 1),
    }


LONG_MAPS = long_maps(LONG_N)


@pytest.fixture(scope="module")
def long_moving() -> np.ndarray:
    return film(LONG_N, 3, size=(32, 18), step_px=0.7)


@pytest.fixture
def short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search clips of more than 200 frames as long ones, so that tests stay fast."""
    monkeypatch.setattr(frame_map, "MAX_DENSE_FRAMES", 200)


@pytest.mark.slow
@pytest.mark.usefixtures("short_is_long")
@pytest.mark.parametrize("name", LONG_MAPS)
def test_retimed_long_films_are_found_exactly(long_moving: np.ndarray, name: str) -> None:
    source, speed = LONG_MAPS[name]
    rng = np.random.default_rng(5)
    synced = pixel_rows(generated(long_moving, source, noise=0.5))
    got = find_frame_map(
        pixel_rows(long_moving + rng.normal(0, 1, long_moving.shape)), synced, same_start(len(source), LONG_N, speed)
    )
    np.testing.assert_array_equal(got, source)


@pytest.mark.slow
@pytest.mark.usefixtures("short_is_long")
@pytest.mark.parametrize("name", ["starts late", "there and back", "loop", "pieces joined", "starts over"])
def test_retimed_long_films_that_repeat_themselves(name: str) -> None:
    original, synced = talking_film(40, 3)
    source, speed = long_maps(len(original))[name]
    got = find_frame_map(
        pixel_rows(original), pixel_rows(synced[source]), same_start(len(source), len(original), speed)
    )
    off = np.abs(got - source)
    # Frames beside a jump, and of a head that holds still, are like their neighbours.
    assert np.count_nonzero(off) < 0.01 * len(source)
    assert off.max() <= 2


def test_the_coarse_matrix_is_made_in_blocks_and_a_wrong_path_does_not_confirm_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coarse_costs, "_MAX_CELLS", 10_000)
    original, synced = (pixel_rows(each) for each in talking_film(30, 3))
    costs = CoarseCosts.of(original, synced, same_start(630, 630))
    blocks = list(costs.blocks(None))
    assert sum(len(block.costs) for block in blocks) == 630
    assert max(block.costs.size for block in blocks) <= 10_000
    assert np.median(costs.gain_elsewhere(np.arange(630))) < 3
    assert np.median(costs.gain_elsewhere((np.arange(630) + 300) % 630)) > 30


@pytest.mark.slow
def test_a_long_still_film_is_paired_by_time() -> None:
    black = np.zeros((2300, 100), np.uint8)
    np.testing.assert_array_equal(find_frame_map(black, black, same_start(2300, 2300)), np.arange(2300))
