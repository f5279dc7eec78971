"""Which clips differ from the others: robust scores of their statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.facestats.face_summary import FaceStatistics

MIN_CLIPS = 4
"""Clips with a face that a comparison needs."""
LIMIT = 3.5
"""Score from which a clip is an outlier (Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers)."""

_PER_MAD = 1.4826  # standard deviations of a normal distribution per median absolute deviation
_LOG_OFFSET = 1e-5


@dataclass(frozen=True)
class Statistic:
    """A number of a clip that is compared.

    Attributes
    ----------
    key, title : str
    unit : str
    least_deviation : float
        Standard deviation that is assumed at least, so that clips that hardly differ have no outliers. In the unit, or
        relative if ``ratio``.
    low, high : str
        What an outlier below or above the others shows.
    ratio : bool
        Clips are compared by ratio: the score is that of the logarithm.
    """

    key: str
    title: str
    unit: str
    least_deviation: float
    low: str
    high: str
    ratio: bool = False


STATISTICS = (
    Statistic("width_px", "width", "px", 0.05, "smaller face", "larger face", ratio=True),
    Statistic("x", "place across", "", 0.02, "further left", "further right"),
    Statistic("y", "place down", "", 0.02, "higher up", "further down"),
    Statistic("yaw_deg", "yaw", "degrees", 2.0, "turned to the left", "turned to the right"),
    Statistic("yaw_sd", "yaw sd", "degrees", 1.0, "turns less", "turns more"),
    Statistic("pitch_deg", "pitch", "degrees", 3.0, "looks up", "looks down"),
    Statistic("roll_deg", "roll", "degrees", 2.0, "tilted anticlockwise", "tilted clockwise"),
    Statistic("opening", "opening", "", 0.02, "mouth more closed", "mouth more open"),
    Statistic("opening_sd", "opening sd", "", 0.02, "mouth moves less", "mouth moves more"),
    Statistic("jitter_frac", "jitter", "face widths", 0.1, "shakes less", "shakes more", ratio=True),
    Statistic("shape_jitter_frac", "of shape", "face widths", 0.1, "steadier mesh", "shakier mesh", ratio=True),
    Statistic("missed", "missed", "", 0.01, "missed less often", "missed more often"),
    Statistic("longest_gap_s", "longest gap", "s", 0.04, "shorter gaps", "longer gaps"),
)
"""What is compared, in the order of the table."""


@dataclass(frozen=True)
class Outlier:
    """A clip that differs from the others.

    Attributes
    ----------
    clip : int
        Its number among those compared.
    key : str
        Of the statistic.
    value, median : float
        Its own value, and the median over the clips.
    score : float
        Deviation in robust standard deviations; negative below the median.
    why : str
    """

    clip: int
    key: str
    value: float
    median: float
    score: float
    why: str


def clip_values(found: FaceStatistics, size: tuple[int, int]) -> dict[str, float]:
    """The compared numbers of a clip by key.

    Parameters
    ----------
    found : FaceStatistics
        Of its main faces.
    size : (int, int)
        Width and height of its upright picture; ``x`` and ``y`` are shares of them.
    """
    longest = found.longest_gap
    return {
        "width_px": found.width_px.median,
        "x": found.x_px.median / size[0],
        "y": found.y_px.median / size[1],
        "yaw_deg": found.yaw_deg.median,
        "yaw_sd": found.yaw_deg.deviation,
        "pitch_deg": found.pitch_deg.median,
        "roll_deg": found.roll_deg.median,
        "opening": found.opening.median,
        "opening_sd": found.opening.deviation,
        "jitter_frac": found.jitter_frac,
        "shape_jitter_frac": found.shape_jitter_frac,
        "missed": found.missed,
        "longest_gap_s": 0.0 if longest is None else longest.length_s,
    }


def robust_scores(
    values: npt.NDArray[np.float64], *, least_deviation: float, ratio: bool = False
) -> npt.NDArray[np.float64]:
    """Deviation of each value from the median, in robust standard deviations.

    The standard deviation is 1.4826 times the median absolute deviation, but at least ``least_deviation``.

    Parameters
    ----------
    values : (n,) float64
        NaN where there is none; positive if ``ratio``.
    least_deviation : float
        Positive.
    ratio : bool
        Take the logarithm first.

    Returns
    -------
    (n,) float64
        NaN where the value is.
    """
    scaled = np.log(np.maximum(values, 0) + _LOG_OFFSET) if ratio else values
    if not np.isfinite(scaled).any():
        return np.full(len(values), np.nan)
    apart = scaled - np.nanmedian(scaled)
    return np.asarray(apart / max(_PER_MAD * float(np.nanmedian(np.abs(apart))), least_deviation))


def find_outliers(clips: Sequence[dict[str, float]]) -> list[Outlier]:
    """The outliers among clips with a face, by clip, the largest score first; none among fewer than four.

    Parameters
    ----------
    clips : sequence of dict
        `clip_values` of each.
    """
    if len(clips) < MIN_CLIPS:
        return []
    found: list[Outlier] = []
    for each in STATISTICS:
        values = np.array([clip[each.key] for clip in clips])
        if np.count_nonzero(np.isfinite(values)) < MIN_CLIPS:
            continue
        scores = robust_scores(values, least_deviation=each.least_deviation, ratio=each.ratio)
        median = float(np.nanmedian(values))
        for clip, score in enumerate(scores.tolist()):
            if math.isfinite(score) and abs(score) >= LIMIT:
                why = each.low if score < 0 else each.high
                found.append(Outlier(clip, each.key, float(values[clip]), median, score, why))
    return sorted(found, key=lambda outlier: (outlier.clip, -abs(outlier.score)))
