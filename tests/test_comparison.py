"""Several videos in one: pictures by time, sizes, sound, and what ends early."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipblend.errors import NoFaceError, OutputError, SettingsError
from lipblend.faces.landmarks import LIPS_OUTER
from lipblend.faces.models import resolve_model
from lipblend.lab.comparison.film import compare
from lipblend.output.synth import write_clip
from lipblend.picture.patch import Box
from lipblend.video.probe import probe


def clip(path: Path, rate: Fraction, seconds: float, size: tuple[int, int], *, sound: bool = False) -> Path:
    """A grey that rises with time: 40 + 40 a second."""
    count = round(seconds * rate)
    pictures = [np.full((size[1], size[0], 3), round(40 + 40 * float(i / rate)), np.uint8) for i in range(count)]
    wave = np.sin(np.arange(round(48000 * seconds)) / 20).astype(np.float32) * 0.3 if sound else None
    write_clip(path, pictures, frame_rate=rate, crf=4, sound=wave)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("clips")
    return [
        clip(folder / "first.mp4", Fraction(25), 2, (320, 240), sound=True),
        clip(folder / "second.mp4", Fraction(30000, 1001), 2, (640, 360)),
        clip(folder / "third.mp4", Fraction(24), 1, (322, 180)),
    ]


def read(path: Path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [frame.to_ndarray(format="rgb24") for frame in frames], [float(f.pts * f.time_base) for f in frames]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.mp4", "out.gif"])
def test_side_by_side_in_step_by_time(clips: list[Path], tmp_path: Path, name: str) -> None:
    result = compare(clips, tmp_path / name)
    pictures, times = read(result.output)
    assert result.frames == len(pictures) == 50
    np.testing.assert_allclose(times, np.arange(50) / 25, atol=0.001)
    height, width = pictures[0].shape[:2]
    assert (width, height) == (result.width, result.height)
    assert width % 2 == height % 2 == 0
    assert width == 320 + 4 + 426 + 4 + 430  # all 240 high
    for index in (0, 7, 24, 40):
        expected = 40 + 40 * index / 25
        assert pictures[index][150, 100].mean() == pytest.approx(expected, abs=3)
        assert pictures[index][150, 500].mean() == pytest.approx(expected, abs=3)
    assert pictures[10][150, 1000].mean() == pytest.approx(56, abs=3)
    assert pictures[40][150, 1000].mean() == pytest.approx((40 + 40 * 23 / 24) / 2, abs=3)  # held and dimmed
    assert result.notes == ("third.mp4 ends earlier: its last picture is held, dimmed",)
    sound = probe(result.output).audio
    assert [each.codec for each in sound] == ([] if name.endswith("gif") else ["aac"])


def test_a_part_keeps_pictures_and_sound_together(clips: list[Path], tmp_path: Path) -> None:
    result = compare(clips[:2], tmp_path / "out.mp4", from_s=0.5, to_s=1.5, height_px=120)
    pictures, times = read(result.output)
    assert (len(pictures), times[0]) == (25, 0.0)
    assert result.duration_s == pytest.approx(1.0)
    for index in (0, 12, 24):
        expected = 40 + 40 * (0.5 + index / 25) if index else 40 + 40 * 0.52
        assert pictures[index][100, 80].mean() == pytest.approx(expected, abs=3)
        assert pictures[index][100, 250].mean() == pytest.approx(expected, abs=3)
    (sound,) = probe(result.output).audio
    assert sound.duration_s == pytest.approx(1.0, abs=0.05)


def test_the_first_video_with_sound_gives_it_and_that_is_said(clips: list[Path], tmp_path: Path) -> None:
    loud, mute = clips[0], clips[1]
    result = compare([mute, loud], tmp_path / "out.mp4", from_s=0.5, to_s=1.5, height_px=120)
    assert result.notes == ("second.mp4 has no sound: that of first.mp4 was taken",)
    (sound,) = probe(result.output).audio
    assert sound.duration_s == pytest.approx(1.0, abs=0.05)
    assert compare([loud, mute], tmp_path / "b.mp4", to_s=0.2, height_px=120).notes == ()


@pytest.mark.slow
@pytest.mark.parametrize("height", [240, 2160])
def test_labels_grow_with_the_picture(clips: list[Path], tmp_path: Path, height: int) -> None:
    result = compare(clips[:2], tmp_path / "out.mp4", to_s=0.03, height_px=height, labels=["III", "III"])
    (picture, *_), _ = read(result.output)
    bar = result.height - height
    assert bar == pytest.approx(max(30, height / 17), rel=0.1)
    letters = picture[:bar].max(axis=2) > 130
    rows = np.flatnonzero(letters.any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(max(14, height / 36), rel=0.35)


def test_layouts_and_crop(clips: list[Path], tmp_path: Path) -> None:
    stack = compare(clips[:2], tmp_path / "stack.mp4", layout="stack", height_px=100, to_s=0.2)
    assert (stack.width, stack.height) == (178, 260)
    split = compare(clips[:2], tmp_path / "split.mp4", layout="split", to_s=0.2)
    assert (split.width, split.height) == (320, 270)
    (picture, *_), _ = read(split.output)
    assert picture[100, 160].mean() > 150  # the line between the strips
    cropped = compare(clips[:2], tmp_path / "crop.mp4", crop=Box(20, 20, 120, 60), height_px=80, to_s=0.2)
    assert cropped.height == 110


@pytest.mark.slow(2)
def test_a_steady_box_about_the_face(portrait: np.ndarray, face, tmp_path: Path) -> None:
    pictures = [np.roll(portrait, (0, 2 * i), axis=(0, 1)) for i in range(12)]
    write_clip(tmp_path / "a.mp4", pictures, frame_rate=Fraction(25), crf=12)
    model = resolve_model("face_landmarker")
    result = compare([tmp_path / "a.mp4"] * 2, tmp_path / "out.mp4", crop="face", model=model)
    box = face.box()
    grown = 0.24 * box.width + 22
    assert (result.width - 4) / 2 == pytest.approx(box.width + grown, rel=0.1)
    lips = face.points[list(LIPS_OUTER)]
    mouth = compare([tmp_path / "a.mp4"] * 2, tmp_path / "mouth.mp4", crop="mouth", height_px=200, model=model)
    wide, high = np.ptp(lips, axis=0)
    assert (mouth.width - 4) / 2 / 200 == pytest.approx((1.8 * wide + 22) / (0.8 * wide + high), rel=0.1)
    grey = tmp_path / "grey.mp4"
    write_clip(grey, [np.full((128, 128, 3), 90, np.uint8)] * 5, frame_rate=Fraction(25), crf=12)
    with pytest.raises(NoFaceError, match="no face in"):
        compare([grey, grey], tmp_path / "none.mp4", crop="face", model=model)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"labels": ["one"]}, "1 labels for 2 videos"),
        ({"from_s": 5.0}, "nothing to show of 2.00 s"),
        ({"from_s": 1.0, "to_s": 0.5}, "nothing to show"),
        ({"crop": Box(0, 0, 900, 100)}, "not inside the picture of 320x240"),
    ],
)
def test_what_does_not_fit(clips: list[Path], tmp_path: Path, more: dict[str, object], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        compare(clips[:2], tmp_path / "out.mp4", **more)
    assert list(tmp_path.iterdir()) == []


def test_one_video_and_an_input_as_output(clips: list[Path], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="1 video given"):
        compare(clips[:1], tmp_path / "out.mp4")
    with pytest.raises(OutputError, match="is an input"):
        compare(clips[:2], clips[1])
    for name in ("c.webm", "c.avi", "c"):
        with pytest.raises(OutputError, match="names nothing that compare writes") as caught:
            compare(clips[:2], tmp_path / name)
        assert caught.value.hint == "Use .mp4, .mov, .mkv or .gif."
    (tmp_path / "out.gif").write_bytes(b"mine")
    with pytest.raises(OutputError, match="already exists"):
        compare(clips[:2], tmp_path / "out.gif", overwrite=False)
    assert (tmp_path / "out.gif").read_bytes() == b"mine"
