"""The sweep on one page: analyse and plan as often as the grid needs, decode the tried frames once, try everything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lipblend.analysis.cache import storage_notes
from lipblend.errors import SettingsError
from lipblend.lab.sweep.combination_trial import Trial, Tried
from lipblend.lab.sweep.grid import Grid
from lipblend.lab.sweep.grid_analyses import Analysed, Frames, analyse_all, choose_frames, decoded_frames
from lipblend.lab.sweep.mouth_sheet import mouth_sheet
from lipblend.lab.sweep.outcome import Outcome
from lipblend.lab.sweep.ranking import check_rank_by, rank
from lipblend.lab.sweep.sweep_files import FILES, write_sweep
from lipblend.lab.sweep.sweep_result import SweepResult
from lipblend.lab.sweep.tried_frames import RUNS
from lipblend.lab.sweep.tried_looks import looks_by_plan
from lipblend.lab.sweep.truth import Truth
from lipblend.lab.sweep.worth import HEADLINE
from lipblend.pair import open_pair
from lipblend.quality.frame_rates import frame_rate
from lipblend.runtime.output_paths import check_folder_writable
from lipblend.runtime.progress import Progress, no_progress
from lipblend.settings import RestoreSettings
from lipblend.stages.detail.restore import Restorer, load_restorers
from lipblend.video.keep_matte import open_keep


@dataclass(frozen=True)
class SweepOptions:
    """How a sweep is run.

    Attributes
    ----------
    frames : {"sampled", "all"}
        "sampled": ``runs`` runs of 0.4 seconds, spread over the shots. "all": the whole clip.
    runs : int
    rank_by : str
        "headline" or a measure, see `lipblend.lab.sweep.ranking`.
    reference : Path, optional
        The real footage, frame by frame as the original or as the output: adds psnr, ssim and temporal.
    keep : Path, optional
        Matte of what stays the original's (`lipblend.video.keep_matte.open_keep`).
    crop : Path, optional
        Record of the face crop that the synced video shows (`lipblend.crops.read_places`).
    overwrite : bool
        Replace files of an earlier sweep; otherwise they are an error.
    models : Path, optional
        Face model bundle, or the folder that holds it.
    cache : Path, optional
        Folder in which analyses are cached.
    """

    frames: Frames = "sampled"
    runs: int = RUNS
    rank_by: str = HEADLINE
    reference: Path | None = None
    keep: Path | None = None
    crop: Path | None = None
    overwrite: bool = True
    models: Path | None = None
    cache: Path | None = None


def run_sweep(
    original_path: Path,
    synced_path: Path,
    folder: Path,
    *,
    grid: Grid,
    options: SweepOptions | None = None,
    on_progress: Callable[[Progress], None] = no_progress,
) -> SweepResult:
    """Try every combination of a grid on one pair of videos, rank them, and write what was found.

    Each combination is rendered in memory on the same frames: those that all of them blend, or a sample of them.

    Parameters
    ----------
    original_path, synced_path : Path
    folder : Path
        For `lipblend.lab.sweep.sweep_files.FILES`; created if missing.
    grid : Grid
    options : SweepOptions, optional
    on_progress : callable

    Raises
    ------
    LipblendError
        One of its subclasses, see `lipblend.errors`.
    """
    started = time.perf_counter()
    options = options or SweepOptions()
    reference = options.reference
    if options.runs < 1:
        raise SettingsError(f"{options.runs} runs of frames cannot be tried", hint="Give 1 or more.")
    check_rank_by(options.rank_by, reference=reference is not None)
    check_folder_writable(folder, files=FILES, overwrite=options.overwrite)
    pair = open_pair(original_path, synced_path, models=options.models, cache=options.cache, crop=options.crop)
    tried = (each.settings for each in grid.combinations)
    for settings in {(each.track.face, each.track.ranges, each.pair.timeline): each for each in tried}.values():
        pair.check_times(settings)
    keep = None if options.keep is None else open_keep(options.keep, pair.original)
    restorers = load_restorers(each.settings.restore for each in grid.combinations)
    truth = Truth.of(reference, pair.original) if reference is not None else None
    groups, failed = analyse_all(pair, grid.combinations, on_progress, keep)
    notes = _prepare(groups, truth, options)
    outcomes = [*failed, *_tried(groups, truth, restorers, options.frames, on_progress)]
    outcomes.sort(key=lambda outcome: outcome.combination.number)
    ranking = rank(outcomes, grid.axes, by=options.rank_by, sampled=options.frames == "sampled")
    mouths = mouth_sheet(ranking, groups, truth, restorers)
    notes += [f"combination {each.combination.number} could not be tried: {each.failed}" for each in failed]
    result = SweepResult(
        ranking,
        grid,
        frames=sum(block.measured for block in groups[0].blocks),
        runs=len(groups[0].runs),
        analyses=len({each.part("analysis") for each in grid.combinations}),
        plans=len({each.part("analysis", "plan") for each in grid.combinations}),
        seconds=time.perf_counter() - started,
        notes=tuple(dict.fromkeys((*notes, *pair.warnings))),
        files={},
    )
    inputs = {"original": original_path, "synced": synced_path}
    inputs |= {"reference": reference} if reference is not None else {}
    inputs |= {"keep": options.keep} if options.keep is not None else {}
    inputs |= {"crop": options.crop} if options.crop is not None else {}
    return replace(result, files=write_sweep(folder, result, inputs, mouths))


def _prepare(groups: Sequence[Analysed], truth: Truth | None, options: SweepOptions) -> list[str]:
    """Choose the frames, and check that the reference has them; returns notes."""
    notes = [note for group in groups for note in storage_notes(group.clip)]
    notes += choose_frames(groups, frames=options.frames, runs=options.runs)
    if truth is not None:
        for group in groups:
            truth.check(group.clip, group.row_count)
    return notes


def _tried(
    groups: Sequence[Analysed],
    truth: Truth | None,
    restorers: Mapping[RestoreSettings, Restorer | None],
    frames: Frames,
    on_progress: Callable[[Progress], None],
) -> Iterator[Outcome]:
    """Render and measure every combination, the frames of a block decoded once for all of a group."""
    total = sum(len(group.members) * sum(block.measured for block in group.blocks) for group in groups)
    done = 0
    for group in groups:
        clip, every = group.clip, frames == "all"
        trials = [
            Trial(
                each,
                plan,
                restorers[each.settings.restore],
                Tried(group.runs, clip.times_s, frame_rate(clip.times_s), looks, every),
            )
            for (each, plan), looks in zip(group.members, looks_by_plan(group), strict=True)
        ]
        for block, pictures in decoded_frames(group, truth):
            for trial in trials:
                trial.work(block, pictures)
                done += block.measured
                on_progress(Progress("try", done, total))
        for trial in trials:
            yield trial.outcome()
