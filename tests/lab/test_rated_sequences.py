"""Image sequences and standard input as clips of a rating."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import av
import numpy as np
import pytest
from rating_material import draw_clip
from sequences import pictures, write_pictures
from typer.testing import CliRunner, Result

from lipblend.cli.app import app
from lipblend.lab.rating.study import Study, read_key
from lipblend.output.given_videos import given_videos

run = CliRunner()


@pytest.fixture(autouse=True)
def work_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield
    assert not list(tmp_path.glob("lipblend-given-*"))


def built(*words: str, stdin: bytes | None = None) -> tuple[Result, Study]:
    done = run.invoke(app, ["ab", "build", *words, "-o", "study"], input=stdin)
    assert done.exit_code == 0, done.output
    return done, read_key(Path("study/key.json"))


def moving(count: int = 12, *, size: tuple[int, int] = (64, 48), grey: int = 60) -> list[np.ndarray]:
    shown = np.full((count, size[1], size[0], 3), grey, np.uint8)
    for index, picture in enumerate(shown):
        picture[:, 4 * index : 4 * index + 4] = 250
    return list(shown)


def test_sequences_are_rated_as_h264_under_their_own_names() -> None:
    write_pictures(Path("quagga/%06d.png"), moving(size=(63, 47)), first=7)
    draw_clip(Path("other.mp4"), grey=100, sound=False)
    done, study = built("quagga/%06d.png", "other.mp4", "--rate", "24")
    assert "quagga/%06d.png: encoded as H.264 (CRF 10, 8-bit 4:2:0), which browsers play" in done.stdout
    assert "as-given" not in Path("study/key.json").read_text() + done.output
    assert {trial.name for trial in study.trials} == {"quagga"}
    clips = {clip.label: clip for clip in study.trials[0].clips}
    assert clips["first"].source == "quagga/%06d.png"
    with av.open(f"study/page/clips/{clips['first'].file}") as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate, stream.width, stream.height) == ("h264", 24, 64, 48)
        shown = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert len(shown) == 12
    assert all(abs(int(picture[20, 4 * index + 2, 0]) - 250) < 12 for index, picture in enumerate(shown))
    page = b"".join(path.read_bytes() for path in Path("study/page").rglob("*") if path.is_file())
    assert not any(word in page.lower() for word in (b"x264", b"quagga", b"%06d"))


def test_a_rate_that_nothing_tells_is_noted() -> None:
    write_pictures(Path("real/%d.png"), moving())
    done, _ = built("real/%d.png", "--mode", "seam")
    assert "frame rate of the image sequence taken as 25" in done.stdout


def test_reports_match_a_sequence_by_the_film_that_evaluate_names() -> None:
    write_pictures(Path("a/f_%d.png"), pictures(3))
    write_pictures(Path("b/f_%d.png"), [*pictures(2), pictures(1)[0]])
    done, study = built("a/f_%d.png", "b/f_%d.png", "--mode", "seam", "--rate", "25", "--json")
    assert json.loads(done.stdout)["trials"] == 2
    digests = {clip.source: clip.sha256 for trial in study.trials for clip in trial.clips}
    with given_videos(*digests, rate=25) as films:
        wanted = [hashlib.sha256(film.read_bytes()).hexdigest() for film in films]
    assert list(digests.values()) == wanted


def test_standard_input_is_a_clip_and_a_control_may_be_a_sequence() -> None:
    draw_clip(Path("one.mp4"), grey=100)
    write_pictures(Path("real/%d.png"), moving())
    done, study = built("-", "--mode", "seam", "--control", "real/%d.png", stdin=Path("one.mp4").read_bytes())
    assert {(clip.source, trial.name, trial.control) for trial in study.trials for clip in trial.clips} == {
        ("standard input", "standard input", False), ("real/%d.png", "control/real", True)
    }  # fmt: skip
    assert "frame rate" not in done.output  # that of the other clip


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["in/%d.png", "gone/%d.png"], 3, "the folder gone of %d.png does not exist"),
        (["one.mp4", "one.mp4", "--rate", "25"], 2, "--rate was given, but no input is an image sequence"),
        (["-", "-"], 2, "standard input (-) was given twice"),
        (["folder", "in/%d.png"], 2, "folder and in/%d.png are not both folders or both files"),
        (["in/%d.png", "in/%d.png"], 3, "both files of every pair are the same"),
    ],
)
def test_what_is_refused(words: list[str], code: int, says: str) -> None:
    write_pictures(Path("in/%d.png"), pictures(2))
    Path("folder").mkdir()
    done = run.invoke(app, ["ab", "build", *words, "-o", "study"])
    assert (done.exit_code, done.stdout) == (code, "")
    assert says in done.stderr
    assert "as-given" not in done.stderr
    assert not Path("study").exists()
