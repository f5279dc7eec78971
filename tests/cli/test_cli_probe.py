"""Output of ``lipblend probe`` and ``lipblend doctor``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.cli.probe_cmd import probe_text
from lipblend.probe_report import FileReport, inspect_file
from lipblend.selfcheck import doctor
from lipblend.selfcheck.findings import Finding
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import TrackSettings

run = CliRunner()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("pair"), frames=4, size=320)


@pytest.fixture(scope="module")
def report(pair: SamplePair) -> FileReport:
    return inspect_file(pair.original, model=None, track=TrackSettings())


def line(text: str, name: str) -> str:
    (found,) = (row for row in text.splitlines() if row.startswith(f"{name}  "))
    return found.removeprefix(name).strip()


def test_probe_shows_a_table_and_the_faces(pair: SamplePair) -> None:
    done = run.invoke(app, ["probe", str(pair.original)])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == str(pair.original)
    assert line(done.stdout, "size") == "320x320 coded, 320x320 shown; no rotation; sample aspect not given (1:1)"
    assert line(done.stdout, "frames") == "4 counted; container says 4"
    assert line(done.stdout, "frame rate") == "25 counted, constant; container says 25"
    assert line(done.stdout, "colour").startswith("range limited, matrix BT.709")
    assert line(done.stdout, "damage").endswith("0 frames concealed (all: 4 frames decoded)")
    faces = done.stdout.split("\n\n")[-1].splitlines()
    assert faces[0].split("  ")[0] == "face"
    assert len(faces) == 2
    assert faces[1].startswith("0 ")
    assert faces[1].endswith("4 (100%)")


def test_probe_as_json_and_without_faces(pair: SamplePair, tmp_path: Path) -> None:
    # Without face detection the model is not needed.
    done = run.invoke(app, ["probe", str(pair.original), "--json", "--no-faces", "--models", str(tmp_path)])
    data = json.loads(done.stdout)
    assert (data["faces"], data["timing"]["frames"], data["picture"]["width"]) == (None, 4, 320)
    assert run.invoke(app, ["probe", str(pair.original), "--models", str(tmp_path)]).exit_code == 6
    with_faces = json.loads(run.invoke(app, ["probe", str(pair.original), "--json"]).stdout)
    (face,) = with_faces["faces"]
    assert face["index"] == 0
    assert 60 < face["width_px"] < 160


def test_probe_of_several_files(pair: SamplePair, tmp_path: Path) -> None:
    words = ["probe", "--no-faces", str(pair.original), str(tmp_path / "gone.mp4"), str(pair.synced)]
    done = run.invoke(app, words)
    assert done.exit_code == 3
    assert done.stderr == f"error: {tmp_path / 'gone.mp4'} does not exist. Check the path.\n"
    assert done.stdout.index(str(pair.original)) < done.stdout.index(str(pair.synced))
    assert done.stdout.count("faces were not detected") == 2
    first, second, third = json.loads(run.invoke(app, [*words, "--json"]).stdout)["files"]
    assert first == json.loads(run.invoke(app, ["probe", "--no-faces", str(pair.original), "--json"]).stdout)
    assert second["error"]["message"].endswith("does not exist")
    assert third["path"] == str(pair.synced)


def test_probe_of_an_unusual_file(report: FileReport) -> None:
    text = probe_text(report)
    assert "faces were not detected" in text
    assert "no face in 2 sampled frames" in probe_text(replace(report, faces=(), face_times_s=(0.0, 1.0)))
    odd = replace(
        report,
        picture=replace(
            report.picture,
            rotation=90,
            sample_aspect="4:3",
            pixel_format="nv12",
            taken_as="BT.601",
            hdr="PQ",
            interlaced=True,
        ),
        timing=replace(
            report.timing, constant=False, shortest_s=0.02, longest_s=0.1, missing_stamps=3, claimed_frames=None
        ),
        damage=replace(report.damage, whole=False, broken_off="I/O error", decoding_failed="size changes"),
        subtitles=({"index": 3, "kind": "subtitle", "codec": "srt", "language": "eng"},),
        other_streams=({"index": 4, "kind": "data", "codec": "unknown", "language": None},),
        chapters=({"start_s": 1.5, "title": "Two"},),
    )
    text = probe_text(odd)
    assert "rotation 90 degrees counter-clockwise; sample aspect 4:3" in line(text, "size")
    assert "nv12, read as yuv420p" in line(text, "pixels")
    assert line(text, "colour").endswith("; taken as BT.601")
    assert (line(text, "HDR"), line(text, "interlaced")) == ("PQ", "yes")
    assert "variable (20.0 to 100.0 ms between frames)" in line(text, "frame rate")
    assert line(text, "frames").endswith("container says nothing")
    assert line(text, "time stamps") == "3 missing, 0 repeated"
    assert "(a sample: 4 frames decoded; use --every-frame for all); the file is cut off: I/O error" in line(
        text, "damage"
    )
    assert line(text, "decoding failed") == "size changes"
    assert line(text, "subtitles") == "stream 3: srt, eng"
    assert line(text, "other") == "stream 4: unknown, data"
    assert line(text, "chapters") == "1.500 s Two"
    assert "too few time stamps" in probe_text(replace(report, timing=replace(report.timing, constant=None)))


FINDINGS = [
    Finding("Python", "ok", "3.13.1"),
    Finding("network", "warning", "cannot be cut off", "Use a firewall."),
    Finding("face model", "problem", "is not there", "Fetch it.", 6),
    Finding("encoders", "problem", "no libx264", "Use another.", 7),
]


def test_doctor_prints_one_line_per_check_and_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path | None] = []
    monkeypatch.setattr(doctor, "diagnose", lambda models: asked.append(models) or iter(FINDINGS))
    done = run.invoke(app, ["doctor", "--models", "m"])
    assert done.exit_code == 6
    assert done.stdout.splitlines() == [
        "ok       Python: 3.13.1",
        "warning  network: cannot be cut off",
        "         -> Use a firewall.",
        "problem  face model: is not there",
        "         -> Fetch it.",
        "problem  encoders: no libx264",
        "         -> Use another.",
        "2 problems, 1 warnings in 4 checks",
    ]
    data = json.loads(run.invoke(app, ["doctor", "--json"]).stdout)
    assert data["exit_code"] == 6
    assert data["findings"][1] == {
        "name": "network", "state": "warning", "message": "cannot be cut off",
        "mend": "Use a firewall.", "exit_code": 0,
    }  # fmt: skip
    assert asked == [Path("m"), None]
    monkeypatch.setattr(doctor, "diagnose", lambda models: iter(FINDINGS[:2]))
    assert run.invoke(app, ["doctor"]).exit_code == 0


@pytest.mark.slow(5)
def test_doctor_finds_no_problem_here() -> None:
    done = run.invoke(app, ["doctor"])
    assert done.exit_code == 0, done.output
    assert "0 problems" in done.stdout
    assert "sample run: 4 of 4 frames blended" in done.stdout
