"""The sweep on one page: analyse and plan as often as the grid needs, decode the tried frames once, try everything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from lipblend.analysis.cache import analyse_cached
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.errors import InputMismatchError, LipblendError, NoFaceError, SettingsError
from lipblend.faces.models import resolve_model
from lipblend.lab.sweep.combination_trial import Pictures, Planned, Trial
from lipblend.lab.sweep.grid import Combination, Grid
from lipblend.lab.sweep.score import SCORE, Outcome, Ranking, check_rank_by, rank
from lipblend.lab.sweep.sweep_files import check_folder, write_sweep
from lipblend.lab.sweep.tried_frames import RUN_FRAMES, RUNS, Block, all_blocks, sampled_blocks
from lipblend.lab.sweep.truth import Truth
from lipblend.plan.clip_plan import make_plan
from lipblend.quality.evaluation.walk import Video
from lipblend.runtime.prefetch import prefetch
from lipblend.runtime.progress import Progress
from lipblend.settings import Settings
from lipblend.stages.detail.restore import load_restorers
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe_both

_HELD_BYTES = 256_000_000  # decoded frames that are held at once
_LONGEST_BLOCK = 16
_QUEUE = 4  # decoded frames waiting a stream

Frames = Literal["sampled", "all"]


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found.

    Attributes
    ----------
    ranking : Ranking
    grid : Grid
    frames : int
        Frames that every combination was tried on.
    runs : int
        In so many runs of consecutive frames.
    analyses, plans : int
        How many of each the grid needed.
    seconds : float
    notes : tuple of str
    files : mapping of str to Path
        What was written: sweep.csv, sweep.json, sweep.svg, best.yaml.
    """

    ranking: Ranking
    grid: Grid
    frames: int
    runs: int
    analyses: int
    plans: int
    seconds: float
    notes: tuple[str, ...]
    files: Mapping[str, Path]


@dataclass
class Analysed:
    """One analysis, without its tracks, the combinations that share it with their plans, and the frames to be tried."""

    clip: ClipAnalysis
    plans: dict[tuple[object, ...], Planned]
    members: list[tuple[Combination, Planned]]
    blocks: tuple[Block, ...] = ()


