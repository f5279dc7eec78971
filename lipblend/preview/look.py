"""What a preview shows: single frames of the result, and what they were made from."""

from __future__ import annotations

from dataclasses import dataclass

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.render.frame import FrameResult


@dataclass(frozen=True)
class Look:
    """One frame of the original, of the synced video and of the result, for one set of settings.

    Attributes
    ----------
    name : str
        Name of the set of settings.
    time_s : float
        Since the original's first frame.
    number : int or None
        Number of the original frame, which `FrameTimes.parse` takes after ``#``; None in files without time stamps.
    original : Picture
    synced : Picture or None
        None if no synced frame belongs to it.
    result : Picture
    rendered : FrameResult
    row : FramePlan
    analysis : ClipAnalysis
    whole : bool
        The whole clip was analysed.
    quick : bool
        Only this frame was analysed (`lipblend.analysis.frame_analysis`).
    """

    name: str
    time_s: float
    number: int | None
    original: Picture
    synced: Picture | None
    result: Picture
    rendered: FrameResult
    row: FramePlan
    analysis: ClipAnalysis
    whole: bool
    quick: bool = False


@dataclass(frozen=True)
class Preview:
    """What `preview` rendered.

    Attributes
    ----------
    looks : tuple of tuple of Look
        Per time, one look per set of settings, in the order asked for.
    notes : tuple of str
        What the user should know.
    """

    looks: tuple[tuple[Look, ...], ...]
    notes: tuple[str, ...]
