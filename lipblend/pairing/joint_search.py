"""The frame mapping and the frame map found together, as each needs the other.

A mapping fitted to pairs of the wrong moment compensates for what moved in between, and then confirms those pairs. So
the search starts from several mappings, improves mapping and frame map in turn, and takes the result whose pairs are
most alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lipblend.pairing import timeline
from lipblend.pairing.costs import TimePrior
from lipblend.pairing.frame_map import find_frame_map
from lipblend.pairing.mapping_search import FIT_REACH_PX, find_mapping, simple_mappings, usual_mappings
from lipblend.pairing.motion_offset import offset_by_motion
from lipblend.pairing.path_corrections import drop_mismatches, residual_ratio
from lipblend.pairing.scan import Scan
from lipblend.pairing.small_pictures import FramePairs, PixelRows, SmallPictures
from lipblend.pairing.timeline import Clock
from lipblend.picture.frame_mapping import FrameMapping

Indices = npt.NDArray[np.int64]
_Found = tuple[float, FrameMapping, Indices]
"""Likeness, mapping and frame map."""

SAME_TAKE = 0.9
"""Minimum likeness of frames that belong together; 0.98 and more is measured."""

_MAX_SAMPLES = 24
_MAX_ITERATIONS = 3
_MAX_USUAL_STARTS = 2  # besides the mapping found by time
_CERTAIN = 0.97  # likeness
_MAX_LOSS = 0.002  # of likeness in one iteration
_MIN_GAIN = 0.01  # of likeness, for an unusual mapping to replace a usual one
_MIN_CHANGE_PX = 0.06  # of a small picture: enough to change matches in calm footage
_OFFSET_TOLERANCE_S = 0.5
_MAX_RESIDUAL_RATIO = 1.5
_MAX_OUTSIDE_SHARE = 0.02


def match(
    original: Scan, synced: Scan, small: SmallPictures, clocks: tuple[Clock, Clock], offset_s: float | None
) -> tuple[FrameMapping, Indices]:
    """Find the mapping, and the original frame of every synced one (-1 for none), by the picture.

    ``offset_s`` is where in the original the synced video starts, if known. The search covers half a second around it.
    """
    guess = timeline.source_by_time(*clocks, offset_s or 0.0)
    reach = math.inf if offset_s is None else 1 + _OFFSET_TOLERANCE_S / max(clocks[0].period_s, 1e-6)
    prior = TimePrior(timeline.expected_source(*clocks, offset_s or 0.0), guess < 0, reach)
    best: _Found | None = None
    plain = simple_mappings(original, synced)
    for start in _starts(original, synced, small, sample_pairs(guess, len(original))):
        if best is not None and best[1] in plain and _leads_back(small, start, best):
            continue  # the fit from there found nothing that holds
        found = _alternate(small, start, prior, simple=start in plain)
        if best is None or _is_better(small, found, best, plain):
            best = found
        if best[0] >= _CERTAIN:
            break
    assert best is not None  # there is always a start
    alike, mapping, source = best
    if offset_s is not None:
        source = np.where(guess < 0, -1, source)
        # A given offset counts, even where the picture disagrees.
        return mapping, source if timeline.describe(source, *clocks, offset_s=offset_s).in_step else guess
    return mapping, _check_by_time(small.pixels(mapping), source, clocks, alike)


def sample_pairs(source: Indices, original_frames: int) -> FramePairs:
    """At most 24 pairs, evenly spaced over the clip; paired by index if there are none."""
    pairs = [(int(i), j) for j, i in enumerate(source) if i >= 0]
    pairs = pairs or [(j, j) for j in range(min(len(source), original_frames))]
    return [pairs[place] for place in np.unique(np.linspace(0, len(pairs) - 1, _MAX_SAMPLES).astype(int))]


def _starts(original: Scan, synced: Scan, small: SmallPictures, pairs: FramePairs) -> Iterator[FrameMapping]:
    mappings = usual_mappings(original, synced, pairs)
    if not mappings[0].is_exact(original.info.upright_size, synced.info.upright_size):
        plain = simple_mappings(original, synced)
        mappings = sorted(
            mappings, key=lambda each: -small.likeness(pairs, each) - (_MIN_GAIN if each in plain else 0.0)
        )
    yield from mappings[:_MAX_USUAL_STARTS]
    by_time = find_mapping(original, synced, small, pairs, enough=SAME_TAKE)
    if by_time not in mappings[:_MAX_USUAL_STARTS]:
        yield by_time


def _leads_back(small: SmallPictures, start: FrameMapping, best: _Found) -> bool:
    """Whether a fit from a start, on the pairs of a result, ends near that result's mapping."""
    fitted = small.refine(sample_pairs(best[2], len(small.original)), start)
    return min(small.max_distance_px(each, best[1]) for each in (start, fitted)) < FIT_REACH_PX


