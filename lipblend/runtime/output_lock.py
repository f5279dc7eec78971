"""A lock for each output, so that two runs, on one machine or two, do not write the same file.

The lock is a hidden file beside the output, taken with flufl.lock: a *claim* of the process is hard-linked to the name
of the lock, which only one of several can do, also on NFS. What flufl.lock decides by the clocks of the machines is
decided otherwise here:

* The holder refreshes the lock every 15 s, in the clock of the file system, which all machines share.
* A holder on the same machine is asked for: while it runs, it holds, however long it was stopped; when it is gone (or
  its id belongs to a process with another start), the lock is taken over at once.
* A holder elsewhere has given up if it has not refreshed the lock for 60 s *and* does not while it is watched for
  longer than the time between two refreshes. If the lock lies in the future, which no file system with one clock shows,
  it is watched for all of the 60 s. So a wrong clock makes others wait, and never makes two hold one lock.

Where a file system has no hard links (exFAT, many network drives) the lock file is created exclusively instead. What
has neither, such as object stores mounted as folders, keeps runs on one machine apart at best.

Sources: link(2), open(2) on O_EXCL, https://flufllock.readthedocs.io
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flufl.lock import SEP, AlreadyLockedError, Lock, TimeOutError

from lipblend.errors import OutputError
from lipblend.runtime.lock_holder import LockHolder, identity, look_at
from lipblend.runtime.output_paths import hidden_beside
from lipblend.runtime.refreshed_lock import RefreshedLock

LIFETIME_S = 60.0
"""A lock of another machine ends when it was not refreshed for so long."""
REFRESH_S = 15.0

_SUFFIX = ".lipblend-lock"
_CLAIM_BYTES = 110  # what a claim's name is longer than the lock's, at most
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)
_FUTURE_S = 2.0  # some file systems round to two seconds
_ATTEMPTS = 20
_UNLINK_ATTEMPTS = 50
_BREAK_WAIT_S, _BREAK_LIFETIME_S = 5.0, 60.0


class LockedError(OutputError):
    """Another run is writing the same output."""


class OutputLock(RefreshedLock):
    """The lock of an output; a context manager. The output need not exist, but its folder has to.

    Parameters
    ----------
    output : Path
    lifetime_s, refresh_s : float
        `LIFETIME_S` and `REFRESH_S`; other values are for tests. All runs must have the same.

    Raises
    ------
    LockedError
        On entering: another run holds it.
    OutputError
        On entering: no file can be written to the folder.
    """

    def __init__(self, output: Path, *, lifetime_s: float = LIFETIME_S, refresh_s: float = REFRESH_S) -> None:
        super().__init__()
        self.path = hidden_beside(output, _SUFFIX, spare_bytes=_CLAIM_BYTES)
        self._output, self._lifetime_s, self._refresh_s = output, lifetime_s, refresh_s
        self._claim = _Claim(self.path)

    def acquire(self) -> None:
        """Take the lock, and refresh it until `release`; see the class for errors."""
        with _explained(self.path):
            for _ in range(_ATTEMPTS):
                if self._take():
                    self._hold()
                    return
                holder = look_at(self.path)
                if holder is None:
                    continue  # released in between
                if not self._has_ended(holder):
                    raise self._locked(holder)
                self._remove(holder)
        raise LockedError(f"{self._output} is locked again and again by other runs", hint="Wait until they end.")

    def release(self) -> None:
        """Give the lock back, if it is still this run's. Safe to call more than once."""
        if not self._let_go():
            return
        with suppress(OSError):  # the file system is gone: this process will be too, and then the lock has ended
            if self._is_ours(look_at(self.path)):
                _unlink(self.path)
            self._claim.unlock(unconditionally=True)

    def _take(self) -> bool:
        try:
            self._claim.lock(timeout=-1)  # so that it neither waits nor judges by its clock
        except TimeOutError:
            return False
        except AlreadyLockedError:  # a network file system lost the answer to a link that it has made
            return self._is_ours(look_at(self.path))
        except OSError as error:
            with suppress(OSError):
                os.unlink(self._claim.claimfile)  # on a full disk it is left, and empty
            if error.errno not in _NO_LINKS:
                raise
            return self._create()
        os.utime(self.path)
        return True

    def _create(self) -> bool:
        """Create the lock file where there are no hard links."""
        try:
            file = self.path.open("x", encoding="utf-8")
        except FileExistsError:
            return False
        try:
            with file:
                file.write(self._claim.claimfile)
        except OSError:
            _unlink(self.path)
            raise
        return True

    def _refresh(self) -> None:
        while not self._done.wait(self._refresh_s):
            try:
                if not self._is_ours(look_at(self.path)):
                    self._lost = True
                    return
                os.utime(self.path)
            except OSError:
                continue  # a network drive that is away for a while

    def _is_ours(self, holder: LockHolder | None) -> bool:
        return holder is not None and holder.text == self._claim.claimfile

    def _has_ended(self, holder: LockHolder) -> bool:
        """Whether the holder of the lock is no more. May wait."""
        gone = holder.is_gone
        if gone is not None:
            return gone
        age_s = _age_s(self.path, holder)
        if -_FUTURE_S <= age_s < self._lifetime_s:
            return False
        watch_s = self._lifetime_s if age_s < 0 else self._refresh_s * 4 / 3
        end_s = time.monotonic() + watch_s
        while (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, max(0.01, watch_s / 20)))
            if look_at(self.path) != holder:
                return False
        return True

    def _remove(self, holder: LockHolder) -> None:
        """Remove the lock of a holder that has ended, unless somebody else has taken it over."""
        with self._breaking():
            if look_at(self.path) != holder:
                return
            _unlink(self.path)
            claim = holder.text.replace("\\", "/").rpartition("/")[2]
            if claim.startswith(self.path.name + SEP):  # never what a foreign file names
                _unlink(self.path.parent / claim)

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        """Keep others from removing the same lock at the same time, who could remove that of its successor."""
        path, end_s = self.path.with_name(f"{self.path.name}-break"), time.monotonic() + _BREAK_WAIT_S
        while True:
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
                break
            except FileExistsError:
                other = look_at(path)
                if other is not None and _age_s(path, other) > _BREAK_LIFETIME_S:
                    _unlink(path)  # of a run that was killed within a millisecond
                elif time.monotonic() > end_s:
                    raise LockedError(
                        f"{self._output}: another run is taking over the lock of a run that has ended",
                        hint=f"Run again later. If that does not end, delete {path}.",
                    ) from None
                else:
                    time.sleep(0.02)
        try:
            yield
        finally:
            _unlink(path)

    def _locked(self, holder: LockHolder) -> LockedError:
        return LockedError(
            f"{self._output} is being written by another run: {holder.who}",
            hint=f"Wait until it ends, or choose another output. After a crash of its machine the lock, {self.path}, "
            f"is taken over when it was not refreshed for {self._lifetime_s:g} s.",
        )


