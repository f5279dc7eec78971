"""Writing a file whole or not at all."""

from __future__ import annotations

from pathlib import Path

from lipblend.errors import OutputError
from lipblend.media.temporary import UnfinishedFile

REPORT_FILES = ("report.csv", "report.json", "report.html")
"""What a report consists of."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its name and then give it that name; what had it is replaced in one step.

    Raises
    ------
    OutputError
        The folder is missing or cannot be written to, or the disk is full.
    """
    try:
        unfinished = UnfinishedFile(path)
        try:
            unfinished.path.write_bytes(content)
            unfinished.publish(overwrite=True)
        finally:
            unfinished.discard()
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}", hint="Check the folder's rights and the free space."
        ) from error


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises
    ------
    OutputError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {folder}: {error.strerror or error}", hint="Name another folder for the report."
        ) from error
