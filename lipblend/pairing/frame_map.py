"""The frame map: which original frame each synced frame was made from, found by the picture.

A generator keeps most of each frame: background, hair and eyes move as in the original. So small grey pictures of both
videos are compared, every pixel weighted by how well the two videos agree there (mouths, overlays and flicker get low
weights by themselves), and the cheapest path through the cost matrix is found. It may advance, stand, slip, turn round
(forward-backward play) or jump (a clip that starts over, a cut).

Clips of up to `MAX_DENSE_FRAMES` frames are searched in one matrix. For longer ones there are two stages. First, coarse
pictures: if the time stamps, or the constant offset that most frames vote for, give every sampled synced frame a place
that no other beats clearly, that path is used; otherwise a beam search runs over all frames. Then a beam search near
that path on the whole small pictures, with weights estimated from the frames around: where clips follow each other, the
mouth of one lies where another has its background, and over the whole film neither would get a low weight.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lipblend.pairing.beam_search import CostRows, beam_search
from lipblend.pairing.coarse_costs import NEIGHBOUR_FRAMES, CoarseCosts, coarse_pixels
from lipblend.pairing.costs import (
    MAX_EXTRA_STEP,
    Indices,
    Pixels,
    TimePrior,
    distances_to_costs,
    fit_weights,
    typical_residual,
    typical_steps,
    uniform_weights,
)
from lipblend.pairing.path_corrections import drop_small_deviations, prefer_expected_time, remove_detours
from lipblend.pairing.small_pictures import MAX_DENSE_FRAMES, PixelRows
from lipblend.pairing.viterbi import viterbi_path

_MAX_ROUNDS = 6
_MAX_COARSE_ROUNDS = 2
_SETTLED_SHARE = 0.01
_MAX_GAIN_ELSEWHERE = 15.0  # nats by which another place may be better than the expected one
_NEAR_FRAMES = 12  # around the path, searched at full size
_FORBIDDEN_COST = np.float32(1e4)  # nats: forbids jumps to repeated scenes within a block


def find_frame_map(original: PixelRows, synced: PixelRows, prior: TimePrior) -> Indices:
    """Find the original frame that each synced frame was made from.

    Parameters
    ----------
    original : (n_o, k) uint8
        Small grey pictures of the original, one per row.
    synced : (n_s, k) uint8
        The same pixels of the synced video.
    prior : TimePrior

    Returns
    -------
    (n_s,) int64
        Index of an original frame for every synced frame.
    """
    if max(len(original), len(synced)) > MAX_DENSE_FRAMES:
        path = _search_long(original, synced, prior)
    else:
        path = _search_dense(original[:], synced[:], prior)
    return drop_small_deviations(original, synced, path, prior)


def _search_dense(original: Pixels, synced: Pixels, prior: TimePrior) -> Indices:
    """Alternate between the Viterbi path and the pixel weights that follow from it."""
    columns = np.arange(len(original))
    steps, weights = typical_steps(prior.expected), uniform_weights(original, synced)
    path = np.zeros(len(synced), np.int64)
    rows = prior.inside_rows()
    for _ in range(_MAX_ROUNDS):
        previous = path
        costs = weights.distances(original, synced)
        costs = distances_to_costs(costs, typical_residual(costs[rows].min(1), original.shape[1]))
        path = viterbi_path(prior.add_to(costs, columns), columns, steps, start_near=float(prior.expected[0]))
        if (path == previous).all():
            break
        weights, steps = fit_weights(original[path[rows]], synced[rows]), typical_steps(path[rows])
    return path


def _search_long(original: PixelRows, synced: PixelRows, prior: TimePrior) -> Indices:
    coarse = CoarseCosts.of(coarse_pixels(original), coarse_pixels(synced), prior)
    guess, certain = _constant_offset(coarse)
    path = guess if certain and guess is not None else _search_coarse(coarse, guess)
    steps = typical_steps(path[prior.inside_rows()])
    found = beam_search(_blocks_near(original, synced, prior, path), steps, start_near=float(path[0]))
    path = remove_detours(original, synced, found, steps)
    return prefer_expected_time(original, synced, path, prior.nearest())


def _constant_offset(coarse: CoarseCosts) -> tuple[Indices | None, bool]:
    """The path by time alone, or by time and the most voted offset; and whether it is certain.

    It is certain if no sampled frame fits clearly better elsewhere. None if most of them do.
    """
    expected = coarse.prior.nearest()
    offsets = (coarse.similar - expected[coarse.sampled])[coarse.inside]
    values, votes = np.unique(offsets, return_counts=True)
    shifted = np.clip(expected + values[votes.argmax()], 0, len(coarse.original) - 1)
    gain = np.zeros(0, np.float32)
    for path in (expected, shifted):
        gain = coarse.gain_elsewhere(path)
        if gain.max() <= _MAX_GAIN_ELSEWHERE:
            return path, True
    return (shifted if np.median(gain) <= _MAX_GAIN_ELSEWHERE else None), False


def _search_coarse(coarse: CoarseCosts, path: Indices | None) -> Indices:
    """Beam search over all frames, weights first from `path` and then from what was found."""
    prior, rows = coarse.prior, coarse.prior.inside_rows()
    for _ in range(_MAX_COARSE_ROUNDS):
        previous = path
        steps = typical_steps(prior.expected if previous is None else previous[rows])
        path = beam_search(coarse.blocks(previous), steps, start_near=float(prior.expected[0])).frames
        if previous is not None and np.count_nonzero(path != previous) <= _SETTLED_SHARE * len(path):
            break
    assert path is not None  # there is at least one round
    return path


def _blocks_near(original: PixelRows, synced: PixelRows, prior: TimePrior, path: Indices) -> Iterator[CostRows]:
    """Costs at full size of the columns near a path."""
    inside = prior.inside_rows()
    for start in range(0, len(synced), NEIGHBOUR_FRAMES):
        rows = np.arange(start, min(start + NEIGHBOUR_FRAMES, len(synced)))
        around = _neighbour_rows(start, inside, len(synced))
        weights = fit_weights(original[path[around]], synced[around])
        near_path = path[max(0, start - NEIGHBOUR_FRAMES) : start + 2 * NEIGHBOUR_FRAMES]
        columns = _columns_near(near_path, _NEAR_FRAMES + MAX_EXTRA_STEP, len(original))
        costs = weights.distances(original[columns], synced[rows])
        costs = distances_to_costs(costs, typical_residual(costs.min(1), original.shape[1]))
        costs[~_allowed(path, rows, columns)] += _FORBIDDEN_COST
        yield CostRows(columns, prior.add_to(costs, columns, start))


def _allowed(path: Indices, rows: Indices, columns: Indices) -> npt.NDArray[np.bool_]:
    """Columns near the path in each row, or in rows just before or after it, where a jump may belong; (n, m) bool."""
    near = np.zeros((len(rows), len(columns)), bool)
    for shift in (-_NEAR_FRAMES, 0, _NEAR_FRAMES):
        at = path[np.clip(rows + shift, 0, len(path) - 1)]
        near |= np.abs(columns - at[:, None]) <= _NEAR_FRAMES + MAX_EXTRA_STEP
    return near


def _neighbour_rows(start: int, inside: Indices, count: int) -> Indices:
    """Rows within the original's time around a block of `NEIGHBOUR_FRAMES`; all rows around it if there are none."""
    low, high = max(0, start - NEIGHBOUR_FRAMES), min(start + 2 * NEIGHBOUR_FRAMES, count)
    rows = inside[(inside >= low) & (inside < high)]
    return rows if len(rows) else np.arange(low, high)


def _columns_near(path: Indices, margin: int, count: int) -> Indices:
    """Original frames within `margin` of a path, rising."""
    near: npt.NDArray[np.bool_] = np.zeros(count, bool)
    for index in np.unique(path):
        near[max(0, index - margin) : index + margin + 1] = True
    return np.flatnonzero(near)