def _is_better(small: SmallPictures, found: _Found, best: _Found, plain: list[FrameMapping]) -> bool:
    """Whether a result's pairs are clearly more alike; an unusual mapping must also hold throughout."""
    (alike, mapping, source), (highest, simple, _) = found, best
    if alike <= highest + _MIN_GAIN:
        return False
    if mapping in plain or simple not in plain:
        return True
    return small.holds_throughout(sample_pairs(source, len(small.original)), mapping, simple)


def _alternate(small: SmallPictures, start: FrameMapping, prior: TimePrior, *, simple: bool) -> _Found:
    """Find a frame map for a mapping, refine the mapping on its pairs, and so on.

    Stops at an iteration whose pairs are clearly less alike than the best so far. A simple mapping is left only for one
    that holds throughout, see `mapping_evidence`.
    """
    best: _Found | None = None
    mapping = start
    for _ in range(_MAX_ITERATIONS):
        source = find_frame_map(*small.pixels(mapping), prior)
        pairs = sample_pairs(source, len(small.original))
        alike = small.likeness(pairs, mapping)
        if best is not None and alike < best[0] - _MAX_LOSS:
            break
        best = alike, mapping, source
        refined = small.refine(pairs, mapping)
        if small.max_distance_px(refined, mapping) < _MIN_CHANGE_PX:
            break
        if simple and not small.holds_throughout(pairs, refined, start):
            break
        mapping = refined
    assert best is not None  # there is at least one iteration
    return best


def _check_by_time(
    pixels: tuple[PixelRows, PixelRows], source: Indices, clocks: tuple[Clock, Clock], alike: float
) -> Indices:
    """Correct the frame map where time stamps know better.

    Synced frames beyond the original's ends lose their match if it fits badly: a generator that runs on after the end
    repeats the original, which fits, but a cut or damaged original has nothing to show there, and neither has one that
    starts later. If the videos keep step by time and those pairs explain the picture about as well, they are taken;
    among such offsets that of what moves comes first. Pictures of low likeness are not trusted by single frames.
    """
    source = drop_mismatches(*pixels, source, *timeline.outside(*clocks, 0.0))
    typical_s = timeline.typical_offset_s(source, *clocks)
    if typical_s:
        source = drop_mismatches(*pixels, source, *timeline.outside(*clocks, typical_s))
    if alike >= SAME_TAKE and timeline.describe(source, *clocks).in_step:
        return source
    moved_s = offset_by_motion(*pixels, clocks)
    for offset_s in sorted({0.0, typical_s, moved_s}, key=lambda each: (each != moved_s, abs(each))):
        by_time = timeline.source_by_time(*clocks, offset_s)
        both = (by_time >= 0) & (source >= 0)
        if (
            both.any()
            and np.count_nonzero(by_time[source >= 0] < 0) <= _MAX_OUTSIDE_SHARE * len(source)
            and residual_ratio(*pixels, by_time, source, both) <= _MAX_RESIDUAL_RATIO
        ):
            return np.where(source >= 0, by_time, -1)
    return source
