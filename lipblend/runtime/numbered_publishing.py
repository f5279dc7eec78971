"""Numbered files that appear under their names only when all of them are complete."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lipblend.errors import OutputError
from lipblend.runtime.files import file_exists_error


class UnfinishedFolder:
    """A hidden folder for files that will be moved to a target folder together.

    A context manager that removes it, with all that was not published. It lies in the target folder if that exists,
    else beside it.

    Parameters
    ----------
    target : Path
        Its parent must exist.

    Attributes
    ----------
    path : Path
        For temporary files.
    files : Path
        A folder in it, for what will be published.

    Raises
    ------
    OSError
        It cannot be created.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._new = not os.path.lexists(target)
        self.path = (target.parent if self._new else target) / f".lipblend-{secrets.token_hex(6)}"
        self.files = self.path / "files"
        self.files.mkdir(parents=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def publish(self, names: Sequence[str], *, overwrite: bool) -> None:
        """Move the files into the target folder: in one step if it is new, else one after the other.

        Parameters
        ----------
        names : sequence of str
            Of all files in `files`.
        overwrite : bool
            Replace files of these names. Others in the folder are left alone.

        Raises
        ------
        OutputError
            A name is taken, and ``overwrite`` is False; nothing was moved.
        OSError
            A file cannot be moved.
        """
        if self._new and not os.path.lexists(self._target):
            os.rename(self.files, self._target)
            return
        taken = [self._target / name for name in names if os.path.lexists(self._target / name)]
        if taken and not overwrite:
            raise file_exists_error(taken[0])
        if folders := [path for path in taken if path.is_dir() and not path.is_symlink()]:
            raise OutputError(f"{folders[0]} is a folder", hint="Remove it, or choose another name.")
        for name in names:
            os.replace(self.files / name, self._target / name)
