"""An ablation: compare a preset, and variants of it that change one stage each, with the truth of some triples.

Frames are measured in memory, before they are encoded, and at the same pixels for all variants: those around the face
found in the truth.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from lipblend.errors import InputError, LipblendError, SettingsError
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.lab.ablation.against_truth import TruthFace, TruthMeasurement, find_truth_face
from lipblend.lab.ablation.triples import Triple
from lipblend.lab.ablation.variants import Variant
from lipblend.lab.sweep.combination_trial import Pictures, Planned, composed
from lipblend.lab.sweep.grid import Combination
from lipblend.lab.sweep.grid_analyses import Analysed, analyse_all, decoded_frames
from lipblend.lab.sweep.tried_frames import Block
from lipblend.lab.sweep.truth import Truth
from lipblend.output.given_videos import given_videos
from lipblend.pair import open_pair
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.settings import Settings
from lipblend.settings.rate_words import parse_frame_rate
from lipblend.stages.detail.restore import load_restorers

MEASURES = ("psnr", "flicker", "detail", "rag", "overshoot", "lip_corr")
_REPORT_EVERY = 10  # frames

Say = Callable[[str], None]


@dataclass(frozen=True)
class Cell:
    """Measurements of one variant on one triple.

    Attributes
    ----------
    frames : int
        Frames measured.
    values : dict of str to float
        ``psnr``: PSNR of the lower face, dB, from the mean squared error over all frames. ``flicker``: mean temporal
        error of the lower face without the mouth, grey levels. ``detail``: mean mouth detail, ratio to the truth.
        ``rag``: mean raggedness of the lip lines, ratio to the truth. ``overshoot``: mean overshoot there, share of the
        step (`lipblend.quality.lip_line`).
        ``lip_corr``: correlation of the mouth openings tracked in the composite and in the truth. Measures without a
        value are missing.
    failed : str
        Why the variant could not be tried; otherwise empty.
    """

    frames: int = 0
    values: dict[str, float] = field(default_factory=dict)
    failed: str = ""


Column = dict[str, Cell]
"""One triple: measurements by the name of the variant."""


def _silent(_: str) -> None:
    """The default of ``say``; worker processes need a function of a module."""


def run_ablation(
    triples: Sequence[Triple],
    variants: Sequence[Variant],
    *,
    frames: int | None = None,
    jobs: int = 1,
    rate: str | None = None,
    models: Path | None = None,
    say: Say = _silent,
) -> dict[str, Column]:
    """Try all variants on all triples.

    Parameters
    ----------
    triples : sequence of Triple
    variants : sequence of Variant
        One of them of the kind "preset". The others share its analysis if their settings allow.
    frames : int, optional
        Number of frames, at least 2, from the middle of the frames with a synced partner. Default: all of them.
    jobs : int
        Number of triples processed at a time, each in a process of its own; the result does not depend on it.
    rate : str, optional
        Pictures per second of image sequences. Default: that of the first video of the triple, else 25.
    models : Path, optional
        Face model bundle, or the folder that contains it.
    say : callable
        Called with lines of progress. With several jobs, worker processes call it, so it must be a module function.

    Returns
    -------
    dict of str to Column
        By the name of the triple.

    Raises
    ------
    LipblendError
        A triple cannot be processed; the message begins with its name.
    """
    if frames is not None and frames < 2:
        raise SettingsError(f"{frames} frames cannot be tried", hint="Give 2 or more, since flicker needs two.")
    if jobs < 1:
        raise SettingsError(f"{jobs} jobs cannot be run", hint="Give 1 or more.")
    if rate is not None:
        parse_frame_rate(rate)
        if not any(each.has_sequences for each in triples):
            raise SettingsError("--rate was given, but no triple has an image sequence", hint="Leave it out.")
    work = partial(_measure_named, variants=tuple(variants), frames=frames, rate=rate, models=models, say=say)
    if jobs == 1 or len(triples) == 1:
        return {each.name: work(each) for each in triples}
    other_children = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(triples)), mp_context=context, initializer=_end_on_interrupt) as pool:
        try:
            pending = {pool.submit(work, each): each.name for each in triples}
            columns = {pending[each]: each.result() for each in as_completed(pending)}
        except BrokenProcessPool as error:
            raise LipblendError("a worker process was killed", hint="Memory may be short: try fewer --jobs.") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - other_children:
                child.terminate()
            raise
    return {each.name: columns[each.name] for each in triples}


def _end_on_interrupt() -> None:
    """Let Ctrl-C end a worker quietly; the parent process reports it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _measure_named(
    triple: Triple, *, variants: Sequence[Variant], frames: int | None, rate: str | None, models: Path | None, say: Say
) -> Column:
    try:
        with given_videos(*triple.paths, rate=rate if triple.has_sequences else None) as videos:
            films = Triple(triple.name, *videos)
            return _measure_triple(films, variants, frames, models, lambda line: say(f"{triple.name}: {line}"))
    except LipblendError as error:
        error.message = f"{triple.name}: {error.message}"
        raise


