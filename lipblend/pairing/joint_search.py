"""Where the synced frame lies and which frame was made from which, found together: each needs the other.

A mapping found from pairs of the wrong moment makes up for what moved in between, and then confirms those pairs. So
several starts are tried, from each the two are improved in turn, and the one whose pairs are most alike is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lipblend.pairing import geometry, timeline
from lipblend.pairing.expected import Expected
from lipblend.pairing.framemap import find_source, fits_worse_by, without_strangers
from lipblend.pairing.placement import Pairs, SmallPictures, find_mapping, usual_ways
from lipblend.pairing.scan import Scan
from lipblend.pairing.thumb_rows import Rows
from lipblend.pairing.timeline import Clock
from lipblend.picture.frame_mapping import FrameMapping

Indices = npt.NDArray[np.int64]

SAME_TAKE = 0.9
"""Measured likeness of frames that belong together: 0.98 and more."""

_SAMPLES = 24
_TURNS = 3
_STARTS = 2  # usual ways that are tried, besides what is found by the clock
_SURE = 0.97
_CLEARLY_BETTER = 0.002
_LIKELIER = 0.01  # a usual way to frame is taken before an odd one that fits as well
_MOVED_PX = 0.06  # of a small picture: enough to make other frames match in calm footage
_OFFSET_REACH_S = 0.5
_WORSE = 1.5
_ODD_SHARE = 0.02


def match(
    original: Scan, synced: Scan, small: SmallPictures, clocks: tuple[Clock, Clock], offset_s: float | None
) -> tuple[FrameMapping, Indices]:
    """Find the mapping of frames and the original frame of every synced one (-1 for none), by the picture.

    Parameters
    ----------
    original, synced : Scan
    small : SmallPictures
        Theirs.
    clocks : two Clock
        Theirs.
    offset_s : float, optional
        Where in the original the synced video starts, if that is known: looked for within half a second of it.
    """
    guess = timeline.source_by_time(*clocks, offset_s or 0.0)
    reach = math.inf if offset_s is None else 1 + _OFFSET_REACH_S / max(clocks[0].period_s, 1e-6)
    expected = Expected(timeline.expected_source(*clocks, offset_s or 0.0), guess < 0, reach)
    best: tuple[float, FrameMapping, Indices] | None = None
    for start in _starts(original, synced, small, samples(guess, len(original))):
        found = _improved(small, start, expected)
        if best is None or found[0] > best[0] + _LIKELIER:
            best = found
        if best[0] >= _SURE:
            break
    assert best is not None  # there is always a start
    _, mapping, source = best
    if offset_s is not None:
        source = np.where(guess < 0, -1, source)
        # What was said counts, even where the picture says something else.
        return mapping, source if timeline.describe(source, *clocks, offset_s=offset_s).in_step else guess
    return mapping, _by_the_clock(*small.pixels(mapping), source, clocks)


def samples(source: Indices, original_frames: int) -> Pairs:
    """Some pairs spread over the clip; by index where there are none."""
    pairs = [(int(i), j) for j, i in enumerate(source) if i >= 0]
    pairs = pairs or [(j, j) for j in range(min(len(source), original_frames))]
    return [pairs[place] for place in np.unique(np.linspace(0, len(pairs) - 1, _SAMPLES).astype(int))]


def _starts(original: Scan, synced: Scan, small: SmallPictures, pairs: Pairs) -> Iterator[FrameMapping]:
    ways = usual_ways(original, synced, pairs)
    if not ways[0].lies_exactly(original.info.upright_size, synced.info.upright_size):
        plain = geometry.candidates(original.info.upright_size, synced.info.upright_size, ())
        ways = sorted(ways, key=lambda way: -small.likeness(pairs, way) - (_LIKELIER if way in plain else 0.0))
    yield from ways[:_STARTS]
    by_the_clock = find_mapping(original, synced, small, pairs, enough=SAME_TAKE)
    if by_the_clock not in ways[:_STARTS]:
        yield by_the_clock


def _improved(small: SmallPictures, mapping: FrameMapping, expected: Expected) -> tuple[float, FrameMapping, Indices]:
    """Pairs for a mapping, a better mapping for the pairs, and so on: likeness, mapping and source of the last turn.

    A turn that makes pairs clearly less alike than an earlier one is not taken.
    """
    best: tuple[float, FrameMapping, Indices] | None = None
    for _ in range(_TURNS):
        source = find_source(*small.pixels(mapping), expected)
        pairs = samples(source, len(small.original))
        alike = small.likeness(pairs, mapping)
        if best is not None and alike < best[0] - _CLEARLY_BETTER:
            break
        best = alike, mapping, source
        ours, theirs = small.chosen(pairs)
        refined = small.full(geometry.refine(list(ours), list(theirs), small.small(mapping)))
        if small.apart(refined, mapping) < _MOVED_PX:
            break
        mapping = refined
    assert best is not None  # there is at least one turn
    return best


def _by_the_clock(original: Rows, synced: Rows, source: Indices, clocks: tuple[Clock, Clock]) -> Indices:
    """What the clock knows better: frames that the original does not hold, and pairs that it explains as well.

    A generator that goes on after the original's end repeats it in some way, which fits; a cut or damaged original has
    nothing to show there, and neither has one that begins later.
    """
    source = without_strangers(original, synced, source, *timeline.outside(*clocks, 0.0))
    usual = timeline.usual_offset_s(source, *clocks)
    if usual:
        source = without_strangers(original, synced, source, *timeline.outside(*clocks, usual))
    if timeline.describe(source, *clocks).in_step:
        return source
    for offset_s in sorted({0.0, usual}, key=abs):
        clock = timeline.source_by_time(*clocks, offset_s)
        both = (clock >= 0) & (source >= 0)
        if (
            both.any()
            and np.count_nonzero(clock[source >= 0] < 0) <= _ODD_SHARE * len(source)
            and fits_worse_by(original, synced, clock, source, both) <= _WORSE
        ):
            return np.where(source >= 0, clock, -1)
    return source
