"""Iterate ahead in a background thread, and map a function over items in worker threads, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import cv2

T = TypeVar("T")
R = TypeVar("R")


class Prefetch(Generic[T]):
    """Iterator over items produced in other threads, and a context manager that closes it. See `prefetch`.

    Parameters
    ----------
    items : Generator
        Its first item is discarded: it only signals that the threads have started.
    """

    def __init__(self, items: Generator[T, None, None]) -> None:
        self._items = items
        self._started = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        self._start()
        return next(self._items)

    def __enter__(self) -> Self:
        self._start()
        return self

    def _start(self) -> None:
        if not self._started:
            self._started = True
            next(self._items)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads after their current items, and close the iterable's iterator."""
        self._items.close()


def prefetch(iterable: Iterable[T], depth: int) -> Prefetch[T]:
    """Yield the items of an iterable while a thread produces the next ones.

    The thread starts on entering the with-block, or with the first item. It stops, and closes the iterable's iterator,
    when the items are used up, when the iterable raises (the exception is raised here, after the items before it), or
    when the result is closed or dropped early.

    Parameters
    ----------
    iterable : Iterable
        Used only by the thread.
    depth : int
        Maximum number of items waiting, at least 1.

    Returns
    -------
    Prefetch
        An iterator, and a context manager that closes it.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    return Prefetch(_prefetched(iterable, depth))


def _prefetched(iterable: Iterable[T], depth: int) -> Generator[T, None, None]:
    end: Any = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="lipblend-prefetch") as thread:
        iterator = thread.submit(iter, iterable).result()
        waiting: deque[Future[T]] = deque(thread.submit(next, iterator, end) for _ in range(depth))
        try:
            yield end  # started
            while (item := waiting.popleft().result()) is not end:
                yield item
                waiting.append(thread.submit(next, iterator, end))
        finally:
            for future in waiting:
                future.cancel()
            close = getattr(iterator, "close", None)
            if close is not None:
                thread.submit(close).result()


def map_in_threads(function: Callable[[T], R], items: Iterable[T], *, workers: int) -> Prefetch[R]:
    """Yield ``function(item)`` for every item, in order, while threads compute the next results.

    Items are taken in the calling thread. The threads start with the first result requested, and stop, with the
    iterable's iterator closed, like those of `prefetch`. An exception of the function is raised in its item's place;
    one of the iterable at once.

    Parameters
    ----------
    function : callable
        Called in several threads at the same time if there is more than one worker.
    items : Iterable
    workers : int
        At least 1. At most one item more than there are workers is taken before its result is yielded.

    Returns
    -------
    Prefetch
        An iterator, and a context manager that closes it.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    return Prefetch(_mapped(function, items, workers))


def _mapped(function: Callable[[T], R], items: Iterable[T], workers: int) -> Generator[R, None, None]:
    iterator = iter(items)
    waiting: deque[Future[R]] = deque()
    started: Any = None
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="lipblend-worker") as threads:
        try:
            yield started
            for item in iterator:
                waiting.append(threads.submit(function, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            close = getattr(iterator, "close", None)
            if close is not None:
                close()


_thread_lock = Lock()
_thread_users = _thread_count = 0  # blocks that are open, and OpenCV's thread count before the first


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Run OpenCV in the calling thread only, while several threads of our own keep the cores busy.

    OpenCV's threads spin while waiting and compete with the encoder's; results are the same. The number of threads is
    global to the process. It is restored when the last of several overlapping blocks ends.
    """
    global _thread_users, _thread_count
    with _thread_lock:
        if not _thread_users:
            _thread_count = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _thread_users += 1
    try:
        yield
    finally:
        with _thread_lock:
            _thread_users -= 1
            if not _thread_users:
                cv2.setNumThreads(_thread_count)
