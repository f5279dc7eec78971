from dataclasses import dataclass

import pytest

from lipblend.pairing.by_time import pair_by_time


@dataclass(frozen=True)
class Shown:
    """Stands for a frame: pairing looks at index and time only."""

    index: int
    time_s: float


def clip(count: int, rate: float, start_s: float = 0.0) -> list[Shown]:
    return [Shown(index, start_s + index / rate) for index in range(count)]


def pairs(original: list[Shown], synced: list[Shown]) -> list[int | None]:
    return [partner.index if partner else None for _, partner in pair_by_time(original, synced)]


@pytest.mark.parametrize("start_s", [0.0, 1.5])
def test_equal_rates_pair_by_index_wherever_each_starts(start_s: float) -> None:
    assert pairs(clip(20, 25, start_s), clip(20, 25)) == list(range(20))
    assert pairs(clip(20, 30000 / 1001), clip(20, 30000 / 1001, start_s)) == list(range(20))


def test_frames_after_the_synced_videos_end_have_none() -> None:
    assert pairs(clip(10, 25), clip(7, 25)) == [*range(7), None, None, None]
    assert pairs(clip(5, 25), clip(9, 25)) == list(range(5))


def test_another_rate_pairs_the_nearest_in_time() -> None:
    assert pairs(clip(6, 25), clip(12, 50)) == [0, 2, 4, 6, 8, 10]
    slow = pairs(clip(12, 50), clip(6, 25))
    assert slow[::2] == [0, 1, 2, 3, 4, 5]
    assert all(partner in (index // 2, index // 2 + 1) for index, partner in enumerate(slow))


def test_variable_rate_follows_the_times() -> None:
    times = [0.0, 0.04, 0.12, 0.16, 0.28]
    uneven = [Shown(index, time) for index, time in enumerate(times)]
    assert pairs(uneven, clip(10, 25)) == [0, 1, 3, 4, 7]
    assert pairs(uneven, uneven) == [0, 1, 2, 3, 4]


def test_a_single_picture_is_shown_once_and_an_empty_video_never() -> None:
    assert pairs(clip(3, 25), clip(1, 25)) == [0, None, None]
    assert pairs(clip(2, 25), []) == [None, None]


def test_no_more_is_read_than_is_needed() -> None:
    def endless():
        index = 0
        while True:
            yield Shown(index, index / 25)
            index += 1

    assert [partner.index for _, partner in pair_by_time(clip(5, 25), endless())] == list(range(5))
