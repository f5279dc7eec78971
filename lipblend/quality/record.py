"""What an evaluation says: plain data, ready for tables, pages and machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
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
        Frames it was made from; ``synced_index`` is -1 for none, both are for a frame that the original does not hold.
    blended : bool
        It carries a patch.
    reason : str
        Why it does not; empty otherwise.
    values : mapping of str to float
        By the keys of `lipblend.quality.measures.MEASURES`; what could not be measured is left out. With several faces
        each value is the worst one's.
    faults : tuple of str
        What is wrong with the generator's own patch, see `lipblend.quality.faults.FAULTS`.
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


@dataclass(frozen=True)
class Shot:
    """One shot: frames ``start`` to ``stop - 1``, and its measures by key."""

    start: int
    stop: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Span:
    """Consecutive failing frames ``first`` to ``last`` (both included), their times, and the worst value among them."""

    first: int
    last: int
    start_s: float
    end_s: float
    worst: float


@dataclass(frozen=True)
class Verdict:
    """How one measure stands against its pass mark.

    Attributes
    ----------
    key : str
        Of `lipblend.quality.measures.MEASURES`.
    value : float or None
        What is held against the mark: the value that the asked share of frames keeps, the worst shot's, or the clip's.
        Without a mark the median. None if it could not be measured.
    mark : float or None
        The pass mark; None if there is none, and the measure is only shown.
    passed : bool or None
        None where there is no value or no mark.
    median, worst : float or None
        Over the frames, or the shots.
    within : float or None
        Share of the measured frames within the mark.
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
    """One of the files: its role (original, synced, result, reference), name, SHA-256 and bytes."""

    role: str
    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Evaluation:
    """All that was measured on one result.

    Attributes
    ----------
    rows : tuple of FrameRow
        One a frame of the result.
    shots : tuple of Shot
    values : mapping of str to float
        Measures of the whole clip.
    verdicts : tuple of Verdict
        One for every measure, in the order of `lipblend.quality.measures.MEASURES`.
    matte : str
        Where it came from: "settings" (rendered again from them) or "difference" (estimated from the pictures).
    settings : mapping
        All settings, as nested groups; where ``matte`` is "difference" only those of the gate were used.
    versions : mapping of str to str
    inputs : tuple of InputFile
    notes : tuple of str
    width, height : int
        Of the result, pixels.
    frame_rate : float
    seconds : float
        Time the measuring took.
    """

    rows: tuple[FrameRow, ...]
    shots: tuple[Shot, ...]
    values: Mapping[str, float]
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
        """Something was blended, and some measure of it has both a value and a mark."""
        return any(row.blended for row in self.rows) and any(each.passed is not None for each in self.verdicts)

    @property
    def passed(self) -> bool:
        """No measure misses its mark."""
        return not any(verdict.passed is False for verdict in self.verdicts)

    @property
    def passed_through(self) -> Mapping[str, int]:
        """Frames without a patch, by reason."""
        counts: dict[str, int] = {}
        for row in self.rows:
            if not row.blended:
                counts[row.reason] = counts.get(row.reason, 0) + 1
        return counts
