"""From the frame map to the output: offset, drift, whether the videos are in step, and which frames are shown."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Times = npt.NDArray[np.float64]

_MAX_IN_STEP_FRAMES = 1.1
_MAX_OUT_OF_STEP_SHARE = 0.02
_MIN_OFFSET_FRAMES = 0.75
_WINDOW_FRAMES = 1.5
_LAST_FRAME_SHARE = 0.9  # of the last synced frame's duration during which it is used
_MAX_HOLD_S = 0.2
_MIN_JUMP_S = 0.3


@dataclass(frozen=True)
class Clock:
    """When a video's frames are shown.

    Attributes
    ----------
    times_s : (n,) float64
        Rising.
    start_s : float or None
        Time of the video's first frame, if ``times_s`` start later.
    """

    times_s: Times
    start_s: float | None = None

    @property
    def since_start_s(self) -> Times:
        """Times counted from the video's first frame."""
        return np.asarray(self.times_s - (self.times_s[0] if self.start_s is None else self.start_s))

    @property
    def period_s(self) -> float:
        """Median time between frames; 0 for a single frame."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0


@dataclass(frozen=True)
class Pairing:
    """How two videos relate in time.

    Attributes
    ----------
    source : (n_s,) int64
        Original frame of every synced frame; -1 for none.
    offset_s : float
        Where in the original the synced video starts, counted from the original's first frame.
    in_step : bool
        Offset aside, synced frames are shown within about one frame of their originals.
    drift : float
        Relative speed of the synced picture minus 1 (0.2: it runs through the original 20 % faster).
    repeated, missing : int
        Synced frames with the same original as the previous one; original frames skipped in between.
    jumps, backward : int
        Places where the original jumps by more than 0.3 s; synced frames that play it backward.
    before, after : int
        Synced frames at the start and at the end without an original.
    """

    source: Indices
    offset_s: float
    in_step: bool
    drift: float
    repeated: int
    missing: int
    jumps: int
    backward: int
    before: int
    after: int


@dataclass(frozen=True)
class Timeline:
    """The output's frames.

    Attributes
    ----------
    follows : {"original", "synced"}
        The video whose time stamps the output has.
    original_index, synced_index : (n,) int64
        The frames of both videos in each output frame; ``synced_index`` is -1 for none.
    """

    follows: Literal["original", "synced"]
    original_index: Indices
    synced_index: Indices

    def pairs(self, rows: Iterable[int]) -> list[tuple[int, int]]:
        """Frame numbers in the original and the synced video of some output frames."""
        return [(int(self.original_index[row]), int(self.synced_index[row])) for row in rows]


def source_by_time(original: Clock, synced: Clock, offset_s: float) -> Indices:
    """The original frame nearest in time to every synced frame; -1 more than half a frame beyond either end."""
    nearest = nearest_of(original.since_start_s, synced.since_start_s + offset_s)
    nearest[np.logical_or(*outside(original, synced, offset_s))] = -1
    return nearest


def expected_source(original: Clock, synced: Clock, offset_s: float) -> Times:
    """The original frame at every synced frame's time, with a fraction between two frames."""
    return np.interp(
        synced.since_start_s + offset_s, original.since_start_s, np.arange(len(original.times_s), dtype=np.float64)
    )


def outside(original: Clock, synced: Clock, offset_s: float) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Synced frames more than half a frame before the original's first frame, and after its last."""
    original_s, synced_s = original.since_start_s, synced.since_start_s + offset_s
    half_s = _half_frame_s(original, synced)
    return synced_s < original_s[0] - half_s, synced_s > original_s[-1] + half_s


def typical_offset_s(source: Indices, original: Clock, synced: Clock) -> float:
    """Median of where in the original the synced video starts; 0 if below three quarters of a frame."""
    shown = source >= 0
    offset_s = float(np.median(original.since_start_s[source[shown]] - synced.since_start_s[shown]))
    return offset_s if abs(offset_s) > _MIN_OFFSET_FRAMES * max(original.period_s, synced.period_s) else 0.0


def describe(source: Indices, original: Clock, synced: Clock, *, offset_s: float | None = None) -> Pairing:
    """Measure how a frame map relates to the clocks.

    Parameters
    ----------
    source : (n_s,) int64
        The frame map; at least one entry is not -1.
    original, synced : Clock
    offset_s : float, optional
        The offset, if known; measured otherwise.
    """
    shown = np.flatnonzero(source >= 0)
    synced_s, original_s = synced.since_start_s[shown], original.since_start_s[source[shown]]
    # With a variable rate, an original frame is in step for as long as it is shown, and from the middle of the long one
    # before it: converters take the current frame or the nearest one.
    gaps = np.maximum(np.diff(original.since_start_s) - original.period_s, 0)
    max_late_s, max_early_s = np.append(gaps, 0)[source[shown]], np.append(0, gaps)[source[shown]] / 2
    ahead_s = original_s - synced_s
    excess_s = np.sign(ahead_s) * np.maximum(np.abs(ahead_s) - np.where(ahead_s < 0, max_late_s, max_early_s), 0)
    period_s = max(original.period_s, synced.period_s)
    if offset_s is None:
        low, high = np.quantile(excess_s, [0.02, 0.98])
        middle_s = float(low + high) / 2
        offset_s = middle_s if abs(middle_s) > _MIN_OFFSET_FRAMES * period_s else 0.0
    late_s, early_s = offset_s - ahead_s - max_late_s, ahead_s - offset_s - max_early_s
    off = np.count_nonzero(np.maximum(late_s, early_s) > _MAX_IN_STEP_FRAMES * period_s + 1e-6)
    in_step = bool(off <= _MAX_OUT_OF_STEP_SHARE * len(ahead_s))
    if not in_step:
        offset_s = float(ahead_s[0])
    steps = np.diff(source[shown])
    jumped = jumps(original_s, period_s)
    forward = steps[(steps > 0) & ~jumped]
    return Pairing(
        source=source,
        offset_s=offset_s,
        in_step=in_step,
        drift=_slope(synced_s, original_s, jumped) - 1,
        repeated=int(np.count_nonzero(steps == 0)),
        missing=int((forward - 1).sum()),
        jumps=int(np.count_nonzero(jumped)),
        backward=int(np.count_nonzero((steps < 0) & ~jumped)),
        before=int(shown[0]),
        after=len(source) - 1 - int(shown[-1]),
    )


