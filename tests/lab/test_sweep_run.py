"""Sweeps of the self-made pair, end to end."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from lipblend.analysis import cache as caching
from lipblend.cli.app import app
from lipblend.errors import InputError, NoFaceError, SettingsError
from lipblend.lab.sweep import combination_trial, grid_analyses
from lipblend.lab.sweep.grid import make_grid
from lipblend.lab.sweep.outcome import PART_KEYS, Outcome
from lipblend.lab.sweep.run_sweep import SweepOptions, run_sweep
from lipblend.lab.sweep.sheet_frames import COLUMNS
from lipblend.lab.sweep.sweep_result import SweepResult
from lipblend.output.synth import write_clip
from lipblend.plan.make_plan import make_plan
from lipblend.quality.face_scores import FaceScores, face_scores
from lipblend.runtime.progress import Progress, no_progress
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe
from lipblend.video.video import Video

FRAMES = 24


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=FRAMES, size=320)


@pytest.fixture
def swept(sample: SamplePair, tmp_path: Path) -> Callable[..., SweepResult]:
    def go(
        *assignments: str,
        preset: str | None = "natural",
        config: Path | None = None,
        on_progress: Callable[[Progress], None] = no_progress,
        **options: Any,
    ) -> SweepResult:
        return run_sweep(
            sample.original,
            sample.synced,
            tmp_path / "sweep",
            grid=make_grid(preset, config, assignments),
            options=SweepOptions(**options),
            on_progress=on_progress,
        )

    return go


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Frames asked for by the sweep itself, by file name."""
    asked: Counter[str] = Counter()
    real = Video.frames

    def frames(video: Video, wanted: Sequence[int]):
        asked[video.info.path.stem.removeprefix("sample_")] += len(wanted)
        return real(video, wanted)

    monkeypatch.setattr(Video, "frames", frames)
    return asked


