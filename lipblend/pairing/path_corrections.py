"""Corrections to a found frame map: matches that the pictures do not support are taken back.

The search may choose a detour (a jump, turn or slip) for the sake of little: a mouth that happens to look like the
painted one at another moment, or noise where the picture stands still. Here each deviation has to explain more than
the plain alternative, measured on the frames concerned alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lipblend.pairing.beam_search import FramePath
from lipblend.pairing.costs import (
    BLOCK_ROWS,
    NATS_PER_RESIDUAL,
    NOISE_VARIANCE,
    Floats,
    Indices,
    TimePrior,
    fit_weights,
    mean_picture,
    typical_residual,
    typical_steps,
)
from lipblend.pairing.small_pictures import PixelRows
from lipblend.pairing.viterbi import JUMP_COST, Steps

Mask = npt.NDArray[np.bool_]

_MAX_SAMPLES = 2000  # frames from which weights are estimated

_MAX_PIXEL_GAIN = 1.0  # nats per pixel: a mouth is few pixels that differ by much
_MIN_MEAN_GAIN = 0.05  # nats, mean over pixels
_MAX_BRIDGED = 6  # stretches that are bridged together
_SLOPE_FRAMES = 200  # of the previous stretch, from which it is extrapolated
_MAX_PASSES = 3
_CONTEXT_FRAMES = 64  # on each side
_MIN_CONTEXT_FRAMES = 8

_MAX_DEVIATION = 5  # frames from the time prior that are taken back for lack of gain
_NEGLIGIBLE_GAIN = 0.1  # of the typical residual
_MISMATCH_RATIO = 4.0  # measured: 1.3 to 60 for frames of a wrong moment, depending on how much moves
_MIN_REFERENCE_FRAMES = 3
_ROUNDING_RESIDUAL = 0.2  # two pictures rounded to whole levels leave up to 1/3 (1/6 of variance over the noise)


def remove_detours(original: PixelRows, synced: PixelRows, path: FramePath, steps: Steps) -> Indices:
    """Replace stretches that explain no more than their neighbouring stretches, extrapolated, would.

    Each pixel's variance over the stretch is compared (the profile likelihood of normal noise: a pixel counts by the
    logarithm of its variance, up to a factor of e). So a mouth that looks alike at another moment gains next to
    nothing, and a head in another place loses at every edge.
    """
    frames = path.frames.copy()
    for _ in range(_MAX_PASSES):
        previous = frames.copy()
        bounds = _stretch_bounds(frames, path, steps)
        for number, start in enumerate(bounds[:-1]):
            for straight in _extrapolations(frames, path, bounds, number, len(original)):
                if np.array_equal(straight, frames[start : start + len(straight)]):
                    continue
                if not _explains_more(original, synced, frames, straight, start, jumped=bool(path.breaks[start])):
                    frames[start : start + len(straight)] = straight
                    break
        if np.array_equal(frames, previous):
            break
    return frames


def prefer_expected_time(original: PixelRows, synced: PixelRows, path: Indices, expected: Indices) -> Indices:
    """Move every stretch that leaves the expected frames back to them, unless it explains more where it is.

    In a film that repeats itself the search finds many equally good paths; the one in step is meant.
    """
    path = path.copy()
    for run in _runs(np.flatnonzero(path != expected)):
        start, stop = int(run[0]), int(run[-1]) + 1
        if not _explains_more(original, synced, path, expected[start:stop], start, jumped=True):
            path[start:stop] = expected[start:stop]
    return path


def drop_small_deviations(original: PixelRows, synced: PixelRows, path: Indices, prior: TimePrior) -> Indices:
    """Go by the expected time where the path deviates from it by little and for negligible gain.

    Between different frame rates several step sizes are typical, and noise alone chooses among them where the picture
    hardly moves.
    """
    expected = prior.nearest()
    if len(typical_steps(prior.expected).typical) == 1 or not len(path):
        return path
    rows = np.flatnonzero((path != expected) & ~prior.outside)
    if not len(rows):
        return path
    sampled = _sample(np.arange(len(path)))
    weights = fit_weights(original[path[sampled]], synced[sampled])
    typical = typical_residual(weights.residuals(original, synced, path, sampled), original.shape[1])
    gain = (
        weights.residuals(original, synced, expected, rows) - weights.residuals(original, synced, path, rows)
    ) / typical
    out = path.copy()
    for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows) > 1) + 1):
        at = rows[run]
        if np.abs(path[at] - expected[at]).max() <= _MAX_DEVIATION and gain[run].mean() <= _NEGLIGIBLE_GAIN:
            out[at] = expected[at]
    return out


def drop_mismatches(original: PixelRows, synced: PixelRows, path: Indices, *groups: Mask) -> Indices:
    """Set to -1 the matches of groups of frames that fit much worse than all other frames.

    Each group, (n_s,) bool, holds synced frames that the original may not contain, and is judged as a whole. The path
    is returned unchanged if too few other frames are left to compare with.
    """
    reference = np.flatnonzero(~np.any(groups, axis=0) & (path >= 0))
    if len(np.unique(path[reference])) < _MIN_REFERENCE_FRAMES:
        return path
    weights = fit_weights(original[path[_sample(reference)]], synced[_sample(reference)])
    typical = typical_residual(weights.residuals(original, synced, path, reference), original.shape[1])
    out = path.copy()
    for group in groups:
        rows = np.flatnonzero(group & (path >= 0))
        if len(rows) and float(np.median(weights.residuals(original, synced, path, rows))) > _MISMATCH_RATIO * typical:
            out[rows] = -1
    return out


def residual_ratio(original: PixelRows, synced: PixelRows, path: Indices, reference: Indices, rows: Mask) -> float:
    """Mean residual of a path divided by that of a reference path, over some synced frames.

    Residuals below what rounding leaves count as that much, so that it cannot decide between two exact paths.
    """
    sampled = _sample(np.flatnonzero(rows))
    weights = fit_weights(original[reference[sampled]], synced[sampled])
    least = _ROUNDING_RESIDUAL * original.shape[1]
    of_path, of_reference = (
        float(weights.residuals(original, synced, each, sampled).mean()) for each in (path, reference)
    )
    return float(max(of_path, least) / max(of_reference, least))


def _sample(rows: Indices) -> Indices:
    """At most 2000 of the rows, evenly spaced."""
    return rows[:: -(-len(rows) // _MAX_SAMPLES)]


def _runs(rows: Indices) -> list[Indices]:
    """Split rising indices into runs of consecutive ones."""
    return np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if len(rows) else []


def _stretch_bounds(frames: Indices, path: FramePath, steps: Steps) -> list[int]:
    """Starts of stretches (after jumps, turns and untypical steps), and the end."""
    sign = np.where(path.backward[1:], -1, 1)
    starts = ~np.isin(np.diff(frames) * sign, list(steps.typical)) | path.breaks[1:]
    return [0, *(np.flatnonzero(starts) + 1).tolist(), len(frames)]


def _extrapolations(
    frames: Indices, path: FramePath, bounds: list[int], number: int, frame_count: int
) -> Iterator[Indices]:
    """What would follow from a stretch's start if the previous stretch continued, or the next one began earlier.

    Only where this ends well: it meets one of the next stretches, or saves a jump without costing one elsewhere.
    """
    start, stop = bounds[number : number + 2]
    if number > 0:
        slope = _slope(frames[max(bounds[number - 1], start - _SLOPE_FRAMES) : start])
        for end in bounds[number + 1 : number + 1 + _MAX_BRIDGED]:
            straight = frames[start - 1] + slope * np.arange(1, end - start + 1)
            meets_next = end < len(frames) and abs(straight[-1] + slope - frames[end]) < 1
            if (meets_next or (end == stop and path.breaks[start])) and _within(straight, frame_count):
                yield np.rint(straight).astype(np.int64)
    if stop < len(frames) and path.breaks[stop] and (start == 0 or path.breaks[start]):
        slope = _slope(frames[stop : min(bounds[number + 2], stop + _SLOPE_FRAMES)])
        straight = frames[stop] - slope * np.arange(stop - start, 0, -1)
        if _within(straight, frame_count):
            yield np.rint(straight).astype(np.int64)


def _slope(frames: Indices) -> float:
    return float(frames[-1] - frames[0]) / (len(frames) - 1) if len(frames) > 1 else 1.0


def _within(places: npt.NDArray[np.float64], frame_count: int) -> bool:
    return bool(np.rint(places.min()) >= 0 and np.rint(places.max()) < frame_count)


def _explains_more(
    original: PixelRows, synced: PixelRows, path: Indices, alternative: Indices, start: int, *, jumped: bool
) -> bool:
    """Whether a stretch of a path explains enough more than an alternative to pay for its steps."""
    stop = start + len(alternative)
    offset = _typical_difference(original, synced, path, start, stop)
    rows = start + np.flatnonzero(alternative != path[start:stop])
    total, most = 0.0, 0.0
    for block in (rows[first : first + BLOCK_ROWS // 2] for first in range(0, len(rows), BLOCK_ROWS // 2)):
        shifted = synced[block] - offset
        of_alternative, of_path = (
            np.square(shifted - original[frames]).mean(0) + np.float32(NOISE_VARIANCE)
            for frames in (alternative[block - start], path[block])
        )
        gain = float(np.clip(np.log(of_alternative / of_path), -_MAX_PIXEL_GAIN, _MAX_PIXEL_GAIN).mean())
        total += len(block) * NATS_PER_RESIDUAL * gain
        most = max(most, gain)
    return most >= _MIN_MEAN_GAIN and (not jumped or total >= 2 * JUMP_COST)


def _typical_difference(original: PixelRows, synced: PixelRows, path: Indices, start: int, stop: int) -> Floats:
    """Mean difference of each pixel around a stretch, (k,)."""
    around = np.concatenate(
        [np.arange(max(0, start - _CONTEXT_FRAMES), start), np.arange(stop, stop + _CONTEXT_FRAMES)]
    )
    around = around[around < len(path)]
    if len(around) < _MIN_CONTEXT_FRAMES:
        around = np.arange(start, min(stop, start + _CONTEXT_FRAMES))
    return mean_picture(synced[around]) - mean_picture(original[path[around]])
