"""Image sequences, standard input and standard output on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from patience import HANG_S
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.errors import SettingsError
from lipblend.selfcheck.sample import SamplePair
from lipblend.settings.rate_words import parse_frame_rate
from tests.made import Shared
from tests.sequences import pictures, read_picture, unpacked, write_pictures

run = CliRunner()
FRAMES = 6
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pair(shared_material: Shared) -> SamplePair:
    return shared_material.sample(frames=FRAMES, size=320)


@pytest.fixture(autouse=True)
def no_stand_in_is_left(own_temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test, and the programs that it starts, work in a folder of their own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TMPDIR", str(own_temporary))


def lipblend(arguments: Sequence[str | Path], stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-m", "lipblend", *map(str, arguments)]
    return subprocess.run(words, input=stdin, capture_output=True, timeout=HANG_S, check=False)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("25", 25), ("23.976", Fraction(24000, 1001)), ("30000/1001", Fraction(30000, 1001)), ("12.5", Fraction(25, 2))],
)
def test_rates(text: str, rate: Fraction) -> None:
    assert parse_frame_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "abc", "0", "-1", "1/0", "25/00", "25/", "1001", "1e3", "nan", "9" * 30, "1/100", "٢٥/1."]
)
def test_wrong_rates(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_frame_rate(text)


def test_probe_of_a_sequence(tmp_path: Path) -> None:
    write_pictures(tmp_path / "in" / "f_%03d.png", pictures(3), first=5)
    done = run.invoke(app, ["probe", "--no-faces", "in/f_%03d.png", "--rate", "24"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "in/f_%03d.png"
    assert "24 counted, constant" in done.stdout
    data = json.loads(run.invoke(app, ["probe", "--no-faces", "--json", str(tmp_path / "in" / "f_%03d.png")]).stdout)
    assert data["path"] == str(tmp_path / "in" / "f_%03d.png")
    assert (data["timing"]["frames"], data["timing"]["frame_rate"]) == (3, 25)


@pytest.mark.slow(3)
def test_probe_of_standard_input(pair: SamplePair) -> None:
    done = lipblend(["probe", "--no-faces", "-"], pair.original.read_bytes())
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == b"standard input"
    assert lipblend(["probe", "--no-faces", "-"], b"").stderr == (
        b"error: standard input is empty (0 bytes). Check the command before the pipe.\n"
    )
    broken = lipblend(["probe", "--no-faces", "-"], b"no video at all" * 99)
    assert broken.returncode == 3
    assert broken.stderr.startswith(b"error: standard input is not a readable video")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["composite", "in/%d.png", "gone/%d.png", "-o", "a.mp4"], 3, "the folder gone of %d.png does not exist"),
        (["composite", "in/%d.png", "holes/%d.png", "-o", "a.mp4"], 3, "1 of the pictures 1 to 3 in holes/%d.png"),
        (["composite", "in/%d.png", "small.png", "-o", "a.mp4"], 3, "small.png does not exist"),
        (["composite", "damaged/%d.png", "in/%d.png", "-o", "a.mp4"], 3, "damaged/2.png is not a readable PNG"),
        (["composite", "mixed/%d.png", "in/%d.png", "-o", "a.mp4"], 4, "mixed/2.png is 64x40, 8 bits, and 1.png"),
        (["composite", "-", "-", "-o", "a.mp4"], 2, "standard input (-) was given twice"),
        (["composite", "a.mp4", "b.mp4", "-o", "c.mp4", "--rate", "25"], 2, "no input is an image sequence"),
        (["composite", "in/%d.png", "in/%d.png", "-o", "a.mp4", "--rate", "0"], 2, "the rate 0 is out of range"),
        (["composite", "a.mp4", "b.mp4", "-o", "o/%d.png", "--resume"], 2, "--resume cannot be used with an image"),
        (["composite", "a.mp4", "b.mp4", "-o", "o/%d.png", "--gate"], 2, "--gate cannot be used with an image"),
        (["composite", "a.mp4", "b.mp4", "-o", "o/%d.png", "--crf", "3"], 2, "--crf does not apply to an image"),
        (["composite", "a.mp4", "b.mp4", "-o", "o/%d.png", "--audio", "synced"], 2, "cannot hold sound"),
        (["composite", "a.mp4", "b.mp4", "-o", "o/%d.png", "--depth", "9"], 2, "--depth 9 is not allowed"),
        (["composite", "a.mp4", "b.mp4", "-o", "o/%d.exr", "--depth", "8"], 2, "--depth was given"),
        (["composite", "a.mp4", "b.mp4", "-o", "o.mp4", "--depth", "8"], 2, "--depth was given"),
        (["composite", "in/%d.png", "in/%d.png", "-o", "o/%d.gif", "--depth", "8"], 7, "'.gif' is not a supported"),
        (["composite", "in/%d.png", "in/%d.png", "-o", "in/%d.png"], 7, "in/%d.png names the pictures of an input"),
        (["composite", "a.mp4", "b.mp4", "-o", "o.png"], 7, "Number them, such as o/%06d.png; or name a video."),
        (["composite", "a.mp4", "b.mp4", "-o", "o/%d/%d.png"], 7, "o/%d/%d.png has %d in the name of a folder"),
        (["composite", "in/%02d/1.png", "b.mp4", "-o", "o.mp4"], 3, "in/%02d/1.png has %02d in the name of a folder"),
        (["composite", "a.mp4", "b.mp4", "-o", "o.mp4", "--format", "nut"], 2, "--format was given"),
        (["composite", "a.mp4", "b.mp4", "-o", "-", "--format", "avi"], 2, "--format avi is not allowed"),
        (
            ["composite", "a.mp4", "b.mp4", "-o", "-", "--report", "r"],
            2,
            "--report cannot be used with standard output",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, words: list[str], code: int, message: str) -> None:
    write_pictures(Path("in/%d.png"), pictures(2))
    write_pictures(Path("holes/%d.png"), pictures(3))[1].unlink()
    write_pictures(Path("damaged/%d.png"), pictures(3))[1].write_bytes(b"\x89PNG\r\n\x1a\n")
    first, second = pictures(2)
    write_pictures(Path("mixed/%d.png"), [first, second[:40]])
    done = run.invoke(app, [*words, "--quiet"])
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert "as-given" not in done.stderr
    assert not {"a.mp4", "o"} & set(os.listdir(tmp_path))


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-o", "o/%d.gif"], 7, "'.gif' is not a supported"),
        (["-o", "gone/o/%d.png"], 7, "gone does not exist"),
        (["-o", "in/%d.png", "--no-overwrite"], 7, "in/%d.png names the pictures of an input"),
        (["-o", "old/%d.png", "--no-overwrite"], 7, "old/1.png already exists"),
        (["-o", "gone/a.mp4"], 7, "gone does not exist"),
        (["-o", "a.avi"], 7, "'.avi' is not a supported video container"),
        (["-o", "o/%d.png", "--gate"], 2, "--gate cannot be used with an image"),
        (["-o", "o/%d.png", "--crf", "3"], 2, "--crf does not apply to an image"),
        (["-o", "-", "--json"], 2, "--json cannot be used with standard output"),
    ],
)
def test_outputs_are_checked_before_pictures_are_read(
    words: list[str], code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("in", "old"):
        write_pictures(Path(folder) / "%d.png", pictures(2))
    monkeypatch.setattr("lipblend.output.sequence_film.make_film", lambda *_, **__: pytest.fail("pictures were read"))
    done = run.invoke(app, ["composite", "in/%d.png", "in/%d.png", *words])
    assert done.exit_code == code, done.output
    assert message in done.stderr


def test_json_would_mix_with_the_video() -> None:
    done = run.invoke(app, ["composite", "a.mp4", "b.mp4", "-o", "-", "--json"])
    assert done.exit_code == 2
    assert "--json cannot be used with standard output" in done.stderr


@pytest.mark.slow(6)
def test_untouched_pixels_of_a_sequence_are_exact(pair: SamplePair) -> None:
    original, synced = (
        unpacked(pair.original, "in/f_%06d.png", first=1001),
        unpacked(pair.synced, "synced/s_%d.png", first=1001),
    )
    done = run.invoke(app, ["composite", str(original), str(synced), "-o", "out/r_%05d.png", "--no-cache"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("out/r_%05d.png  320x320, 6 frames, 0.24 s\n")
    assert "note            frame rate of the image sequence taken as 25" in done.stdout
    assert "note            an image sequence holds no sound" in done.stdout
    assert sorted(os.listdir("out")) == [f"r_{number:05d}.png" for number in range(1001, 1001 + FRAMES)]
    changed = np.zeros((320, 320), bool)
    for number in range(1001, 1001 + FRAMES):
        before, after = read_picture(Path(f"in/f_{number:06d}.png")), read_picture(Path(f"out/r_{number:05d}.png"))
        assert after.dtype == np.uint8
        changed |= (before != after).any(-1)
    assert 0.005 < changed.mean() < 0.2  # the mouth, and nothing else
    rows, columns = np.nonzero(changed)
    assert np.ptp(rows) < 160
    assert np.ptp(columns) < 160


@pytest.mark.slow(12)
@pytest.mark.parametrize("form", ["nut", "y4m"])
def test_through_pipes(pair: SamplePair, form: str) -> None:
    """What is written to a pipe is what the file has, and can be read from a pipe again."""
    words = ["composite", pair.original, pair.synced, "--no-cache", "-o"]
    piped = lipblend([*words, "-", "--format", form])
    assert piped.returncode == 0, piped.stderr
    assert b"blended         6 frames" in piped.stderr
    assert lipblend([*words, "file.mkv", "--encoder", "ffv1"]).returncode == 0
    Path(f"piped.{form}").write_bytes(piped.stdout)
    shown, sound = {}, {}
    for name in (f"piped.{form}", "file.mkv"):
        with av.open(name) as file:
            assert file.streams.video[0].average_rate == 25
            sound[name] = len(file.streams.audio)
            shown[name] = [frame.to_ndarray() for frame in file.decode(video=0)]
    assert len(shown[f"piped.{form}"]) == FRAMES
    assert sound["file.mkv"] == 1
    assert sound[f"piped.{form}"] == (form == "nut")
    for first, second in zip(*shown.values(), strict=True):
        assert (first == second).all()
    again = lipblend(
        ["composite", "-", pair.synced, "--no-cache", "-o", "again.mkv", "--encoder", "ffv1"], piped.stdout
    )
    assert again.returncode == 0, again.stderr


@pytest.mark.slow(4)
def test_a_reader_that_ends_early(pair: SamplePair) -> None:
    words = [
        sys.executable,
        "-m",
        "lipblend",
        "composite",
        str(pair.original),
        str(pair.synced),
        "-o",
        "-",
        "--no-cache",
    ]
    with subprocess.Popen([*words, "--format", "y4m"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(9) == b"YUV4MPEG2"
        process.stdout.close()
        messages = process.stderr.read().decode()
    assert process.returncode == 7
    assert "error: standard output cannot be written: Broken pipe. The program that reads it ended early." in messages


@pytest.mark.slow(3)
def test_16_bits_for_a_deep_original(pair: SamplePair) -> None:
    unpacked(pair.original, "in/%d.png", first=1001)
    unpacked(pair.synced, "synced/%d.png", first=1001)
    for path in Path("in").iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path)).astype(np.uint16) * 257)
    done = run.invoke(app, ["composite", "in/%d.png", "synced/%d.png", "-o", "out/%d.png", "--no-cache", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["output"] == "out/%d.png"
    before, after = read_picture(Path("in/1001.png")), read_picture(Path("out/1001.png"))
    assert after.dtype == np.uint16
    assert np.median(np.abs(before.astype(int) - after)) <= 2
