"""What trying one combination gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lipblend.lab.sweep.grid import Combination
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Headline
from lipblend.quality.visible.visible_parts import PARTS

PART_KEYS = tuple(part.key for part in PARTS)
MEASURED = (
    *PART_KEYS,
    *(
        key
        for key, measure in MEASURES.items()
        if measure.tolerance is not None and (measure.of_face or measure.of_change or measure.per == "shot")
    ),
)
"""Measures that depend on settings and are taken on frames in memory."""
AGAINST_REFERENCE = ("psnr", "ssim", "temporal", "rag", "overshoot")


@dataclass(frozen=True)
class RunOutcome:
    """Measurements on one run of frames.

    Attributes
    ----------
    start : int
        Its first row.
    frames : int
        Frames measured.
    values : mapping of str to float
        Mean of each measure over its frames.
    visibility : mapping of str to float
        How visible each part is in it, see `lipblend.quality.record.PartResult`.
    """

    start: int
    frames: int
    values: Mapping[str, float]
    visibility: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """Measurements of one combination.

    Attributes
    ----------
    combination : Combination
    headline : Headline or None
        With every run as a shot; frames are rows of the plan. None if no visible part was measured.
    values : mapping of str to float
        Mean of each measure over the tried frames, or over the shots. Measures without a value are missing.
    runs : tuple of RunOutcome
    frames : int
        Frames measured.
    blended, rows : int
        Frames of the whole clip with a patch, and all frames.
    plan_ms, render_ms : float
        Planning time divided by all frames of the clip, and median time to render a frame; milliseconds per frame.
    memory_mb : float
        Peak memory that rendering a frame adds; arrays only, without memory inside libraries.
    fallbacks : int
        Tried frames on which a stage fell back to another method.
    failed : str
        Why the combination could not be tried; otherwise empty.
    """

    combination: Combination
    headline: Headline | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    runs: tuple[RunOutcome, ...] = ()
    frames: int = 0
    blended: int = 0
    rows: int = 0
    plan_ms: float = 0.0
    render_ms: float = 0.0
    memory_mb: float = 0.0
    fallbacks: int = 0
    failed: str = ""

    @property
    def ms_a_frame(self) -> float:
        """Time to plan and render, milliseconds per frame."""
        return self.plan_ms + self.render_ms

    @property
    def passed(self) -> bool | None:
        """Whether the headline meets ``gate.score_min``; None without a headline or a mark."""
        mark = self.combination.settings.gate.score_min
        if self.headline is None or mark == "off":
            return None
        return self.headline.score >= mark
