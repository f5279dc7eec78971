"""Whether a folder can be made and written into, found out by doing it."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from lipblend.errors import OutputError


def check_place(folder: Path) -> None:
    """Make a folder and a file in it, and take both away again; what was there stays.

    Rights alone do not tell: root may write everywhere, but not on read-only systems, full ones and the like.

    Raises
    ------
    OutputError
        The folder cannot be made, or nothing can be written into it.
    """
    made: list[Path] = []
    try:
        for each in reversed([folder, *folder.parents]):
            if not each.exists():
                each.mkdir()
                made.append(each)
        with tempfile.TemporaryFile(dir=folder, prefix=".lipblend-"):
            pass
    except OSError as error:
        reason, hint = error.strerror or error, "Name another folder."
        if folder.is_dir():
            raise OutputError(f"the folder {folder} cannot be written into: {reason}", hint=hint) from error
        raise OutputError(f"the folder {folder} cannot be made: {reason}", hint=hint) from error
    finally:
        for each in reversed(made):
            with suppress(OSError):  # another run has put something there
                each.rmdir()
