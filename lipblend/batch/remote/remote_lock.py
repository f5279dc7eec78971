"""A lock for an output at an address: an object beside it, as `lipblend.runtime.output_lock` keeps a file.

The object is created with the store's conditional request, which only one of several runs can win. Whether the store
keeps to the condition is tried at once, on the lock itself: some S3 servers ignore it, and some protocols have none.
There the lock is read again after a while, and whoever wrote last has it, which is weaker: a run that was stopped for
longer than that, just before it wrote, takes the lock of another one.

A holder refreshes the lock every 15 s. It has ended if its process on this machine is gone, or if it has not refreshed
the lock for 60 s, by the store's own clock; where that cannot be asked for, the lock is watched for 60 s.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

import json
import os
import time
import uuid
from contextlib import suppress

from lipblend.batch.remote.remote_files import RemoteFile
from lipblend.errors import LipblendError, OutputError
from lipblend.runtime.lock_holder import LockHolder, identity
from lipblend.runtime.output_lock import LIFETIME_S, REFRESH_S, LockedError
from lipblend.runtime.refreshed_lock import RefreshedLock

SETTLE_S = 2.0
"""How long after writing a lock is read again, where creating it is not exclusive."""

_SUFFIX = ".lipblend-lock"
_ATTEMPTS = 20
_WATCHED_TIMES = 20


class RemoteLock(RefreshedLock):
    """The lock of an output at an address; a context manager.

    Parameters
    ----------
    output : RemoteFile
    lifetime_s, refresh_s, settle_s : float
        Other values are for tests. All runs must have the same.

    Raises
    ------
    LockedError
        On entering: another run holds it.
    OutputError
        On entering: the store cannot be written.
    """

    def __init__(
        self,
        output: RemoteFile,
        *,
        lifetime_s: float = LIFETIME_S,
        refresh_s: float = REFRESH_S,
        settle_s: float = SETTLE_S,
    ) -> None:
        super().__init__()
        self._output, self._file = output, output.beside(_SUFFIX)
        self._lifetime_s, self._refresh_s, self._settle_s = lifetime_s, refresh_s, settle_s
        self._token, self._beat = uuid.uuid4().hex, 0

    def acquire(self) -> None:
        """Take the lock, and refresh it until `release`; see the class for errors."""
        for _ in range(_ATTEMPTS):
            if self._won(self._file):
                self._hold()
                return
            text = self._file.read()
            if text is None:
                continue  # released in between
            if not self._has_ended(text):
                raise self._locked(text)
            self._take_away(text)
        raise LockedError(f"{self._output.shown} is locked again and again by other runs", hint="Wait until they end.")

    def check_held(self) -> None:
        """Check that nobody has taken the lock over, while this machine could not refresh it.

        Raises
        ------
        OutputError
        """
        if not self._is_ours(self._file.read()):
            raise OutputError(
                f"{self._output.shown} was not written: another run has taken over its lock, which could not be "
                f"refreshed for {self._lifetime_s:g} s",
                hint="Run the same command again.",
            )

    def release(self) -> None:
        """Give the lock back, if it is still this run's. Safe to call more than once."""
        if not self._let_go():
            return
        with suppress(LipblendError):  # the store is gone: then the lock ends by itself
            if self._is_ours(self._file.read()):
                self._file.remove()

    def _won(self, file: RemoteFile) -> bool:
        """Create a lock, and say whether it is this run's."""
        if file.read() is not None or not file.create(self._content()):
            return False
        if file.creates_exclusively and not file.create(self._content()):
            return True
        time.sleep(self._settle_s)
        return self._is_ours(file.read())

    def _content(self) -> bytes:
        host, machine, started = identity().split(",")
        self._beat += 1
        return json.dumps({
            "token": self._token, "host": host, "machine": machine, "started": started, "pid": os.getpid(),
            "beat": self._beat,
        }).encode()  # fmt: skip

    def _is_ours(self, text: bytes | None) -> bool:
        return text is not None and self._token.encode() in text

    def _refresh(self) -> None:
        while not self._done.wait(self._refresh_s):
            with suppress(LipblendError):  # a store that is away for a while
                if not self._is_ours(self._file.read()):
                    self._lost = True
                    return
                if not self._done.is_set():
                    self._file.write(self._content())

    def _has_ended(self, text: bytes) -> bool:
        """Whether the holder of the lock is no more. May wait."""
        gone = holder_of(text).is_gone
        if gone is not None:
            return gone
        age_s = self._age_s(self._file)
        if age_s is not None:
            return age_s >= self._lifetime_s
        end_s = time.monotonic() + self._lifetime_s
        while time.monotonic() < end_s:
            time.sleep(self._lifetime_s / _WATCHED_TIMES)
            if self._file.read() != text:
                return False
        return True

    def _age_s(self, file: RemoteFile) -> float | None:
        """Seconds since a lock was refreshed, by the clock of the store; None if it does not tell."""
        clock = self._output.beside(f"{_SUFFIX}-clock-{self._token}")
        clock.write(b"")
        try:
            now, then = clock.look(), file.look()
        finally:
            clock.remove()
        if now is None or then is None or now.modified_s is None or then.modified_s is None:
            return None
        return now.modified_s - then.modified_s

    def _take_away(self, text: bytes) -> None:
        """Remove the lock of a holder that has ended, unless somebody else has taken it over."""
        breaking = self._output.beside(f"{_SUFFIX}-break")
        if not self._won(breaking):
            if (self._age_s(breaking) or 0.0) >= self._lifetime_s:
                breaking.remove()  # of a run that was killed just then
            raise LockedError(
                f"{self._output.shown}: another run is taking over the lock of a run that has ended",
                hint="Run again later.",
            )
        try:
            if self._file.read() == text:
                self._file.remove()
        finally:
            breaking.remove()

    def _locked(self, text: bytes) -> LockedError:
        return LockedError(
            f"{self._output.shown} is being written by another run: {holder_of(text).who}",
            hint=f"Wait until it ends, or choose another output. After a crash of its machine the lock, "
            f"{self._file.shown}, is taken over when it was not refreshed for {self._lifetime_s:g} s.",
        )


def holder_of(text: bytes) -> LockHolder:
    """Who wrote a lock; nobody in particular if it is damaged."""
    try:
        said = json.loads(text)
        return LockHolder("", 0, str(said["host"]), str(said["machine"]), int(said["pid"]), str(said["started"]))
    except (ValueError, KeyError, TypeError):
        return LockHolder("", 0)
