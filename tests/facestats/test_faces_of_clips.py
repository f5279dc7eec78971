"""Real faces: people, shots, gaps, and the command."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from studio import LEFT, RIGHT, Shown, at
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.errors import NoFaceError
from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.facestats.face_plot import even_frames
from lipblend.facestats.face_summary import summarise
from lipblend.facestats.faces_job import EVERY_FRAME, FacesOptions, FacesResult, face_statistics
from lipblend.facestats.reference_mesh import load_reference

run = CliRunner()
Film = Callable[[str, list[Shown]], Path]


@pytest.fixture(scope="session")
def people(film: Film) -> Path:
    """Eight frames of two people, and, after a cut, eight of one who turns."""
    two = [Shown((at(LEFT, x=130.0 + 2 * frame), RIGHT)) for frame in range(8)]
    one = [Shown((at(RIGHT, x=240.0, width=110.0, tilt=15.0),), background=4) for _ in range(8)]
    return film("people.mp4", two + one)


@pytest.fixture(scope="session")
def nobody(film: Film) -> Path:
    return film("nobody.mp4", [Shown()] * 3)


@pytest.fixture(scope="session")
def found(people: Path) -> FacesResult:
    return face_statistics([people])


def test_people_are_told_apart_in_each_shot(found: FacesResult) -> None:
    (clip,) = found.clips
    assert clip.shots == ((0, 8), (8, 16))
    assert [(each.shot, each.face, each.start) for each in clip.faces] == [(0, 0, 0), (0, 1, 0), (1, 0, 8)]
    left, right, tilted = (summarise([each]) for each in clip.faces)
    assert left.detected == right.detected == tilted.detected == 1
    assert left.width_px.median == pytest.approx(80, rel=0.06)
    assert right.width_px.median == pytest.approx(90, rel=0.06)
    assert tilted.width_px.median == pytest.approx(110, rel=0.06)
    assert tilted.roll_deg.median - right.roll_deg.median == pytest.approx(15, abs=2)
    assert left.x_px.most - left.x_px.least == pytest.approx(14, abs=2)
    assert left.jitter_px < 1
    assert [(each.shot, each.face) for each in clip.main] == [(0, 1), (1, 0)]
    whole = clip.main_statistics
    assert whole is not None
    assert whole.frames == 16


def test_a_face_that_goes_away_leaves_a_gap(film: Film) -> None:
    shown = [Shown((LEFT,) if frame < 5 or frame >= 9 else ()) for frame in range(25)]
    (clip,) = face_statistics([film("away.mp4", shown)], FacesOptions(track=_one_shot())).clips
    (face,) = clip.faces
    (gap,) = summarise([face]).gaps
    assert (gap.first, gap.time_s) == (5, pytest.approx(0.2))
    assert 4 <= gap.frames <= 16  # a face that is missing is searched for every half second


def _one_shot() -> object:
    return EVERY_FRAME.model_copy(update={"cuts": False})


def test_quick_detection_says_which_frames_are_interpolated(film: Film) -> None:
    clip = film("still.mp4", [Shown((LEFT,))] * 9)
    track = EVERY_FRAME.model_copy(update={"every_s": 0.1})
    quick, full = (face_statistics([clip], FacesOptions(track=each)).clips[0].faces[0] for each in (track, EVERY_FRAME))
    assert 0.3 < summarise([quick]).interpolated < 0.8
    assert summarise([full]).interpolated == 0
    assert summarise([full]).jitter_frames == 5
    assert summarise([quick]).jitter_frames == 0


def test_the_command_with_several_files(people: Path, nobody: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    words = ["faces", str(people), str(tmp_path / "text.mp4"), str(nobody), "--out", str(tmp_path / "out")]
    done = run.invoke(app, words)
    assert done.exit_code == 3, done.output
    assert "text.mp4 is not a readable video" in done.stderr
    assert "no face\n" in done.stdout
    assert "note  1 clips show a face: 4 or more are compared for outliers" in done.stdout
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["faces.csv", "faces.json", "nobody.svg", "people.svg"]
    data = json.loads((tmp_path / "out" / "faces.json").read_text(encoding="utf-8"))
    assert [Path(each["path"]).name for each in data["files"]] == ["people.mp4", "nobody.mp4", "text.mp4"]
    assert data["files"][2]["error"]["message"].endswith("Invalid data found when processing input")
    assert data["files"][0]["faces"][1]["width_px"]["median"] == pytest.approx(90, rel=0.06)
    lines = list(csv.DictReader((tmp_path / "out" / "faces.csv").read_text(encoding="utf-8").splitlines()))
    assert len(lines) == 8 + 8 + 8
    assert (lines[-1]["shot"], lines[-1]["frame"], lines[-1]["state"]) == ("1", "15", "detected")
    assert float(lines[-1]["roll_deg"]) == pytest.approx(15, abs=4)
    for name in ("people", "nobody"):
        root = ElementTree.fromstring((tmp_path / "out" / f"{name}.svg").read_text(encoding="utf-8"))
        lines_drawn = [path for path in root.iter("{http://www.w3.org/2000/svg}path") if path.get("stroke")]
        assert len(lines_drawn) == (18 if name == "people" else 0)
    assert run.invoke(app, [*words, "--no-overwrite"]).exit_code == 7


def test_without_any_face_the_exit_code_is_5_and_nothing_is_written(nobody: Path, tmp_path: Path) -> None:
    done = run.invoke(app, ["faces", str(nobody), "--csv", str(tmp_path / "a.csv"), "--json"])
    assert done.exit_code == 5
    assert "no face was found in" in done.stderr
    assert json.loads(done.stdout)["files"][0]["faces"] == []
    assert list(tmp_path.iterdir()) == []


def test_landmarks_on_a_reference(people: Path, portrait: np.ndarray, face: Landmarks, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "front.png"), portrait[..., ::-1])
    words = ["faces", str(people), "--align-reference", str(tmp_path / "front.png"), "--json", "-q"]
    done = run.invoke(app, [*words, "--landmarks", str(tmp_path / "a.npz"), "--plot", str(tmp_path / "a.svg")])
    assert done.exit_code == 0, done.output
    with np.load(tmp_path / "a.npz") as rows:
        assert rows["points"].shape == rows["aligned"].shape == (24, 478, 2)
        assert rows["size"].tolist() == [480, 270]
        stable = list(STABLE)
        own = rows["face"] == 0
        own &= rows["shot"] == 0  # the portrait itself; the others are its mirror
        apart = rows["aligned"][own][:, stable] - rows["reference"][stable]
        rms = np.sqrt((apart**2).sum(-1).mean(-1))
        assert rms == pytest.approx(rows["residual_px"][own], rel=1e-3)
        assert rms.max() < 0.03 * face.face_width_px
        assert rows["residual_px"][~own].min() > rms.max()
    residual = json.loads(done.stdout)["files"][0]["residual_px"]
    assert residual["most"] >= residual["median"] > 0


def test_a_video_as_reference_gives_the_frame_that_is_turned_least(film: Film, nobody: Path, model_path: Path) -> None:
    turns = (25.0, 18.0, 2.0, 14.0)
    clip = film("turning.mp4", [Shown((at(LEFT, turn=turn), at(RIGHT, width=60.0))) for turn in turns])
    found = load_reference(clip, model=model_path, track=EVERY_FRAME)
    assert found.text.startswith("frame 2 of turning.mp4, turned by ")
    assert found.points.mean(0)[0] == pytest.approx(LEFT.x, abs=10)
    with pytest.raises(NoFaceError, match=r"reference .*nobody\.mp4"):
        load_reference(nobody, model=model_path, track=EVERY_FRAME)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["{clip}", "{clip}", "--plot", "a.svg"], 2, "--plot takes one video, not 2"),
        (["{clip}", "{clip}", "--landmarks", "a.npz"], 2, "--landmarks takes one video, not 2"),
        (["{clip}", "--landmarks", "a.txt"], 2, "names no kind of landmark file"),
        (["{clip}", "--landmarks", "a.npz", "--points", "5"], 2, "there are no 5 points"),
        (["{clip}", "--align", "rigid"], 2, "--align was given without --align-reference"),
        (["{clip}", "--csv", "gone/a.csv"], 7, "does not exist"),
        (["{clip}", "--csv", "a.csv", "--plot", "a.csv"], 7, "is named twice"),
        (["{clip}", "--csv", "{clip}"], 7, "is an input of this run"),
        (["gone.mp4"], 3, "does not exist"),
        (["{clip}", "--align-reference", "gone.json"], 3, "cannot read"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(
    nobody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run.invoke(app, ["faces", *(word.format(clip=nobody) for word in words)])
    assert done.exit_code == code, done.output
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_plots_have_time_across() -> None:
    assert even_frames(np.arange(5) / 25).tolist() == [0, 1, 2, 3, 4]
    slow_then_fast = np.array([0.0, 0.4, 0.5, 0.6, 0.8])
    assert even_frames(slow_then_fast).tolist() == [0, 0, 2, 3, 4]
    assert even_frames(np.array([0.0])).tolist() == [0]
    assert math.isclose(len(even_frames(np.zeros(0))), 0)
