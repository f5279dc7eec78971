"""Which frame of the original each synced frame was made from, found by the picture.

A generator hands on most of each frame as it was: background, hair and eyes move as in the original. So small grey
pictures of both videos are compared, every pixel weighted by how well the two videos agree there over the whole clip
(mouths, overlays and flicker weigh little by themselves), and the cheapest way through the table of distances is
found (`lipblend.pairing.viterbi`). It may advance, stand, slip, turn round (forward-backward play) or jump (a clip
that starts over, a piece cut out).

Costs are in nats: the weighted squared distance, over what the best matches leave over, scaled so that neighbouring
pixels are not counted as independent witnesses.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.pairing.expected import Expected, usual_steps
from lipblend.pairing.longmap import find_in_long, spread
from lipblend.pairing.thumb_rows import Rows
from lipblend.pairing.viterbi import cheapest_path
from lipblend.pairing.weighing import Indices, Thumbs, even_weighing, evidence, usual_left, weighing_of

MOST_FRAMES = 500
"""Longer clips are not searched in one table (`lipblend.pairing.longmap`)."""

_MOST_ROUNDS = 6
_WANDERS = 5  # frames
_NEXT_TO_NOTHING = 0.1  # of what matches usually leave over
_STRANGE = 4.0  # measured: 1.3 to 60 for frames at a wrong moment, by how much moves
_LEAST_JUDGES = 3  # original frames
_ROUNDING_LEFT = 0.2  # two pictures rounded to whole levels leave up to a third (1/6 over what counts as noise)


def find_source(original: Rows, synced: Rows, expected: Expected) -> Indices:
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
    if max(len(original), len(synced)) > MOST_FRAMES:
        path = find_in_long(original, synced, expected)
    else:
        path = _search(original[:], synced[:], expected)
    return _without_wandering(original, synced, path, expected)


def _without_wandering(original: Rows, synced: Rows, path: Indices, expected: Expected) -> Indices:
    """Go by the clock where the path leaves it by little for next to no gain.

    Between different rates several steps are usual, and where the picture hardly moves noise alone chooses among them.
    """
    clock = expected.clock()
    if len(usual_steps(expected.source).usual) == 1 or not len(path):
        return path
    away = (path != clock) & ~expected.outside
    rows = np.flatnonzero(away)
    if not len(rows):
        return path
    chosen = spread(np.arange(len(path)))
    weighing = weighing_of(original[path[chosen]], synced[chosen])
    usual = usual_left(weighing.left(original, synced, path, chosen), original.shape[1])
    gain = (weighing.left(original, synced, clock, rows) - weighing.left(original, synced, path, rows)) / usual
    out = path.copy()
    for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows) > 1) + 1):
        at = rows[run]
        if np.abs(path[at] - clock[at]).max() <= _WANDERS and gain[run].mean() <= _NEXT_TO_NOTHING:
            out[at] = clock[at]
    return out


def without_strangers(original: Rows, synced: Rows, path: Indices, *groups: npt.NDArray[np.bool_]) -> Indices:
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
    weighing = weighing_of(original[path[spread(within)]], synced[spread(within)])
    usual = usual_left(weighing.left(original, synced, path, within), original.shape[1])
    out = path.copy()
    for group in groups:
        rows = np.flatnonzero(group & (path >= 0))
        if len(rows) and float(np.median(weighing.left(original, synced, path, rows))) > _STRANGE * usual:
            out[rows] = -1
    return out


def fits_worse_by(
    original: Rows, synced: Rows, path: Indices, reference: Indices, rows: npt.NDArray[np.bool_]
) -> float:
    """What a path leaves over, as a multiple of what another one does, over some synced frames.

    What rounding may leave counts as nothing: a film that is the same played backward must not be told by that.
    """
    chosen = spread(np.flatnonzero(rows))
    weighing = weighing_of(original[reference[chosen]], synced[chosen])
    least = _ROUNDING_LEFT * original.shape[1]
    left, usual = (float(weighing.left(original, synced, each, chosen).mean()) for each in (path, reference))
    return float(max(left, least) / max(usual, least))


def _search(original: Thumbs, synced: Thumbs, expected: Expected) -> Indices:
    columns = np.arange(len(original))
    steps, weighing = usual_steps(expected.source), even_weighing(original, synced)
    path = np.zeros(len(synced), np.int64)
    rows = expected.counting()
    for _ in range(_MOST_ROUNDS):
        before = path
        costs = weighing.distances(original, synced)
        costs = evidence(costs, usual_left(costs[rows].min(1), original.shape[1]))
        path = cheapest_path(expected.add_pull(costs, columns), columns, steps, start_near=float(expected.source[0]))
        if (path == before).all():
            break
        weighing, steps = weighing_of(original[path[rows]], synced[rows]), usual_steps(path[rows])
    return path
