"""Reading ahead and working on threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import cv2
import pytest
from patience import HANG_S

from lipblend.runtime.prefetch import map_in_threads, one_opencv_thread, prefetch


class Source:
    """Counts, and remembers what happened to it."""

    def __init__(self, count: int, fail_at: int = -1) -> None:
        self.made = 0
        self.closed_by = ""
        self._count = count
        self._fail_at = fail_at

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(self._count):
                if number == self._fail_at:
                    raise OSError("broken")
                self.made += 1
                yield number
        finally:
            self.closed_by = threading.current_thread().name


def workers_left() -> list[str]:
    ours = ("lipblend-prefetch", "lipblend-worker")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(ours)]


@pytest.mark.parametrize("depth", [1, 3, 50])
def test_items_come_in_order(depth: int) -> None:
    assert list(prefetch(Source(20), depth)) == list(range(20))
    assert workers_left() == []


def test_nothing_starts_before_the_first_item() -> None:
    source = Source(5)
    items = prefetch(source, 2)
    assert source.made == 0
    assert workers_left() == []
    items.close()


def test_a_with_block_starts_it() -> None:
    source, started = Source(5), threading.Event()

    def items() -> Iterator[int]:
        started.set()
        yield from source

    with prefetch(items(), 2) as ahead:
        assert started.wait(HANG_S)
        assert list(ahead) == list(range(5))
    assert workers_left() == []


def test_the_queue_is_bounded() -> None:
    source = Source(100)
    with prefetch(source, 3) as items:
        assert next(items) == 0
        assert next(items) == 1
        assert source.made <= 5
    assert source.made <= 5


def test_an_exception_comes_after_the_items_before_it() -> None:
    items = prefetch(Source(9, fail_at=4), 3)
    assert [next(items) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(OSError, match="broken"):
        next(items)
    assert workers_left() == []


def test_closing_early_ends_the_thread_and_closes_the_source_there() -> None:
    source = Source(100)
    with prefetch(source, 2) as items:
        next(items)
        assert len(workers_left()) == 1
    assert workers_left() == []
    assert source.closed_by.startswith("lipblend-prefetch")


def test_an_exception_of_the_consumer_ends_the_thread() -> None:
    def consume() -> None:
        with prefetch(Source(100), 2) as items:
            next(items)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    assert workers_left() == []


def test_dropping_it_ends_the_thread() -> None:
    items = prefetch(Source(100), 2)
    next(items)
    del items
    assert workers_left() == []


def test_depth_is_checked() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        prefetch([1], 0)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_work_comes_in_order_whoever_is_first(workers: int) -> None:
    done = [threading.Event() for _ in range(13)]

    def late_at_times(number: int) -> int:
        if workers > 1 and number % 3 == 0:
            assert done[number + 1].wait(HANG_S)  # the next one is ready first
        done[number].set()
        return 10 * number

    source = Source(12)
    assert list(map_in_threads(late_at_times, source, workers=workers)) == [10 * number for number in range(12)]
    assert source.closed_by == threading.current_thread().name
    assert workers_left() == []


def test_workers_work_at_the_same_time_and_not_too_far_ahead() -> None:
    together, source = threading.Barrier(3), Source(30)

    def meet(number: int) -> int:
        together.wait(timeout=HANG_S)  # all three must be inside at once
        return number

    with map_in_threads(meet, source, workers=3) as results:
        assert next(results) == 0
        assert source.made == 4
        together.abort()
    assert workers_left() == []
    assert source.closed_by


@pytest.mark.parametrize("where", ["function", "items"])
def test_an_exception_of_the_work_travels_out(where: str) -> None:
    def fail(number: int) -> int:
        if number == 3 and where == "function":
            raise OSError("broken")
        return number

    source = Source(30, fail_at=3 if where == "items" else -1)
    results = map_in_threads(fail, source, workers=2)
    with pytest.raises(OSError, match="broken"):
        list(results)
    assert source.closed_by
    assert workers_left() == []
    with pytest.raises(ValueError, match="at least 1"):
        map_in_threads(fail, source, workers=0)


def test_opencv_has_its_threads_back_when_the_last_of_overlapping_runs_ends() -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        one, other = one_opencv_thread(), one_opencv_thread()
        one.__enter__()
        other.__enter__()
        one.__exit__(None, None, None)
        assert cv2.getNumThreads() == 1
        other.__exit__(None, None, None)
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