def jumps(times_s: Times, period_s: float) -> npt.NDArray[np.bool_]:
    """Whether the original jumps between shown frames: by more than 0.3 s besides the frame period.

    Parameters
    ----------
    times_s : (n,) float64
        Times in the original, in the order in which its frames are shown.
    period_s : float
        Typical time between frames.

    Returns
    -------
    (n - 1,) bool
    """
    return np.asarray(np.abs(np.diff(times_s)) > _MIN_JUMP_S + period_s)


def lay_out(
    pairing: Pairing, original: Clock, synced: Clock, follow: Literal["auto", "original", "synced"]
) -> Timeline:
    """Choose the output's frames.

    On the original's timeline every original frame comes once, with the synced frame that was made from it and is
    shown at about its time; if that is missing, with the one whose picture is nearest. On the synced video's timeline
    every synced frame comes once, with its original frame.
    """
    if follow == "synced" or (follow == "auto" and not pairing.in_step):
        shown = np.flatnonzero(pairing.source >= 0)
        return Timeline("synced", pairing.source[shown], shown)
    partners = (
        _partners_in_step(pairing, original, synced) if pairing.in_step else _partners_by_picture(pairing, original)
    )
    return Timeline("original", np.arange(len(original.times_s)), partners)


def _partners_in_step(pairing: Pairing, original: Clock, synced: Clock) -> Indices:
    shown = np.flatnonzero(pairing.source >= 0)
    original_s, synced_s = original.since_start_s, synced.since_start_s[shown] + pairing.offset_s
    source_s = original_s[pairing.source[shown]]
    window_s = _WINDOW_FRAMES * max(original.period_s, synced.period_s) + 1e-6
    half_s = _half_frame_s(original, synced)
    end_s = synced_s[-1] + max(half_s, _LAST_FRAME_SHARE * synced.period_s)
    nearest = nearest_of(synced_s, original_s)
    # A synced video that lost frames ends early by the clock but not by its picture. The same applies to its start.
    first, last = pairing.source[shown[:3]].min(), pairing.source[shown[-3:]].max()
    out = np.full(len(original_s), -1, np.int64)
    for frame, time_s in enumerate(original_s):
        if (time_s < synced_s[0] - half_s and frame < first) or (time_s > end_s and frame > last):
            continue
        low, high = np.searchsorted(synced_s, [time_s - window_s, time_s + window_s])
        if low == high:
            # A gap in the synced video: hold its last picture for a moment, as a player would.
            if abs(synced_s[nearest[frame]] - time_s) <= _MAX_HOLD_S:
                out[frame] = shown[nearest[frame]]
            continue
        distance = np.abs(source_s[low:high] - time_s) + 0.01 * np.abs(synced_s[low:high] - time_s)
        out[frame] = shown[low + int(distance.argmin())]
    return out


def _partners_by_picture(pairing: Pairing, original: Clock) -> Indices:
    """By the picture alone: the synced frame whose original is nearest, within 1.5 frames."""
    shown = np.flatnonzero(pairing.source >= 0)
    order = np.argsort(pairing.source[shown], kind="stable")
    original_s = original.since_start_s
    source_s = original_s[pairing.source[shown][order]]
    nearest = nearest_of(source_s, original_s)
    near = np.abs(source_s[nearest] - original_s) <= _WINDOW_FRAMES * original.period_s
    return np.where(near, shown[order][nearest], -1)


def _half_frame_s(original: Clock, synced: Clock) -> float:
    return max(original.period_s, synced.period_s) / 2 + 1e-6


def nearest_of(rising: Times, wanted: Times) -> Indices:
    """Index of the nearest of some rising values; the later one of two equally near."""
    right = np.searchsorted(rising, wanted).clip(0, len(rising) - 1)
    left = (right - 1).clip(0)
    return np.where(np.abs(rising[right] - wanted) <= np.abs(wanted - rising[left]), right, left).astype(np.int64)


def _slope(synced_s: Times, original_s: Times, jumped: npt.NDArray[np.bool_]) -> float:
    """Seconds of the original per second of the synced video, over the longest piece without a jump."""
    bounds = [0, *(np.flatnonzero(jumped) + 1).tolist(), len(original_s)]
    start, stop = max(itertools.pairwise(bounds), key=lambda piece: piece[1] - piece[0])
    x, y = synced_s[start:stop], original_s[start:stop]
    spread = x - x.mean()
    return float(spread @ (y - y.mean()) / (spread @ spread)) if len(x) > 1 else 1.0