@pytest.fixture
def analyses(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the analysis was asked for, each time."""
    calls: list[dict[str, Any]] = []

    def analyse(*arguments: Any, **options: Any):
        calls.append(options)
        return caching.analyse_cached(*arguments, **options)

    monkeypatch.setattr("lipblend.pair.analyse_cached", analyse)
    return calls


def by_number(result: SweepResult) -> dict[int, Outcome]:
    return {each.outcome.combination.number: each.outcome for each in result.ranking.ranked}


@pytest.mark.slow(3)
def test_all_combinations_are_tried_on_one_analysis_and_frames_decoded_once(
    swept: Callable[..., SweepResult], decoded: Counter[str], analyses: list[dict[str, Any]]
) -> None:
    seen: list[Progress] = []
    blocked = Path(__file__) / "below"
    result = swept("mask.expansion=1,1.3", "alpha.gamma=0.5,1,1.5", runs=2, on_progress=seen.append, cache=blocked)
    assert ["the analysis could not be stored" in note for note in result.notes] == [True]
    assert (result.analyses, result.plans, len(analyses)) == (1, 1, 1)
    assert (result.frames, result.runs) == (20, 2)
    assert decoded["original"] == decoded["synced"]
    assert 0 < decoded["original"] - (20 + 16) <= COLUMNS  # measured, for looks; the rest for the sheet
    found = by_number(result)
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    for each in found.values():
        assert (each.frames, each.blended, each.rows, each.failed) == (20, FRAMES, FRAMES, "")
        assert {"seam", "ssim_y", "colour_step", "alpha_flicker", "ring_flicker", "sharpness"} <= set(each.values)
        assert {"seam_step", "doubled", "flicker", "old_lips", "out_of_step"} <= set(each.values)
        assert each.headline is not None
        assert {part.key for part in each.headline.parts} <= set(PART_KEYS) & set(each.values)
        assert "psnr" not in each.values
        assert each.plan_ms > 0
        assert each.render_ms > 0
        assert 0.1 < each.memory_mb < 100
    assert len({each.values["seam"] for each in found.values()}) == 6
    assert [each.stage for each in seen if each.stage != "analyse"] == ["try"] * 12
    assert (seen[-1].done, seen[-1].total) == (120, 120)


@pytest.mark.slow(4)
def test_a_combination_is_measured_as_if_it_was_alone(swept: Callable[..., SweepResult], tmp_path: Path) -> None:
    both = by_number(swept("alpha.gamma=0.5,1.5", "blend.method=alpha,multiband", runs=2))
    config = tmp_path / "mine.yaml"
    config.write_text("blend:\n  method: multiband\n")
    alone = by_number(swept("alpha.gamma=1.5,0.5", config=config, runs=2))
    assert alone[1].values == pytest.approx(both[4].values, rel=1e-6)
    assert alone[2].values == pytest.approx(both[2].values, rel=1e-6)


@pytest.mark.slow(6)
def test_all_frames_are_measured_alike_in_blocks_of_any_length(
    swept: Callable[..., SweepResult], decoded: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = swept("alpha.gamma=0.5,1", frames="all")
    assert (whole.frames, whole.runs) == (FRAMES, 1)
    more = decoded["original"] - (FRAMES + 1)  # two blocks: the last frame of the first one leads in the second
    assert 16 < more <= 16 + COLUMNS  # for looks, and for the sheet
    monkeypatch.setattr(grid_analyses, "_MAX_BLOCK", 3)
    pieces = swept("alpha.gamma=0.5,1", frames="all")
    assert decoded["original"] == FRAMES + 1 + FRAMES + 7 + 2 * more
    assert (pieces.frames, pieces.runs) == (FRAMES, 1)
    for number, each in by_number(whole).items():
        assert by_number(pieces)[number].values == pytest.approx(each.values, rel=1e-6)
        assert by_number(pieces)[number].headline == each.headline


@pytest.mark.thorough
def test_the_classic_numbers_are_taken_on_a_part_of_a_sample(
    swept: Callable[..., SweepResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    def scores(*given: Any) -> FaceScores:
        taken.append(1)
        return face_scores(*given)

    monkeypatch.setattr(combination_trial, "face_scores", scores)
    swept("alpha.gamma=0.5,1", runs=2)
    assert len(taken) == 2 * 2 * 4
    swept("alpha.gamma=0.5,1", frames="all")
    assert len(taken) == 2 * 2 * 4 + 2 * FRAMES


@pytest.mark.slow(4)
def test_settings_of_the_analysis_lead_to_one_analysis_each(
    swept: Callable[..., SweepResult], analyses: list[dict[str, Any]]
) -> None:
    result = swept("colour.space=ycbcr,lab", "smooth.sigma_s=0.02,0.2", "alpha.gamma=0.5,1", runs=1)
    assert [(call["settings"].colour.space == "lab") for call in analyses] == [False, True]
    assert (result.analyses, result.plans, len(result.ranking.ranked)) == (2, 4, 8)
    found = by_number(result)
    assert len({each.values["seam"] for each in found.values()}) == 8
    assert {each.frames for each in found.values()} == {10}


@pytest.mark.slow(2)
def test_the_reference_ranks_the_truth_first(
    swept: Callable[..., SweepResult], sample: SamplePair, decoded: Counter[str]
) -> None:
    """What the generator painted is further from the truth than the original's own pixels, whatever the seam is."""
    result = swept("reuse.method=none,motion", runs=2, reference=sample.truth, rank_by="psnr")
    assert decoded["truth"] == decoded["original"] - 16  # looks need no truth
    assert 20 < decoded["truth"] <= 20 + COLUMNS
    first, second = result.ranking.ranked
    assert first.outcome.combination.settings.reuse.method == "motion"
    assert first.value is not None
    assert second.value is not None
    assert first.value > second.value + 0.3
    assert {"psnr", "ssim", "temporal"} <= set(first.outcome.values)


@pytest.mark.slow(2)
def test_the_winner_is_written_as_a_preset_and_wins_by_the_table(
    swept: Callable[..., SweepResult], tmp_path: Path
) -> None:
    result = swept("mask.expansion=1,1.3", "mask.shapes=mouth,superellipse+ellipse", runs=1)
    best = result.ranking.best.outcome.combination
    assert resolve_settings("natural", result.files["best.yaml"]).settings == best.settings
    rows = list(csv.DictReader(result.files["sweep.csv"].read_text().splitlines()))
    values = [float(row["headline"]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert {row["mask.shapes"] for row in rows} == {"mouth", "superellipse+ellipse"}
    assert rows[0]["mask.expansion"] == best.values["mask.expansion"]


@pytest.mark.slow(3)
def test_a_combination_without_a_face_fails_alone(swept: Callable[..., SweepResult]) -> None:
    result = swept("track.face=changed,7", runs=1)
    assert [each.outcome.failed for each in result.ranking.ranked] == [
        "", "no shot has the face asked for (7): the shot has 1 face, counted from 0"
    ]  # fmt: skip
    assert any("combination 2 could not be tried" in note for note in result.notes)
    with pytest.raises(NoFaceError, match="the face asked for"):
        swept("track.face=6,7")


@pytest.mark.thorough
def test_frames_that_not_all_blend_are_not_tried(
    sample: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The synced video ends early: nothing beyond is tried, and with pair.tail trim there are not even rows."""
    from lipblend.video.reader import VideoReader

    info = probe(sample.synced)
    with VideoReader(info) as reader:
        pictures = [frame.handle.to_ndarray(format="rgb24") for frame in reader][:14]
    write_clip(tmp_path / "short.mp4", pictures, frame_rate=Fraction(25), crf=10)
    planned = []
    monkeypatch.setattr(grid_analyses, "make_plan", lambda *given: planned.append(given) or make_plan(*given))

    def go(*assignments: str) -> SweepResult:
        grid = make_grid("natural", None, assignments)
        return run_sweep(
            sample.original, tmp_path / "short.mp4", tmp_path / "out", grid=grid, options=SweepOptions(frames="all")
        )

    alone = go("alpha.gamma=0.5,1")
    assert (alone.frames, len(planned)) == (14, 1)
    assert {(each.frames, each.blended, each.rows) for each in by_number(alone).values()} == {(14, 14, FRAMES)}
    result = go("pair.tail=original,trim", "alpha.gamma=0.5,1")
    assert len(planned) == 3
    assert (result.analyses, result.plans, result.frames) == (1, 2, 14)
    assert {each.rows for each in by_number(result).values()} == {FRAMES, 14}
    assert {each.frames for each in by_number(result).values()} == {14}


def test_wrong_requests_stop_before_any_work(
    swept: Callable[..., SweepResult], sample: SamplePair, analyses: list[dict[str, Any]], tmp_path: Path
) -> None:
    for options in ({"rank_by": "psnr"}, {"rank_by": "beauty"}, {"runs": 0}):
        with pytest.raises(SettingsError):
            swept("alpha.gamma=0.5,1", **options)
    write_clip(tmp_path / "other.mp4", [np.zeros((64, 64, 3), np.uint8)] * 3, frame_rate=Fraction(25), crf=10)
    with pytest.raises(InputError, match="the reference is 64x64"):
        swept("alpha.gamma=0.5,1", reference=tmp_path / "other.mp4")
    assert analyses == []


def test_a_sweep_that_is_stopped_leaves_nothing(swept: Callable[..., SweepResult], tmp_path: Path) -> None:
    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept("alpha.gamma=0.5,1", on_progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_reference_of_another_length_is_refused(swept: Callable[..., SweepResult], tmp_path: Path) -> None:
    write_clip(tmp_path / "other.mp4", [np.zeros((320, 320, 3), np.uint8)] * 3, frame_rate=Fraction(25), crf=10)
    with pytest.raises(InputError, match="the reference has 3 frames, the original 24, the output 24"):
        swept("alpha.gamma=0.5,1", reference=tmp_path / "other.mp4")


@pytest.mark.slow(4)
def test_the_command_prints_the_ranking(sample: SamplePair, tmp_path: Path) -> None:
    words = ["sweep", str(sample.original), str(sample.synced), "-o", str(tmp_path / "out"), "--samples", "1"]
    done = CliRunner().invoke(app, [*words, "--set", "alpha.gamma=0.5,1", "--reference", str(sample.truth)])
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["rank", "alpha.gamma", "psnr"]
    assert [line.split()[0] for line in lines[1:3]] == ["1", "2"]
    for part in ("psnr", "24 of 24", "headline: how invisible", "alpha.gamma, mean of each value: 0.5",
                 "10 frames in 1 run", "mouths.png", "1 analysis and 1 plan", "best.yaml"):  # fmt: skip
        assert part in done.stdout
    assert "try: 20 of 20 frames" in done.stderr
    again = CliRunner().invoke(app, [*words, "--set", "alpha.gamma=0.5,1", "--no-overwrite"])
    assert again.exit_code == 7
    assert "already exists" in again.stderr
    machine = CliRunner().invoke(app, [*words, "--set", "alpha.gamma=0.5,1", "--json", "--rank-by", "doubled"])
    data = json.loads(machine.stdout)
    assert (data["rank_by"], len(data["combinations"])) == ("doubled", 2)
    first, second = data["combinations"]
    assert first["value"] == first["values"]["doubled"] <= second["value"]
    assert Path(data["files"]["best.yaml"]).is_file()
