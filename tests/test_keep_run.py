"""Whole runs with a matte of what stays the original's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import composited
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.cli.console import composite_summary
from lipblend.composite_options import DebugOptions
from lipblend.composite_result import CompositeResult, Kept
from lipblend.errors import InputMismatchError, OutputError, SettingsError
from lipblend.frame_blender import FrameBlender
from lipblend.lab.sweep import combination_trial
from lipblend.lab.sweep.grid import make_grid
from lipblend.lab.sweep.run_sweep import SweepOptions, run_sweep
from lipblend.output.run_record import find_record
from lipblend.plan.frame_plan import FramePlan
from lipblend.preview.frames import preview
from lipblend.preview.preview_options import PreviewOptions
from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate
from lipblend.render.face_patch import KEPT
from lipblend.render.frame import FrameResult, render_frame
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.settings.frame_range import FrameRange
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader
from tests.mattes_to_keep import FULL, grey_video, pictures

FRAMES, SIDE = 20, 320
LOSSLESS = Settings.model_validate({"encode": {"preset": "ultrafast", "crf": 0, "segment_s": 0.5}})


def planes_of(path: Path) -> list[tuple[np.ndarray, ...]]:
    with VideoReader(probe(path)) as reader:
        return [tuple(plane.copy() for plane in frame.planes) for frame in reader]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=SIDE)


def bars(pair: SamplePair) -> list[np.ndarray]:
    """A bar that moves by 4 px a frame over the painted box, another place in every frame; (h, w) uint8."""
    planes = []
    for index, (x0, _, x1, _) in enumerate(pair.patch_boxes):
        plane = np.zeros((SIDE, SIDE), np.uint8)
        left = (x0 + x1) // 2 - 40 + 4 * index
        plane[:, left : left + 24] = 255
        planes.append(plane)
    return planes


@pytest.fixture(scope="module")
def matte(pair: SamplePair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("matte"), bars(pair), first=1001)


@pytest.fixture(scope="module")
def plain(pair: SamplePair, tmp_path_factory: pytest.TempPathFactory) -> CompositeResult:
    return composited(pair.original, pair.synced, tmp_path_factory.mktemp("plain") / "out.mp4", settings=LOSSLESS)


@pytest.fixture(scope="module")
def kept(pair: SamplePair, matte: Path, tmp_path_factory: pytest.TempPathFactory) -> CompositeResult:
    folder = tmp_path_factory.mktemp("kept")
    return composited(pair.original, pair.synced, folder / "out.mp4", settings=LOSSLESS, keep=matte)


def changed_behind(pictures: Sequence[tuple[np.ndarray, ...]], pair: SamplePair, first: int = 0) -> list[int]:
    """How many kept luma samples differ from the original's, by frame."""
    originals = planes_of(pair.original)[first:]
    return [
        int(((ours[0] != old[0]) & (plane == 255)).sum())
        for ours, old, plane in zip(pictures, originals, bars(pair)[first:], strict=False)
    ]


def test_debug_pictures_in_the_folder_of_the_matte_leave_it_as_it_is(
    pair: SamplePair, matte: Path, tmp_path: Path
) -> None:
    before = sorted((path.name, path.read_bytes()) for path in matte.iterdir())
    with pytest.raises(OutputError, match="would be written over the matte"):
        composited(pair.original, pair.synced, tmp_path / "out.mp4", keep=matte, debug=DebugOptions(matte))
    assert sorted((path.name, path.read_bytes()) for path in matte.iterdir()) == before
    assert not (tmp_path / "out.mp4").exists()


