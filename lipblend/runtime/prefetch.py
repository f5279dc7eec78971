"""Running an iterable ahead in a thread of its own, and working on its items in a few threads, in order."""

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
    """Iterator over the items of an iterable that a thread makes ahead; a context manager. See `prefetch`.

    Parameters
    ----------
    items : Generator
        Its first item is none: it only says that work has started.
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
        """End the thread, after the item that it is working on, and close the iterable's iterator."""
        self._items.close()


def prefetch(iterable: Iterable[T], depth: int) -> Prefetch[T]:
    """Hand on the items of an iterable while a thread makes the next ones.

    The thread starts as the with-block is entered, or with the first item asked for. It ends, and the iterable's own
    iterator is closed, when the items are used up, when the iterable fails (its exception appears here, after the items
    before it), or when the result is closed or dropped early.

    Parameters
    ----------
    iterable : Iterable
        Where the items come from. Only the thread touches it.
    depth : int
        At most so many items wait, at least 1.

    Returns
    -------
    Prefetch
        An iterator, and a context manager that closes it.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    return Prefetch(_run(iterable, depth))


def _run(iterable: Iterable[T], depth: int) -> Generator[T, None, None]:
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


def worked_on(function: Callable[[T], R], items: Iterable[T], *, workers: int) -> Prefetch[R]:
    """Hand on what a function makes of items, in their order, while threads work on the next ones.

    Items are taken on the thread that asks for results. The threads start with the first one asked for, and end, with
    the iterable's iterator closed, as those of `prefetch`. An exception of the function appears in its item's place;
    one of the iterable at once.

    Parameters
    ----------
    function : callable
        Called on several threads at the same time if there is more than one worker.
    items : Iterable
    workers : int
        At least 1. At most one item more than there are workers is taken and not yet handed on.

    Returns
    -------
    Prefetch
        An iterator, and a context manager that closes it.
    """
    if workers < 1:
        raise ValueError(f"there must be at least 1 worker, got {workers}")
    return Prefetch(_work(function, items, workers))


def _work(function: Callable[[T], R], items: Iterable[T], workers: int) -> Generator[R, None, None]:
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


class _SingleThread:
    """Counts who wants OpenCV on one thread, as runs in one process may overlap."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wanted = self._before = 0

    def enter(self) -> None:
        with self._lock:
            if not self._wanted:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._wanted += 1

    def leave(self) -> None:
        with self._lock:
            self._wanted -= 1
            if not self._wanted:
                cv2.setNumThreads(self._before)


_single = _SingleThread()


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Let OpenCV work on the calling thread only, for as long as several threads of our own keep the cores busy.

    Its own threads wait for work by spinning, and take turns with the encoder's; results are the same. The number of
    threads is OpenCV's for the whole process, and is put back when the last of several with-blocks ends.
    """
    _single.enter()
    try:
        yield
    finally:
        _single.leave()
