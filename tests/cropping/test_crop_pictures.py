"""Crops as sequences of pictures and on standard output, and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from made import Shared
from patience import HANG_S
from sequences import read_exr, read_picture, rgb_frames, unpacked, write_pictures
from test_crop_run import apart, generated
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.cropping.crop_names import numbered, record_beside
from lipblend.errors import SettingsError
from lipblend.output import picture_sequence
from lipblend.picture.formats import RANGE_LIMITED, ColourTags
from lipblend.picture.rgb_codes import to_ycbcr
from lipblend.selfcheck.sample import SamplePair
from lipblend.video.probe import probe

FRAMES, SIDE = 8, 320
run = CliRunner()


@pytest.fixture(scope="module")
def pair(shared_material: Shared) -> SamplePair:
    return shared_material.sample(frames=FRAMES, size=SIDE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIPBLEND_CACHE", "off")
    return tmp_path


def crop(original: Path | str, *words: str) -> str:
    done = run.invoke(app, ["crop", str(original), "--size", "256", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.slow(4)
def test_pictures_have_the_record_of_a_video_and_its_picture(pair: SamplePair) -> None:
    said = crop(pair.original, "-o", "faces/f_%04d.png")
    assert said.startswith("faces/f_%04d.png  256x256, 8 frames at 25 frames/s\n  record          faces.json\n")
    assert "note            the crop holds no sound" in said
    crop(pair.original, "-o", "face.mp4", "--crf", "1")
    assert Path("face.json").read_bytes() == Path("faces.json").read_bytes()
    assert sorted(os.listdir()) == ["face.json", "face.mp4", "faces", "faces.json"]
    names = sorted(os.listdir("faces"))
    assert names == [f"f_{number:04d}.png" for number in range(1, FRAMES + 1)]
    for name, shown in zip(names, rgb_frames(Path("face.mp4")), strict=True):
        picture = read_picture(Path("faces") / name)
        assert (picture.shape, picture.dtype) == ((256, 256, 3), np.uint8)
        assert np.abs(picture.astype(float) - shown).mean() < 2


@pytest.mark.slow(5)
def test_deeper_pictures_hold_more_than_eight_bits(pair: SamplePair) -> None:
    for name, *more in (("a/%d.png",), ("b/%d.png", "--depth", "16"), ("c/%d.tif", "--depth", "16"), ("d/%d.exr",)):
        crop(pair.original, "-o", name, *more)
    shallow = read_picture(Path("a/1.png")).astype(float) / 255
    deep = read_picture(Path("b/1.png"))
    assert deep.dtype == np.uint16
    assert np.abs(deep / 65535 - shallow).max() < 1 / 255  # by 10-bit YCbCr and rounding
    assert (deep % 257 != 0).mean() > 0.9
    luma = to_ycbcr((deep / 65535).astype(np.float32), ColourTags(1, 1, 1, RANGE_LIMITED), 256, 16)[..., 0]
    assert ((luma + 8) % 64 > 16).mean() > 0.5  # not from 10-bit codes
    assert (read_picture(Path("c/1.tif")) == deep).all()
    light, kind = read_exr(Path("d/1.exr"))
    assert kind.startswith("gbrpf")
    assert np.abs(light - picture_sequence.linear_light((deep / 65535).astype(np.float32), 1)).max() < 1e-3


@pytest.mark.slow(6)
def test_synced_pictures_bring_the_mouth_back(pair: SamplePair) -> None:
    """At a rate of their own, which the record tells."""
    crop(pair.original, "-o", "faces/%06d.png")
    synced = generated(pair.synced, Path("faces.json"), Path("synced.mp4"), 256)
    unpacked(synced, "synced/%06d.png")
    words = ["composite", str(pair.original), "--crop", "faces.json", "--encoder", "ffv1"]
    for given, output in (("synced.mp4", "video.mkv"), ("synced/%06d.png", "pictures.mkv")):
        done = run.invoke(app, [*words, given, "-o", output])
        assert done.exit_code == 0, done.output
    errors = [apart(pair.truth, Path(name))[1] for name in ("video.mkv", "pictures.mkv")]
    assert errors[1] < 1.05 * errors[0]
    assert errors[1] < apart(pair.truth, pair.original)[1]


@pytest.mark.slow(4)
def test_numbers_go_on_from_those_of_the_original(pair: SamplePair) -> None:
    unpacked(pair.original, "in/%d.png", first=1001)
    crop("in/%d.png", "-o", "own/%05d.png")
    assert sorted(os.listdir("own")) == [f"{number:05d}.png" for number in range(1001, 1001 + FRAMES)]
    crop("in/%d.png", "-o", "slow/%d.png", "--rate", "12.5")
    assert sorted(os.listdir("slow")) == ["1.png", "2.png", "3.png", "4.png"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-o", "in/%d.png", "--meta", "a.json"], 7, "in/%d.png names the pictures of an input"),
        (["-o", "out/%d.gif"], 7, "'.gif' is not a supported format of image sequences"),
        (["-o", "gone/out/%d.png", "--meta", "a.json"], 7, "gone does not exist"),
        (["-o", "old/%d.png", "--no-overwrite"], 7, "old/1.png already exists"),
        (["-o", "out/%d.png", "--meta", "kept.json", "--no-overwrite"], 7, "kept.json already exists"),
        (["-o", "old/%d.png", "--meta", "old/1.png"], 7, "old/1.png is the crop itself"),
        (
            ["-o", "face.png"],
            7,
            "face.png names one picture, and each frame needs its own. Number them, such as face/%06d",
        ),
        (["-o", "out/%03d/%d.png"], 7, "has %03d in the name of a folder"),
        (["-o", "gone/face.mp4"], 7, "gone does not exist"),
        (["-o", "face.avi"], 7, "'.avi' is not a supported video container"),
        (["-o", "out/%d.png", "--crf", "3"], 2, "--crf does not apply to an image sequence"),
        (["-o", "out/%d.png", "--encoder", "ffv1"], 2, "--encoder does not apply to an image sequence"),
        (["-o", "out/%d.png", "--depth", "12"], 2, "--depth 12 is not allowed"),
        (["-o", "face.mp4", "--depth", "8"], 2, "--depth was given"),
        (["-o", "out/%d.png", "--format", "nut"], 2, "--format was given"),
        (["-o", "%d.png"], 2, "%d.png gives the record of the crop no name. Name it: --meta face.json."),
        (["-o", "%d.png", "--meta", "a.json", "--face", "all"], 2, "each face needs a folder of its own"),
        (["-o", "-"], 2, "standard output gives the record of the crop no name"),
        (["-o", "-", "--meta", "a.json", "--face", "all"], 2, "standard output holds one crop"),
        (["-o", "-", "--meta", "a.json", "--json"], 2, "--json cannot be used with standard output"),
    ],
)
def test_what_is_refused_before_pictures_are_read(
    words: list[str], code: int, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(Path("in/%d.png"), [np.zeros((64, 64, 3), np.uint8)])
    write_pictures(Path("old/%d.png"), [np.zeros((64, 64, 3), np.uint8)])
    Path("kept.json").touch()
    monkeypatch.setattr("lipblend.output.sequence_film.make_film", lambda *_, **__: pytest.fail("pictures were read"))
    before = sorted(folder.rglob("*"))
    done = run.invoke(app, ["crop", "in/%d.png", "--quiet", *words])
    assert done.exit_code == code, done.output
    assert message in done.stderr
    assert sorted(folder.rglob("*")) == before


def test_a_fault_among_the_pictures_leaves_nothing(
    pair: SamplePair, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = picture_sequence._write_picture

    def failing(output: object, info: object, place: object, first: int, frame: object) -> str:
        if frame.index == 5:
            raise OSError(28, "No space left on device")
        return real(output, info, place, first, frame)

    monkeypatch.setattr(picture_sequence, "_write_picture", failing)
    done = run.invoke(app, ["crop", str(pair.original), "-o", "faces/%d.png"])
    assert done.exit_code == 7
    assert "faces/%d.png cannot be written: No space left on device" in done.stderr
    assert not list(folder.iterdir())


def piped(words: Sequence[str]) -> bytes:
    root = Path(__file__).resolve().parents[2]
    line = [sys.executable, "-m", "lipblend", "crop", "--size", "128", *words]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(line, capture_output=True, timeout=HANG_S, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert b"record          a.json" in done.stderr
    assert b"crf ignored" not in done.stderr
    return done.stdout


@pytest.mark.slow(6)
@pytest.mark.parametrize(("form", "sound"), [("nut", 1), ("y4m", 0)])
def test_a_crop_on_standard_output(form: str, sound: int, pair: SamplePair) -> None:
    Path(f"face.{form}").write_bytes(piped([str(pair.original), "-o", "-", "--format", form, "--meta", "a.json"]))
    with av.open(f"face.{form}") as file:
        assert len(file.streams.audio) == sound
        assert len(list(file.decode(video=0))) == FRAMES
    assert len(json.loads(Path("a.json").read_text())["frames"]) == FRAMES


def test_names() -> None:
    assert numbered(Path("a/faces.x/%d.png"), 2) == Path("a/faces.x-2/%d.png")
    assert record_beside(Path("a/faces.x/%d.png")) == Path("a/faces.x.json")
    assert record_beside(Path("a/face.x.mp4")) == Path("a/face.x.json")
    for pattern in ("%d.png", "../%d.png"):
        with pytest.raises(SettingsError):
            numbered(Path(pattern), 0)
        with pytest.raises(SettingsError):
            record_beside(Path(pattern))


@pytest.mark.slow(4)
def test_the_record_tells_the_rate_of_synced_pictures(pair: SamplePair, monkeypatch: pytest.MonkeyPatch) -> None:
    crop(pair.original, "-o", "faces/%d.png", "--rate", "12.5")
    unpacked(pair.original, "in/%d.png")
    rates: dict[str, list[Fraction | None]] = {}

    def opened(original: Path, synced: Path, *_: object, **__: object) -> None:
        rates["found"] = [probe(original).frame_rate, probe(synced).frame_rate]
        raise SettingsError("seen")

    monkeypatch.setattr("lipblend.compositing.composite", opened)
    slow = Fraction(25, 2)
    for original, more, found in (
        (str(pair.original), [], [25, slow]),
        (str(pair.original), ["--rate", "10"], [25, 10]),
        ("in/%d.png", ["--rate", "30"], [30, slow]),
        ("in/%d.png", [], [25, slow]),
    ):
        words = ["composite", original, "faces/%d.png", "--crop", "faces.json", "-o", "a.mp4", *more]
        assert "seen" in run.invoke(app, words).stderr
        assert rates["found"] == found