def run_sweep(
    original: Path,
    synced: Path,
    folder: Path,
    *,
    grid: Grid,
    frames: Frames = "sampled",
    runs: int = RUNS,
    rank_by: str = SCORE,
    reference: Path | None = None,
    overwrite: bool = True,
    models: Path | None = None,
    cache: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> SweepResult:
    """Try every combination of a grid on one pair of videos, rank them, and write what was found.

    Each combination is rendered in memory on the same frames: those that all of them blend, or a sample of them.

    Parameters
    ----------
    original, synced : Path
    folder : Path
        For sweep.csv, sweep.json, sweep.svg and best.yaml; made if it is not there.
    grid : Grid
    frames : str
        "sampled": ``runs`` runs of five consecutive frames, spread over the shots. "all": the whole clip.
    runs : int
    rank_by : str
        "score" (see `lipblend.lab.sweep.score`) or a measure.
    reference : Path, optional
        The real footage, frame by frame as the original or as the output: adds psnr, ssim and temporal.
    overwrite : bool
        Replace files of an earlier sweep; otherwise they are an error.
    models : Path, optional
        Face model bundle, or the folder it lies in.
    cache : Path, optional
        Folder in which analyses are kept, see `lipblend.compositing.composite`.
    on_progress : callable, optional

    Raises
    ------
    LipblendError
        One of its subclasses, see `lipblend.errors`.
    """
    started = time.perf_counter()
    report = on_progress or (lambda _: None)
    if runs < 1:
        raise SettingsError(f"{runs} runs of frames cannot be tried", hint="Give 1 or more.")
    check_rank_by(rank_by, reference=reference is not None)
    check_folder(folder, overwrite=overwrite)
    ours, theirs = probe_both(original, synced)
    restorers = load_restorers(each.settings.restore for each in grid.combinations)
    truth = Truth.of(reference, ours) if reference is not None else None
    groups, failed = analyse_all(
        ours, theirs, grid.combinations, resolve_model("face_landmarker", models), report, cache
    )
    notes = _choose_frames(groups, ours, frames=frames, runs=runs)
    if truth is not None:
        for group in groups:
            truth.check(group.clip, len(group.members[0][1].rows))
    outcomes = {each.combination.number: each for each in failed}
    total = sum(len(group.members) * sum(block.measured for block in group.blocks) for group in groups)
    done = 0
    for group in groups:
        trials = [Trial(each, plan, restorers[each.settings.restore]) for each, plan in group.members]
        for block, pictures in decoded_frames(group, ours, theirs, truth):
            for trial in trials:
                trial.work(block, pictures)
                done += block.measured
                report(Progress("try", done, total))
        for trial in trials:
            outcome = trial.outcome()
            outcomes[outcome.combination.number] = outcome
    ordered = [outcomes[each.number] for each in grid.combinations]
    ranking = rank(ordered, grid.axes, by=rank_by, gate=grid.base.gate)
    notes += [f"combination {each.combination.number} could not be tried: {each.failed}" for each in failed]
    result = SweepResult(
        ranking,
        grid,
        frames=sum(block.measured for block in groups[0].blocks),
        runs=sum(not block.lead_in for block in groups[0].blocks),
        analyses=len({each.part("analysis") for each in grid.combinations}),
        plans=len({each.part("analysis", "plan") for each in grid.combinations}),
        seconds=time.perf_counter() - started,
        notes=tuple(dict.fromkeys((*notes, *ours.warnings, *theirs.warnings))),
        files={},
    )
    inputs = {"original": original, "synced": synced} | ({"reference": reference} if reference is not None else {})
    return replace(result, files=write_sweep(folder, result, inputs))


def analyse_all(
    ours: VideoInfo,
    theirs: VideoInfo,
    combinations: Sequence[Combination],
    model: Path,
    report: Callable[[Progress], None],
    cache: Path | None = None,
) -> tuple[list[Analysed], list[Outcome]]:
    """One analysis for each distinct set of settings that it reads, one plan for each that the plan reads.

    Combinations that find no face, or videos that do not belong together, come back as failed outcomes.

    Raises
    ------
    LipblendError
        Another error, or no combination is left.
    """
    sets: dict[tuple[object, ...], list[Combination]] = {}
    for each in combinations:
        sets.setdefault(each.part("analysis"), []).append(each)
    groups: list[Analysed] = []
    failed: list[Outcome] = []
    first_error: LipblendError | None = None
    for number, members in enumerate(sets.values(), start=1):
        stage = "analyse" if len(sets) == 1 else f"analyse {number} of {len(sets)}"
        group = None
        try:
            clip = _analysis(ours, theirs, members[0].settings, model, stage, report, cache)
        except (NoFaceError, InputMismatchError) as error:
            first_error = first_error or error
            failed += [Outcome(each, failed=error.message) for each in members]
            continue
        group = Analysed(replace(clip, tracks={}), {}, [])
        for each in members:
            try:
                group.members.append((each, _planned(clip, each, group.plans)))
            except (NoFaceError, InputMismatchError) as error:
                first_error = first_error or error
                failed.append(Outcome(each, failed=error.message))
        if group.members:
            groups.append(group)
    if not groups:
        assert first_error is not None
        raise first_error
    return groups, failed


def _analysis(
    ours: VideoInfo,
    theirs: VideoInfo,
    settings: Settings,
    model: Path,
    stage: str,
    report: Callable[[Progress], None],
    cache: Path | None,
) -> ClipAnalysis:
    return analyse_cached(
        ours,
        theirs,
        model=model,
        settings=settings,
        on_frame=lambda done: report(Progress(stage, done, ours.frame_count)),
        cache=cache,
    )


def _planned(clip: ClipAnalysis, each: Combination, plans: dict[tuple[object, ...], Planned]) -> Planned:
    key = each.part("analysis", "plan")
    if key not in plans:
        started = time.perf_counter()
        plan = make_plan(clip, each.settings)
        seconds = time.perf_counter() - started
        plans[key] = Planned(plan.rows, clip.alignment.mapping, 1000 * seconds / len(plan.rows))
    return plans[key]


def _choose_frames(groups: Sequence[Analysed], ours: VideoInfo, *, frames: Frames, runs: int) -> list[str]:
    """Give every analysis its blocks; those with the same time line get the same ones."""
    notes: list[str] = []
    lines: dict[bytes, list[Analysed]] = {}
    for group in groups:
        lines.setdefault(group.clip.original_index.tobytes(), []).append(group)
    if len(lines) > 1:
        notes.append(f"the combinations lead to {len(lines)} different time lines: each has frames of its own")
    for same in lines.values():
        blended = [plan.blended for group in same for plan in group.plans.values()]
        count = min(map(len, blended))
        votes = np.sum([each[:count] for each in blended], axis=0)
        usable = (votes == votes.max()) & (votes > 0)
        if votes.max() < len(blended):
            notes.append("no frame is blended by all combinations: those that most of them blend were tried")
        first = same[0].clip
        length = _block_length(ours)
        starts = first.shot_starts.tolist()
        if frames == "all":
            blocks = all_blocks(usable, starts, length=length)
        else:
            blocks = sampled_blocks(usable, starts, runs=runs, length=min(RUN_FRAMES, length))
        for group in same:
            group.blocks = blocks
    return notes


def _block_length(info: VideoInfo) -> int:
    """So many rows can be held: three frames each, of three planes at most."""
    row_bytes = 3 * 3 * info.width * info.height * (1 if info.layout.depth == 8 else 2)
    return max(2, min(_LONGEST_BLOCK, _HELD_BYTES // row_bytes))


def decoded_frames(
    group: Analysed, ours: VideoInfo, theirs: VideoInfo, truth: Truth | None
) -> Iterator[tuple[Block, list[Pictures]]]:
    """The frames of one block after the other, each decoded once."""
    clip = group.clip
    original = Video(ours, clip.original_pts, clip.exact_times[0])
    synced = Video(theirs.read_by(clip.interpretation.change), clip.synced_pts, clip.exact_times[1])
    rows = [row for block in group.blocks for row in range(block.start, block.stop)]
    seen = truth.frames(rows, clip, len(group.members[0][1].rows)) if truth is not None else iter(())
    with (
        prefetch(original.frames(clip.original_index[rows].tolist()), _QUEUE) as frames,
        prefetch(synced.frames(clip.synced_index[rows].tolist()), _QUEUE) as partners,
        prefetch(seen, _QUEUE) as truths,
    ):
        for block in group.blocks:
            held = []
            for _ in range(block.start, block.stop):
                real = truth.video.picture(next(truths)) if truth is not None else None
                held.append(Pictures(original.picture(next(frames)), synced.picture(next(partners)), real))
            yield block, held