class _Claim(Lock):
    """A lock of flufl.lock that names this process exactly.

    Its own constructor asks the network for the host's name (12 ms a lock, or seconds), which is not needed, and which
    nothing here may do. So it is not called; `flufl.lock` is held to one major version in the project's file.
    """

    def __init__(self, path: Path) -> None:
        self._hostname = identity()
        self._default_timeout = None
        self._lockfile = os.path.abspath(path)
        self._separator = SEP
        self._retry_errnos = []
        self.lifetime = round(LIFETIME_S)
        self._set_claimfile()


def _age_s(path: Path, holder: LockHolder) -> float:
    """Seconds since a lock was refreshed, by the clock that gives files in its folder their modification times."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".lipblend-") as file:
        return os.fstat(file.fileno()).st_mtime - holder.refreshed_ns / 1e9


def _unlink(path: Path) -> None:
    """Remove a file, if it is there. Windows refuses that while another process reads it."""
    for left in reversed(range(_UNLINK_ATTEMPTS)):
        try:
            path.unlink(missing_ok=True)
            return
        except PermissionError:
            if left == 0 or sys.platform != "win32":
                raise
            time.sleep(0.02)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn errors of the file system into an `OutputError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write the lock {path}: {error.strerror or error}",
            hint="Check the folder's permissions and the free space.",
        ) from error
    except UnicodeError as error:
        raise OutputError(
            f"cannot write the lock {path}: the path cannot be stored in this system's encoding",
            hint="Set PYTHONUTF8=1, or choose another name.",
        ) from error
