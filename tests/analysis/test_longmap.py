"""Maps of long films, of which most show the same thing again and again."""

from __future__ import annotations

import os

import numpy as np
import pytest
from talking import talking_film
from textures import film, handed_on, thumbs

from lipblend.pairing import cost_table as table
from lipblend.pairing import framemap
from lipblend.pairing.cost_table import Table
from lipblend.pairing.expected import Expected
from lipblend.pairing.framemap import find_source


def flat(pictures: np.ndarray) -> np.ndarray:
    return thumbs(pictures).reshape(len(pictures), -1)


def by_clock(count: int, originals: int, speed: float = 1.0) -> Expected:
    at = np.arange(count) * speed
    return Expected(np.minimum(at, originals - 1), at > originals - 0.5)


@pytest.mark.slow
def test_a_long_film_that_comes_again_and_is_in_step_is_mapped_in_step() -> None:
    original, synced = (flat(each) for each in talking_film(90, 4))
    assert len(original) == 2520 > framemap.MOST_FRAMES
    got = find_source(original, synced, by_clock(2520, 2520))
    np.testing.assert_array_equal(got, np.arange(2520))


@pytest.mark.slow
def test_a_film_that_runs_to_and_fro_and_begins_coarsely_coded_is_mapped_in_step() -> None:
    """The same pictures come again 98 and 196 frames later, better coded, and so more like the synced ones."""
    there = film(50, 3, size=(32, 18), step_px=0.7)
    order = 49 - np.abs(49 - np.arange(700) % 98)
    coarse = np.where(np.arange(700) < 196, 0.8, 0.4)[:, None, None]
    rng = np.random.default_rng(2)
    original = flat(there[order] + coarse * rng.normal(0, 1, (700, 18, 32)))
    synced = flat(handed_on(there, order, noise=0.5))
    np.testing.assert_array_equal(find_source(original, synced, by_clock(700, 700)), np.arange(700))


def resampled(count: int, rate: float, into: float) -> np.ndarray:
    return np.rint(np.arange(int(count * into / rate)) * rate / into).astype(int).clip(0, count - 1)


N = int(os.environ.get("LIPBLEND_FILM_FRAMES", "840"))
"""Frames of the films that are re-timed; docs/lab/pairing.md has what 5,000 and 20,000 gave."""


def maps(count: int) -> dict[str, tuple[np.ndarray, float]]:
    """Original frame of every synced one, and the speed of the clock, by what was done to a film."""
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


MAPS = maps(N)


@pytest.fixture(scope="module")
def moving() -> np.ndarray:
    return film(N, 3, size=(32, 18), step_px=0.7)


@pytest.fixture
def short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done for long clips is done from 200 frames on, so that it can be tried often."""
    monkeypatch.setattr(framemap, "MOST_FRAMES", 200)


@pytest.mark.slow
@pytest.mark.usefixtures("short_is_long")
@pytest.mark.parametrize("name", MAPS)
def test_retimed_films_come_back_exactly(moving: np.ndarray, name: str) -> None:
    source, speed = MAPS[name]
    rng = np.random.default_rng(5)
    synced = flat(handed_on(moving, source, noise=0.5))
    got = find_source(flat(moving + rng.normal(0, 1, moving.shape)), synced, by_clock(len(source), N, speed))
    np.testing.assert_array_equal(got, source)


@pytest.mark.slow
@pytest.mark.usefixtures("short_is_long")
@pytest.mark.parametrize("name", ["starts late", "there and back", "loop", "pieces joined", "starts over"])
def test_retimed_films_in_which_much_comes_again(name: str) -> None:
    original, synced = talking_film(40, 3)
    source, speed = maps(len(original))[name]
    got = find_source(flat(original), flat(synced[source]), by_clock(len(source), len(original), speed))
    off = np.abs(got - source)
    # Frames beside a jump, and of a head that holds still, are like their neighbours.
    assert np.count_nonzero(off) < 0.01 * len(source)
    assert off.max() <= 2


def test_the_table_is_never_held_and_judged_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_CELLS", 10_000)
    original, synced = (flat(each) for each in talking_film(30, 3))
    whole = Table.of(original, synced, by_clock(630, 630))
    blocks = list(whole.blocks(None))
    assert sum(len(block.costs) for block in blocks) == 630
    assert max(block.costs.size for block in blocks) <= 10_000
    # A path that is wrong all along does not make itself look right.
    assert np.median(whole.better_places(np.arange(630))) < 3
    assert np.median(whole.better_places((np.arange(630) + 300) % 630)) > 30


@pytest.mark.slow
def test_a_film_without_a_moving_thing_goes_by_the_clock() -> None:
    black = np.zeros((2300, 100), np.uint8)
    np.testing.assert_array_equal(find_source(black, black, by_clock(2300, 2300)), np.arange(2300))
