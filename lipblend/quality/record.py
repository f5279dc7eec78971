"""The numbers of an evaluation as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lipblend.plan.fault_log import append_fault, many_broken
from lipblend.plan.frame_plan import OUTSIDE_RANGES, FaultRun, HiddenRun
from lipblend.plan.front_log import append_hidden

WORDS = ((85.0, "invisible"), (60.0, "faint"), (30.0, "visible"), (0.0, "obvious"))
"""From which headline on a composite is what."""

NO_CHANGE = "no change seen"
"""Why a frame carries no patch: nothing of the synced picture was found in it."""


@dataclass(frozen=True, slots=True)
class FrameRow:
    """One frame of the result.

    Attributes
    ----------
    index : int
        In the result, from 0.
    time_s : float
    shot : int
        Number of its shot, from 0.
    original_index, synced_index : int
        Frames it was made from. ``synced_index`` is -1 if there is none; both are -1 for a frame that the original does
        not contain.
    blended : bool
        It carries a patch.
    reason : str
        Why it carries none; empty otherwise.
    values : mapping of str to float
        By the keys of `lipblend.quality.measures.MEASURES`, without those that could not be measured. Of several faces
        the worst value.
    faults : tuple of str
        Faults of the generator's own patch, see `lipblend.quality.faults.FAULTS`.
    broken : str
        What the plan found wrong with the synced frame (`lipblend.plan.broken_frames.KINDS`); empty for nothing.
    certainty : float
        How certain that is, 0.5 to 1; 0 for nothing.
    bridged : bool
        The plan bridges it; otherwise a broken frame is left to the original.
    hidden : float
        How much of the lower face is behind something that the plan leaves in front, 0 to 1.
    in_front : tuple of str
        How that was found (`lipblend.plan.front_log.WAYS`); empty for nothing.
    """

    index: int
    time_s: float
    shot: int
    original_index: int
    synced_index: int
    blended: bool
    reason: str
    values: Mapping[str, float]
    faults: tuple[str, ...]
    broken: str = ""
    certainty: float = 0.0
    bridged: bool = False
    hidden: float = 0.0
    in_front: tuple[str, ...] = ()

    @property
    def is_faulty(self) -> bool:
        """Whether the generator's own patch is faulty or broken."""
        return bool(self.faults or self.broken)


@dataclass(frozen=True)
class Shot:
    """One shot: frames ``start`` to ``stop - 1``, and its measures by key."""

    start: int
    stop: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Span:
    """Consecutive failing frames ``first`` to ``last`` (inclusive), their times, and their worst value."""

    first: int
    last: int
    start_s: float
    end_s: float
    worst: float


@dataclass(frozen=True)
class PartResult:
    """One visible part over a clip.

    Attributes
    ----------
    key : str
    visibility : float
        Of the worst stretch: 0 as in right results, 1 just visible; at most 8.
    value : float
        Mean of the part's measure over that stretch.
    worst : int
        Frame of the result within that stretch that has the worst value.
    seen : tuple of Span
        Where it is visible.
    """

    key: str
    visibility: float
    value: float
    worst: int
    seen: tuple[Span, ...]


@dataclass(frozen=True)
class Headline:
    """Score of a clip, 0 to 100, and its parts from the most to the least visible."""

    score: float
    parts: tuple[PartResult, ...]

    @property
    def word(self) -> str:
        """invisible, faint, visible or obvious."""
        return word_of(self.score)


def word_of(score: float) -> str:
    """What a headline means."""
    return next(word for least, word in WORDS if score >= least)


@dataclass(frozen=True)
class Verdict:
    """One measure against its pass mark.

    Attributes
    ----------
    key : str
        Of `lipblend.quality.measures.MEASURES`.
    value : float or None
        Compared with the mark: the value that the required share of frames meets, the worst shot's, or the clip's.
        Without a mark, the median. None if it could not be measured.
    mark : float or None
        None if the measure is only shown.
    passed : bool or None
        None without a value or a mark.
    median, worst : float or None
        Over the frames, or the shots.
    within : float or None
        Share of the measured frames or shots within the mark.
    failing : tuple of Span
    note : str
        Why there is no value; empty otherwise.
    """

    key: str
    value: float | None
    mark: float | None
    passed: bool | None
    median: float | None
    worst: float | None
    within: float | None
    failing: tuple[Span, ...]
    note: str = ""


@dataclass(frozen=True)
class InputFile:
    """An input file: its role (original, synced, result or reference), name, SHA-256 and size in bytes."""

    role: str
    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Evaluation:
    """All numbers of one result.

    Attributes
    ----------
    rows : tuple of FrameRow
        One per frame of the result.
    shots : tuple of Shot
    values : mapping of str to float
        Measures of the whole clip.
    headline : Headline or None
        None if no visible part was measured.
    verdicts : tuple of Verdict
        One per measure, in the order of `lipblend.quality.measures.MEASURES`.
    matte : str
        Its source: "settings" (rendered again from them), "given" (likewise, with the alpha that the run was given) or
        "difference" (estimated from the pictures).
    settings : mapping
        All settings as nested groups; with the matte "difference" only those of the gate were used.
    versions : mapping of str to str
    inputs : tuple of InputFile
    notes : tuple of str
    width, height : int
        Of the result, in pixels.
    frame_rate : float
    seconds : float
        Duration of the evaluation.
    """

    rows: tuple[FrameRow, ...]
    shots: tuple[Shot, ...]
    values: Mapping[str, float]
    headline: Headline | None
    verdicts: tuple[Verdict, ...]
    matte: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    inputs: tuple[InputFile, ...]
    notes: tuple[str, ...]
    width: int
    height: int
    frame_rate: float
    seconds: float

    @property
    def judged(self) -> bool:
        """A frame was blended, and at least one measure has both a value and a mark."""
        return any(row.blended for row in self.rows) and any(each.passed is not None for each in self.verdicts)

    @property
    def passed(self) -> bool:
        """No measure misses its pass mark."""
        return not any(verdict.passed is False for verdict in self.verdicts)

    @property
    def fault_runs(self) -> tuple[FaultRun, ...]:
        """Neighbouring frames of the result whose synced frames are broken in the same way."""
        runs: list[FaultRun] = []
        for row in self.rows:
            if row.broken:
                append_fault(runs, FaultRun(row.index, row.index, row.time_s, row.broken, row.certainty, row.bridged))
        return tuple(runs)

    @property
    def hidden_runs(self) -> tuple[HiddenRun, ...]:
        """Neighbouring frames of the result with something in front of a face, found in the same ways."""
        runs: list[HiddenRun] = []
        for row in self.rows:
            if row.in_front:
                append_hidden(runs, HiddenRun(row.index, row.index, row.time_s, row.time_s, row.in_front, row.hidden))
        return tuple(runs)

    @property
    def faults_warning(self) -> str:
        """That many of the frames with a synced picture are broken; empty if they are not."""
        return many_broken(
            self.fault_runs, sum(row.synced_index >= 0 and row.reason != OUTSIDE_RANGES for row in self.rows)
        )

    @property
    def passed_through(self) -> Mapping[str, int]:
        """Frames without a patch, by reason."""
        counts: dict[str, int] = {}
        for row in self.rows:
            if not row.blended:
                counts[row.reason] = counts.get(row.reason, 0) + 1
        return counts
