"""Whole runs with something green before the mouth, which a model of the user's own knows."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from runs import composited
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.cli.console import composite_summary
from lipblend.composite_options import DebugOptions
from lipblend.composite_result import CompositeResult
from lipblend.errors import ModelError
from lipblend.output.run_record import find_record
from lipblend.output.synth import write_clip
from lipblend.picture.planes import to_rgb
from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate
from lipblend.render.debug_front import FRONT_FOLDER
from lipblend.runtime.identity import sha256_of
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.settings.frame_range import FrameRange
from lipblend.video.numbered_pictures import pictures_in
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from tests.onnxfiles import conv

FRAMES, SIDE = 12, 320
ALONE = {"method": "auto", "looks": "off", "hands": "off", "strands": "off"}
MAPPING = "input: {mean: [0, 0.3, 0]}\noutput: {kind: logits}\n"


def rgb_of(path: Path) -> list[np.ndarray]:
    info = probe(path)
    with VideoReader(info) as reader:
        return [to_rgb(frame.planes, frame.layout, info.colour) for frame in reader]


def lumas(path: Path) -> list[np.ndarray]:
    with VideoReader(probe(path)) as reader:
        return [frame.planes[0].copy() for frame in reader]


def settings(model: Path | None, **occlusion: object) -> Settings:
    named = {} if model is None else {"model": str(model), "model_every": "always"}
    return Settings.model_validate(
        {"encode": {"preset": "ultrafast", "crf": 0}, "occlusion": {**ALONE, **named, **occlusion}}
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is greener than red is in front."""
    folder = tmp_path_factory.mktemp("model")
    kernel = np.zeros((1, 3, 3, 3), np.float32)
    kernel[0, :, 1, 1] = (-10, 10, 0)
    (folder / "green.onnx").write_bytes(conv(kernel, size=(64, 64)))
    (folder / "green.yaml").write_text(MAPPING, encoding="utf-8")
    return folder / "green.onnx"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[SamplePair, list[np.ndarray]]:
    """A sample whose original has a green bar before the mouth in frames 4 to 9, and where it is: (h, w) bool."""
    made = make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=SIDE)
    pictures, bars = [], []
    for index, (picture, (x0, y0, x1, y1)) in enumerate(zip(rgb_of(made.original), made.patch_boxes, strict=True)):
        bar = np.zeros((SIDE, SIDE), bool)
        if 4 <= index < 10:
            middle = (x0 + x1) // 2
            bar[(y0 + y1) // 2 - 30 : (y0 + y1) // 2 + 30, middle - 12 : middle + 12] = True
        pictures.append(np.where(bar[..., None], np.uint8([0, 220, 0]), picture))
        bars.append(bar)
    write_clip(made.original, pictures, frame_rate=Fraction(25), crf=2)
    return made, bars


@pytest.fixture(scope="module")
def run(
    pair: tuple[SamplePair, list[np.ndarray]], model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CompositeResult, Path]:
    folder = tmp_path_factory.mktemp("run")
    made = composited(
        pair[0].original, pair[0].synced, folder / "out.mp4",
        settings=settings(model), debug=DebugOptions(folder / "debug"),
    )  # fmt: skip
    return made, folder


def inner(bar: np.ndarray) -> np.ndarray:
    """Where the bar is certain: a cell has 2.2 pixels, and its border may be off by one and a half of them."""
    return cv2.erode(bar.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0


def apart(first: Path, second: Path, bars: list[np.ndarray]) -> list[int]:
    """The largest difference where the bars are."""
    both = zip(rgb_of(first), rgb_of(second), bars, strict=True)
    return [int(cv2.absdiff(one, other)[inner(bar)].max(initial=0)) for one, other, bar in both]


def test_what_the_model_finds_stays_and_the_rest_is_blended(
    run: tuple[CompositeResult, Path], pair: tuple[SamplePair, list[np.ndarray]], tmp_path: Path
) -> None:
    made, bars = pair
    assert max(apart(made.original, run[0].output, bars)) == 0
    without = composited(made.original, made.synced, tmp_path / "o.mp4", settings=settings(None))
    assert min(apart(made.original, without.output, bars)[4:10]) > 40
    assert without.in_front.frames == 0
    assert "in front" not in composite_summary(without)
    for old, new in zip(rgb_of(made.original), rgb_of(run[0].output), strict=True):
        assert (old != new).any()


def test_the_summary_says_when_and_how_it_was_found(run: tuple[CompositeResult, Path]) -> None:
    result, _ = run
    assert dict(result.in_front.ways) == {"model": result.in_front.frames}
    assert 6 <= result.in_front.frames <= 8  # steadied over the frames beside
    assert f"  in front        {result.in_front.frames} frames (model {result.in_front.frames}), 0." in (
        composite_summary(result)
    )
    found = json.loads(json.dumps(result.to_dict()))["in_front"]
    (one,) = found["runs"]
    assert (one["last"] - one["first"] + 1, one["ways"]) == (found["frames"], ["model"])
    assert 0.05 < one["share"] == found["share"] < 0.5


def test_the_record_names_the_model_by_its_content_alone(run: tuple[CompositeResult, Path], model: Path) -> None:
    record = find_record(probe(run[0].output).metadata).record
    assert record is not None
    assert record.occluder == sha256_of(model)[:16]
    assert record.occluder_mapping == sha256_of(model.with_suffix(".yaml"))[:16]
    assert "occlusion.model" not in record.settings
    assert str(model) not in record.to_text()


def test_the_exported_matte_can_be_given_back(
    run: tuple[CompositeResult, Path], pair: tuple[SamplePair, list[np.ndarray]], tmp_path: Path
) -> None:
    made, bars = pair
    folder = run[1] / "debug" / FRONT_FOLDER
    assert len(list(folder.iterdir())) == FRAMES
    planes = list(pictures_in(folder).planes(range(FRAMES)))
    assert [bool(plane.any()) for plane in planes] == [any(inner(bar).ravel()) for bar in bars]
    for plane, bar in zip(planes, bars, strict=True):
        assert plane[inner(bar)].min(initial=1) == 1
        assert plane[~(cv2.dilate(bar.astype(np.uint8), np.ones((25, 25))) > 0)].max() == 0
    again = composited(
        made.original, made.synced, tmp_path / "o.mp4",
        settings=settings(None), keep=folder, frames=FrameRange(3, 11), debug=DebugOptions(tmp_path / "debug"),
    )  # fmt: skip
    for old, new, plane in zip(lumas(made.original)[3:11], lumas(again.output), planes[3:11], strict=True):
        np.testing.assert_array_equal(old[plane == 1], new[plane == 1])
    assert again.in_front.frames == 0
    returned = list(pictures_in(tmp_path / "debug" / FRONT_FOLDER).planes(range(FRAMES)))
    assert len(returned) == FRAMES
    for index, plane in enumerate(returned):  # black where nothing was exported
        np.testing.assert_array_equal(plane, planes[index] if 3 <= index < 11 else np.zeros_like(plane))


def test_the_ways_are_drawn_and_in_the_table(run: tuple[CompositeResult, Path]) -> None:
    debug = run[1] / "debug"
    with (debug / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    shown = [index for index in range(FRAMES) if (debug / f"{index:06d}_ways.png").exists()]
    assert shown == [index for index, row in enumerate(rows) if row["in_front"] == "model"]
    assert set(range(4, 10)) <= set(shown)
    assert 0 not in shown
    assert 0.05 < float(rows[6]["hidden"]) < 0.5
    assert rows[0]["hidden"] == ""


def test_evaluation_leaves_out_what_stays_and_reports_it(
    run: tuple[CompositeResult, Path], pair: tuple[SamplePair, list[np.ndarray]], model: Path
) -> None:
    made, _ = pair
    found = evaluate(
        made.original, made.synced, run[0].output, settings=settings(model), options=EvaluateOptions(matte="settings")
    )
    rows = found.record.rows
    assert [row.in_front for row in rows[5:9]] == [("model",)] * 4
    assert rows[0].in_front == ()
    assert all(0.05 < row.hidden < 0.5 for row in rows[5:9])
    assert rows[0].hidden == 0
    (span,) = found.record.hidden_runs
    assert (span.first, span.frames) == (run[0].in_front.runs[0].first, run[0].in_front.frames)
    ((_, (view,)),) = found.walk.views([6])
    assert view.in_front is not None
    assert view.in_front.max() == 1
    assert view.contour[view.in_front == 1].max() == 0


def test_a_preview_says_and_outlines_it(pair: tuple[SamplePair, list[np.ndarray]], model: Path, tmp_path: Path) -> None:
    made, _ = pair
    sets = [f"occlusion.{key}={value}" for key, value in {**ALONE, "model": model, "model_every": "always"}.items()]
    words = ["preview", str(made.original), str(made.synced), "--at", "#6", "--json", "--no-cache"]
    words += [word for each in sets for word in ("--set", each)]
    told = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "with.png")])
    found = json.loads(told.stdout)
    assert found["in_front"][0][0]["ways"] == ["model"]
    assert "something lies in front of the face at 0.24 s and stays (model, " in " ".join(found["notes"])
    plain = CliRunner().invoke(app, [*words, "--set", "occlusion.model=none", "-o", str(tmp_path / "without.png")])
    assert json.loads(plain.stdout)["in_front"] == [[{"ways": [], "share": 0.0}]]
    heights = [cv2.imread(str(tmp_path / f"{name}.png")).shape[0] for name in ("with", "without")]
    assert heights[0] > heights[1] + 100  # a row more


def test_a_missing_model_ends_the_run_at_once(pair: tuple[SamplePair, list[np.ndarray]], tmp_path: Path) -> None:
    made, _ = pair
    with pytest.raises(ModelError, match=r"none\.onnx, is missing"):
        composited(made.original, made.synced, tmp_path / "o.mp4", settings=settings(tmp_path / "none.onnx"))
