"""From the analysis to a plan: which faces are worked on, in which frames, and what each frame uses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.errors import InputMismatchError, NoFaceError
from lipblend.plan.choose import choose_faces, count_people, hardly_changed, is_unchanged, surest_change
from lipblend.plan.face_plan import FaceOfRow, plan_face
from lipblend.plan.frame_plan import NO_FACE, NO_SYNCED, UNCHANGED, FramePlan, Plan
from lipblend.runtime.spill import StoredSequence
from lipblend.settings import Settings


def make_plan(analysis: ClipAnalysis, settings: Settings, *, into: StoredSequence[FramePlan] | None = None) -> Plan:
    """Turn the analysis into one row a frame.

    Parameters
    ----------
    analysis : ClipAnalysis
    settings : Settings
    into : StoredSequence, optional
        Empty; the rows go there, one by one, and become the plan's. Otherwise they are held in memory.

    Raises
    ------
    NoFaceError
        If no face can be worked on in any frame, and ``track.no_face`` is ``error``.
    InputMismatchError
        If frames without a synced picture are not allowed (``pair.tail`` is ``error``).
    """
    count, notes = _frames_to_write(analysis, settings)
    shots = list(itertools.pairwise([*(int(start) for start in analysis.shot_starts if start < count), count]))
    max_gap_s = settings.track.max_gap_s
    surest = surest_change(analysis.tracks, analysis.times_s, shots, max_gap_s=max_gap_s)
    rows: list[FramePlan] | StoredSequence[FramePlan] = [] if into is None else into
    faces, borrowed, left_alone = False, 0, 0
    scores = [float(value) for track in analysis.tracks.values() for value in track.values("painted")]
    same = bool(scores) and max(scores) == 0
    for start, stop in shots:
        shot, missing, calm = _plan_shot(analysis, settings, start, stop, surest=surest)
        for row in shot:
            faces |= bool(row.faces)
            rows.append(row)
        borrowed += missing
        left_alone += calm
    if not faces:
        notes.append(_without_faces(analysis, settings, shots))
    if borrowed:
        notes.append(f"{borrowed} synced frames without a face of their own: the original's mesh was used")
    if left_alone and settings.track.face not in ("changed", "all"):
        notes.append(
            f"the generator did not change the face asked for ({settings.track.face}) in {left_alone} frames: "
            "there was nothing to take over"
        )
    notes += analysis.notes
    if same:
        notes.append(
            "both videos show the same faces: there was nothing to take over, all frames are the original's own"
        )
    elif hardly_changed(analysis.tracks, surest):
        notes.append(
            "no face differs by more than encoding it again would make it differ: is the synced video the right one?"
        )
    return Plan(tuple(rows) if isinstance(rows, list) else rows, tuple(notes), same)


def without_faces(plan: Plan, *, into: StoredSequence[FramePlan]) -> Plan:
    """A plan in which every frame passes through, as there is nothing to take over; its rows go into ``into``."""
    for row in plan.rows:
        into.append(replace(row, faces=(), reason=UNCHANGED) if row.faces else row)
    return replace(plan, rows=into)


def _without_faces(analysis: ClipAnalysis, settings: Settings, shots: Sequence[tuple[int, int]]) -> str:
    """The note that nothing was done, if that is allowed."""
    if settings.track.no_face == "copy":
        return "no face to work on: all frames are the original's own"
    face, max_gap_s = settings.track.face, settings.track.max_gap_s
    counts = [count_people(analysis.tracks, analysis.times_s, *shot, max_gap_s=max_gap_s) for shot in shots]
    if isinstance(face, int) and any(counts):
        raise NoFaceError(
            f"no shot has the face asked for ({face}): {_faces_text(counts)}, counted from 0",
            hint="`lipblend probe` numbers the faces of a video; --face changed takes those the generator changed.",
        )
    raise NoFaceError(
        f"no face to work on in {shots[-1][1]} frames",
        hint="Check that both videos show the same face; lower track.min_face_px for small ones, or pass "
        "--no-face copy to get the original as it is.",
    )


def _faces_text(counts: Sequence[int]) -> str:
    least, most = min(counts), max(counts)
    faces = f"{most} face{'s' if most > 1 else ''}" if least == most else f"{least} to {most} faces"
    return f"the shot has {faces}" if len(counts) == 1 else f"the {len(counts)} shots have {faces} each"


def _frames_to_write(analysis: ClipAnalysis, settings: Settings) -> tuple[int, list[str]]:
    """How many frames come out, by ``pair.tail``; with what the summary should say about it."""
    total = len(analysis.times_s)
    shown = np.flatnonzero(analysis.synced_index >= 0)
    if not len(shown):
        raise InputMismatchError(
            "no frame of the original has a synced picture", hint="Leave out --pair and --offset to have them found."
        )
    first, paired = int(shown[0]), int(shown[-1]) + 1
    notes = [f"the first {first} frames have no synced picture: they are the original's own"] if first else []
    if paired == total:
        return total, notes
    found = f"the synced video ends {total - paired} of {total} frames before the original"
    if settings.pair.tail == "error":
        raise InputMismatchError(
            found, hint="Pass --tail original to keep the original there, or --tail trim to cut it off."
        )
    if settings.pair.tail == "trim":
        return paired, [*notes, f"{found}: the output was cut there"]
    return total, [*notes, f"{found}: they are the original's own (--tail trim cuts them off)"]


def _plan_shot(
    analysis: ClipAnalysis, settings: Settings, start: int, stop: int, *, surest: float
) -> tuple[Iterator[FramePlan], int, int]:
    """Rows of one shot, in how many the synced mesh is borrowed from the original, and how many the generator left.

    A row is made when it is asked for, so that the shot's need not be held all at once.
    """
    paired = analysis.synced_index[start:stop] >= 0
    faces: list[FaceOfRow] = []
    borrowed = 0
    unchanged: set[int] = set()
    for track in choose_faces(
        analysis.tracks,
        analysis.times_s,
        start,
        stop,
        max_gap_s=settings.track.max_gap_s,
        face=settings.track.face,
    ):
        if is_unchanged(track, surest):
            unchanged.update(track.frames)
            if settings.track.face == "changed":
                continue
        face, alone = plan_face(analysis, settings, track, start, stop)
        faces.append(face)
        borrowed += alone

    def rows() -> Iterator[FramePlan]:
        for i in range(stop - start):
            found = tuple(plan for plan in (face(i) for face in faces) if plan is not None)
            reason = "" if found else _reason(paired=bool(paired[i]), unchanged=start + i in unchanged)
            original, synced = (int(index[start + i]) for index in (analysis.original_index, analysis.synced_index))
            yield FramePlan(original, synced, found, reason)

    return rows(), borrowed, len(unchanged)


def _reason(*, paired: bool, unchanged: bool) -> str:
    if not paired:
        return NO_SYNCED
    return UNCHANGED if unchanged else NO_FACE
