"""Which frame of the original each synced frame was made from, found by the picture.

A generator hands on most of each frame as it was: background, hair and eyes move as in the original. So small grey
pictures of both videos are compared, every pixel weighted by how well the two videos agree there over the whole clip
(mouths, overlays and flicker weigh little by themselves), and the cheapest way through the table of distances is
found (`lipblend.analysis.viterbi`). It may advance, stand, slip, turn round (forward-backward play) or jump (a clip
that starts over, a piece cut out).

Costs are in nats: the weighted squared distance, over what the best matches leave over, scaled so that neighbouring
pixels are not counted as independent witnesses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.analysis.viterbi import GAP, Steps, cheapest_path

Thumbs = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

MOST_FRAMES = 2000
"""Longer clips are searched at every second, third ... frame first, and then frame by frame near the path found."""

_BLOCK = 256  # frames that are held in floating point at the same time, besides one table of them
_EVIDENCE = 25.0  # for a distance that is twice what the best matches leave over
_MOST_EVIDENCE = 40.0  # no frame says more than this against a match: one bad frame must not break the path
_NOISE = 0.5  # squared 8-bit levels, added to every pixel's variance: rounding
_REACH = 6  # frames that a step may be longer than the usual one
_ASTRAY = 10  # so many frames in a row of a strided search may be at a wrong place: they are bridged from both sides
_USUAL_SHARE = 0.1
_TIME_PULL = 0.02  # a frame away from what time says: decides where the picture stands still
_MOST_PULL = 0.5
_MOST_ROUNDS = 6
_WANDERS = 5  # frames
_NEXT_TO_NOTHING = 0.1  # of what matches usually leave over
_STRANGE = 4.0  # measured: 1.3 to 60 for frames at a wrong moment, by how much moves
_LEAST_JUDGES = 3  # original frames
_LEAST_LEFT = 0.05  # of a pixel's variance
_ROUNDING_LEFT = 0.2  # two pictures rounded to whole levels leave up to a third (1/6 over `_NOISE`)


@dataclass(frozen=True)
class Expected:
    """What time alone says.

    Attributes
    ----------
    source : (n_s,) float64
        Original frame (with a fraction where it lies between two) at each synced frame's time.
    outside : (n_s,) bool
        That time lies before the original's first frame or after its last.
    reach : float
        Frames that the answer may lie away from it; infinite when anything goes.
    """

    source: npt.NDArray[np.float64]
    outside: npt.NDArray[np.bool_]
    reach: float = math.inf


@dataclass(frozen=True)
class _Weighing:
    """How pixels count: means to take off, and one over the standard deviation of what the two videos differ by."""

    original_mean: Floats
    synced_mean: Floats
    weight: Floats

    def distances(self, original: Thumbs, synced: Thumbs) -> Floats:
        """Squared distances of all synced frames (rows) to all original frames (columns)."""
        ours = _weighted(original, self.original_mean, self.weight)
        squares = np.einsum("ij,ij->i", ours, ours)
        out = np.empty((len(synced), len(original)), np.float32)
        for start in range(0, len(synced), _BLOCK):
            theirs = _weighted(synced[start : start + _BLOCK], self.synced_mean, self.weight)
            own = np.einsum("ij,ij->i", theirs, theirs)[:, None]
            out[start : start + _BLOCK] = np.maximum(squares + own - 2 * (theirs @ ours.T), 0)
        return out

    def left(self, original: Thumbs, synced: Thumbs, path: Indices, rows: Indices) -> Floats:
        """Squared distance of some synced frames to the original frames that a path gives them."""
        out = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _BLOCK):
            some = rows[start : start + _BLOCK]
            apart = _weighted(synced[some], self.synced_mean, self.weight)
            apart -= _weighted(original[path[some]], self.original_mean, self.weight)
            out[start : start + _BLOCK] = np.einsum("ij,ij->i", apart, apart)
        return out


def find_source(original: Thumbs, synced: Thumbs, expected: Expected) -> Indices:
    """Find the original frame that each synced frame was made from.

    Parameters
    ----------
    original : (n_o, k) uint8
        Small grey pictures of the original, one a row.
    synced : (n_s, k) uint8
        The same pixels of the synced video.
    expected : Expected

    Returns
    -------
    (n_s,) int64
        Index of an original frame for every synced frame.
    """
    stride = -(-max(len(original), len(synced)) // MOST_FRAMES)
    coarse = Expected(expected.source[::stride] / stride, expected.outside[::stride], expected.reach / stride + 1)
    path = _search(original[::stride], synced[::stride], coarse)
    if stride > 1:
        path = _refined(original, synced, expected, np.minimum(path * stride, len(original) - 1), stride)
    return _without_wandering(original, synced, path, expected)


def _without_wandering(original: Thumbs, synced: Thumbs, path: Indices, expected: Expected) -> Indices:
    """Go by the clock where the path leaves it by little for next to no gain.

    Between different rates several steps are usual, and where the picture hardly moves noise alone chooses among them.
    """
    clock = np.rint(expected.source).astype(np.int64)
    if len(_steps(expected.source).usual) == 1 or not len(path):
        return path
    away = (path != clock) & ~expected.outside
    rows = np.flatnonzero(away)
    if not len(rows):
        return path
    chosen = _spread(np.arange(len(path)))
    weighing = _weighing(original[path[chosen]], synced[chosen])
    usual = _usual(weighing.left(original, synced, path, chosen), original.shape[1])
    gain = (weighing.left(original, synced, clock, rows) - weighing.left(original, synced, path, rows)) / usual
    out = path.copy()
    for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows) > 1) + 1):
        at = rows[run]
        if np.abs(path[at] - clock[at]).max() <= _WANDERS and gain[run].mean() <= _NEXT_TO_NOTHING:
            out[at] = clock[at]
    return out


def without_strangers(original: Thumbs, synced: Thumbs, path: Indices, *groups: npt.NDArray[np.bool_]) -> Indices:
    """Take back the matches of groups of frames that fit much worse than the frames outside these groups do.

    Parameters
    ----------
    original, synced : (n, k) uint8
        As for `find_source`.
    path : (n_s,) int64
    groups : (n_s,) bool arrays
        Frames that the original may not hold: each group is judged as a whole.

    Returns
    -------
    (n_s,) int64
        -1 for the frames taken back. The path itself where too few frames are left to judge by.
    """
    within = np.flatnonzero(~np.any(groups, axis=0) & (path >= 0))
    if len(np.unique(path[within])) < _LEAST_JUDGES:
        return path
    weighing = _weighing(original[path[_spread(within)]], synced[_spread(within)])
    usual = _usual(weighing.left(original, synced, path, within), original.shape[1])
    out = path.copy()
    for group in groups:
        rows = np.flatnonzero(group & (path >= 0))
        if len(rows) and float(np.median(weighing.left(original, synced, path, rows))) > _STRANGE * usual:
            out[rows] = -1
    return out


def fits_worse_by(
    original: Thumbs, synced: Thumbs, path: Indices, reference: Indices, rows: npt.NDArray[np.bool_]
) -> float:
    """What a path leaves over, as a multiple of what another one does, over some synced frames.

    What rounding may leave counts as nothing: a film that is the same played backward must not be told by that.
    """
    chosen = _spread(np.flatnonzero(rows))
    weighing = _weighing(original[reference[chosen]], synced[chosen])
    least = _ROUNDING_LEFT * original.shape[1]
    left, usual = (float(weighing.left(original, synced, each, chosen).mean()) for each in (path, reference))
    return float(max(left, least) / max(usual, least))


def _spread(rows: Indices) -> Indices:
    """At most `MOST_FRAMES` of some rows, evenly spread."""
    return rows[:: -(-len(rows) // MOST_FRAMES)]


def _usual(left: npt.NDArray[np.floating], pixels: int) -> float:
    """What matches usually leave over; at least a little rounding noise."""
    return max(float(np.median(left)), _LEAST_LEFT * pixels)


def _search(original: Thumbs, synced: Thumbs, expected: Expected) -> Indices:
    columns = np.arange(len(original))
    steps = _steps(expected.source)
    # Nothing is matched yet: one mean for both, as heads may be elsewhere on average, and an even difference at most.
    mean = _mean(original)
    weighing = _Weighing(mean, mean + (_mean(synced) - mean).mean(), np.ones(original.shape[1], np.float32))
    path = np.zeros(len(synced), np.int64)
    rows = _counting(expected)
    for _ in range(_MOST_ROUNDS):
        before = path
        distances = weighing.distances(original, synced)
        costs = _evidence(distances, _usual(distances[rows].min(1), original.shape[1]))
        del distances
        costs += _pull(columns, expected)
        path = cheapest_path(costs, columns, steps, start_near=float(expected.source[0]))
        if (path == before).all():
            break
        weighing, steps = _weighing(original[path[rows]], synced[rows]), _steps(path[rows])
    return path


def _refined(original: Thumbs, synced: Thumbs, expected: Expected, coarse: Indices, stride: int) -> Indices:
    """Frame by frame near a path that is known at every ``stride``-th frame, some hundred synced frames at a time."""
    counting = _counting(Expected(expected.source[::stride], expected.outside[::stride]))
    weighing = _weighing(original[coarse[counting]], synced[::stride][counting])
    usual = _usual(weighing.left(original, synced[::stride], coarse, counting), original.shape[1])
    steps = _steps(np.cumsum(np.diff(coarse[counting]) / stride))
    path = np.zeros(len(synced), np.int64)
    block = MOST_FRAMES // 4
    start_near = float(coarse[0])
    for start in range(0, len(synced), block):
        rows = np.arange(start, min(start + block, len(synced)))
        near = coarse[max(0, rows[0] // stride - _ASTRAY) : rows[-1] // stride + 1 + _ASTRAY]
        columns = _columns_near(near, _ASTRAY * stride + _REACH, len(original), gap=steps.longest + 1)
        real = columns != GAP
        costs = np.full((len(rows), len(columns)), np.float32(np.inf))
        distances, inner = weighing.distances(original[columns[real]], synced[rows]), ~expected.outside[rows]
        if inner.any():
            usual = _usual(distances[inner].min(1), original.shape[1])
        costs[:, real] = _evidence(distances, usual)
        costs[:, real] += _pull(columns[real], Expected(expected.source[rows], expected.outside[rows], expected.reach))
        path[rows] = cheapest_path(costs, columns, steps, start_near=start_near)
        start_near = float(path[rows[-1]]) + 1
    return path


def _counting(expected: Expected) -> Indices:
    """Synced frames from which it is learnt how matches look: those within the original's time, if there are any."""
    within = np.flatnonzero(~expected.outside)
    return within if len(within) else np.arange(len(expected.outside))


