"""From the analysis to a plan: which faces are blended, in which frames, and what each frame uses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.errors import InputMismatchError, NoFaceError
from lipblend.plan.choose import (
    choose_faces,
    continuing_frames,
    count_people,
    is_mere_encoding_noise,
    is_unchanged,
    max_certain_change,
)
from lipblend.plan.face_plan import ShotFace
from lipblend.plan.fault_log import FaultLog
from lipblend.plan.frame_plan import (
    BRIEF,
    BROKEN,
    NO_FACE,
    NO_SYNCED,
    NOT_NAMED,
    OUTSIDE_RANGES,
    UNCHANGED,
    FramePlan,
    Plan,
)
from lipblend.plan.front_log import FrontLog
from lipblend.plan.named_faces import points_in
from lipblend.plan.no_face import no_face_error, where_faces_were_found
from lipblend.plan.old_words import old_words_note
from lipblend.plan.parsed_parts import lacks_parts
from lipblend.plan.told import Told, range_notes, told_notes
from lipblend.runtime.spill import StoredSequence
from lipblend.settings import Settings
from lipblend.settings.face_points import names_points, parse_points
from lipblend.settings.work_ranges import ClipTimes, frames_within
from lipblend.stages.registration.placement import MIN_OFFSET_FRAC


def make_plan(
    analysis: ClipAnalysis,
    settings: Settings,
    *,
    into: StoredSequence[FramePlan] | None = None,
    clip: ClipTimes | None = None,
) -> Plan:
    """Turn the analysis into one row per output frame.

    Parameters
    ----------
    analysis : ClipAnalysis
    settings : Settings
    into : StoredSequence, optional
        Empty; receives the rows one by one and becomes the plan's. Without it, rows are held in memory.
    clip : ClipTimes, optional
        The whole clip, if only a part of it was analysed: ``track.ranges`` counts from its start.

    Raises
    ------
    NoFaceError
        No face can be blended in any frame, and ``track.no_face`` is ``error``; or no face holds a point of
        ``track.face``.
    SettingsError
        A range of ``track.ranges``, or a point of ``track.face``, lies beyond the clip.
    InputMismatchError
        No frame has a synced picture; or the last ones have none, and ``pair.tail`` is ``error``.
    """
    count, notes = _frames_to_write(analysis, settings)
    inside = frames_within(settings.track.ranges, analysis.times_s[:count], clip)
    shots = list(itertools.pairwise([*(int(start) for start in analysis.shot_starts if start < count), count]))
    certain_change = max_certain_change(analysis.tracks, analysis.times_s, shots, max_gap_s=settings.track.max_gap_s)
    rows: list[FramePlan] | StoredSequence[FramePlan] = [] if into is None else into
    blended, brief, told = 0, 0, Told()
    left: list[int] = []
    faults, hidden = FaultLog(analysis.times_s), FrontLog(analysis.times_s)
    for start, stop in shots:
        told.unnamed += bool(inside[start:stop].any()) and not _is_named(analysis, settings, start, stop)
        for row in _plan_shot(analysis, settings, (start, stop), inside[start:stop], certain_change, told):
            blended += bool(row.faces)
            if row.reason in (NO_FACE, BRIEF) and analysis.changed[len(rows)]:
                left.append(len(rows))
            brief += row.reason == BRIEF
            faults.add(len(rows), row)
            hidden.add(len(rows), row)
            rows.append(row)
    notes = [*faults.notes(settings.faults), *notes]
    if brief:
        notes.append(
            f"{brief} frames in runs shorter than {settings.track.min_run_s:g} s (track.min_run_s) between unblended "
            "ones are the original's own"
        )
    if not blended:
        notes.append(_nothing_blended(analysis, settings, shots, int(np.count_nonzero(inside))))
    notes += [*range_notes(inside, analysis.times_s[:count], shots, settings.track), *told_notes(told, settings)]
    notes += analysis.notes
    scores = [float(value) for track in analysis.tracks.values() for value in track.values("painted")]
    identical = bool(scores) and max(scores) == 0
    if identical:
        notes.append("the faces are identical in both videos: all frames are the original's own")
    elif is_mere_encoding_noise(analysis.tracks, certain_change):
        notes.append("no face differs by more than encoding noise: is this the right synced video?")
    old_words = old_words_note(left, blended, analysis.times_s, settings.track) if blended else None
    if old_words is not None:
        notes.insert(0, old_words)
    kept = tuple(rows) if isinstance(rows, list) else rows
    return Plan(kept, tuple(notes), identical, tuple(faults.runs()), () if identical else hidden.runs)


def without_faces(plan: Plan, *, into: StoredSequence[FramePlan]) -> Plan:
    """A plan in which every frame passes through; its rows are stored in ``into``."""
    for row in plan.rows:
        into.append(replace(row, faces=(), reason=UNCHANGED) if row.faces else row)
    return replace(plan, rows=into)


def _nothing_blended(analysis: ClipAnalysis, settings: Settings, shots: Sequence[tuple[int, int]], frames: int) -> str:
    """The note that no frame is blended; an error unless ``track.no_face`` is ``copy``."""
    if settings.track.no_face == "copy":
        return f"no face to work on ({where_faces_were_found(analysis)}): all frames are the original's own"
    face, max_gap_s = settings.track.face, settings.track.max_gap_s
    counts = [count_people(analysis.tracks, analysis.times_s, *shot, max_gap_s=max_gap_s) for shot in shots]
    if isinstance(face, int) and any(counts):
        raise NoFaceError(
            f"no shot has the face asked for ({face}): {_count_text(counts)}, counted from 0",
            hint="`lipblend probe` numbers the faces of a video. track.face = changed selects those that the generator "
            "changed.",
        )
    raise no_face_error(analysis, settings.track, frames=frames)


def _count_text(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    faces = f"{high} face{'s' if high > 1 else ''}" if low == high else f"{low} to {high} faces"
    return f"the shot has {faces}" if len(counts) == 1 else f"the {len(counts)} shots have {faces} each"


def _frames_to_write(analysis: ClipAnalysis, settings: Settings) -> tuple[int, list[str]]:
    """How many frames are written, by ``pair.tail``; with notes for the summary."""
    total = len(analysis.times_s)
    paired = np.flatnonzero(analysis.synced_index >= 0)
    if not len(paired):
        raise InputMismatchError(
            "no frame of the original has a synced picture",
            hint="Leave pair.method and pair.offset_s at auto to detect which frames go together.",
        )
    first, stop = int(paired[0]), int(paired[-1]) + 1
    notes = [f"the first {first} frames have no synced picture: they are the original's own"] if first else []
    if stop == total:
        return total, notes
    message = f"the synced video ends {total - stop} of {total} frames before the original"
    if settings.pair.tail == "error":
        raise InputMismatchError(
            message,
            hint="Set pair.tail to original to keep the original there, or to trim to end the output there.",
        )
    if settings.pair.tail == "trim":
        return stop, [*notes, f"{message}: the output ends there"]
    return total, [*notes, f"{message}: these are the original's own (pair.tail = trim cuts them off)"]


def _is_named(analysis: ClipAnalysis, settings: Settings, start: int, stop: int) -> bool:
    """Whether a shot has a point of ``track.face``; true if that names no points."""
    face = settings.track.face
    return not names_points(face) or bool(points_in(parse_points(str(face)), analysis.times_s, start, stop))


def _outside(analysis: ClipAnalysis, row: int) -> FramePlan:
    """The row of a frame outside the ranges."""
    return FramePlan(int(analysis.original_index[row]), int(analysis.synced_index[row]), (), OUTSIDE_RANGES)


def _plan_shot(
    analysis: ClipAnalysis,
    settings: Settings,
    shot: tuple[int, int],
    inside: npt.NDArray[np.bool_],
    certain_change: float,
    told: Told,
) -> Iterator[FramePlan]:
    """Rows of one shot, made when they are asked for; what there is to tell is added up before the first."""
    start, stop = shot
    if not inside.any():
        yield from (_outside(analysis, row) for row in range(start, stop))
        return
    is_named = _is_named(analysis, settings, start, stop)
    faces: list[ShotFace] = []
    carried: set[int] = set()
    stand_in: set[int] = set()
    unchanged: set[int] = set()
    max_gap_s, face = settings.track.max_gap_s, settings.track.face
    blended: list[FaceTrack] = []
    for track in choose_faces(analysis.tracks, analysis.times_s, start, stop, max_gap_s=max_gap_s, face=face):
        is_same = is_unchanged(track, certain_change)
        if is_same:
            unchanged.update(frame for frame in track.frames if inside[frame - start])
        if not is_same or face != "changed":
            blended.append(track)
    for track in blended:
        told_as = stand_in if track.is_stand_in else carried
        told_as.update(np.array(track.frames)[track.has("carried")].tolist())
        faces.append(ShotFace(analysis, settings, track, start, stop, continuing_frames(track, blended), inside))
        told.borrowed += 0 if track.is_stand_in else faces[-1].borrowed
    told.unchanged += len(unchanged)
    for i in range(stop - start):
        if not inside[i]:
            yield _outside(analysis, start + i)
            continue
        planned = [(each, each.plan(i)) for each in faces]
        plans = tuple(plan for _, plan in planned if plan is not None)
        elsewhere = [plan for each, plan in planned if each.elsewhere and plan is not None]
        broken = tuple(each.broken[i] for each in faces if i in each.broken)
        original, synced = (int(index[start + i]) for index in (analysis.original_index, analysis.synced_index))
        reason = ""
        if not plans:
            brief = any(i in each.brief for each in faces)
            reason = _reason(synced >= 0, broken=bool(broken), brief=brief, unchanged=start + i in unchanged)
            reason = NOT_NAMED if reason == NO_FACE and not is_named else reason
        told.carried += bool(plans) and start + i in carried
        told.stand_in += bool(plans) and start + i in stand_in
        told.unparsed += any(lacks_parts(plan.parts, settings.mask) for plan in plans)
        told.bent += any(plan.bend is not None for plan in plans)
        away = [(plan.placement.offset_px(plan.original.mouth_centre[None]), plan.original) for plan in elsewhere]
        told.moved += any(px >= MIN_OFFSET_FRAC * face.face_width_px for px, face in away)
        told.moved_px = max([told.moved_px, *(px for px, _ in away)])
        yield FramePlan(original, synced, plans, reason, broken)


def _reason(paired: bool, *, broken: bool, brief: bool, unchanged: bool) -> str:
    if not paired:
        return NO_SYNCED
    if broken:
        return BROKEN
    if brief:
        return BRIEF
    return UNCHANGED if unchanged else NO_FACE
