"""What an evaluation says, as files: CSV, JSON, an HTML page, JUnit XML, and lines for a terminal."""

from __future__ import annotations

from pathlib import Path

from lipblend.errors import OutputError
from lipblend.quality.report.gate_text import gate_text
from lipblend.quality.report.junit import write_junit
from lipblend.quality.report.report_csv import csv_bytes
from lipblend.quality.report.report_files import REPORT_FILES, make_folder
from lipblend.quality.report.report_json import json_bytes, load_report
from lipblend.quality.report.report_page import page_bytes
from lipblend.quality.report.report_source import Evaluated
from lipblend.runtime.whole import write_whole

__all__ = ["gate_text", "load_report", "write_junit", "write_report"]


def write_report(folder: Path, evaluated: Evaluated, *, video: bool = True, gated: bool = False) -> dict[str, Path]:
    """Write ``report.csv``, ``report.json`` and ``report.html``, each whole or not at all.

    The numbers are written first: they are there even if a video cannot be read again for the page.

    Parameters
    ----------
    folder : Path
        Made if it is not there; files of those names in it are replaced.
    evaluated : Evaluated
    video : bool
        The page holds a small video of original, synced and result, and not only single pictures.
    gated : bool
        The page says whether the result passes; otherwise it shows the values beside their marks, and judges nothing.

    Returns
    -------
    dict of str to Path
        The written files by their names.

    Raises
    ------
    OutputError
        The folder or a file in it cannot be written.
    """
    make_folder(folder)
    paths = {name: folder / name for name in REPORT_FILES}
    try:
        paths["report.html"].unlink(missing_ok=True)  # an old page must not stand beside new numbers
    except OSError as error:
        raise OutputError(
            f"cannot replace {paths['report.html']}: {error.strerror or error}", hint="Name another folder."
        ) from error
    write_whole(paths["report.csv"], csv_bytes(evaluated.record))
    write_whole(paths["report.json"], json_bytes(evaluated.record))
    write_whole(paths["report.html"], page_bytes(evaluated, video=video, gated=gated))
    return paths
