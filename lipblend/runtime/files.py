"""Files that appear under their name only when they are complete, and temporary files.

On Linux an unfinished file has no name (``O_TMPFILE``), so that not even SIGKILL or a power cut leaves a part of it
behind; it is opened for writing through ``/proc/self/fd``. Where the system or the file system does not support this
(tested for every file), the file has a hidden name in the target's folder.

Sources: open(2), linkat(2), rename(2), proc(5).
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from lipblend.errors import OutputError

_DESCRIPTORS = "/proc/self/fd"
_COPY_BYTES = 1 << 20


class UnfinishedFile:
    """An empty file in the target's folder, to be published under the target's name or discarded.

    A context manager that discards the file on exit unless it was published.

    Parameters
    ----------
    target : Path
        Name of the finished file.
    private : bool
        Readable and writable by its owner only.

    Attributes
    ----------
    path : Path
        Where this process can open the file until it is published or discarded. It may lack the target's suffix.

    Raises
    ------
    OSError
        The folder is missing or cannot be written to.
    """

    def __init__(self, target: Path, *, private: bool = False) -> None:
        self._mode = 0o600 if private else 0o666  # minus the umask
        self._target = target.absolute()
        self._hidden = self._target.parent / f".lipblend-{secrets.token_hex(6)}{target.suffix}"
        nameless = _open_nameless(self._target.parent, self._mode)
        self._named = nameless is None
        self._descriptor = _create(self._hidden, self._mode) if nameless is None else nameless
        self.path = self._hidden if self._named else Path(_DESCRIPTORS, str(self._descriptor))
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def publish(self, *, overwrite: bool) -> None:
        """Flush the file to disk and give it its name in one step.

        Parameters
        ----------
        overwrite : bool
            Replace an existing file. Otherwise the first of several runs gets the name, and the others an error.

        Raises
        ------
        OutputError
            The name is taken, and `overwrite` is False.
        OSError
            The folder is gone, the disk is full, or similar.
        """
        os.fsync(self._descriptor)
        if not self._named:
            # Link straight to the target if it is free, so that no hidden name ever exists.
            if self._link_as(self._target):
                self._close()
                return
            self._take_hidden_name()
        self._close()  # Windows renames closed files only
        if overwrite:
            os.replace(self._hidden, self._target)
        else:
            _rename_to_free_name(self._hidden, self._target)
        self._named = False

    def discard(self) -> None:
        """Remove the file unless it was published. Safe to call more than once."""
        self._close()
        if self._named:
            self._hidden.unlink(missing_ok=True)
            self._named = False

    def _close(self) -> None:
        if self._open:
            os.close(self._descriptor)
            self._open = False

    def _take_hidden_name(self) -> None:
        self._named = True
        if not self._link_as(self._hidden):
            with self.path.open("rb") as source, open(_create(self._hidden, self._mode), "wb") as sink:
                shutil.copyfileobj(source, sink, _COPY_BYTES)
                sink.flush()
                os.fsync(sink.fileno())

    def _link_as(self, name: Path) -> bool:
        """Give the nameless file a name; False if the name is taken or the file system cannot link it."""
        # Without a folder descriptor Python calls link(), which would link to the entry in /proc itself.
        try:
            entries = os.open(_DESCRIPTORS, os.O_RDONLY)
            try:
                os.link(str(self._descriptor), name, src_dir_fd=entries, follow_symlinks=True)
            finally:
                os.close(entries)
        except OSError:
            return False
        return True


def write_atomically(
    path: Path, content: bytes | Callable[[IO[bytes]], None], *, overwrite: bool = True, private: bool = False
) -> None:
    """Write a file that appears under its name only when it is complete.

    Parameters
    ----------
    path : Path
    content : bytes or callable
        The content, or a function that writes it to the open file.
    overwrite : bool
        Replace an existing file.
    private : bool
        Readable and writable by its owner only.

    Raises
    ------
    OutputError
        The file cannot be written, or it exists and `overwrite` is False.
    """
    try:
        if not overwrite and path.exists():
            raise file_exists_error(path)
        with UnfinishedFile(path, private=private) as file:
            if isinstance(content, bytes):
                file.path.write_bytes(content)
            else:
                with file.path.open("wb") as sink:
                    content(sink)
            file.publish(overwrite=overwrite)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}", hint="Check the folder's permissions and the free space."
        ) from error


def temporary_file() -> IO[bytes]:
    """Open an unbuffered temporary file, nameless where the system supports it, that is removed when closed.

    Raises
    ------
    OutputError
        It cannot be created.
    """
    with temporary_file_errors():
        # A buffered file would try to write again on closing what could not be written before.
        return tempfile.TemporaryFile(prefix="lipblend-", buffering=0)


@contextmanager
def temporary_file_errors() -> Iterator[None]:
    """Turn an `OSError` of writing a temporary file into an `OutputError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write a temporary file: {error.strerror or error}",
            hint="Free some space in the folder for temporary files, or set TMPDIR to another folder.",
        ) from error


def write_all(file: IO[bytes], data: bytes | memoryview) -> None:
    """Write all data to an unbuffered file, which may accept only a part at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def file_exists_error(path: Path) -> OutputError:
    """The error for an output that exists and must not be replaced."""
    return OutputError(f"{path} already exists", hint="Remove --no-overwrite to replace it, or choose another name.")


def _open_nameless(folder: Path, mode: int = 0o666) -> int | None:
    """Descriptor of a nameless file that can be opened a second time; None where this is not supported."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR, mode)
    except OSError:
        return None
    try:
        os.close(os.open(f"{_DESCRIPTORS}/{descriptor}", os.O_RDWR))
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _create(path: Path, mode: int = 0o666) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)


def _rename_to_free_name(source: Path, target: Path) -> None:
    try:
        try:
            os.link(source, target)
            source.unlink()
        except FileExistsError:
            raise
        except OSError:
            # No hard links on this file system: reserve the name, then replace the reservation.
            os.close(_create(target))
            try:
                os.replace(source, target)
            except OSError:
                target.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise file_exists_error(target) from None
