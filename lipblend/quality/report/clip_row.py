"""One clip of a series, for the page and the JUnit file over all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

ClipStatus = Literal["passed", "gate", "failed", "skipped", "locked", "cancelled"]

STATUS_WORDS: dict[ClipStatus, str] = {
    "failed": "failed",
    "gate": "below the gate",
    "cancelled": "not run",
    "locked": "in another run",
    "passed": "passed",
    "skipped": "up to date",
}
"""How a job can have ended, the worst first. Passed and up to date are equally good."""
GOOD: frozenset[ClipStatus] = frozenset({"passed", "skipped"})


@dataclass(frozen=True)
class ClipRow:
    """How one clip of a series came out.

    Attributes
    ----------
    name : str
        Of the job.
    status : ClipStatus
        Written, and above its marks if there was a gate; below a mark; failed; up to date; another run is writing the
        same output; not started or stopped.
    reason : str
        Why, on one line; may be empty.
    output : str
        Path or address.
    report, log : str
        Page of the report, and log file: path or address, empty if there is none.
    score : float or None
        Headline, 0..100; None if nothing was measured.
    word : str
        The headline's word; empty with it.
    seconds : float
        Wall-clock time of the job.
    frames : int
        Of the output.
    thumbnail : bytes or None
        JPEG file (`lipblend.quality.report.report_thumbnail`).
    """

    name: str
    status: ClipStatus
    reason: str = ""
    output: str = ""
    report: str = ""
    log: str = ""
    score: float | None = None
    word: str = ""
    seconds: float = 0.0
    frames: int = 0
    thumbnail: bytes | None = None


def worst_first(rows: Iterable[ClipRow]) -> list[ClipRow]:
    """What failed, what is below the gate, what was not made, then the rest; within these the lowest headline first.

    Clips without a headline come after those with one; equal ones keep their order.
    """
    ranks = {status: 0 if status in GOOD else number - len(STATUS_WORDS) for number, status in enumerate(STATUS_WORDS)}
    return sorted(rows, key=lambda row: (ranks[row.status], row.score is None, row.score or 0.0))


def count_words(rows: Iterable[ClipRow]) -> list[tuple[ClipStatus, str, int]]:
    """Status, its words and the number of clips, for each status that occurs, the worst first."""
    found = [row.status for row in rows]
    return [(status, word, found.count(status)) for status, word in STATUS_WORDS.items() if status in found]
