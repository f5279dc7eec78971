"""A folder of this machine for files from elsewhere: copies of inputs, and outputs until they are published.

Jobs of several runs may use it at once. Each file has a folder of its own: a lock beside that is held while the file is
fetched or the folder removed, and a lock within while a job uses it. What no job uses is removed when the folder grows
too large, the least recently used first; the folder's own modification time says when that was.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from threading import Event

from lipblend.batch.listing.list_paths import job_name
from lipblend.batch.remote.remote_files import RemoteFile, RemoteOptions, RemoteState
from lipblend.batch.remote.store_errors import StoppedError
from lipblend.errors import InputError, OutputError
from lipblend.runtime.folders import user_cache_folder
from lipblend.runtime.lock_holder import look_at
from lipblend.runtime.output_lock import LIFETIME_S, LockedError, OutputLock
from lipblend.runtime.output_paths import make_folder

_EVERY_S = 0.2
_ATTEMPTS = 3
_INPUTS, _OUTPUTS = "inputs", "outputs"
_USE = "use-"


@dataclass(frozen=True)
class Fetched:
    """A copy of a remote file, and the version that it is of."""

    path: Path
    version: str


class ScratchFolder:
    """See the module.

    Parameters
    ----------
    options : RemoteOptions
    stopped : Event
        Ends waiting and fetching with a `StoppedError`.
    """

    def __init__(self, options: RemoteOptions, stopped: Event) -> None:
        self._folder = (options.scratch or user_cache_folder() / "scratch").absolute()
        self._max_bytes, self._stopped = options.scratch_bytes, stopped

    @contextmanager
    def fetched(self, file: RemoteFile) -> Iterator[Fetched]:
        """A copy of a file, fetched unless its version is there; it stays while the context is open.

        Raises
        ------
        InputError
            It does not exist or cannot be read, or changes again and again.
        OutputError
            The scratch folder cannot be written.
        StoppedError
        """
        for _ in range(_ATTEMPTS):
            state = file.look()
            if state is None:
                raise InputError(f"{file.shown} does not exist", hint="Check the address.")
            entry = self._entry(_INPUTS, f"{file.address}\n{state.version}")
            path = entry / _file_name(file.name)
            with ExitStack() as use:
                with self._alone(entry):
                    there = path.is_file() or self._fetch(file, state, path)
                    use.enter_context(_used(entry))
                if there:
                    yield Fetched(path, state.version)
                    return
        raise InputError(f"{file.shown} changes all the time", hint="Wait until it is complete.")

    @contextmanager
    def unfinished(self, output: RemoteFile, part: str = "") -> Iterator[Path]:
        """Where an output, or a part of it, is made; what is there of an interrupted job is kept for the next one."""
        entry = self._entry(_OUTPUTS, output.address + part)
        with ExitStack() as use:
            with self._alone(entry):
                use.enter_context(_used(entry))
            yield entry / _file_name(output.name)

    def prune(self, needed_bytes: int = 0) -> None:
        """Remove what no job uses until the rest, with what is needed, fits; the least recently used first."""
        entries = sorted((_used_ns(entry), entry) for kind in (_INPUTS, _OUTPUTS) for entry in self._entries(kind))
        sizes = {entry: _size(entry) for _, entry in entries}
        left = sum(sizes.values()) + needed_bytes
        for _, entry in entries:
            if left <= self._max_bytes:
                return
            if self._remove(entry):
                left -= sizes[entry]

    def _entries(self, kind: str) -> list[Path]:
        folder = self._folder / kind
        return [entry for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []

    def _entry(self, kind: str, text: str) -> Path:
        return self._folder / kind / blake2b(text.encode(), digest_size=16).hexdigest()

    def _fetch(self, file: RemoteFile, state: RemoteState, path: Path) -> bool:
        """Fetch a file of this state; False if it has another one now."""
        self.prune(state.size or 0)
        part = path.with_name(f".{path.name}.part")
        file.fetch(part, self._stopped)
        now, found = file.look(), part.stat().st_size
        if now is None or now.version != state.version:
            part.unlink()  # it may be a mixture of two
            return False
        if state.size is not None and found != state.size:
            part.unlink()
            hint = "Run the same command again."
            raise InputError(f"{file.shown} has {state.size} bytes, and {found} of them arrived", hint=hint)
        os.utime(part, (_modified_s(state),) * 2)  # on every machine that of the same content
        os.replace(part, path)
        return True

    @contextmanager
    def _alone(self, entry: Path) -> Iterator[None]:
        """Wait until no other job fetches or removes this, and keep others from it. The folder is there within."""
        make_folder(self._folder, mode=0o700)
        make_folder(entry.parent)
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(OutputLock(entry))
                    break
                except LockedError:
                    if self._stopped.wait(_EVERY_S):
                        raise StoppedError from None
            make_folder(entry)
            yield

    def _remove(self, entry: Path) -> bool:
        """Remove what no job uses; False if one does."""
        try:
            with OutputLock(entry):
                if _is_used(entry):
                    return False
                shutil.rmtree(entry, ignore_errors=True)
                return not entry.exists()
        except (LockedError, OutputError):
            return False

    def discard(self, output: RemoteFile, part: str = "") -> None:
        """Remove what is left of an output, or a part of it, that was published."""
        self._remove(self._entry(_OUTPUTS, output.address + part))


@contextmanager
def _used(entry: Path) -> Iterator[None]:
    """Keep the folder of a file from being removed."""
    with OutputLock(entry / f"{_USE}{uuid.uuid4().hex[:12]}"):
        os.utime(entry)
        try:
            yield
        finally:
            with suppress(OSError):
                os.utime(entry)


def _is_used(entry: Path) -> bool:
    for lock in entry.glob(f".{_USE}*-lock"):
        holder = look_at(lock)
        if holder is None or holder.is_gone:
            continue
        if holder.is_gone is False or time.time() - holder.refreshed_ns / 1e9 < 2 * LIFETIME_S:
            return True
    return False


def _file_name(name: str) -> str:
    """A name for a copy that every file system can hold, with the ending."""
    return job_name(Path(name).stem) + job_name(f"_{Path(name).suffix}")[1:]


def _modified_s(state: RemoteState) -> float:
    """When a file was changed; where the store does not tell, a time that stands for its version."""
    if state.modified_s is not None:
        return state.modified_s
    return float(int.from_bytes(blake2b(state.version.encode(), digest_size=3).digest()))


def _used_ns(entry: Path) -> int:
    try:
        return entry.stat().st_mtime_ns
    except OSError:
        return 0


def _size(entry: Path) -> int:
    """Bytes in a folder; other runs may remove files meanwhile."""
    total = 0
    for folder, _, names in os.walk(entry):
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(folder, name)).st_size
    return total
