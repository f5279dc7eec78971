"""When a face tracker searches for new faces, and how completely."""

from __future__ import annotations

from dataclasses import dataclass

_TILES_PER_S = 16.0
_MAX_RESERVE = 4.0  # searches
_RESERVE_PERIOD_S = 2.0


@dataclass(frozen=True)
class DueSearch:
    """A search that is due.

    Attributes
    ----------
    complete : bool
        All tiles; else only the whole frame, and `tiles` tiles beside tracked faces.
    first : bool
        The first search of the video.
    tiles : int
    """

    complete: bool
    first: bool
    tiles: int


class SearchSchedule:
    """When to search for new faces.

    Complete searches out of turn (at a cut, or when the last face was lost) are limited: a reserve of four, refilled by
    one every two seconds.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._last_s: float | None = None
        self._reserve = _MAX_RESERVE
        self._reserve_s = 0.0

    def next(self, time_s: float, *, tracking: bool, out_of_turn: bool) -> DueSearch | None:
        """The search to make in this frame; None for none."""
        first = self._last_s is None
        waited_s = 0.0 if self._last_s is None else time_s - self._last_s
        due = first or waited_s >= self._every_s
        if tracking and not due and not out_of_turn:
            return None
        complete = first or (due and not tracking) or (out_of_turn and self._use_reserve(time_s))
        if complete or due:
            self._last_s = time_s
        return DueSearch(complete, first, max(1, round(_TILES_PER_S * waited_s)) if due else 0)

    def _use_reserve(self, time_s: float) -> bool:
        """Use one search of the reserve; False if it is empty."""
        self._reserve = min(_MAX_RESERVE, self._reserve + (time_s - self._reserve_s) / _RESERVE_PERIOD_S)
        self._reserve_s = time_s
        if self._reserve < 1:
            return False
        self._reserve -= 1
        return True
