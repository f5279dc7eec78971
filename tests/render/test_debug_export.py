"""Debug exports: videos in step with the output, and the table."""

from __future__ import annotations

import csv
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from renders import picture, row_of
from runs import composited

from lipblend.composite_options import DebugOptions
from lipblend.composite_result import CompositeResult
from lipblend.errors import SettingsError
from lipblend.faces.landmarks import Landmarks
from lipblend.output.synth import write_clip
from lipblend.picture.similarity import Similarity
from lipblend.plan.broken_frames import Broken
from lipblend.render.debug_export import DebugExport, debug_folder
from lipblend.render.debug_frame import DebugFrame
from lipblend.render.frame import render_frame
from lipblend.selfcheck.sample import make_sample
from lipblend.settings import Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FRAMES, PAIRED = 16, 12


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompositeResult, Path]:
    folder = tmp_path_factory.mktemp("debug")
    pair = make_sample(folder, frames=FRAMES, size=320)
    short = folder / "short.mp4"
    from lipblend.picture.planes import to_rgb

    info = probe(pair.synced)
    with VideoReader(info) as reader:
        pictures = [to_rgb(frame.planes, frame.layout, info.colour) for frame in reader][:PAIRED]
    write_clip(short, pictures, frame_rate=Fraction(25), crf=10)
    settings = Settings.model_validate({"encode": {"preset": "ultrafast", "crf": 0}, "pair": {"method": "time"}})
    results = [
        composited(
            pair.original, short, folder / f"{form}.mp4",
            settings=settings, debug=DebugOptions(folder / "runs", form, form),
        )
        for form in ("png", "video")
    ]  # fmt: skip
    return results[1], folder


def frames(path: Path) -> tuple[list[Fraction], list[np.ndarray]]:
    info = probe(path)
    with VideoReader(info) as reader:
        both = [(frame.pts * info.time_base, frame.planes[0].copy()) for frame in reader]
    return [time for time, _ in both], [luma for _, luma in both]


def test_videos_have_the_outputs_frames_times_and_size(done: tuple[CompositeResult, Path]) -> None:
    result, folder = done
    times, _ = frames(result.output)
    for name in ("mask", "alpha", "ring", "overlay"):
        path = folder / "runs" / "video" / f"{name}.mkv"
        found, lumas = frames(path)
        assert len(found) == FRAMES
        np.testing.assert_allclose([float(t) for t in found], [float(t) for t in times], atol=0.0006)
        assert lumas[0].shape == (320, 320)
        if name != "overlay":
            assert probe(path).layout.name == "gray"
            assert [luma.any() for luma in lumas] == [True] * PAIRED + [False] * (FRAMES - PAIRED)


def test_videos_and_pictures_show_the_same_and_change_lies_inside(done: tuple[CompositeResult, Path]) -> None:
    result, folder = done
    with (folder / "runs" / "video" / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    originals, outs = frames(folder / "sample_original.mp4")[1], frames(result.output)[1]
    for name in ("mask", "alpha", "ring"):
        lumas = frames(folder / "runs" / "video" / f"{name}.mkv")[1]
        for index in (0, 7, PAIRED - 1):
            picture = cv2.imread(str(folder / "runs" / "png" / f"{index:06d}_{name}.png"), cv2.IMREAD_GRAYSCALE)
            ys, xs = np.nonzero(lumas[index])
            py, px = np.nonzero(picture)
            assert int(lumas[index].sum()) == int(picture.sum())
            assert (np.ptp(ys), np.ptp(xs)) == (np.ptp(py), np.ptp(px))
        if name == "mask":
            for mask, before, after in zip(lumas, originals, outs, strict=True):
                np.testing.assert_array_equal(before[mask == 0], after[mask == 0])
    assert len(rows) == FRAMES


def test_the_table_has_a_row_a_frame(done: tuple[CompositeResult, Path]) -> None:
    _, folder = done
    with (folder / "runs" / "png" / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == list(range(FRAMES))
    assert [int(row["original_frame"]) for row in rows] == list(range(FRAMES))
    assert [int(row["synced_frame"]) for row in rows] == [*range(PAIRED), *[-1] * (FRAMES - PAIRED)]
    assert [float(row["time_s"]) for row in rows] == pytest.approx([i / 25 for i in range(FRAMES)])
    assert [row["status"] for row in rows] == ["blended"] * PAIRED + ["passed through"] * (FRAMES - PAIRED)
    assert rows[-1]["reason"] == "no synced frame"
    assert rows[-1]["weight"] == ""
    first = rows[0]
    assert (first["faces"], float(first["weight"])) == ("1", 1.0)
    assert 0.25 * 320 < float(first["face_width_px"]) < 0.45 * 320
    assert float(first["feather_px"]) == pytest.approx(0.06 * float(first["face_width_px"]), rel=1e-4)
    assert float(first["x0"]) < float(first["x1"]) <= 320
    openings = [float(row["mouth_synced"]) for row in rows[:PAIRED]]
    assert max(openings) > min(openings) >= 0
    assert all(0.85 <= float(row["gain_1"]) <= 1.18 for row in rows[:PAIRED])


@pytest.mark.parametrize("tag", ["", ".", "..", "...", "a/b", "a\\b", "/abs", "a\0b", " ", "t 1", "t1\n", "a:b", "a*"])
def test_a_tag_that_is_no_folder_name_is_refused(tag: str) -> None:
    with pytest.raises(SettingsError, match="is not a valid run name"):
        debug_folder(Path("runs"), tag)


def test_a_tag_names_a_folder_in_the_folder() -> None:
    assert debug_folder(Path("runs"), "v1.2-a") == Path("runs/v1.2-a")
    assert debug_folder(Path("runs"), "Größe_2") == Path("runs/Größe_2")
    assert debug_folder(Path("runs"), None) == Path("runs")


def test_the_table_says_how_the_middle_of_the_mouth_is_displaced(face: Landmarks, tmp_path: Path) -> None:
    middle, turn = face.mouth_centre, np.exp(1j * np.radians(3)) * 1.02
    turned = Similarity(turn.real, turn.imag)
    placement = turned.then(Similarity(right=2.0, down=-1.0))  # about the corner: the mouth goes farther
    row = row_of(face, face)
    row = replace(row, faces=(replace(row.faces[0], placement=placement),), broken=(Broken("mush", 0.75),))
    original = picture(1)
    result = render_frame(original, picture(2), row, Settings())
    info = probe(make_sample(tmp_path, frames=1, size=64).original)
    with DebugExport(tmp_path / "debug", info) as export:
        export.save(DebugFrame(0, 0, 1, 0.0, row, original, result))
    (found,) = csv.DictReader((tmp_path / "debug" / "frames.csv").read_text().splitlines())
    moved = complex(*middle) * turn + complex(2, -1) - complex(*middle)
    assert float(found["moved_x_px"]) == pytest.approx(moved.real, abs=0.001)
    assert float(found["moved_y_px"]) == pytest.approx(moved.imag, abs=0.001)
    assert (float(found["turned_deg"]), float(found["scaled"])) == pytest.approx((3, 1.02))
    assert (found["fault"], found["certainty"], found["bridged_from"]) == ("mush", "0.750", "")
