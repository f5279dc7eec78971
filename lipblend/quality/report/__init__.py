"""Reports: CSV, JSON, an HTML page, JUnit XML and text for a terminal; index page and JUnit XML of a series."""

from __future__ import annotations

from pathlib import Path

from lipblend.errors import OutputError
from lipblend.quality.report.batch_index import INDEX_FILE, write_batch_index
from lipblend.quality.report.clip_row import ClipRow
from lipblend.quality.report.gate_summary import gate_text
from lipblend.quality.report.junit import write_batch_junit, write_junit
from lipblend.quality.report.report_files import REPORT_FILES, csv_bytes, json_bytes, load_report
from lipblend.quality.report.report_page import page_bytes
from lipblend.quality.report.report_source import Evaluated
from lipblend.quality.report.report_thumbnail import report_thumbnail
from lipblend.runtime.files import write_atomically
from lipblend.runtime.output_paths import make_folder

__all__ = [
    "INDEX_FILE",
    "ClipRow",
    "gate_text",
    "load_report",
    "report_thumbnail",
    "write_batch_index",
    "write_batch_junit",
    "write_junit",
    "write_report",
]


def write_report(folder: Path, evaluated: Evaluated, *, video: bool = True, gated: bool = False) -> dict[str, Path]:
    """Write ``report.csv``, ``report.json`` and ``report.html``, each complete or not at all.

    The numbers are written first, so that they are kept if a video cannot be read again for the page.

    Parameters
    ----------
    folder : Path
        Created if it does not exist; files with these names are replaced.
    evaluated : Evaluated
    video : bool
        Put a small video of original, synced and result on the page, besides the pictures.
    gated : bool
        Let the page say whether the result passes; otherwise it only shows the values beside their marks.

    Returns
    -------
    dict of str to Path
        The files by name.

    Raises
    ------
    OutputError
        The folder or a file in it cannot be written.
    """
    make_folder(folder)
    paths = {name: folder / name for name in REPORT_FILES}
    try:
        paths["report.html"].unlink(missing_ok=True)  # no old page beside new numbers
    except OSError as error:
        raise OutputError(
            f"cannot replace {paths['report.html']}: {error.strerror or error}", hint="Choose another folder."
        ) from error
    write_atomically(paths["report.csv"], csv_bytes(evaluated.record))
    write_atomically(paths["report.json"], json_bytes(evaluated.record))
    write_atomically(paths["report.html"], page_bytes(evaluated, video=video, gated=gated))
    return paths
