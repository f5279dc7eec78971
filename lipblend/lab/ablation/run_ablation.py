"""An ablation: a preset with one stage changed at a time, held against the truth, for every triple of a folder.

Everything is measured on the frames in memory, before they are encoded, and at the same pixels for all variants: those
about the face that is found in the truth.
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
from lipblend.lab.ablation.against_truth import Measuring, TruthFace, find_truth_face
from lipblend.lab.ablation.variants import Variant
from lipblend.lab.sweep.combination_trial import Planned, composed
from lipblend.lab.sweep.grid import Combination
from lipblend.lab.sweep.grid_analyses import Analysed, analyse_all, decoded_frames
from lipblend.lab.sweep.tried_frames import Block
from lipblend.lab.sweep.truth import Truth
from lipblend.pair import open_pair
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.stages.detail.restore import load_restorers

FILES = ("orig", "synced", "truth")
MEASURES = ("psnr", "flicker", "detail", "lip_corr")
_REPORT_EVERY = 10  # frames

Say = Callable[[str], None]


@dataclass(frozen=True)
class Triple:
    """Three videos: what a perfect composite of ``original`` and ``synced`` would show is ``truth``."""

    name: str
    original: Path
    synced: Path
    truth: Path


@dataclass(frozen=True)
class Cell:
    """What one variant reached on one triple.

    Attributes
    ----------
    frames : int
        Frames measured.
    values : dict of str to float
        ``psnr``: lower face, dB, of the mean squared error over all frames. ``flicker``: mean temporal error over the
        lower face without the mouth, grey levels. ``detail``: mean mouth detail, ratio to the truth. ``lip_corr``:
        correlation of the mouth openings tracked in the composite and in the truth. What could not be measured is left
        out.
    failed : str
        Why the variant could not be tried; empty otherwise.
    """

    frames: int = 0
    values: dict[str, float] = field(default_factory=dict)
    failed: str = ""


Column = dict[str, Cell]
"""One triple: name of the variant to what it reached."""


def _silent(_: str) -> None:
    """A function of the module, as worker processes need it."""


def find_triples(folder: Path, only: Sequence[str] = ()) -> tuple[Triple, ...]:
    """The triples of a folder by name: subfolders that hold orig.mp4, synced.mp4 and truth.mp4.

    Parameters
    ----------
    folder : Path
    only : sequence of str
        Names of those wanted; empty for all.

    Raises
    ------
    InputError
        The folder is missing or holds no triple, or one lacks a file.
    SettingsError
        There is none of a wanted name.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", hint="Give a folder that holds NAME/{orig,synced,truth}.mp4.")
    found = {}
    for place in sorted(folder.iterdir()):
        files = [place / f"{name}.mp4" for name in FILES]
        missing = [each.name for each in files if not each.is_file()]
        wanted = not only or place.name in only
        if not place.is_dir() or len(missing) == len(FILES) or not wanted:
            continue
        if missing:
            raise InputError(f"the triple {place.name} lacks {' and '.join(missing)} ({place})")
        found[place.name] = Triple(place.name, *files)
    for name in only:
        if name not in found:
            there = ", ".join(sorted(each.name for each in folder.iterdir() if each.is_dir())) or "no subfolders"
            raise SettingsError(f"there is no triple '{name}' in {folder}", hint=f"There are {there}.")
    if not found:
        raise InputError(f"{folder} holds no triples", hint="A triple is a folder NAME/{orig,synced,truth}.mp4.")
    return tuple(found.values())


