"""Outcomes of jobs as the rows of the index page and the JUnit file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lipblend.batch.job_spec import JobOutcome
from lipblend.quality.report import ClipRow, report_thumbnail

_PAGE = "report.html"


def clip_rows(outcomes: Iterable[JobOutcome]) -> list[ClipRow]:
    """The rows of a series, in its order, with pictures from the reports that lie on this machine."""
    return [_clip_row(outcome) for outcome in outcomes]


def _clip_row(outcome: JobOutcome) -> ClipRow:
    headline = outcome.headline or {}
    score = headline.get("score")
    page = _report_page(outcome.report)
    local = page if "://" not in page else ""
    return ClipRow(
        name=outcome.name,
        status=outcome.status,
        reason="" if outcome.status == "passed" else outcome.reason,
        output=outcome.output,
        report=page,
        log=outcome.log,
        score=None if score is None else float(score),
        word=str(headline.get("word", "")) if score is not None else "",
        seconds=outcome.seconds,
        frames=outcome.frames,
        thumbnail=report_thumbnail(Path(local)) if local else None,
    )


def _report_page(report: str) -> str:
    """The page of a report that is named by its page or by its folder."""
    return f"{report.rstrip('/')}/{_PAGE}" if report and not report.endswith(".html") else report
