"""Report paths are checked before any work; output works without streams."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipblend import compositing
from lipblend.cli.app import app
from lipblend.cli.console import Console, table_text
from lipblend.cli.outputs import check_reports
from lipblend.errors import OutputError
from lipblend.runtime.output_paths import check_folder_writable
from lipblend.runtime.progress import Progress

run = CliRunner()


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    for name in ("original.mp4", "synced.mp4"):
        (tmp_path / name).write_bytes(b"video")
    return {"original": tmp_path / "original.mp4", "synced video": tmp_path / "synced.mp4"}


def test_a_report_may_not_overwrite_an_input_or_the_output(tmp_path: Path, inputs: dict[str, Path]) -> None:
    with pytest.raises(OutputError, match="is the original of this run"):
        check_reports(None, tmp_path / "original.mp4", inputs=inputs)
    (tmp_path / "link.xml").symlink_to(tmp_path / "synced.mp4")
    with pytest.raises(OutputError, match="is the synced video of this run"):
        check_reports(None, tmp_path / "link.xml", inputs=inputs)
    with pytest.raises(OutputError, match="is the output of this run"):
        check_reports(None, tmp_path / "out.mp4", inputs=inputs, outputs=(tmp_path / "out.mp4",))
    with pytest.raises(OutputError, match="is the original of this run"):
        check_reports(tmp_path, None, inputs={"original": tmp_path / "report.json"})


def test_invalid_report_paths(tmp_path: Path, inputs: dict[str, Path]) -> None:
    with pytest.raises(OutputError, match="is a file"):
        check_reports(tmp_path / "original.mp4", None, inputs=inputs)
    with pytest.raises(OutputError, match="is a file"):
        check_reports(tmp_path / "original.mp4" / "below", None, inputs=inputs)
    with pytest.raises(OutputError, match="is a folder") as caught:
        check_reports(None, tmp_path, inputs=inputs)
    assert "report.xml" in caught.value.hint
    with pytest.raises(OutputError, match="does not exist"):
        check_reports(None, tmp_path / "nowhere" / "x.xml", inputs=inputs)


def test_writing_to_a_folder_is_tried(tmp_path: Path, inputs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    # Permissions alone do not show a read-only or full file system, and root may write anywhere.
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "access", lambda *_, **__: True)
    (tmp_path / "there").mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "TemporaryFile", refuse)
        with pytest.raises(OutputError, match=r"cannot write to the folder .*there: Read-only file system"):
            check_reports(tmp_path / "there", None, inputs=inputs)
        with pytest.raises(OutputError, match="cannot write to the folder"):
            check_reports(None, tmp_path / "there" / "x.xml", inputs=inputs)
        with pytest.raises(OutputError, match="cannot write to the folder"):
            check_folder_writable(tmp_path / "new" / "debug")
    assert not (tmp_path / "new").exists()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", refuse)
        with pytest.raises(OutputError, match=r"cannot create the folder .*report: Read-only file system"):
            check_reports(tmp_path / "new" / "report", None, inputs=inputs)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "else")
    with pytest.raises(OutputError, match="cannot create the folder"):
        check_reports(tmp_path / "link", None, inputs=inputs)


@pytest.mark.parametrize("option", ["--report", "--debug-dir"])
def test_a_folder_that_cannot_be_created_stops_before_any_work(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work has begun")

    monkeypatch.setattr(compositing, "composite", work)
    words = ["composite", "a.mp4", "b.mp4", "-o", str(tmp_path / "out.mp4"), option, "/proc/self/nowhere/new"]
    done = run.invoke(app, words)
    assert done.exit_code == 7, done.output
    assert "cannot create" in done.stderr


def test_folders_that_will_be_created_are_accepted(tmp_path: Path, inputs: dict[str, Path]) -> None:
    check_reports(tmp_path / "new" / "report", tmp_path / "x.xml", inputs=inputs)
    check_reports(tmp_path / "new", tmp_path / "new" / "x.xml", inputs=inputs)
    check_reports(None, None, inputs=inputs)
    assert not (tmp_path / "new").exists()


def test_without_streams_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with Console(quiet=False, as_json=False).progress() as show:
        show(Progress("analyse", 1, 2))
    monkeypatch.setattr(sys, "stdout", None)
    assert table_text(("one",), [("two",)]).split() == ["one", "two"]