def _columns_near(path: Indices, margin: int, count: int, *, gap: int) -> Indices:
    """Original frames within ``margin`` of a path, rising; ``gap`` times `GAP` parts those that are no neighbours."""
    near = np.zeros(count, bool)
    for index in path:
        near[max(0, index - margin) : index + margin + 1] = True
    columns = np.flatnonzero(near)
    return np.insert(columns, np.repeat(np.flatnonzero(np.diff(columns) > 1) + 1, gap), GAP)


def _weighing(matched: Thumbs, synced: Thumbs) -> _Weighing:
    original_mean, synced_mean = _mean(matched), _mean(synced)
    total = np.zeros(len(original_mean))
    for start in range(0, len(synced), _BLOCK):
        rows = slice(start, start + _BLOCK)
        difference = synced[rows].astype(np.float32) - matched[rows] - (synced_mean - original_mean)
        total += np.square(difference).sum(0)
    variance = (total / len(synced)).astype(np.float32)
    return _Weighing(original_mean, synced_mean, 1 / np.sqrt(variance + np.float32(_NOISE)))


def _weighted(thumbs: Thumbs, mean: Floats, weight: Floats) -> Floats:
    out = thumbs.astype(np.float32)
    out -= mean
    out *= weight
    return out


def _mean(thumbs: Thumbs) -> Floats:
    return np.asarray(thumbs.mean(0, dtype=np.float64), np.float32)


