"""What a report consists of, and the folder it goes to."""

from __future__ import annotations

from pathlib import Path

from lipblend.errors import OutputError

REPORT_FILES = ("report.csv", "report.json", "report.html")
"""What a report consists of."""


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
