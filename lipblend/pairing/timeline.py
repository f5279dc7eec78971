"""Whose frames and times the output has, and which synced frame goes with each: from the map of frames."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Times = npt.NDArray[np.float64]

_IN_STEP_FRAMES = 1.1
_OUT_OF_STEP_SHARE = 0.02
_OFFSET_FRAMES = 0.75
_WINDOW_FRAMES = 1.5
_LAST_SHOWN = 0.9  # of the last synced frame's time on screen
_LONGEST_HOLD_S = 0.2
_JUMP_S = 0.3


@dataclass(frozen=True)
class Clock:
    """When a video's frames are shown.

    Attributes
    ----------
    times_s : (n,) float64
        Rising.
    start_s : float or None
        Time of the video's first frame, where ``times_s`` begin later.
    """

    times_s: Times
    start_s: float | None = None

    @property
    def since_start_s(self) -> Times:
        """Times counted from the video's first frame."""
        return np.asarray(self.times_s - (self.times_s[0] if self.start_s is None else self.start_s))

    @property
    def period_s(self) -> float:
        """Usual time from a frame to the next; 0 for a single frame."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0


@dataclass(frozen=True)
class Pairing:
    """How the two videos go together in time.

    Attributes
    ----------
    source : (n_s,) int64
        Original frame of every synced frame; -1 for none.
    offset_s : float
        Where in the original the synced video starts, counted from the original's first frame.
    in_step : bool
        The two keep step: offset aside, a synced frame is shown within about a frame of its original.
    drift : float
        Seconds by which the original's picture runs ahead in each second of the synced video (0.2: a fifth faster).
    repeated, missing : int
        Synced frames that show the same original frame as the one before; original frames never shown in between.
    jumps, backward : int
        Places where the original jumps by more than 0.3 s, and synced frames that run backward through it.
    before, after : int
        Synced frames at the start and at the end that show nothing of the original.
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
        The video whose times the output has.
    original_index, synced_index : (n,) int64
        The frames shown in each; ``synced_index`` is -1 where there is none.
    """

    follows: Literal["original", "synced"]
    original_index: Indices
    synced_index: Indices


def source_by_time(original: Clock, synced: Clock, offset_s: float) -> Indices:
    """The original frame nearest in time to every synced frame; -1 more than half a frame beyond either end."""
    ours, wanted = original.since_start_s, synced.since_start_s + offset_s
    nearest = _nearest(ours, wanted)
    nearest[np.logical_or(*outside(original, synced, offset_s))] = -1
    return nearest


def expected_source(original: Clock, synced: Clock, offset_s: float) -> Times:
    """The place in the original, in frames and fractions, at every synced frame's time."""
    return np.interp(
        synced.since_start_s + offset_s, original.since_start_s, np.arange(len(original.times_s), dtype=np.float64)
    )


def outside(original: Clock, synced: Clock, offset_s: float) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Synced frames more than half a frame before the original's first frame, and after its last."""
    wanted = synced.since_start_s + offset_s
    half = _half(original, synced)
    ours = original.since_start_s
    return wanted < ours[0] - half, wanted > ours[-1] + half


def usual_offset_s(source: Indices, original: Clock, synced: Clock) -> float:
    """Where in the original the synced video starts, as most of its frames say; 0 for less than a frame."""
    shown = source >= 0
    middle = float(np.median(original.since_start_s[source[shown]] - synced.since_start_s[shown]))
    return middle if abs(middle) > _OFFSET_FRAMES * max(original.period_s, synced.period_s) else 0.0


def describe(source: Indices, original: Clock, synced: Clock, *, offset_s: float | None = None) -> Pairing:
    """Measure how a map of frames relates to the clocks.

    Parameters
    ----------
    source : (n_s,) int64
        At least one frame is not -1.
    original, synced : Clock
    offset_s : float, optional
        The offset, where it is known; found otherwise.
    """
    shown = np.flatnonzero(source >= 0)
    theirs, ours = synced.since_start_s[shown], original.since_start_s[source[shown]]
    # An original frame that is shown for long (variable rate) is in step for as long as it is shown, and from the
    # middle of a long one before it: converters take the frame on show or the nearest one.
    gaps = np.maximum(np.diff(original.since_start_s) - original.period_s, 0)
    longest_late, longest_early = np.append(gaps, 0)[source[shown]], np.append(0, gaps)[source[shown]] / 2
    ahead = ours - theirs
    excused = np.sign(ahead) * np.maximum(np.abs(ahead) - np.where(ahead < 0, longest_late, longest_early), 0)
    period = max(original.period_s, synced.period_s)
    if offset_s is None:
        low, high = np.quantile(excused, [0.02, 0.98])
        middle = float(low + high) / 2
        offset_s = middle if abs(middle) > _OFFSET_FRAMES * period else 0.0
    late, early = offset_s - ahead - longest_late, ahead - offset_s - longest_early
    off = np.count_nonzero(np.maximum(late, early) > _IN_STEP_FRAMES * period + 1e-6)
    in_step = bool(off <= _OUT_OF_STEP_SHARE * len(ahead))
    if not in_step:
        offset_s = float(ahead[0])
    steps = np.diff(source[shown])
    leaps = jumps(ours, period)
    forward = steps[(steps > 0) & ~leaps]
    return Pairing(
        source=source,
        offset_s=offset_s,
        in_step=in_step,
        drift=_slope(theirs, ours, leaps) - 1,
        repeated=int(np.count_nonzero(steps == 0)),
        missing=int((forward - 1).sum()),
        jumps=int(np.count_nonzero(leaps)),
        backward=int(np.count_nonzero((steps < 0) & ~leaps)),
        before=int(shown[0]),
        after=len(source) - 1 - int(shown[-1]),
    )


