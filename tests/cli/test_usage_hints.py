"""A wrong command line is answered with what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipblend.cli.app import app

run = CliRunner()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            ["composite", "a.mp4", "b.mp4", "-o", "c.mp4", "--debug-format", "gif"],
            "Invalid value for '--debug-format': 'gif' is not one of 'png', 'video'.",
        ),
        (
            ["evaluate", "a.mp4", "b.mp4", "c.mp4", "--matte", "differnce"],
            "Invalid value for '--matte': 'differnce' is not one of 'auto', 'settings', 'difference', nor a file",
        ),
        (
            ["composite", "a.mp4", "b.mp4", "--crf", "20", "my out.mp4"],
            "Missing option '--output' / '-o'. Did you mean: -o 'my out.mp4' ?",
        ),
        (["preview", "a.mp4", "b.mp4", "sheet.png"], "Did you mean: -o sheet.png ?"),
        (["composite", "-lead.mp4", "b.mp4", "-o", "c.mp4"], "No such option: -l. Write the file name"),
        (["composite", "a.mp4", "-lead.mp4", "-o", "c.mp4"], "begins with a dash as ./-lead.mp4\n"),
        (["probe", "--lead.mp4"], "begins with a dash as ./--lead.mp4\n"),
        (
            ["preview", "a.mp4", "b.mp4", "--occlusion", "off"],
            "No such option: --occlusion. This command sets it with --set occlusion.method=...\n",
        ),
        (["sweep", "a.mp4", "b.mp4", "-o", "d", "--crf=20"], "This command sets it with --set encode.crf=...\n"),
        (["preview", "a.mp4", "b.mp4", "--strict"], "This command sets it with --set read.strict=true\n"),
        (
            ["crop", "a.mp4", "-o", "b.mp4", "--margin", "-1"],
            "Error: --margin -1 is out of range. Give a number ",
        ),
        (["crop", "a.mp4", "-o", "b.mp4", "--crf", "64"], "--crf 64 is out of range. Give a number from 0 to 63"),
        (
            ["crop", "a.mp4", "-o", "b.mp4", "--margin", "wide"],
            "--margin wide is not a number. Give a number from 0 ",
        ),
        (
            ["crop", "a.mp4", "-o", "b.mp4", "--size", "64.5"],
            "64.5 is not a whole number. Give a whole number\n",
        ),
        (["faces", "a.mp4", "--min-face", "3"], "--min-face 3 is out of range. Give a whole number from 20 to 1000"),
        (["compare", "a.mp4", "-o", "b.mp4", "--from", "-2"], "--from -2 is out of range. Give a number of 0 or more"),
    ],
)
def test_a_wrong_command_line_is_explained(words: list[str], shown: str) -> None:
    done = run.invoke(app, words)
    assert done.exit_code == 2
    assert shown in done.stderr
    assert "Value error" not in done.stderr
    assert "Input should" not in done.stderr


def test_a_file_name_that_is_taken_for_an_option_with_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-orig.mp4").touch()  # reads as -o rig.mp4
    done = run.invoke(app, ["composite", "-orig.mp4", "b.mp4"])
    assert "Missing argument 'SYNCED'. Write the file name that begins with a dash as ./-orig.mp4\n" in done.stderr


@pytest.mark.parametrize(
    "words", [["probe", "a.mp4", "--occlusion", "off"], ["preview", "a", "b", "--oclusion", "off"]]
)
def test_a_setting_is_not_suggested_where_there_is_none(words: list[str]) -> None:
    assert "--set occlusion" not in run.invoke(app, words).stderr


def test_an_output_is_not_suggested_where_none_was_given() -> None:
    assert "Did you mean" not in run.invoke(app, ["composite", "a.mp4", "b.mp4"]).stderr
