"""index.html: one page over all clips of a series, the worst first. One file that loads nothing else."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import quote

from lipblend.quality.report.clip_row import GOOD, STATUS_WORDS, ClipRow, count_words, worst_first
from lipblend.quality.report.page_templates import content_policy, page_environment, page_file
from lipblend.quality.report.sentences import clock_text
from lipblend.runtime.files import write_atomically
from lipblend.runtime.output_paths import make_folder
from lipblend.runtime.versions import library_versions

INDEX_FILE = "index.html"

_STYLES = ("page.css", "batch.css")
_SCRIPT = "batch.js"
_WEB = ("http://", "https://")


@dataclass(frozen=True)
class _Shown:
    """Texts of a row: links are relative to the page, empty for none; the picture is a data URI.

    ``elsewhere`` is the address of a report that a browser cannot open.
    """

    clip: ClipRow
    state: str
    output: str
    report: str
    elsewhere: str
    log: str
    picture: str
    score: str
    time: str


def write_batch_index(folder: Path, rows: Sequence[ClipRow]) -> Path:
    """Write ``index.html``, complete or not at all.

    Parameters
    ----------
    folder : Path
        Created if it does not exist. Local reports and logs are linked relative to it, so that all can be moved
        together.
    rows : sequence of ClipRow
        In any order.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    OutputError
        The folder or the page cannot be written.
    """
    make_folder(folder)
    page = folder / INDEX_FILE
    write_atomically(page, index_bytes(folder, rows))
    return page


def index_bytes(folder: Path, rows: Sequence[ClipRow]) -> bytes:
    """The whole page as UTF-8, with links relative to the folder."""
    ordered, script = worst_first(rows), page_file(_SCRIPT)
    counts = count_words(ordered)
    bad = sum(row.status not in GOOD for row in ordered)
    page = (
        page_environment()
        .get_template("batch.html")
        .render(
            policy=content_policy(f"\n{script}\n"),
            generator=" ".join(["lipblend", *library_versions(["lipblend"]).values()]),
            title=f"{bad} of {len(ordered)} clips need a look" if bad else f"{_clips(len(ordered))}, all done",
            heading=(f"{bad} of {len(ordered)}", "need a look") if bad else (_clips(len(ordered)), "all done"),
            bad=bad,
            counts=counts,
            sentence=", ".join(f"{count} {word}" for _, word, count in counts),
            seconds=clock_text(sum(row.seconds for row in ordered)),
            style="\n".join(map(page_file, _STYLES)),
            script=script,
            rows=[_shown(row, folder) for row in ordered],
        )
    )
    return page.encode("utf-8", "replace")


def _clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count} clips"


def _shown(row: ClipRow, folder: Path) -> _Shown:
    data = "" if row.thumbnail is None else base64.b64encode(row.thumbnail).decode("ascii")
    return _Shown(
        clip=row,
        state=STATUS_WORDS[row.status],
        output=row.output if "://" in row.output else PurePath(row.output).name,
        report=_link(folder, row.report),
        elsewhere=row.report if "://" in row.report and not _link(folder, row.report) else "",
        log=_link(folder, row.log),
        picture=f"data:image/jpeg;base64,{data}" if data else "",
        score="" if row.score is None else f"{row.score:.0f}",
        time=clock_text(row.seconds) if row.seconds else "",
    )


def _link(folder: Path, target: str) -> str:
    """An address that a browser can open from a page in the folder; empty if it cannot (``s3://``)."""
    if "://" in target:
        return target if target.startswith(_WEB) else ""
    if not target:
        return ""
    try:
        relative = os.path.relpath(target, folder)
    except ValueError:  # on another drive of Windows
        return Path(target).absolute().as_uri()
    return quote(os.fsencode(PurePath(relative).as_posix()))
