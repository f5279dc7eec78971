"""Which synced frame is shown at the time of an original frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lipblend.media.reader import Frame


def pair_by_time(original: Iterable[Frame], synced: Iterable[Frame]) -> Iterator[tuple[Frame, Frame | None]]:
    """Walk both videos together; with every original frame the synced frame nearest in time.

    Times count from each video's own first frame, as generators start their output at 0 whatever the source did.

    Parameters
    ----------
    original, synced : iterables of Frame
        In presentation order. Each is read once; two frames of the synced video are held at most.

    Yields
    ------
    (original frame, synced frame or None)
        None once the original frame lies more than half a frame's time after the last synced frame's end.
    """
    following = iter(synced)
    current = next(following, None)
    upcoming = next(following, None)
    start_synced = current.time_s if current else 0.0
    period = 0.0
    start_original: float | None = None
    for frame in original:
        if start_original is None:
            start_original = frame.time_s
        time = frame.time_s - start_original + start_synced
        while current and upcoming and abs(upcoming.time_s - time) <= abs(current.time_s - time):
            period = upcoming.time_s - current.time_s
            current, upcoming = upcoming, next(following, None)
        if current is not None and upcoming is not None:
            period = upcoming.time_s - current.time_s
        ended = current is None or (upcoming is None and time > current.time_s + period / 2 + 1e-6)
        yield frame, None if ended else current
