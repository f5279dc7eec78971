"""Whole runs by way of a crop: out, through a generator, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made import Shared
from runs import composited
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.cropping.crop_job import crop_video
from lipblend.cropping.crop_options import CropOptions
from lipblend.cropping.crop_picture import cut_crop
from lipblend.cropping.crop_profiles import PROFILES, CropProfile
from lipblend.crops.crop_record import CropRecord
from lipblend.errors import InputMismatchError, NoFaceError, OutputError
from lipblend.output.drawn import drawn_info, frame_of_planes
from lipblend.output.run_record import find_record
from lipblend.output.sound.audio_plan import choose_audio
from lipblend.output.synth import write_clip
from lipblend.output.writer import VideoWriter
from lipblend.selfcheck.sample import SamplePair
from lipblend.settings import EncodeSettings, Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FRAMES, SIDE = 20, 320
LOSSLESS = Settings.model_validate({"encode": {"encoder": "ffv1"}})
SHARP = EncodeSettings(preset="ultrafast", crf=6)


@pytest.fixture(scope="module")
def pair(shared_material: Shared) -> SamplePair:
    return shared_material.sample(frames=FRAMES, size=SIDE)


def cut(original: Path, folder: Path, **profile: Any) -> tuple[Path, Path]:
    made = crop_video(
        original,
        folder / "face.mp4",
        folder / "face.json",
        options=CropOptions(profile=CropProfile(**{"size": 256, **profile}), encode=SHARP),
    )
    return made.output, made.record


def generated(synced: Path, record: Path, output: Path, size: int) -> Path:
    """The crop that a generator would return: cut out of its full frames."""
    read = CropRecord.parsed(record.read_bytes(), record)
    info, rate = probe(synced), Fraction(read.rate)
    target = drawn_info(info, size, size)
    target = replace(target, time_base=1 / rate, frame_rate=rate, start_s=0.0)
    scale = size / read.size[0]
    with (
        VideoReader(info) as reader,
        VideoWriter(output, target, encode=SHARP, audio=choose_audio(info, info, "none"), extras_from=None) as writer,
    ):
        for index, (frame, row) in enumerate(zip(reader, read.frames, strict=True)):
            planes = cut_crop(frame.picture(info), scale * np.array(row.matrix)[:2], target, (127, 127, 127))
            writer.write(frame_of_planes(planes, target.layout, index=index, pts=index, duration=1))
    return output


def lumas(path: Path) -> Iterator[np.ndarray]:
    with VideoReader(probe(path)) as reader:
        for frame in reader:
            yield frame.planes[0].astype(np.float32)


def apart(first: Path, second: Path) -> tuple[float, float]:
    """Largest and rms difference of two videos' luma."""
    both = [np.abs(a - b) for a, b in zip(lumas(first), lumas(second), strict=True)]
    return float(np.max(both)), float(np.sqrt(np.mean(np.square(both))))


@pytest.mark.slow(6)
@pytest.mark.parametrize("mode", ["fixed", "follow", "aligned"])
def test_a_crop_brings_the_same_mouth_back_as_the_whole_frame(mode: str, pair: SamplePair, tmp_path: Path) -> None:
    _, record = cut(pair.original, tmp_path, mode=mode)
    synced = generated(pair.synced, record, tmp_path / "synced.mp4", 256)
    whole = composited(pair.original, pair.synced, tmp_path / "whole.mkv", settings=LOSSLESS)
    done = composited(pair.original, synced, tmp_path / "crop.mkv", settings=LOSSLESS, crop=record)
    assert done.blended == whole.blended == FRAMES
    old, new = (apart(each, tmp_path / "crop.mkv")[1] for each in (pair.original, pair.truth))
    assert new < 1.05 * apart(pair.truth, tmp_path / "whole.mkv")[1]
    assert new < old
    written = find_record(probe(tmp_path / "crop.mkv").metadata).record
    assert written is not None
    assert written.crop


@pytest.mark.slow(3)
def test_an_untouched_crop_gives_the_original_back(pair: SamplePair, tmp_path: Path) -> None:
    face, record = cut(pair.original, tmp_path)
    composited(pair.original, face, tmp_path / "out.mkv", settings=LOSSLESS, crop=record)
    most, rms = apart(pair.original, tmp_path / "out.mkv")
    assert most <= 12  # the lips of this face are 2 px wide, and the crop is 1.14 times as large
    assert rms < 0.1


