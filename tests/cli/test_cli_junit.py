"""The JUnit file of a failed run, which must not be an earlier run's passing one."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from python_programs import run_code
from typer.testing import CliRunner

from lipblend import compositing
from lipblend.cli.app import app
from lipblend.cli.junit_case import junit_of, write_error_case
from lipblend.errors import NoFaceError

MAIN = "from lipblend.cli.entry import main; main()"
OLD = '<?xml version="1.0"?>\n<testsuites tests="1" failures="0" errors="0"><testsuite/></testsuites>\n'
run = CliRunner()


@pytest.fixture
def junit(tmp_path: Path) -> Path:
    """An earlier run's file without failures."""
    path = tmp_path / "verdicts.xml"
    path.write_text(OLD)
    return path


def error_of(path: Path) -> ElementTree.Element:
    root = ElementTree.parse(path).getroot()
    assert (root.get("errors"), root.get("failures"), root.get("tests")) == ("1", "0", "1")
    (error,) = root.iter("error")
    return error


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (NoFaceError("no face < at all", hint="Look.", details=("a & b",)), "NoFaceError", 5),
        (ZeroDivisionError("odd"), "ZeroDivisionError", 1),
        (KeyboardInterrupt(), "Interrupted", 130),
        (SystemExit(143), "Terminated", 143),
    ],
)
def test_a_failed_run_is_an_error_case(
    failure: BaseException, kind: str, code: int, junit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(compositing, "composite", fail)
    words = ["composite", "a.mp4", "b.mp4", "-o", str(tmp_path / "out.mp4"), "--junit", str(junit)]
    assert run.invoke(app, words).exit_code == code
    error = error_of(junit)
    assert error.get("type") == kind
    if kind == "NoFaceError":
        assert error.get("message") == "no face < at all"
        assert error.text == "no face < at all\n  a & b\nLook."
    assert [path.name for path in tmp_path.iterdir()] == ["verdicts.xml"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        ("composite", "a.mp4", "-o", "out.mp4", "--junit", "verdicts.xml"),
        ("composite", "a.mp4", "b.mp4", "-o", "out.mp4", "--junit=verdicts.xml", "--no-such-option"),
        ("evaluate", "--junit", "verdicts.xml"),
        ("composite", "a.mp4", "b.mp4", "-o", "out.mp4", "--junit", "verdicts.xml", "--crf", "99"),
        ("evaluate", "a.mp4", "b.mp4", "c.mp4", "--junit", "verdicts.xml", "--no-video"),
    ],
)
def test_a_wrong_command_line_is_an_error_case(wrong: tuple[str, ...], junit: Path, tmp_path: Path) -> None:
    assert run_code(MAIN, *wrong, folder=tmp_path).returncode in (2, 3)
    assert error_of(junit).get("message")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_a_run_that_is_killed_leaves_an_error_case(junit: Path, tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "import lipblend.compositing as module\n"
        "from lipblend.cli.entry import main\n"
        "module.composite = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "main()\n"
    )
    words = ["composite", "a.mp4", "b.mp4", "-o", "out.mp4", "--junit", "verdicts.xml"]
    done = run_code(program, *words, folder=tmp_path)
    assert done.returncode == -signal.SIGKILL
    assert error_of(junit).get("type") == "Unfinished"


def test_a_file_that_is_not_a_junit_file_is_kept(tmp_path: Path) -> None:
    video = tmp_path / "original.mp4"
    video.write_bytes(b"a video")
    assert not write_error_case(video, "SettingsError", "no")
    assert video.read_bytes() == b"a video"
    done = run_code(MAIN, "composite", "a.mp4", "--junit", "original.mp4", folder=tmp_path)
    assert done.returncode == 2
    assert video.read_bytes() == b"a video"
    assert not write_error_case(tmp_path, "SettingsError", "a folder")
    assert not write_error_case(tmp_path / "nowhere" / "x.xml", "SettingsError", "no folder")


def test_finding_the_file_on_a_command_line() -> None:
    assert junit_of(["composite", "a", "b", "--junit", "x.xml"]) == Path("x.xml")
    assert junit_of(["evaluate", "--junit=x.xml", "--junit", "y.xml"]) == Path("y.xml")
    for words in ([], ["probe", "--junit", "x"], ["composite", "--junit"], ["composite", "--junit", "--gate"],
                  ["composite", "--junit", "x", "--help"], ["composite", "--", "--junit", "x"]):  # fmt: skip
        assert junit_of(words) is None, words