def jumps(times_s: Times, period_s: float) -> npt.NDArray[np.bool_]:
    """Whether the original jumps from each frame shown to the next: by more than 0.3 s besides a frame's time.

    Parameters
    ----------
    times_s : (n,) float64
        Times in the original of the frames shown, in the order in which they are shown.
    period_s : float
        Usual time from a frame to the next.

    Returns
    -------
    (n - 1,) bool
    """
    return np.asarray(np.abs(np.diff(times_s)) > _JUMP_S + period_s)


def lay_out(
    pairing: Pairing, original: Clock, synced: Clock, follow: Literal["auto", "original", "synced"]
) -> Timeline:
    """Choose the output's frames.

    On the original's time line every original frame comes once, with the synced frame that was made from it and is
    shown at about its time; where that is missing, with the one whose picture is nearest. On the synced video's, every
    synced frame comes once, with its original frame.
    """
    if follow == "synced" or (follow == "auto" and not pairing.in_step):
        shown = np.flatnonzero(pairing.source >= 0)
        return Timeline("synced", pairing.source[shown], shown)
    partners = _partners_in_step(pairing, original, synced) if pairing.in_step else _partners(pairing, original)
    return Timeline("original", np.arange(len(original.times_s)), partners)


def _partners_in_step(pairing: Pairing, original: Clock, synced: Clock) -> Indices:
    shown = np.flatnonzero(pairing.source >= 0)
    ours, theirs = original.since_start_s, synced.since_start_s[shown] + pairing.offset_s
    pictured = ours[pairing.source[shown]]
    window = _WINDOW_FRAMES * max(original.period_s, synced.period_s) + 1e-6
    half = _half(original, synced)
    end_s = theirs[-1] + max(half, _LAST_SHOWN * synced.period_s)
    nearest = _nearest(theirs, ours)
    # A synced video that lost frames ends early by the clock, though not by its picture; likewise at the start.
    first, last = pairing.source[shown[:3]].min(), pairing.source[shown[-3:]].max()
    out = np.full(len(ours), -1, np.int64)
    for frame, time in enumerate(ours):
        if (time < theirs[0] - half and frame < first) or (time > end_s and frame > last):
            continue
        low, high = np.searchsorted(theirs, [time - window, time + window])
        if low == high:
            # A hole in the synced video: its last picture is held for a moment, as a player would.
            if abs(theirs[nearest[frame]] - time) <= _LONGEST_HOLD_S:
                out[frame] = shown[nearest[frame]]
            continue
        away = np.abs(pictured[low:high] - time) + 0.01 * np.abs(theirs[low:high] - time)
        out[frame] = shown[low + int(away.argmin())]
    return out


def _partners(pairing: Pairing, original: Clock) -> Indices:
    """By the picture alone: the synced frame whose original is nearest, if one is near."""
    shown = np.flatnonzero(pairing.source >= 0)
    order = np.argsort(pairing.source[shown], kind="stable")
    pictured = original.since_start_s[pairing.source[shown][order]]
    ours = original.since_start_s
    nearest = _nearest(pictured, ours)
    near = np.abs(pictured[nearest] - ours) <= _WINDOW_FRAMES * original.period_s
    return np.where(near, shown[order][nearest], -1)


def _half(original: Clock, synced: Clock) -> float:
    return max(original.period_s, synced.period_s) / 2 + 1e-6


def _nearest(rising: Times, wanted: Times) -> Indices:
    """Index of the nearest of some rising values; the later one where two are as near."""
    after = np.searchsorted(rising, wanted).clip(0, len(rising) - 1)
    before = (after - 1).clip(0)
    return np.where(np.abs(rising[after] - wanted) <= np.abs(wanted - rising[before]), after, before).astype(np.int64)


def _slope(theirs: Times, ours: Times, leaps: npt.NDArray[np.bool_]) -> float:
    """Seconds of the original for each second of the synced video, over its longest piece without a jump."""
    bounds = [0, *(np.flatnonzero(leaps) + 1).tolist(), len(ours)]
    start, stop = max(itertools.pairwise(bounds), key=lambda piece: piece[1] - piece[0])
    x, y = theirs[start:stop], ours[start:stop]
    spread = x - x.mean()
    return float(spread @ (y - y.mean()) / (spread @ spread)) if len(x) > 1 else 1.0
