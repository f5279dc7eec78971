"""What locks have in common that are held for a limited time and refreshed from a thread until they are released."""

from __future__ import annotations

from abc import ABC, abstractmethod
from threading import Event, Thread
from types import TracebackType
from typing import Self


class RefreshedLock(ABC):
    """A lock as a context manager. `_hold` and `_let_go` begin and end the refreshing."""

    def __init__(self) -> None:
        self._done, self._lost = Event(), False
        self._refresher: Thread | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def lost(self) -> bool:
        """Whether it was removed, or another run has taken it over, as far as the last refresh has seen."""
        return self._lost

    @abstractmethod
    def acquire(self) -> None:
        """Take the lock, and refresh it until `release`; see the class for errors."""

    @abstractmethod
    def release(self) -> None:
        """Give the lock back, if it is still this run's. Safe to call more than once."""

    @abstractmethod
    def _refresh(self) -> None:
        """Refresh until ``_done`` is set; sets ``_lost``. Runs on a thread."""

    def _hold(self) -> None:
        """Begin to refresh a lock that was taken."""
        self._done.clear()
        self._lost = False
        self._refresher = Thread(target=self._refresh, name="lipblend-lock", daemon=True)
        self._refresher.start()

    def _let_go(self) -> bool:
        """End the refreshing; False if the lock was not held."""
        if self._refresher is None:
            return False
        self._done.set()
        self._refresher.join()
        self._refresher = None
        return True