def test_every_frame_keeps_its_own_part_of_the_original(
    pair: SamplePair, plain: CompositeResult, kept: CompositeResult
) -> None:
    assert kept.blended == FRAMES
    ours, without, old = planes_of(kept.output), planes_of(plain.output), planes_of(pair.original)
    assert changed_behind(ours, pair) == [0] * FRAMES
    assert min(changed_behind(without, pair)) > 100
    for index, plane in enumerate(bars(pair)):
        whole = (plane == 255).reshape(SIDE // 2, 2, SIDE // 2, 2).all((1, 3))
        for channel in (1, 2):
            np.testing.assert_array_equal(ours[index][channel][whole], old[index][channel][whole])
        assert (ours[index][0] != old[index][0])[plane == 0].sum() > 1000


def test_the_summary_names_the_matte_and_counts_its_frames(
    pair: SamplePair, plain: CompositeResult, kept: CompositeResult, matte: Path, tmp_path: Path
) -> None:
    assert kept.keep == Kept(matte.name, FRAMES)
    assert f"\n  matte           {matte.name}: keeps something in {FRAMES} of {FRAMES} frames\n" in composite_summary(
        kept
    )
    assert json.loads(json.dumps(kept.to_dict()))["keep"] == {"matte": matte.name, "frames": FRAMES}
    assert plain.keep is None
    assert "  matte  " not in composite_summary(plain)
    planes = [np.zeros_like(plane) for plane in bars(pair)]
    planes[2][:], planes[5] = 255, bars(pair)[5]  # all of one, a part of another
    for index in (3, 4):  # elsewhere
        planes[index][:4, :4] = 255
    film = grey_video(tmp_path / "some.mkv", planes, pix_fmt="gray", tag=FULL)
    part = composited(
        pair.original, pair.synced, tmp_path / "o.mp4", settings=LOSSLESS, keep=film, frames=FrameRange(1, 9)
    )
    assert part.passed_through == {KEPT: 1}
    assert part.keep == Kept("some.mkv", 2)


def test_the_record_says_so(pair: SamplePair, plain: CompositeResult, kept: CompositeResult) -> None:
    records = [find_record(probe(each.output).metadata) for each in (plain, kept)]
    assert [found.note for found in records] == ["", ""]
    assert [len(found.record.keep) for found in records if found.record is not None] == [0, 16]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ("short", 4, f"has {FRAMES - 1} frame(s), and the original has {FRAMES}"),
        ("long", 4, f"has {FRAMES + 1} frame(s), and the original has {FRAMES}"),
        ("small", 4, f"is {SIDE}x{SIDE - 2}, and the original is {SIDE}x{SIDE}"),
        ("hole", 3, "1 of the pictures 0 to 19"),
        ("gone", 3, "does not exist"),
    ],
)
@pytest.mark.parametrize("command", ["composite", "preview", "evaluate", "sweep"])
def test_a_matte_that_does_not_fit_ends_before_the_work_and_leaves_nothing(
    pair: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, change: str, code: int, words: str
) -> None:
    planes = bars(pair)
    planes = {"short": planes[:-1], "long": [*planes, planes[0]], "small": [each[2:] for each in planes]}.get(
        change, planes
    )
    matte = tmp_path / "gone.mp4" if change == "gone" else pictures(tmp_path / "matte", planes)
    if change == "hole":
        (matte / "hand_v2_0007.png").unlink()
    output = tmp_path / "out"
    output.mkdir()
    monkeypatch.setattr("lipblend.pair.Pair.analyse", lambda *_, **__: pytest.fail("the work began"))
    target = {"preview": output / "a.png", "sweep": output / "sweep"}.get(command, output / "a.mp4")
    arguments = [pair.original, pair.synced, *([pair.truth] if command == "evaluate" else ["-o", target])]
    more = ["--set", "alpha.gamma=1,2"] if command == "sweep" else []
    done = CliRunner().invoke(app, [command, *map(str, arguments), "--keep", str(matte), *more])
    assert done.exit_code == code, done.output
    assert words in " ".join(done.output.split())
    assert [path for path in output.rglob("*") if path.is_file()] == []