def _evidence(distances: Floats, usual: float) -> Floats:
    out: Floats = distances - distances.min(1, keepdims=True)
    out *= _EVIDENCE / usual
    np.minimum(out, _MOST_EVIDENCE, out=out)
    return out


def _pull(columns: Indices, expected: Expected) -> Floats:
    pull = np.empty((len(expected.source), len(columns)), np.float32)
    for start in range(0, len(pull), _BLOCK):  # the table is large enough once
        rows = slice(start, start + _BLOCK)
        away = np.abs(columns[None, :] - expected.source[rows, None]).astype(np.float32)
        pull[rows] = np.minimum(away * _TIME_PULL, _MOST_PULL)
        if math.isfinite(expected.reach):
            pull[rows][away > expected.reach] = np.inf
    return pull


def _steps(source: npt.NDArray[np.float64] | Indices) -> Steps:
    """The usual steps of a path: those that make up a tenth of it or more, forward or backward."""
    sizes = np.abs(np.diff(source)) if len(source) > 1 else np.ones(1)
    whole = np.concatenate([np.floor(sizes), np.ceil(sizes)]).astype(np.int64)
    counts = np.bincount(whole[whole <= int(np.median(whole)) + _REACH])
    usual = np.flatnonzero(counts >= _USUAL_SHARE * len(whole))
    return Steps(frozenset({1, *(int(step) for step in usual)}), int(usual.max(initial=1)) + _REACH)
