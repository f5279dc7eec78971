"""Statistics of a face over a shot, or of the main faces of a clip over all its shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from lipblend.facestats.face_series import DETECTED, INTERPOLATED, MISSED, FaceSeries


@dataclass(frozen=True)
class Spread:
    """Minimum, median and maximum of a value over frames, and its standard deviation; NaN without any."""

    least: float
    median: float
    most: float
    deviation: float

    @classmethod
    def of(cls, values: npt.NDArray[np.float64]) -> Spread:
        """The spread of (n,) values, without those that are NaN."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(*[float("nan")] * 4)
        return cls(float(known.min()), float(np.median(known)), float(known.max()), float(known.std()))


@dataclass(frozen=True)
class Gap:
    """A run of frames without the face, between two that show it.

    Attributes
    ----------
    first, frames : int
        First frame of the clip without it, and how many there are.
    time_s : float
        Time of the first, seconds.
    length_s : float
        From the first frame without the face to the next one with it, seconds.
    """

    first: int
    frames: int
    time_s: float
    length_s: float


@dataclass(frozen=True)
class FaceStatistics:
    """One face over one shot, or several series taken together. Shares are 0 to 1.

    Attributes
    ----------
    frames : int
        Of the shots.
    shown : int
        Frames that show the face.
    detected, interpolated, missed : float
        Shares of the frames.
    gaps : tuple of Gap
    x_px, y_px, width_px, yaw_deg, pitch_deg, roll_deg, opening : Spread
        See `lipblend.facestats.face_series.VALUES`.
    jitter_px, jitter_frac : float
        Root mean square over the frames in which it could be measured; NaN without any.
    shape_jitter_frac : float
        The same, of the jitter with shift, turn and scale of each frame taken out.
    jitter_frames : int
        How many these are.
    """

    frames: int
    shown: int
    detected: float
    interpolated: float
    missed: float
    gaps: tuple[Gap, ...]
    x_px: Spread
    y_px: Spread
    width_px: Spread
    yaw_deg: Spread
    pitch_deg: Spread
    roll_deg: Spread
    opening: Spread
    jitter_px: float
    jitter_frac: float
    shape_jitter_frac: float
    jitter_frames: int

    @property
    def longest_gap(self) -> Gap | None:
        """The longest gap in time; the first of several."""
        return max(self.gaps, key=lambda gap: gap.length_s, default=None)

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON: rounded to 6 decimals, None instead of NaN."""
        plain: dict[str, Any] = plain_numbers(asdict(self))
        return plain


def find_gaps(series: FaceSeries) -> tuple[Gap, ...]:
    """The gaps of a face; frames before its first and after its last are none."""
    known = np.flatnonzero(series.state != MISSED)
    times_s = series.times_s
    return tuple(
        Gap(
            series.start + a + 1,
            b - a - 1,
            float(times_s[a + 1]),
            float(times_s[b] - times_s[a + 1]),
        )
        for a, b in pairwise(known.tolist())
        if b - a > 1
    )


def summarise(series: Sequence[FaceSeries]) -> FaceStatistics:
    """Statistics of one or more series, whose frames are taken together."""

    def all_of(name: str) -> npt.NDArray[np.float64]:
        return np.concatenate([each.values[name] for each in series])

    state = np.concatenate([each.state for each in series])
    jitter = all_of("jitter_px")
    return FaceStatistics(
        frames=len(state),
        shown=int((state != MISSED).sum()),
        detected=float((state == DETECTED).mean()),
        interpolated=float((state == INTERPOLATED).mean()),
        missed=float((state == MISSED).mean()),
        gaps=tuple(gap for each in series for gap in find_gaps(each)),
        x_px=Spread.of(all_of("x_px")),
        y_px=Spread.of(all_of("y_px")),
        width_px=Spread.of(all_of("width_px")),
        yaw_deg=Spread.of(all_of("yaw_deg")),
        pitch_deg=Spread.of(all_of("pitch_deg")),
        roll_deg=Spread.of(all_of("roll_deg")),
        opening=Spread.of(all_of("opening")),
        jitter_px=_root_mean_square(jitter),
        jitter_frac=_root_mean_square(all_of("jitter_frac")),
        shape_jitter_frac=_root_mean_square(all_of("shape_jitter_frac")),
        jitter_frames=int(np.isfinite(jitter).sum()),
    )


def plain_numbers(value: Any) -> Any:
    """A value for JSON: floats rounded to 6 decimals, None for those that are not finite; in mappings and lists too."""
    if isinstance(value, dict):
        return {key: plain_numbers(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_numbers(each) for each in value]
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value


def _root_mean_square(values: npt.NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.sqrt((known**2).mean())) if len(known) else float("nan")
