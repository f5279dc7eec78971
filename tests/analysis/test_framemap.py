"""Which frame was made from which, on made films: known maps come back exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textures import film, handed_on, texture, thumbs

from lipblend.pairing.expected import Expected
from lipblend.pairing.framemap import find_source, without_strangers

N = 96
ALL = np.arange(N)


def flat(pictures: np.ndarray) -> np.ndarray:
    return thumbs(pictures).reshape(len(pictures), -1)


def by_clock(count: int, originals: int, speed: float = 1.0) -> Expected:
    """What time says where both start together, and a synced frame lasts ``speed`` original ones."""
    at = np.arange(count) * speed
    return Expected(np.minimum(at, originals - 1), at > originals - 0.5)


def found(pictures: np.ndarray, source: Sequence[int] | np.ndarray, speed: float = 1.0, **how: float) -> np.ndarray:
    rng = np.random.default_rng(5)
    synced = handed_on(pictures, source, **how)
    ours = pictures + rng.normal(0, 1, pictures.shape)
    return find_source(flat(ours), flat(synced), by_clock(len(synced), len(pictures), speed))


def resampled(rate: float, into: float) -> np.ndarray:
    count = int(N * into / rate)
    return np.rint(np.arange(count) * rate / into).astype(int).clip(0, N - 1)


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
    "25 as 29.97 by time": (resampled(25, 30000 / 1001), 25 * 1001 / 30000),
    "29.97 as 25 by time": (resampled(30000 / 1001, 25), 30000 / 1001 / 25),
    "60 as 25 by time": (resampled(60, 25), 60 / 25),
    "25 as 60 by time": (resampled(25, 60), 25 / 60),
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
def test_maps_come_back_exactly(moving: np.ndarray, name: str) -> None:
    source, speed = MAPS[name]
    np.testing.assert_array_equal(found(moving, source, speed), source)


@pytest.mark.slow
@settings(max_examples=15)
@given(st.integers(0, 10**6), st.data())
def test_any_clip_of_pieces_comes_back(seed: int, data: st.DataObject) -> None:
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
    synced = handed_on(moving, source)
    synced[:, :, : moving.shape[2] // 3] = rng.uniform(0, 255, (len(source), moving.shape[1], moving.shape[2] // 3))
    got = find_source(flat(moving), flat(synced), by_clock(len(source), N))
    np.testing.assert_array_equal(got, source)


@pytest.mark.parametrize("speed", [1.0, 25 / 60, 2.0])
def test_still_pictures_go_by_the_clock(speed: float) -> None:
    still = np.repeat(texture((48, 27), 3)[None], 60, 0)
    count = int(60 / speed)
    got = found(still, np.zeros(count, int), speed)
    assert np.abs(got - np.minimum(np.arange(count) * speed, 59)).max() <= 1


def test_black_pictures_go_by_the_clock() -> None:
    black = np.zeros((40, 200), np.uint8)
    np.testing.assert_array_equal(find_source(black, black, by_clock(40, 40)), np.arange(40))


def test_a_pause_goes_by_the_clock_and_the_rest_by_the_picture(moving: np.ndarray) -> None:
    pictures = moving.copy()
    pictures[30:60] = pictures[30]
    got = found(pictures, ALL)
    np.testing.assert_array_equal(got[:30], ALL[:30])
    np.testing.assert_array_equal(got[60:], ALL[60:])
    assert np.abs(got[30:60] - ALL[30:60]).max() <= 1


def test_a_known_offset_holds_the_answer_near_itself(moving: np.ndarray) -> None:
    # Both halves show the same: the picture cannot tell them apart, and the clock is asked.
    twice = np.concatenate([moving[:40], moving[:40]])
    synced = flat(handed_on(twice, range(44, 70)))
    at = np.arange(26.0)
    free = find_source(flat(twice), synced, Expected(at, np.zeros(26, bool)))
    held = find_source(flat(twice), synced, Expected(at + 44, np.zeros(26, bool), reach=6))
    np.testing.assert_array_equal(free, np.arange(4, 30))
    np.testing.assert_array_equal(held, np.arange(44, 70))


def test_nothing_is_matched_after_a_cut_off_original(moving: np.ndarray) -> None:
    clips = flat(moving[:60]), flat(handed_on(moving, ALL))
    path = find_source(*clips, by_clock(N, 60))
    got = without_strangers(*clips, path, ALL < 0, ALL >= 60)
    np.testing.assert_array_equal(got[:60], ALL[:60])
    np.testing.assert_array_equal(got[60:], -1)


@pytest.mark.parametrize(
    "tail",
    [np.full(20, 59), np.arange(20), np.arange(58, 38, -1), np.arange(30, 50)],
    ids=["freezes", "starts over", "turns round", "jumps back"],
)
def test_what_goes_on_after_the_end_keeps_its_matches(moving: np.ndarray, tail: np.ndarray) -> None:
    source = np.concatenate([ALL[:60], tail])
    clips = flat(moving[:60]), flat(handed_on(moving, source))
    path = find_source(*clips, by_clock(len(source), 60))
    np.testing.assert_array_equal(without_strangers(*clips, path, np.arange(len(source)) >= 60), source)
