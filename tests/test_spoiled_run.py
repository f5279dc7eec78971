"""A clip with a burst of frames that the generator broke, from composite to the verdict, by each of three actions."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from runs import composited
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.composite_options import DebugOptions
from lipblend.composite_result import CompositeResult
from lipblend.frame_blender import FrameBlender
from lipblend.lab.sweep.combination_trial import composed
from lipblend.lab.sweep.grid import Combination
from lipblend.lab.sweep.grid_analyses import analyse_all, decoded_rows
from lipblend.output.synth import write_clip
from lipblend.pair import open_pair
from lipblend.picture.planes import to_rgb
from lipblend.plan.make_plan import make_plan
from lipblend.preview.frames import preview
from lipblend.preview.preview_options import PreviewOptions
from lipblend.quality.evaluation.evaluate import Evaluated, EvaluateOptions, evaluate
from lipblend.quality.report import write_report
from lipblend.render.bridging import bridging_pictures
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.settings.frame_range import FrameRange
from lipblend.video.probe import probe
from lipblend.video.reader import Frame, VideoReader
from lipblend.video.video import Video

FRAMES, BURST = 30, range(12, 16)
BESIDE = [row for row in range(8, 20) if row not in BURST]
MAX_BESIDE = 0.25  # mean of the levels by which a good frame near the burst may differ from that of an unspoilt clip
MIN_PUT_IN = 0.2  # of a frame that shows a new mouth

pytestmark = pytest.mark.slow(20)


def chosen(action: str) -> Settings:
    return Settings.model_validate({"encode": {"preset": "ultrafast", "crf": 0}, "faults": {"action": action}})


def rgb_frames(path: Path) -> list[np.ndarray]:
    info = probe(path)
    with VideoReader(info) as reader:
        return [to_rgb(frame.planes, frame.layout, info.colour, height=info.height) for frame in reader]


def planes_of(path: Path) -> list[list[np.ndarray]]:
    with VideoReader(probe(path)) as reader:
        return [[plane.copy() for plane in frame.planes] for frame in reader]


@dataclass
class Burst:
    """A pair, the same pair with a burst of noise, and the composites."""

    pair: SamplePair
    synced: Path
    folder: Path
    results: dict[str, CompositeResult]

    def planes(self, name: str) -> list[list[np.ndarray]]:
        return planes_of(self.results[name].output)

    def apart(self, first: str, second: str, row: int) -> float:
        """Mean difference of luma, levels."""
        one, other = (self.planes(name)[row][0].astype(np.int16) for name in (first, second))
        return float(np.abs(one - other).mean())


@pytest.fixture(scope="module")
def burst(tmp_path_factory: pytest.TempPathFactory) -> Burst:
    folder = tmp_path_factory.mktemp("burst")
    pair = make_sample(folder, frames=FRAMES, size=256)
    pictures, rng = rgb_frames(pair.synced), np.random.default_rng(0)
    clean, spoilt = folder / "clean.mp4", folder / "spoilt.mp4"
    write_clip(clean, pictures, frame_rate=Fraction(25), crf=1)
    for row in BURST:
        x0, y0, x1, y1 = pair.patch_boxes[row]
        pictures[row] = pictures[row].copy()
        pictures[row][y0:y1, x0:x1] = rng.integers(0, 256, (y1 - y0, x1 - x0, 3))
    write_clip(spoilt, pictures, frame_rate=Fraction(25), crf=1)
    results = {}
    for name, synced, action in (
        ("clean", clean, "bridge"),
        *((action, spoilt, action) for action in ("bridge", "original", "blend")),
    ):
        output = folder / f"made_{name}.mp4"
        debug = DebugOptions(folder / "debug" / name) if action != "blend" else None
        results[name] = composited(
            pair.original, synced, output, settings=chosen(action), cache=folder / "cache", debug=debug
        )
    return Burst(pair, spoilt, folder, results)


def test_bridged_frames_show_neither_the_original_nor_what_the_generator_drew(burst: Burst) -> None:
    originals, synced = planes_of(burst.pair.original), planes_of(burst.synced)
    for row in BURST:
        made = burst.planes("bridge")[row][0].astype(np.int16)
        assert np.abs(made - originals[row][0]).mean() > MIN_PUT_IN
        assert np.abs(made - synced[row][0]).mean() > 1
        assert burst.apart("bridge", "blend", row) > 1


def test_frames_left_to_the_original_are_its_own_samples(burst: Burst) -> None:
    originals, made = planes_of(burst.pair.original), burst.planes("original")
    for row in BURST:
        for ours, theirs in zip(made[row], originals[row], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert burst.results["original"].passed_through == {"synced frame broken": len(BURST)}


def test_blending_them_like_others_shows_what_the_generator_drew(burst: Burst) -> None:
    originals = planes_of(burst.pair.original)
    for row in BURST:
        made = burst.planes("blend")[row][0].astype(np.int16)
        assert np.abs(made - originals[row][0]).mean() > 1
    assert burst.results["blend"].faults.runs == ()


def test_good_frames_beside_the_burst_are_nearly_those_of_an_unspoilt_clip(burst: Burst) -> None:
    assert max(burst.apart("bridge", "clean", row) for row in BESIDE) < MAX_BESIDE


def test_a_run_tells_what_was_broken_and_what_was_done(burst: Burst) -> None:
    found = burst.results["bridge"].to_dict()["faults"]
    assert (found["action"], found["broken"], found["bridged"], found["left"]) == ("bridge", 4, 4, 0)
    (run,) = json.loads(json.dumps(found["runs"]))
    assert run.pop("certainty") > 0.5
    assert run == {"first": 12, "last": 15, "time_s": pytest.approx(0.48), "kind": "noise", "bridged": True}
    left = burst.results["original"].faults
    assert (left.broken, left.bridged, left.left, left.runs[0].bridged) == (4, 0, 4, False)
    assert asdict(burst.results["clean"].faults) == {
        "action": "bridge",
        "broken": 0,
        "bridged": 0,
        "left": 0,
        "warning": "",
        "runs": (),
    }


def test_a_part_counts_its_own_frames_and_shows_them_as_the_whole_does(burst: Burst) -> None:
    part = composited(
        burst.pair.original, burst.synced, burst.folder / "part.mp4", settings=chosen("bridge"),
        cache=burst.folder / "cache", frames=FrameRange.parse("14:20"),
    )  # fmt: skip
    (run,) = part.faults.runs
    assert (run.first, run.last, run.time_s, part.faults.bridged) == (0, 1, 0.0, 2)
    for ours, theirs in zip(planes_of(part.output)[0], burst.planes("bridge")[14], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_command_says_so_first(burst: Burst) -> None:
    words = ["composite", str(burst.pair.original), str(burst.synced), "-o", str(burst.folder / "told.mp4")]
    words += ["--faults", "original", "--set", "encode.preset=ultrafast", "--cache", str(burst.folder / "cache")]
    lines = CliRunner().invoke(app, words).stdout.splitlines()
    assert lines[1].split(maxsplit=1) == [
        "warning", "many frames are broken: 4 of 30 synced frames (13 %), 4 left to the original",
    ]  # fmt: skip
    found = json.loads(CliRunner().invoke(app, [*words, "--json", "--quiet"]).stdout)["faults"]
    assert (found["action"], found["left"], found["runs"][0]["kind"]) == ("original", 4, "noise")


def test_the_table_of_the_debug_pictures_names_fault_and_bridge(burst: Burst) -> None:
    with (burst.folder / "debug" / "bridge" / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["fault"] for row in rows] == ["noise" if i in BURST else "" for i in range(FRAMES)]
    assert [row["bridged_from"] for row in rows] == ["11+16" if i in BURST else "" for i in range(FRAMES)]
    assert all(row["certainty"] == "" or float(row["certainty"]) > 0.5 for row in rows)
    with (burst.folder / "debug" / "original" / "frames.csv").open(newline="") as file:
        left = [row for row in csv.DictReader(file) if row["fault"]]
    assert {(row["status"], row["reason"], row["bridged_from"]) for row in left} == {
        ("passed through", "synced frame broken", "")
    }


def test_a_previewed_frame_is_that_of_the_run(burst: Burst) -> None:
    options = PreviewOptions(cache=burst.folder / "cache")
    found = preview(burst.pair.original, burst.synced, ["0.52"], {"it": chosen("bridge")}, options=options)
    ((look,),) = found.looks
    assert look.whole
    assert look.row.is_bridged
    for ours, theirs in zip(look.result.planes, burst.planes("bridge")[13], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert "the synced frame at 0.52 s is broken (noise): bridged" in found.notes


def test_an_excerpt_finds_the_burst_and_a_quick_look_does_not(burst: Burst) -> None:
    pair = burst.pair.original, burst.synced
    ((look,),) = preview(*pair, ["0.52"], {"it": chosen("bridge")}).looks
    assert (look.whole, look.row.is_bridged) == (False, True)
    found = preview(*pair, ["0.52"], {"it": chosen("bridge")}, options=PreviewOptions(quick=True))
    ((look,),) = found.looks
    assert (look.quick, look.row.broken, look.row.is_bridged) == (True, (), False)
    assert any(
        "neither broken synced frames nor what lies in front of a face are found" in note for note in found.notes
    )


def test_a_swept_frame_is_that_of_the_run(burst: Burst) -> None:
    pair = open_pair(burst.pair.original, burst.synced, cache=burst.folder / "cache")
    tried = [Combination(number, {}, chosen(action)) for number, action in enumerate(("blend", "bridge", "original"))]
    (group,), failed = analyse_all(pair, tried)
    assert not failed
    rows = [11, 12, 14, 16]
    with decoded_rows(group, rows, None) as pictures:
        for row, each in zip(rows, pictures, strict=True):
            assert sorted(each.bridging) == ([11, 16] if row in BURST else [])
            for combination, plan in group.members:
                settings = combination.settings
                _, picture = composed(plan.rows[row], each, settings, plan.mapping, None)
                whole = burst.planes(settings.faults.action)[row]
                for ours, theirs in zip(picture.planes, whole, strict=True):
                    np.testing.assert_array_equal(ours, theirs)


def judged(burst: Burst, name: str, matte: str) -> Evaluated:
    options = EvaluateOptions(matte=matte, cache=burst.folder / "cache")
    path = burst.pair.truth if name == "truth" else burst.results[name].output
    action = "bridge" if name == "truth" else name
    return evaluate(burst.pair.original, burst.synced, path, settings=chosen(action), options=options)


@pytest.mark.parametrize("matte", ["settings", "difference"])
def test_the_verdict_names_broken_frames_and_judges_the_bridge(burst: Burst, matte: str) -> None:
    bridged, blended = (judged(burst, name, matte) for name in ("bridge", "blend"))
    rows = bridged.record.rows
    assert [row.broken for row in rows] == ["noise" if row.index in BURST else "" for row in rows]
    assert all(row.bridged and row.certainty > 0.5 for row in rows[BURST.start : BURST.stop])
    assert bridged.record.values["faulty"] >= len(BURST) / FRAMES
    assert bridged.record.headline is not None
    assert blended.record.headline is not None
    assert bridged.record.headline.score > blended.record.headline.score + 10
    for _, views in bridged.walk.views(list(BURST)):
        for view in views:
            assert view.broken is not None
            inside = view.contour > 0.5
            assert np.abs(view.broken - view.synced)[inside].mean() > 20
            assert np.abs(view.result - view.synced)[inside].mean() < 6
    assert all(apart < 0.06 for apart, _ in bridged.walk.unlike(list(BURST)))


def test_a_right_result_is_not_condemned_for_another_guess_than_the_bridge(burst: Burst) -> None:
    record = judged(burst, "truth", "difference").record
    rows = record.rows[BURST.start : BURST.stop]
    assert any(row.blended for row in rows)
    assert not any({"displaced", "old_lips", "out_of_step"} & row.values.keys() for row in rows)


def test_frames_left_to_the_original_are_named_too(burst: Burst, tmp_path: Path) -> None:
    evaluated = judged(burst, "original", "settings")
    record = evaluated.record
    (run,) = record.fault_runs
    assert (run.first, run.last, run.kind, run.bridged) == (12, 15, "noise", False)
    paths = write_report(tmp_path / "report", evaluated, video=False, gated=False)
    page = paths["html"].read_text() if "html" in paths else (tmp_path / "report" / "report.html").read_text()
    head, _, rest = page.partition("</header>")
    assert "Many frames are broken: 4 of 30 synced frames (13 %), 4 left to the original." in head
    for text in (">0:00.480<", ">12 to 15<", ">noise<", ">left to the original<"):
        assert text in rest
    with (tmp_path / "report" / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["broken"], row["bridged"]) for row in rows[11:13]] == [("", ""), ("noise", "0")]
    assert json.loads((tmp_path / "report" / "report.json").read_text())["fault_runs"][0]["kind"] == "noise"


def test_a_single_frame_is_never_bridged(burst: Burst) -> None:
    originals, synced = rgb_frames(burst.pair.original), rgb_frames(burst.synced)
    with FrameBlender(chosen("bridge")) as blender:
        made = blender.blend(originals[13], synced[13])
        assert blender.blended_faces == 1
    assert (made != originals[13]).any()


def test_only_the_frames_that_bridge_are_decoded_and_each_once(burst: Burst, monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = open_pair(burst.pair.original, burst.synced, cache=burst.folder / "cache").analyse(chosen("bridge"))
    wanted = [row.bridging_indices for row in make_plan(analysis, chosen("bridge")).rows]
    asked: list[int] = []
    frames = Video.frames

    def noted(video: Video, indices: Sequence[int]) -> Iterator[Frame]:
        asked.extend(indices)
        return frames(video, indices)

    monkeypatch.setattr(Video, "frames", noted)
    found = list(bridging_pictures(analysis.synced, wanted))
    assert [sorted(each) for each in found] == [[11, 16] if row in BURST else [] for row in range(FRAMES)]
    assert asked == [11, 16]
