"""Pairs with a known truth made from a clip: what is alike, what differs, and what is said."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from script_loading import load_script

from lipblend.faces.landmarks import Landmarks
from lipblend.lab.ablation.triples import find_triples
from lipblend.output.synth import write_clip
from lipblend.picture.planes import to_rgb
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FRAMES = 4


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("make_triple")


@pytest.fixture(scope="module")
def clip(portrait: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portrait, half as large, drifting to the right by 2 px a frame; two frames lead in."""
    path = tmp_path_factory.mktemp("footage") / "clip.mp4"
    small = cv2.resize(portrait, (384, 384), interpolation=cv2.INTER_AREA)
    pictures = (np.roll(small, 2 * number, axis=1) for number in range(FRAMES + 2))
    write_clip(path, pictures, frame_rate=Fraction(25), crf=8)
    return path


@pytest.fixture(scope="module")
def made(script: ModuleType, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("triples")
    assert run(script, clip, folder / "ann", "--damage", "strong") == 0
    return folder


def run(script: ModuleType, clip: Path, folder: Path, *more: str) -> int:
    words = [str(clip), str(folder), "--frames", str(FRAMES), "--start", "0.08", "--seed", "3", *more]
    code: int = script.main(words)
    return code


def pictures(path: Path) -> np.ndarray:
    info = probe(path)
    with VideoReader(info) as reader:
        return np.stack([to_rgb(each.planes, each.layout, info.colour) for each in reader]).astype(np.float32)


def test_the_folder_is_a_triple_and_says_how_it_was_made(made: Path, clip: Path) -> None:
    (triple,) = find_triples(made)
    assert [probe(path).frame_rate for path in (triple.original, triple.synced, triple.truth)] == [Fraction(25)] * 3
    about = json.loads((made / "ann" / "about.json").read_text())
    wanted = {"clip": "clip.mp4", "start_s": 0.08, "frames": FRAMES, "seed": 3, "crop_px": 96, "damage": "strong"}
    assert wanted.items() <= about.items()
    assert about["tracked"] == FRAMES
    assert about["face_width_px"] == pytest.approx(110, rel=0.1)
    assert about["head_speed_mean"] == pytest.approx(2 / about["face_width_px"], rel=0.25)
    truth, footage = pictures(triple.truth), pictures(clip)[2:]
    assert np.abs(truth - footage).mean() < 1.5
    assert np.abs(truth - pictures(clip)[:FRAMES]).mean() > 3  # --start counts


def test_outside_the_crop_nothing_is_changed_and_inside_it_is_tinted(made: Path, face: Landmarks) -> None:
    orig, synced, truth = (pictures(made / "ann" / f"{name}.mp4") for name in ("orig", "synced", "truth"))
    low, high = face.points.min(axis=0) / 2, face.points.max(axis=0) / 2
    outside = np.ones(orig.shape[1:3], bool)
    outside[int(low[1]) :, int(low[0]) - 8 : int(high[0]) + 20] = False
    assert np.abs(synced - orig)[:, outside].mean() < 2.5  # what CRF 19 costs
    assert np.abs((synced - orig)[:, outside].mean(axis=(1, 2))).max() < 0.4
    assert np.abs(orig - truth)[:, outside].mean() < 1.5
    x, y = (face.mouth_centre / 2).astype(int)
    cast = (synced - truth)[:, y - 15 : y + 20, x - 20 : x + 20].mean(axis=(1, 2))
    red, _, blue = cast.mean(axis=0)
    assert -13 < red < blue - 3 < 0  # (-11, -9, -4) and a sine of 3 levels that begins to rise


def test_the_mouths_differ_and_the_head_does_not(made: Path, face: Landmarks) -> None:
    orig, truth = (pictures(made / "ann" / f"{name}.mp4") for name in ("orig", "truth"))
    x, y = (face.mouth_centre / 2).astype(int)
    mouth = np.abs(orig - truth)[:, y - 8 : y + 14, x - 8 : x + 20].mean(axis=(1, 2, 3))
    eyes = np.abs(orig - truth)[:, y - 60 : y - 30, x - 30 : x + 40].mean()
    assert mouth.max() > 4 * eyes
    assert mouth.max() > 4


def test_a_jaw_is_moved_by_as_much_as_is_said(script: ModuleType, portrait: np.ndarray, face: Landmarks) -> None:
    """A ramp of grey from top to bottom shows where each pixel came from."""
    height, width = portrait.shape[:2]
    ramp = np.repeat((np.arange(height) / 4)[:, None], width, axis=1)
    picture = np.repeat(np.rint(ramp)[..., None], 3, axis=2).astype(np.uint8)
    size = face.face_width_px
    moved = script.other_mouth(picture, face, 0.06)
    x, y = (face.points[14] + face.y_axis * 0.06 * size).astype(int)
    shift = 4 * (picture.astype(int) - moved)[y + 3, x, 0]
    assert shift == pytest.approx(0.06 * size, abs=0.02 * size)
    x, y = (face.points[1]).astype(int)  # the nose
    assert np.array_equal(moved[: y + 2], picture[: y + 2])
    assert np.array_equal(script.other_mouth(picture, face, 0.0), picture)


def test_a_flat_picture_shows_cast_pumping_and_the_shape_of_the_paste(script: ModuleType) -> None:
    grey = np.full((120, 100, 3), 120, np.uint8)
    box = (20, 20, 80, 100)
    strong = script.Generator(96, 25.0, 1, script.DAMAGES["strong"])
    for index, pump in ((0, 0.0), (4, 3 * np.sin(2 * np.pi * 1.4 * 4 / 25))):
        frame = strong.paint(grey, grey, box, index).astype(int)
        assert (frame[60:100, 20:80] == np.rint(120 + np.array([-11, -9, -4]) + pump)).all()
        frame[60:100, 20:80] = 120
        assert (frame == 120).all()
    mild = script.Generator(96, 25.0, 1, script.DAMAGES["mild"]).paint(grey, grey, box, 0).astype(int)
    assert (mild[70, 50] == [118, 118, 119]).all()  # half levels to even
    assert (mild[95, [25, 75]] == 120).all()  # the U's corners
    assert strong.paint(grey, grey, (-10, 90, 60, 140), 0).shape == grey.shape  # beyond the picture


@pytest.mark.slow(2)
def test_the_same_words_give_the_same_bytes(script: ModuleType, made: Path, clip: Path, tmp_path: Path) -> None:
    assert run(script, clip, tmp_path / "ann", "--damage", "strong") == 0
    for name in ("orig.mp4", "synced.mp4", "truth.mp4", "about.json"):
        assert (tmp_path / "ann" / name).read_bytes() == (made / "ann" / name).read_bytes()


def test_what_cannot_be_made_is_said_in_a_line(
    script: ModuleType, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank = tmp_path / "blank.mp4"
    write_clip(blank, [np.full((64, 64, 3), 90, np.uint8)] * 7, frame_rate=Fraction(25), crf=20)
    taken = tmp_path / "taken"
    taken.write_text("a file")
    for footage, folder, more, code, part in (
        (blank, tmp_path / "out", [], 5, "no face was found in the 4 frames"),
        (clip, tmp_path / "out", ["--start", "9"], 3, "has 0 of 4 frames from 9 s on"),
        (tmp_path / "none.mp4", tmp_path / "out", [], 3, "none.mp4"),
        (clip, tmp_path / "out", ["--crop-px", "4"], 2, "--crop-px 4"),
        (clip, taken, [], 7, f"cannot write {taken}"),
    ):
        assert run(script, footage, folder, *more) == code
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("error: ")
        assert part in err
    assert not (tmp_path / "out").exists()