def test_the_original_may_turn_out_to_have_other_frames(
    pair: SamplePair, matte: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the packets do not tell, the count is checked once the original is decoded, before anything is written."""
    short = pictures(tmp_path / "matte", bars(pair)[:-1])
    monkeypatch.setattr("lipblend.video.keep_matte.announced_stamps", lambda _: None)
    monkeypatch.setattr("lipblend.composite_job.make_plan", lambda *_, **__: pytest.fail("the plan was made"))
    with pytest.raises(InputMismatchError, match=f"has {FRAMES - 1} frame.s., and the original has {FRAMES}"):
        composited(pair.original, pair.synced, tmp_path / "out.mp4", settings=LOSSLESS, keep=short)
    assert [path.name for path in tmp_path.iterdir()] == ["matte"]


def test_no_output_replaces_a_file_of_the_matte(pair: SamplePair, matte: Path, tmp_path: Path) -> None:
    film = grey_video(tmp_path / "hand.mkv", bars(pair), pix_fmt="gray", tag=FULL)
    with pytest.raises(OutputError, match="is an input of this run"):
        composited(pair.original, pair.synced, film, settings=LOSSLESS, keep=film)
    picture = sorted(matte.iterdir())[0]
    more = ["--keep", str(matte), "-o", str(picture)]
    done = CliRunner().invoke(app, ["preview", str(pair.original), str(pair.synced), *more])
    assert done.exit_code == 7
    assert "is an input of this run" in " ".join(done.output.split())


@pytest.mark.slow(6)
def test_a_resumed_run_depends_on_the_content_of_the_matte(
    pair: SamplePair, matte: Path, kept: CompositeResult, tmp_path: Path
) -> None:
    output = tmp_path / "out.mp4"

    def stop(progress: object) -> None:
        if progress.stage == "render" and progress.done == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        composited(pair.original, pair.synced, output, settings=LOSSLESS, resume=True, keep=matte, on_progress=stop)
    planes = bars(pair)
    planes[3][0, 0] = 1
    other = pictures(tmp_path / "other", planes)
    for given in (other, None):
        with pytest.raises(SettingsError, match="created with different inputs") as caught:
            composited(pair.original, pair.synced, output, settings=LOSSLESS, resume=True, keep=given)
        (detail,) = caught.value.details
        assert detail.startswith("keep: ")
    same = pictures(tmp_path / "same", bars(pair), name="{}.png")
    done = composited(pair.original, pair.synced, output, settings=LOSSLESS, resume=True, keep=same)
    assert any("12 of 20 frames were taken from an interrupted run" in note for note in done.notes)
    assert output.read_bytes() == kept.output.read_bytes()


@pytest.mark.slow(4)
def test_workers_and_a_matte_as_a_video_make_the_same_pictures(
    pair: SamplePair, kept: CompositeResult, tmp_path: Path
) -> None:
    film = grey_video(tmp_path / "hand.mkv", bars(pair), pix_fmt="gray", tag=FULL)
    done = composited(pair.original, pair.synced, tmp_path / "out.mp4", settings=LOSSLESS, jobs=2, keep=film)
    for ours, theirs in zip(planes_of(done.output), planes_of(kept.output), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow(3)
def test_a_part_and_its_debug_pictures_have_their_own_frames_of_the_matte(
    pair: SamplePair, matte: Path, tmp_path: Path
) -> None:
    debug = tmp_path / "d"
    part = {"frames": FrameRange(7, 12), "debug": DebugOptions(debug)}
    done = composited(pair.original, pair.synced, tmp_path / "out.mp4", settings=LOSSLESS, keep=matte, **part)
    assert changed_behind(planes_of(done.output), pair, first=7) == [0] * 5
    without = composited(
        pair.original, pair.synced, tmp_path / "b.mp4", settings=LOSSLESS, frames=part["frames"],
        debug=DebugOptions(tmp_path / "e"),
    )  # fmt: skip
    assert without.frames == 5
    alpha = "000002_alpha.png"
    assert (debug / alpha).read_bytes() != (tmp_path / "e" / alpha).read_bytes()


@pytest.mark.slow(5)
@pytest.mark.parametrize("quick", [True, False])
def test_a_preview_keeps_the_same(pair: SamplePair, matte: Path, quick: bool) -> None:
    found = preview(
        pair.original, pair.synced, ["#13"], {"it": Settings()}, options=PreviewOptions(keep=matte, quick=quick)
    )
    look = found.looks[0][0]
    assert look.quick == quick
    difference = look.result.planes[0] != look.original.planes[0]
    assert difference.any()
    assert not difference[bars(pair)[13] == 255].any()


@pytest.mark.slow(12)
def test_an_evaluation_needs_the_matte_and_says_so(pair: SamplePair, matte: Path, kept: CompositeResult) -> None:
    def judged(keep: Path | None):
        return evaluate(pair.original, pair.synced, kept.output, options=EvaluateOptions(keep=keep))

    with_it, without = judged(matte), judged(None)
    assert with_it.record.matte == "settings"
    assert not any("matte of what stays" in note for note in with_it.record.notes)
    assert any("matte of what stays the original's, and it is not given" in note for note in without.record.notes)
    assert [file.role for file in with_it.record.inputs if file.role not in ("original", "synced", "result")] == [
        "keep"
    ]
    apart = max(difference for difference, _ in with_it.walk.unlike([4, 13]))
    assert apart < max(difference for difference, _ in without.walk.unlike([4, 13]))


@pytest.mark.slow(8)
def test_a_sweep_renders_every_frame_with_its_own_matte(
    pair: SamplePair, matte: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[int, bool] = {}

    def spy(original: object, synced: object, row: FramePlan, settings: Settings, **named: Any) -> FrameResult:
        own = bars(pair)[row.original_index] == 255
        seen[row.original_index] = bool(np.array_equal(named["keep"] == 1, own))
        return render_frame(original, synced, row, settings, **named)

    monkeypatch.setattr(combination_trial, "render_frame", spy)
    grid = make_grid("natural", None, ["alpha.gamma=1,2"])
    result = run_sweep(
        pair.original, pair.synced, tmp_path / "sweep", grid=grid, options=SweepOptions(keep=matte, runs=1)
    )
    assert len(seen) >= 4
    assert all(seen.values())
    assert result.frames >= 4


@pytest.mark.slow(2)
def test_single_frames_as_arrays_take_a_plane(pair: SamplePair) -> None:
    def rgb(path: Path) -> np.ndarray:
        info = probe(path)
        with VideoReader(info) as reader:
            return next(frame.picture(info).to_rgb() for frame in reader if frame.index == pair.show_frame)

    original, synced = rgb(pair.original), rgb(pair.synced)
    keep = (bars(pair)[pair.show_frame] / np.float32(255)).astype(np.float32)
    with FrameBlender() as blender:
        found, plain = blender.blend(original, synced, frame=0, keep=keep), blender.blend(original, synced, frame=0)
        for wrong in (keep[1:], keep.astype(np.float64), keep * 2, keep * np.float32(np.nan)):
            with pytest.raises(ValueError, match="keep must be"):
                blender.blend(original, synced, keep=wrong)
    assert (plain != original)[keep == 1].any()
    assert not (found != original)[keep == 1].any()
    assert (found != original)[keep == 0].any()
