"""Outcomes of jobs as rows of the index page and the JUnit file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import get_args

import cv2
import numpy as np

from lipblend.batch.clip_rows import clip_rows
from lipblend.batch.job_spec import DONE, JobOutcome, Status
from lipblend.quality.report.clip_row import GOOD, STATUS_WORDS


def test_rows_know_every_status() -> None:
    assert set(STATUS_WORDS) == set(get_args(Status))
    assert set(GOOD) == set(DONE)


def test_a_row_has_the_headline_and_the_picture_of_the_report(tmp_path: Path) -> None:
    done, jpeg = cv2.imencode(".jpg", np.full((300, 200, 3), 128, np.uint8))
    assert done
    figure = f'<figure class="result"><img src="data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"'
    (tmp_path / "report.html").write_text(figure)
    seen = {"word": "visible", "score": 34.2, "parts": []}
    outcomes = [
        JobOutcome("a", "/o/a.mp4", "gate", "too low", 8, 2.0, 50, headline=seen, report=str(tmp_path), log="/l/a.log"),
        JobOutcome("b", "/o/b.mp4", "passed", headline=seen, report=str(tmp_path / "report.html")),
        JobOutcome("c", "s3://o/c.mp4", "failed", report="s3://bucket/c"),
    ]
    page, bare, remote = clip_rows(outcomes)
    assert (page.name, page.status, page.reason, page.score, page.word) == ("a", "gate", "too low", 34.2, "visible")
    assert (page.seconds, page.frames, page.log, page.output) == (2.0, 50, "/l/a.log", "/o/a.mp4")
    assert Path(page.report) == Path(bare.report) == tmp_path / "report.html"
    assert page.thumbnail is not None
    assert page.thumbnail == bare.thumbnail
    assert (remote.score, remote.word, remote.thumbnail) == (None, "", None)
    assert remote.report == "s3://bucket/c/report.html"
