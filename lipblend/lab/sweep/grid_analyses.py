"""The analyses and plans that a grid needs, and the frames that its combinations are tried on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import repeat
from typing import Literal

import numpy as np

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.errors import InputMismatchError, LipblendError, NoFaceError
from lipblend.lab.sweep.combination_trial import Pictures, Planned
from lipblend.lab.sweep.grid import Combination
from lipblend.lab.sweep.outcome import Outcome
from lipblend.lab.sweep.tried_frames import Block, Run, blocks_of, run_length, sampled_runs, whole_shots
from lipblend.lab.sweep.truth import Truth
from lipblend.pair import Pair
from lipblend.plan.make_plan import make_plan
from lipblend.quality.frame_rates import frame_rate
from lipblend.render.bridging import bridging_pictures
from lipblend.runtime.prefetch import prefetch
from lipblend.runtime.progress import Progress, no_progress
from lipblend.video.info import VideoInfo
from lipblend.video.keep_matte import KeepMatte, Plane

_HELD_BYTES = 256_000_000  # decoded frames in memory at a time
_MAX_BLOCK = 16
_QUEUE = 4  # decoded frames waiting per stream

Frames = Literal["sampled", "all"]


@dataclass
class Analysed:
    """An analysis without its tracks, the combinations that share it with their plans, and the frames to try.

    ``keep`` is the matte of what stays the original's, if there is one.
    """

    clip: ClipAnalysis
    plans: dict[tuple[object, ...], Planned]
    members: list[tuple[Combination, Planned]]
    runs: tuple[Run, ...] = ()
    blocks: tuple[Block, ...] = ()
    keep: KeepMatte | None = None

    @property
    def rows(self) -> list[int]:
        """The rows that are measured."""
        return [row for block in self.blocks for row in range(block.start + block.lead_in, block.stop)]

    @property
    def row_count(self) -> int:
        """How many frames the output has."""
        return len(self.members[0][1].rows)


def analyse_all(
    pair: Pair,
    combinations: Sequence[Combination],
    on_progress: Callable[[Progress], None] = no_progress,
    keep: KeepMatte | None = None,
) -> tuple[list[Analysed], list[Outcome]]:
    """One analysis per distinct set of the settings that it reads, one plan per set that the plan reads.

    Combinations that find no face, or that find the videos do not belong together, are returned as failed outcomes.

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
            clip = pair.analyse(members[0].settings, on_progress=on_progress, stage=stage)
        except (NoFaceError, InputMismatchError) as error:
            first_error = first_error or error
            failed += [Outcome(each, failed=error.message) for each in members]
            continue
        if keep is not None:
            keep.numbers(clip.original)
        group = Analysed(clip.without_tracks(), {}, [], keep=keep)
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


def _planned(clip: ClipAnalysis, each: Combination, plans: dict[tuple[object, ...], Planned]) -> Planned:
    key = each.part("analysis", "plan")
    if key not in plans:
        started = time.perf_counter()
        plan = make_plan(clip, each.settings)
        seconds = time.perf_counter() - started
        plans[key] = Planned(plan.rows, clip.mapping, 1000 * seconds / len(plan.rows))
    return plans[key]


def choose_frames(groups: Sequence[Analysed], *, frames: Frames, runs: int) -> list[str]:
    """Give every analysis its runs and blocks; those with the same time line get the same ones."""
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
        starts = first.shot_starts.tolist()
        if frames == "all":
            chosen = whole_shots(usable, starts)
        else:
            chosen = sampled_runs(usable, starts, runs=runs, length=run_length(frame_rate(first.times_s)))
        blocks = blocks_of(chosen, usable, length=_block_length(first.original.info))
        for group in same:
            group.runs, group.blocks = chosen, blocks
    return notes


def _block_length(info: VideoInfo) -> int:
    """Number of rows that fit into memory, each of three frames of up to three planes."""
    row_bytes = 3 * 3 * info.width * info.height * (1 if info.layout.depth == 8 else 2)
    return max(2, min(_MAX_BLOCK, _HELD_BYTES // row_bytes))


def decoded_frames(group: Analysed, truth: Truth | None) -> Iterator[tuple[Block, list[Pictures]]]:
    """Decode the frames of all blocks in order, each once."""
    rows = [row for block in group.blocks for row in range(block.start, block.stop)]
    with decoded_rows(group, rows, truth) as pictures:
        for block in group.blocks:
            yield block, [next(pictures) for _ in range(block.start, block.stop)]


@contextmanager
def decoded_rows(group: Analysed, rows: Sequence[int], truth: Truth | None) -> Iterator[Iterator[Pictures]]:
    """Decode the frames of some rows, which all have a synced frame."""
    clip = group.clip
    seen = truth.frames(rows, clip, group.row_count) if truth is not None else iter(())
    shown = clip.original_index[list(rows)].tolist()
    kept: AbstractContextManager[Iterator[Plane | None]] = nullcontext(repeat(None))
    if group.keep is not None:
        kept = prefetch(group.keep.planes(clip.original, shown), _QUEUE)
    with (
        prefetch(clip.original.frames(shown), _QUEUE) as frames,
        prefetch(clip.synced.frames(clip.synced_index[list(rows)].tolist()), _QUEUE) as partners,
        prefetch(bridging_pictures(clip.synced, _bridging_indices(group, rows)), _QUEUE) as bridging,
        prefetch(seen, _QUEUE) as truths,
        kept as planes,
    ):

        def pictures() -> Iterator[Pictures]:
            for frame, partner, beside in zip(frames, partners, bridging, strict=True):
                real = truth.video.picture(next(truths)) if truth is not None else None
                yield Pictures(clip.original.picture(frame), clip.synced.picture(partner), real, beside, next(planes))

        yield pictures()


def _bridging_indices(group: Analysed, rows: Sequence[int]) -> list[tuple[int, ...]]:
    """The synced frames that bridge each of some rows in any of a group's plans."""
    plans = [plan.rows for plan in group.plans.values()]
    return [
        tuple(sorted({index for each in plans if row < len(each) for index in each[row].bridging_indices}))
        for row in rows
    ]