@pytest.mark.slow(3)
def test_a_crop_at_another_rate_keeps_time(pair: SamplePair, tmp_path: Path) -> None:
    face, record = cut(pair.original, tmp_path, rate=Fraction(15))
    rows = CropRecord.parsed(record.read_bytes(), record).frames
    assert len(rows) == round(FRAMES / 25 * 15)
    assert probe(face).frame_rate == 15
    for number, row in enumerate(rows):
        assert abs(row.time_s - number / 15) <= 0.02 + 1e-6
        assert row.source_index == round(row.time_s * 25)
    synced = tmp_path / "synced.mp4"
    # What is shown is the original's frames at the crop's times.
    pictures = list(lumas(pair.original))
    for shown, row in zip(lumas(face), rows, strict=True):
        matrix = np.array(row.matrix)[:2].copy()
        matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
        wanted = cv2.warpAffine(pictures[row.source_index], matrix, (256, 256), flags=cv2.INTER_CUBIC)
        assert np.abs(shown - wanted)[40:-40, 40:-40].mean() < 4
    assert not synced.exists()


def test_the_record_of_another_original_stops_before_the_work(pair: SamplePair, tmp_path: Path) -> None:
    face, record = cut(pair.original, tmp_path)
    with pytest.raises(InputMismatchError, match="is not the original that the record"):
        composited(pair.synced, face, tmp_path / "out.mp4", crop=record)
    data = json.loads(record.read_text())
    data["frames"] = data["frames"][:5]
    record.write_text(json.dumps(data))
    with pytest.raises(InputMismatchError, match="has 20 frames, and its record 5"):
        composited(pair.original, face, tmp_path / "out.mp4", crop=record)
    assert not (tmp_path / "out.mp4").exists()


def test_a_video_without_a_face_gives_no_crop(tmp_path: Path) -> None:
    blank = tmp_path / "blank.mp4"
    write_clip(blank, [np.full((96, 96, 3), 90, np.uint8)] * 3, frame_rate=Fraction(25), crf=10)
    with pytest.raises(NoFaceError, match="no face was found"):
        cut(blank, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["blank.mp4"]


def test_outputs_do_not_replace_the_original(pair: SamplePair, tmp_path: Path) -> None:
    for output, record in ((pair.original, tmp_path / "a.json"), (tmp_path / "a.mp4", pair.original)):
        with pytest.raises(OutputError):
            crop_video(pair.original, output, record)
    with pytest.raises(OutputError, match="the crop itself"):
        crop_video(pair.original, tmp_path / "a.mp4", tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--size", "33"], 2, "33 px"),
        (["--size", "8192"], 2, "8192 px"),
        (["--profile", "none"], 2, "wav2lip"),
        (["--rate", "fast"], 2, "the rate"),
        (["--rate", "0"], 2, "the rate"),
        (["--fill", "1,2"], 2, "--fill"),
        (["--fill", "1,2,300"], 2, "--fill"),
        (["--face", "left"], 2, "--face"),
        (["--margin", "-1"], 2, "--margin"),
    ],
)
def test_wrong_options_are_one_error(
    options: list[str], code: int, said: str, pair: SamplePair, tmp_path: Path
) -> None:
    done = CliRunner().invoke(app, ["crop", str(pair.original), "-o", str(tmp_path / "face.mp4"), *options])
    assert done.exit_code == code, done.output
    assert said in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.slow(2)
def test_the_command_says_what_it_made(pair: SamplePair, tmp_path: Path) -> None:
    words = [
        "crop",
        str(pair.original),
        "-o",
        str(tmp_path / "f.mp4"),
        "--profile",
        "latentsync",
        "--size",
        "128",
        "--json",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["frames"], said["size"], said["rate"]) == (FRAMES, [128, 128], "25")
    assert said["with_face"] == FRAMES
    assert said["record"] == str(tmp_path / "f.json")
    rows = CropRecord.parsed((tmp_path / "f.json").read_bytes(), tmp_path / "f.json").frames
    assert all(row.confidence == 1 and row.visibility > 0.9 for row in rows)
    assert PROFILES["latentsync"].mode == "aligned"
    assert abs(np.array(rows[0].matrix)[0, 0] / np.array(rows[0].matrix)[1, 1] - 560 / 420) < 0.02
