"""A measure: name, unit, function, pass mark, baseline tolerance and help text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lipblend.quality.view import FaceView


@dataclass(frozen=True)
class Visible:
    """From where on a viewer sees something.

    Attributes
    ----------
    unseen : float
        Value that right results have too.
    seen : float
        Value that is seen if it lasts for 0.4 seconds on average.
    lasting : float or None
        Value that is seen if it lasts for two seconds, or for a whole shorter shot; None if time makes no difference.
    """

    unseen: float
    seen: float
    lasting: float | None = None


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure.

    Attributes
    ----------
    key, title, unit : str
        The key names it in files and options.
    text, source : str
        Formula in words, and publication.
    better : str
        "low", "high", or "one" where 1 is best.
    per : str
        What one value describes: "frame", "shot" or "clip".
    of_face : callable, optional
        Measures one face of one frame; None for what could not be measured. Of several faces the worst value counts.
    of_change : callable, optional
        Measures one face against the same face in the previous frame. Measures with neither function are computed
        where their data is: over shots, on whole frames or against a reference (`lipblend.quality.evaluation`).
    full_weight : bool
        Measured only at full strength of the patch, not while it fades in or out.
    at_contour : bool
        Measured along the seam ring. With an estimated matte the worst of several contours counts
        (`lipblend.quality.face_scores.inner_contour_scores`).
    visible : Visible, optional
        Only of the visible parts, from which the headline is made (`lipblend.quality.headline`).
    of_synced : bool
        Holds the result's mouth against the synced picture's: not measured where that is broken.
    sentence : str
        What a viewer sees where the part is visible.
    mark : str
        Setting of the group ``gate`` that is its pass mark; empty if it has none.
    published : float or None
        Pass mark of the classic numbers as published; they are judged only if the setting says so.
    all_frames : bool
        All frames must meet the mark, not only the share ``gate.frame_share``.
    tolerance : float or None
        How much worse it may become before ``baseline check`` fails, about twice what encoding the same result again
        changes; None if it does not describe quality.
    """

    key: str
    title: str
    text: str
    unit: str = ""
    source: str = ""
    better: Literal["low", "high", "one"] = "low"
    per: Literal["frame", "shot", "clip"] = "frame"
    of_face: Callable[[FaceView], float | None] | None = None
    of_change: Callable[[FaceView, FaceView], float | None] | None = None
    full_weight: bool = False
    at_contour: bool = False
    visible: Visible | None = None
    of_synced: bool = False
    sentence: str = ""
    mark: str = ""
    published: float | None = None
    all_frames: bool = False
    tolerance: float | None = None
