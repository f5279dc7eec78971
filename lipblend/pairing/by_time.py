"""Pair frames of two videos by their time, while both are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class Timed(Protocol):
    """Anything with a presentation time, such as a frame."""

    @property
    def time_s(self) -> float:
        """Presentation time, seconds."""


A = TypeVar("A", bound=Timed)
B = TypeVar("B", bound=Timed)


def pair_by_time(
    original: Iterable[A], synced: Iterable[B], *, starts_s: tuple[float, float] | None = None
) -> Iterator[tuple[A, B | None]]:
    """Read both videos together, and pair every original item with the synced item nearest in time.

    Times count from each video's own first item, as generators start their output at 0 whatever the source did.

    Parameters
    ----------
    original, synced : iterables of Timed
        In presentation order. Each is read once; at most two items of the synced video are held.
    starts_s : (float, float), optional
        Times of the original and of the synced video that correspond; by default those of their first items.

    Yields
    ------
    (original item, synced item or None)
        None once the original item is more than half a frame period later than the last synced item.
    """
    following = iter(synced)
    current = next(following, None)
    upcoming = next(following, None)
    start_synced = current.time_s if current else 0.0
    period = 0.0
    start_original: float | None = None
    if starts_s is not None:
        start_original, start_synced = starts_s
    for item in original:
        if start_original is None:
            start_original = item.time_s
        time = item.time_s - start_original + start_synced
        while current and upcoming and abs(upcoming.time_s - time) <= abs(current.time_s - time):
            period = upcoming.time_s - current.time_s
            current, upcoming = upcoming, next(following, None)
        if current is not None and upcoming is not None:
            period = upcoming.time_s - current.time_s
        ended = current is None or (upcoming is None and time > current.time_s + period / 2 + 1e-6)
        yield item, None if ended else current
