"""Small files written in one piece."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

from lipblend.errors import OutputError
from lipblend.runtime.temporary import UnfinishedFile, name_taken


def write_whole(
    path: Path, content: bytes | Callable[[IO[bytes]], None], *, overwrite: bool = True, private: bool = False
) -> None:
    """Write a file that appears under its name only when it is complete; ``private`` is for its owner only.

    ``content`` may be what writes it into the open file, where it is too large to be held.

    Raises
    ------
    OutputError
        It cannot be written, or is there and must not be replaced.
    """
    try:
        if not overwrite and path.exists():
            raise name_taken(path)
        file = UnfinishedFile(path, private=private)
        try:
            if isinstance(content, bytes):
                file.path.write_bytes(content)
            else:
                with file.path.open("wb") as sink:
                    content(sink)
            file.publish(overwrite=overwrite)
        finally:
            file.discard()
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}", hint="Check the folder's rights and the free space."
        ) from error