@dataclass(frozen=True)
class _Member:
    """A variant that is tried; ``settings`` is None for the synced video itself."""

    number: int
    settings: Settings | None
    plan: Planned


class _TruthFaces:
    """The face in the truth for each row of the preset's plan, found once."""

    def __init__(self, plan: Planned, landmarker: FaceLandmarker) -> None:
        self._plan, self.landmarker = plan, landmarker
        self._faces: dict[int, TruthFace | None] = {}

    def at(self, row: int, pictures: Pictures) -> TruthFace | None:
        if row not in self._faces:
            plan = self._plan
            mapping = plan.mapping.at(plan.rows[row].synced_index)
            self._faces[row] = find_truth_face(pictures, plan.rows[row], self.landmarker, mapping)
        return self._faces[row]


def _measure_triple(
    triple: Triple, variants: Sequence[Variant], frames: int | None, models: Path | None, say: Say
) -> Column:
    pair = open_pair(triple.original, triple.synced, models=models)
    truth = Truth.of(triple.truth, pair.original)
    combinations = [
        Combination(number, each.changes, each.settings)
        for number, each in enumerate(variants)
        if each.kind != "synced"
    ]
    base = next(each.number for each in combinations if variants[each.number].kind == "preset")
    groups, failed = analyse_all(pair, combinations)
    say(f"analysed {len(groups)} times")
    reasons = {each.combination.number: each.failed for each in failed}
    if base in reasons:
        raise InputError(f"the preset cannot be tried: {reasons[base]}")
    lead = next(group for group in groups if base in _numbers(group))
    plan = next(plan for combination, plan in lead.members if combination.number == base)
    count = min(len(member.rows) for group in groups for _, member in group.members)
    rows = _middle(np.flatnonzero(lead.clip.synced_index[:count] >= 0).tolist(), frames)
    measured: dict[int, TruthMeasurement] = {}
    with FaceLandmarker(pair.model, max_faces=1, confidence=variants[base].settings.track.confidence) as landmarker:
        faces = _TruthFaces(plan, landmarker)
        for group in sorted(groups, key=lambda each: each is not lead):
            if not _same_frames(group, lead):
                reasons |= dict.fromkeys(_numbers(group), "it pairs other frames than the preset")
                continue
            truth.check(group.clip, group.row_count)
            group.blocks = tuple(Block(0, row, row + 1) for row in rows)
            members = [_Member(each.number, each.settings, planned) for each, planned in group.members]
            if group is lead:
                members += [
                    _Member(number, None, plan) for number, each in enumerate(variants) if each.kind == "synced"
                ]
            measured |= _measure_group(group, members, truth, faces, say)
    if not any(each.frames for each in measured.values()):
        raise InputError("no face was found in the truth where the plan has one")
    return {
        each.name: Cell(failed=reasons[number]) if number in reasons
        else Cell(measured[number].frames, measured[number].values())
        for number, each in enumerate(variants)
    }  # fmt: skip


def _measure_group(
    group: Analysed, members: Sequence[_Member], truth: Truth, faces: _TruthFaces, say: Say
) -> dict[int, TruthMeasurement]:
    """Measure variants that share an analysis, on the blocks of the group; each frame is decoded once."""
    restorers = load_restorers(each.settings.restore for each in members if each.settings is not None)
    measured = {each.number: TruthMeasurement() for each in members}
    for done, (block, (pictures,)) in enumerate(decoded_frames(group, truth), start=1):
        face = faces.at(block.start, pictures)
        for each in members:
            if face is None:
                measured[each.number].skip_frame()
                continue
            row = each.plan.rows[block.start]
            picture, mapping = pictures.synced, each.plan.mapping.at(row.synced_index)
            if each.settings is not None:
                restorer = restorers[each.settings.restore]
                _, picture = composed(row, pictures, each.settings, each.plan.mapping, restorer)
                mapping = UNMOVED
            measured[each.number].add_frame(face, picture, pictures.original, faces.landmarker, mapping)
        if done % _REPORT_EVERY == 0 or done == len(group.blocks):
            say(f"{done} of {len(group.blocks)} frames, {len(members)} variants")
    return measured


def _middle(rows: list[int], count: int | None) -> list[int]:
    """``count`` rows from the middle, since clips often begin and end with the mouth at rest."""
    if count is None or count >= len(rows):
        return rows
    start = (len(rows) - count) // 2
    return rows[start : start + count]


def _numbers(group: Analysed) -> list[int]:
    return [combination.number for combination, _ in group.members]


def _same_frames(first: Analysed, second: Analysed) -> bool:
    return all(
        np.array_equal(getattr(first.clip, name), getattr(second.clip, name))
        for name in ("original_index", "synced_index")
    )