def run_ablation(
    triples: Sequence[Triple],
    variants: Sequence[Variant],
    *,
    frames: int | None = None,
    jobs: int = 1,
    models: Path | None = None,
    say: Say = _silent,
) -> dict[str, Column]:
    """Try all variants on all triples.

    Parameters
    ----------
    triples : sequence of Triple
    variants : sequence of Variant
        One of the kind "preset" among them; the others of one triple share its analysis where their settings allow.
    frames : int, optional
        Only so many frames of those that have a partner, from the middle of the clip, at least 2.
    jobs : int
        So many triples at once, each in a process of its own; the result does not depend on it.
    models : Path, optional
        Face model bundle, or the folder it lies in.
    say : callable
        Gets lines of progress; a function of a module if there are several jobs, which call it themselves.

    Returns
    -------
    dict of str to Column
        By the triple's name.

    Raises
    ------
    LipblendError
        A triple cannot be worked on at all; the message begins with its name.
    """
    if frames is not None and frames < 2:
        raise SettingsError(f"{frames} frames cannot be tried", hint="Give 2 or more, as flicker needs two.")
    if jobs < 1:
        raise SettingsError(f"{jobs} jobs cannot be run", hint="Give 1 or more.")
    work = partial(_column, variants=tuple(variants), frames=frames, models=models, say=say)
    if jobs == 1 or len(triples) == 1:
        return {each.name: work(each) for each in triples}
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(triples)), mp_context=context, initializer=_end_on_interrupt) as pool:
        try:
            pending = {pool.submit(work, each): each.name for each in triples}
            done = {pending[each]: each.result() for each in as_completed(pending)}
        except BrokenProcessPool as error:
            raise LipblendError(
                "a worker process was ended from outside", hint="Memory may be short: try fewer --jobs."
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            raise
    return {each.name: done[each.name] for each in triples}


def _end_on_interrupt() -> None:
    """Ctrl-C reaches the workers too; the parent tells of it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _column(
    triple: Triple, *, variants: Sequence[Variant], frames: int | None, models: Path | None, say: Say
) -> Column:
    try:
        return _measured(triple, variants, frames, models, say)
    except LipblendError as error:
        error.message = f"{triple.name}: {error.message}"
        raise


def _measured(triple: Triple, variants: Sequence[Variant], frames: int | None, models: Path | None, say: Say) -> Column:
    pair = open_pair(triple.original, triple.synced, models=models)
    truth = Truth.of(triple.truth, pair.original)
    combinations = [
        Combination(number, each.changes, each.settings)
        for number, each in enumerate(variants)
        if each.kind != "synced"
    ]
    base = next(each.number for each in combinations if variants[each.number].kind == "preset")
    groups, failed = analyse_all(pair, combinations)
    say(f"{triple.name}: analysed {len(groups)} times")
    reasons = {each.combination.number: each.failed for each in failed}
    if base in reasons:
        raise InputError(f"the preset cannot be tried: {reasons[base]}")
    lead = next(group for group in groups if base in _numbers(group))
    plan = next(plan for combination, plan in lead.members if combination.number == base)
    count = min(len(member.rows) for group in groups for _, member in group.members)
    rows = _middle(np.flatnonzero(lead.clip.synced_index[:count] >= 0).tolist(), frames)
    faces: dict[int, TruthFace | None] = {}
    done: dict[int, Measuring] = {}
    with FaceLandmarker(pair.model, max_faces=1, confidence=variants[base].settings.track.confidence) as landmarker:
        for group in sorted(groups, key=lambda each: each is not lead):
            if not _same_frames(group, lead):
                reasons |= dict.fromkeys(_numbers(group), "it leads to other pairs of frames than the preset")
                continue
            truth.check(group.clip, group.row_count)
            group.blocks = tuple(Block(0, row, row + 1) for row in rows)
            members: list[tuple[int, Combination | None, Planned]] = [
                (combination.number, combination, planned) for combination, planned in group.members
            ]
            if group is lead:
                members += [(number, None, plan) for number, each in enumerate(variants) if each.kind == "synced"]
            restorers = load_restorers(each.settings.restore for _, each, _ in members if each is not None)
            tracks = {number: Measuring() for number, *_ in members}
            for at, (block, (pictures,)) in enumerate(decoded_frames(group, truth), start=1):
                row = block.start
                if row not in faces:
                    faces[row] = find_truth_face(pictures, plan.rows[row], landmarker, plan.mapping)
                face = faces[row]
                for number, combination, planned in members:
                    if face is None:
                        tracks[number].leave_out()
                        continue
                    picture, place = pictures.synced, planned.mapping
                    if combination is not None:
                        made = combination.settings
                        restorer = restorers[made.restore]
                        _, picture = composed(planned.rows[row], pictures, made, planned.mapping, restorer)
                        place = UNMOVED
                    tracks[number].add(face, picture, pictures.original, landmarker, place)
                if at % _REPORT_EVERY == 0 or at == len(rows):
                    say(f"{triple.name}: {at} of {len(rows)} frames, {len(members)} variants")
            done |= tracks
    if not any(each.frames for each in done.values()):
        raise InputError("no face was found in the truth where the plan has one")
    return {
        each.name: Cell(failed=reasons[number]) if number in reasons
        else Cell(done[number].frames, done[number].values())
        for number, each in enumerate(variants)
    }  # fmt: skip


def _middle(rows: list[int], count: int | None) -> list[int]:
    """So many rows from the middle: clips tend to begin and end with a mouth at rest."""
    if count is None or count >= len(rows):
        return rows
    start = (len(rows) - count) // 2
    return rows[start : start + count]


def _numbers(group: Analysed) -> list[int]:
    return [combination.number for combination, _ in group.members]


def _same_frames(one: Analysed, other: Analysed) -> bool:
    return all(
        np.array_equal(getattr(one.clip, name), getattr(other.clip, name))
        for name in ("original_index", "synced_index")
    )
