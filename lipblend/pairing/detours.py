"""Ways round that are worth nothing: stretches of a map of frames that lie elsewhere and explain no more there.

A path that jumps away, turns round or slips, and comes to where it would have been without that, must win by it. What
it wins is counted from the pictures of the stretch alone: every pixel may differ by as much as it does there, as a
mouth that was painted anew does, and what is left over is compared pixel by pixel (the profile likelihood of normal
noise: a pixel counts by the logarithm of its variance, here by a factor of e at most). So a mouth that happens to be
like the new one at another moment wins next to nothing, and a head that is elsewhere loses with every edge.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lipblend.pairing.beam import Way
from lipblend.pairing.thumb_rows import Rows
from lipblend.pairing.viterbi import JUMP, Steps
from lipblend.pairing.weighing import BLOCK, EVIDENCE, NOISE, Floats, Indices, mean_of

_MOST_GAIN = 1.0  # of a pixel: a mouth is few pixels that differ by much
_LEAST_GAIN = 0.05  # in the mean over pixels
_MOST_STRETCHES = 6  # that are bridged together
_SLOPE_FRAMES = 200  # of the stretch before, from which it is known how it would have gone on
_PATIENCE = 3
_AROUND = 64  # frames to each side
_LEAST_AROUND = 8


def without_detours(original: Rows, synced: Rows, way: Way, steps: Steps) -> Indices:
    """Put stretches that explain no more than their neighbours going on would back in line.

    Parameters
    ----------
    original, synced : (n, k) uint8
        As for `lipblend.pairing.framemap.find_source`.
    way : Way
    steps : Steps
        The usual ones.

    Returns
    -------
    (n_s,) int64
        A path.
    """
    path = way.path.copy()
    for _ in range(_PATIENCE):
        before = path.copy()
        bounds = _bounds(path, way, steps)
        for place, start in enumerate(bounds[:-1]):
            for straight in _gone_on(path, way, bounds, place, len(original)):
                if np.array_equal(straight, path[start : start + len(straight)]):
                    continue
                if not _worth_it(original, synced, path, straight, start, leapt=bool(way.breaks[start])):
                    path[start : start + len(straight)] = straight
                    break
        if np.array_equal(path, before):
            break
    return path


def in_step_unless_worth_it(original: Rows, synced: Rows, path: Indices, clock: Indices) -> Indices:
    """Give the frames of every stretch that leaves the clock back to it, unless they explain more where they are.

    In a film that repeats itself a free search finds many ways of the same worth; the one that keeps step is meant.
    """
    path = path.copy()
    away = np.flatnonzero(path != clock)
    for run in np.split(away, np.flatnonzero(np.diff(away) > 1) + 1) if len(away) else ():
        start, stop = int(run[0]), int(run[-1]) + 1
        if not _worth_it(original, synced, path, clock[start:stop], start, leapt=True):
            path[start:stop] = clock[start:stop]
    return path


def _bounds(path: Indices, way: Way, steps: Steps) -> list[int]:
    """Where stretches begin: after jumps, turns and steps that are not usual; and the end."""
    moved = np.diff(path)
    sign = np.where(way.backward[1:], -1, 1)
    odd = ~np.isin(moved * sign, list(steps.usual)) | way.breaks[1:]
    return [0, *(np.flatnonzero(odd) + 1).tolist(), len(path)]


def _gone_on(path: Indices, way: Way, bounds: list[int], place: int, count: int) -> Iterator[Indices]:
    """What would come from a stretch on if the one before went on, or the one after had begun before it.

    Only where that is no other thing in the end: it leads over to one of the next stretches, or saves a jump and costs
    none elsewhere.
    """
    start, stop = bounds[place : place + 2]
    if place > 0:
        slope = _slope(path[max(bounds[place - 1], start - _SLOPE_FRAMES) : start])
        for end in bounds[place + 1 : place + 1 + _MOST_STRETCHES]:
            straight = path[start - 1] + slope * np.arange(1, end - start + 1)
            leads_over = end < len(path) and abs(straight[-1] + slope - path[end]) < 1
            if (leads_over or (end == stop and way.breaks[start])) and not _beyond(straight, count):
                yield np.rint(straight).astype(np.int64)
    if stop < len(path) and way.breaks[stop] and (start == 0 or way.breaks[start]):
        slope = _slope(path[stop : min(bounds[place + 2], stop + _SLOPE_FRAMES)])
        straight = path[stop] - slope * np.arange(stop - start, 0, -1)
        if not _beyond(straight, count):
            yield np.rint(straight).astype(np.int64)


def _slope(path: Indices) -> float:
    return float(path[-1] - path[0]) / (len(path) - 1) if len(path) > 1 else 1.0


def _beyond(places: npt.NDArray[np.float64], count: int) -> bool:
    return bool(np.rint(places.min()) < 0 or np.rint(places.max()) >= count)


def _worth_it(original: Rows, synced: Rows, path: Indices, straight: Indices, start: int, *, leapt: bool) -> bool:
    """Whether a stretch of a path explains so much more than another way through it that it pays for its steps."""
    stop = start + len(straight)
    offset = _usual_difference(original, synced, path, start, stop)
    rows = start + np.flatnonzero(straight != path[start:stop])
    total, most = 0.0, 0.0
    for some in (rows[first : first + BLOCK // 2] for first in range(0, len(rows), BLOCK // 2)):
        theirs = synced[some] - offset
        one, other = (
            np.square(theirs - original[each]).mean(0) + np.float32(NOISE)
            for each in (straight[some - start], path[some])
        )
        gain = float(np.clip(np.log(one / other), -_MOST_GAIN, _MOST_GAIN).mean())
        total += len(some) * EVIDENCE * gain
        most = max(most, gain)
    return most >= _LEAST_GAIN and (not leapt or total >= 2 * JUMP)


def _usual_difference(original: Rows, synced: Rows, path: Indices, start: int, stop: int) -> Floats:
    """By how much each pixel usually differs around a stretch, (k,)."""
    around = np.concatenate([np.arange(max(0, start - _AROUND), start), np.arange(stop, stop + _AROUND)])
    around = around[around < len(path)]
    if len(around) < _LEAST_AROUND:
        around = np.arange(start, min(stop, start + _AROUND))
    return mean_of(synced[around]) - mean_of(original[path[around]])
