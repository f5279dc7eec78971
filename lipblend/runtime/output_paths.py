"""Folders and files that are to be written: checks before any work, and creating folders."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from lipblend.errors import OutputError
from lipblend.runtime.files import file_exists_error

_MAX_NAME_BYTES = 255  # of nearly every file system


def hidden_beside(output: Path, suffix: str, *, spare_bytes: int = 0) -> Path:
    """A hidden name beside an output, named after it, or after a hash of its name if that would be too long.

    Parameters
    ----------
    output : Path
    suffix : str
        What tells such names from others.
    spare_bytes : int
        Bytes that names made from it may be longer.
    """
    name = f".{output.name}{suffix}"
    if len(os.fsencode(name)) + spare_bytes > _MAX_NAME_BYTES:
        name = f".{hashlib.blake2b(os.fsencode(output.name), digest_size=16).hexdigest()}{suffix}"
    return output.parent / name


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """Create a folder and its parents unless they exist.

    Raises
    ------
    OutputError
        It cannot be created.
    """
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_create(folder, error) from error


def check_file_writable(
    path: Path, *, inputs: Iterable[Path] = (), overwrite: bool = True, example: str = "out.mp4"
) -> None:
    """Check that a file can be written, before any work. Nothing is left on the disk.

    Parameters
    ----------
    path : Path
    inputs : iterable of Path
        Files that must not be overwritten, also not through a link.
    overwrite : bool
        An existing file is acceptable.
    example : str
        File name for the hint if `path` is a folder.

    Raises
    ------
    OutputError
        The path is a folder, a device, one of the inputs, or taken; or its folder is missing or cannot be written to.
    """
    folder = path.absolute().parent
    check_is_file_name(path, example=example)
    try:
        if not folder.is_dir():
            raise OutputError(f"the folder {folder} does not exist", hint="Create it first, or choose another output.")
        if os.path.lexists(path) and not overwrite:
            raise file_exists_error(path)
        if any(same_file(path, Path(each)) for each in inputs):
            raise OutputError(f"{path} is an input of this run", hint="Choose another name for the output.")
    except OSError as error:
        raise OutputError(f"{path} cannot be an output: {error.strerror or error}") from error
    check_folder_writable(folder)


def check_is_file_name(path: Path, *, example: str = "out.mp4") -> None:
    """Check that a path is a regular file or may become one.

    Raises
    ------
    OutputError
        It is a folder or a device, or no valid name.
    """
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder", hint=f"Give a file name such as {path / example}.")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path} is a device, a pipe or a socket", hint="Give the name of a regular file.")
    except OSError as error:  # a name that is too long, a parent folder that may not be entered
        raise OutputError(f"{path} cannot be an output: {error.strerror or error}") from error


def check_folder_writable(folder: Path, *, files: Iterable[str] = (), overwrite: bool = True) -> None:
    """Check that files can be written to a folder, by creating the folder and a file in it and removing both again.

    Permissions alone are not enough: root may write anywhere, but not to a read-only or full file system.

    Parameters
    ----------
    folder : Path
    files : iterable of str
        Names of the files that will be written.
    overwrite : bool
        Existing files of these names are acceptable.

    Raises
    ------
    OutputError
        The folder cannot be created or written to, or it holds a file that must not be replaced.
    """
    absolute = folder.absolute()
    existing = next(each for each in (absolute, *absolute.parents) if os.path.lexists(each))
    if not existing.is_dir():
        reason = f"{existing} is a file" if existing.exists() else f"{existing} is a broken link"
        raise OutputError(f"cannot create the folder {folder}: {reason}", hint="Choose another folder.")
    for name in files:
        if not overwrite and (folder / name).exists():
            raise file_exists_error(folder / name)
    created: list[Path] = []
    try:
        for each in reversed([absolute, *absolute.parents]):
            if not each.exists():
                each.mkdir()
                created.append(each)
        with tempfile.TemporaryFile(dir=absolute, prefix=".lipblend-"):
            pass
    except OSError as error:
        if not absolute.is_dir():
            raise _cannot_create(folder, error) from error
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write to the folder {folder}: {reason}", hint="Choose another folder.") from error
    finally:
        for each in reversed(created):
            with suppress(OSError):  # another run has put something there
                each.rmdir()


def same_file(first: Path, second: Path) -> bool:
    """Whether two paths name the same file, which need not exist."""
    return first.resolve() == second.resolve() or (first.exists() and second.exists() and first.samefile(second))


def _cannot_create(folder: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"cannot create the folder {folder}: {reason}", hint="Choose another folder.")
