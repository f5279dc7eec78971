"""One frame of a run, for the debug export."""

from __future__ import annotations

from dataclasses import dataclass

from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.render.frame import FrameResult


@dataclass(frozen=True)
class DebugFrame:
    """One frame of the output: its index, its time in the output's time base, its plan, and its finished picture."""

    index: int
    pts: int
    duration: int
    time_s: float
    row: FramePlan
    picture: Picture
    result: FrameResult
