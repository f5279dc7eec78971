"""What lies in front of the faces of a plan: in which frames, found in which ways, and how much of a face it hides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lipblend.plan.frame_plan import FacePlan, FramePlan, HiddenRun
from lipblend.stages.occlusion.lower_face import hand_cells, lower_face_cells

WAYS = ("departures", "model", "person", "hands", "strands")
"""How what lies in front was found: departures from the look of the face, a model of the user's own, background where
the person should be, hands, thin strands."""

_LEAST_SHARE = 0.005  # of the lower face: a few cells
_SAME_SPAN_S = 0.5  # shorter gaps are left out where spans are listed with their ways
_MAX_TOLD = 6


@dataclass(frozen=True)
class Hiding:
    """What hides a lower face in one frame.

    Attributes
    ----------
    ways : tuple of str
        In the order of `WAYS`; without those that hide nothing of it.
    share : float
        Of the lower face, 0 to 1. Strands are thin, and only the picture shows where they are: they count as 0.
    """

    ways: tuple[str, ...] = ()
    share: float = 0.0

    @classmethod
    def of(cls, face: FacePlan) -> Hiding:
        """Of one face."""
        planes = {way: np.asarray(cells / np.float32(255), np.float32) for way, cells in face.ways}
        if face.hands:
            planes["hands"] = hand_cells(face.hands, face.original)
        shares = _shares(planes, face) if planes else {}
        ways = {way for way, share in shares.items() if share >= _LEAST_SHARE and way}
        strands = {"strands"} if face.strands else set[str]()
        return cls(tuple(way for way in WAYS if way in ways | strands), shares.get("", 0.0) if ways else 0.0)

    @classmethod
    def of_row(cls, row: FramePlan) -> Hiding:
        """Of all faces of a frame: all ways, and the share of the face that is hidden most."""
        each = [cls.of(face) for face in row.faces]
        ways = {way for one in each for way in one.ways}
        return cls(tuple(way for way in WAYS if way in ways), max((one.share for one in each), default=0.0))


def _shares(planes: Mapping[str, npt.NDArray[np.float32]], face: FacePlan) -> dict[str, float]:
    """Mean over the lower face of each plane, and by the empty word of their maximum."""
    lower = lower_face_cells([face.original, face.synced])
    if not lower.any():
        return {}
    together = np.maximum.reduce(list(planes.values()))
    return {way: float(plane[lower].mean()) for way, plane in (*planes.items(), ("", together))}


class FrontLog:
    """Collects what lies in front, row by row.

    Parameters
    ----------
    times_s : (n,) float64
        Of the plan's rows.
    """

    def __init__(self, times_s: npt.NDArray[np.float64]) -> None:
        self._times_s, self._runs = times_s, list[HiddenRun]()

    def add(self, number: int, row: FramePlan) -> None:
        """Note what lies in front in a row."""
        hiding = Hiding.of_row(row)
        if hiding.ways:
            time_s = float(self._times_s[number])
            append_hidden(self._runs, HiddenRun(number, number, time_s, time_s, hiding.ways, hiding.share))

    @property
    def runs(self) -> tuple[HiddenRun, ...]:
        """Neighbouring frames with the same ways, ascending."""
        return tuple(self._runs)


def append_hidden(runs: list[HiddenRun], one: HiddenRun) -> None:
    """Add the next frame to the last run, if it goes on with it, or as a new one."""
    last = runs[-1] if runs else None
    if last is not None and last.last == one.first - 1 and last.ways == one.ways:
        runs[-1] = replace(last, last=one.last, end_s=one.end_s, share=max(last.share, one.share))
    else:
        runs.append(one)


def frames_by_way(runs: Iterable[HiddenRun]) -> dict[str, int]:
    """Frames by way, in the order of `WAYS`; without ways that found nothing."""
    counts = dict.fromkeys(WAYS, 0)
    for run in runs:
        for way in run.ways:
            counts[way] += run.frames
    return {way: count for way, count in counts.items() if count}


def ways_text(counts: Mapping[str, int]) -> str:
    """``departures 290, hands 120``."""
    return ", ".join(f"{way} {count}" for way, count in counts.items())


def joined_runs(runs: Sequence[HiddenRun], *, gap_s: float = _SAME_SPAN_S) -> list[HiddenRun]:
    """Runs that follow each other at once, or after a gap of at most ``gap_s``, as one, whatever their ways."""
    spans: list[HiddenRun] = []
    for run in runs:
        last = spans[-1] if spans else None
        if last is not None and (run.first == last.last + 1 or run.time_s - last.end_s <= gap_s):
            ways = tuple(way for way in WAYS if way in {*last.ways, *run.ways})
            spans[-1] = HiddenRun(last.first, run.last, last.time_s, run.end_s, ways, max(last.share, run.share))
        else:
            spans.append(run)
    return spans


def when_text(runs: Sequence[HiddenRun]) -> str:
    """``2.1-5.3 s, 7.0 s and 3 more times``; frames with nothing between them part two times, however few."""
    spans = joined_runs(runs, gap_s=0)
    shown = [
        f"{span.time_s:.1f}-{span.end_s:.1f} s" if span.last > span.first else f"{span.time_s:.1f} s"
        for span in spans[:_MAX_TOLD]
    ]
    more = len(spans) - len(shown)
    return ", ".join(shown) + (f" and {more} more time{'s' if more > 1 else ''}" if more else "")


def hidden_text(runs: Sequence[HiddenRun]) -> str:
    """``312 frames (departures 290, hands 120), 2.1-5.3 s``."""
    count = sum(run.frames for run in runs)
    return f"{count} frame{'s' if count > 1 else ''} ({ways_text(frames_by_way(runs))}), {when_text(runs)}"
