"""Small files written in one piece."""

from __future__ import annotations

from pathlib import Path

from lipblend.errors import OutputError
from lipblend.media.temporary import UnfinishedFile, name_taken


def write_whole(path: Path, content: bytes, *, overwrite: bool = True, private: bool = False) -> None:
    """Write a file that appears under its name only when it is complete; ``private`` is for its owner only.

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
            file.path.write_bytes(content)
            file.publish(overwrite=overwrite)
        finally:
            file.discard()
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}", hint="Check the folder's rights and the free space."
        ) from error
