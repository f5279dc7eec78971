"""A file that has no name until it is whole.

On Linux the file is made without a name (``O_TMPFILE``), so that not even SIGKILL or a power cut leaves a part of it
behind; it is opened for writing through ``/proc/self/fd``. Where the system or the file system cannot do that (the
attempt is made each time), it lies in the same folder under a hidden name.

Sources: open(2), linkat(2), rename(2), proc(5).
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from pathlib import Path

from lipblend.errors import OutputError

_DESCRIPTORS = "/proc/self/fd"
_COPY_BYTES = 1 << 20


class UnfinishedFile:
    """An empty file in the folder of `target`, to be published under that name or discarded.

    Parameters
    ----------
    target : Path
        The name that it will have.
    private : bool
        For its owner only, whatever the folder allows.

    Attributes
    ----------
    path : Path
        Where this process can open it for writing, until it is published or discarded. The suffix may be missing.

    Raises
    ------
    OSError
        The folder is missing or cannot be written to.
    """

    def __init__(self, target: Path, *, private: bool = False) -> None:
        self._mode = 0o600 if private else 0o666  # less what the umask takes
        self._target = target.absolute()
        self._hidden = self._target.parent / f".lipblend-{secrets.token_hex(6)}{target.suffix}"
        nameless = _open_nameless(self._target.parent, self._mode)
        self._named = nameless is None
        self._descriptor = _create(self._hidden, self._mode) if nameless is None else nameless
        self.path = self._hidden if self._named else Path(_DESCRIPTORS, str(self._descriptor))
        self._open = True

    def publish(self, *, overwrite: bool) -> None:
        """Give the file its name, in one step, once its content is on the disk.

        Parameters
        ----------
        overwrite : bool
            Replace what has the name. Otherwise the first of several runs gets the name, and the others an error.

        Raises
        ------
        OutputError
            The name is taken, and `overwrite` is False.
        OSError
            The folder is gone, the disk is full ...
        """
        os.fsync(self._descriptor)
        if not self._named:
            # Straight to the name, if it is free: then there is no moment at which a hidden one exists.
            if self._linked(self._target):
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
        """Remove the file unless it is published. May be called again."""
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
        if not self._linked(self._hidden):
            with self.path.open("rb") as source, open(_create(self._hidden, self._mode), "wb") as sink:
                shutil.copyfileobj(source, sink, _COPY_BYTES)
                sink.flush()
                os.fsync(sink.fileno())

    def _linked(self, name: Path) -> bool:
        """Give the nameless file a name; False where that is taken, or where a nameless file cannot get one."""
        # Without a folder's descriptor Python calls link(), which would link to the entry in /proc itself.
        try:
            entries = os.open(_DESCRIPTORS, os.O_RDONLY)
            try:
                os.link(str(self._descriptor), name, src_dir_fd=entries, follow_symlinks=True)
            finally:
                os.close(entries)
        except OSError:
            return False
        return True


def name_taken(path: Path) -> OutputError:
    """The error for an output that exists and must not be replaced."""
    return OutputError(f"{path} exists already", hint="Leave out --no-overwrite to replace it, or name another.")


def _open_nameless(folder: Path, mode: int = 0o666) -> int | None:
    """Descriptor of a nameless file that can be opened once more; None where that cannot be had."""
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
            # No hard links here: reserve the name, then replace what is ours.
            os.close(_create(target))
            try:
                os.replace(source, target)
            except OSError:
                target.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise name_taken(target) from None
