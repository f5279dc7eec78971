"""How two videos go together: where the synced frame lies on the original's, and which frame was made from which."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.analysis import timeline
from lipblend.analysis.framemap import Expected, find_source
from lipblend.analysis.placement import Pairs, SmallPictures, find_mapping, refined_on_frames, usual_way
from lipblend.analysis.scan import Scan
from lipblend.analysis.timeline import Clock, Pairing, Timeline
from lipblend.errors import InputMismatchError
from lipblend.media.info import VideoInfo
from lipblend.media.mapping import FrameMapping
from lipblend.settings import PairSettings

_SAMPLES = 24
_SAME_SCENE = 0.45  # measured: 0.27 at most between different scenes, 0.6 and more between moments of one scene
_SAME_TAKE = 0.9  # measured: 0.99 and more between frames that belong together
_OFFSET_REACH_S = 0.5
_MOVED_PX = 0.03  # of a small picture: too little to make other frames match
_LIKELIER = 0.01  # of likeness: a usual way to frame is taken before an odd one that fits as well
_NEAR_PX = 2.0  # of a small picture: a mapping made from wrong pairs is off by what heads move


@dataclass(frozen=True)
class Alignment:
    """How two videos go together.

    Attributes
    ----------
    mapping : FrameMapping
        Where the original's pixels lie in the synced frame.
    pairing : Pairing
    timeline : Timeline
    likeness : float
        How alike matched frames are, -1 to 1: median correlation of the detail of small grey pictures.
    """

    mapping: FrameMapping
    pairing: Pairing
    timeline: Timeline
    likeness: float


def align(original: Scan, synced: Scan, settings: PairSettings) -> Alignment:
    """Find out how two videos go together.

    Raises
    ------
    InputMismatchError
        If they show different scenes, or have no moment in common.
    """
    clocks = Clock(np.array(original.times_s)), Clock(np.array(synced.times_s))
    offset_s = None if settings.offset_s == "auto" else settings.offset_s
    small = SmallPictures.of(original, synced)
    guess = _guess(clocks, settings.method, offset_s or 0.0)
    mapping = find_mapping(original, synced, small, _samples(guess, len(original)), enough=_SAME_TAKE)
    source = guess
    if settings.method == "auto":
        reach = math.inf if offset_s is None else 1 + _OFFSET_REACH_S / max(clocks[0].period_s, 1e-6)
        expected = Expected(timeline.expected_source(*clocks, offset_s or 0.0), guess < 0, reach)
        mapping, source = _settled(original, synced, small, mapping, expected)
    if (source < 0).all():
        raise InputMismatchError(
            f"with an offset of {offset_s or 0:g} s the two videos have no moment in common",
            hint="Leave out --offset to have it found.",
        )
    likeness = _likeness(small, source, mapping)
    if likeness < _SAME_SCENE:
        raise _other_scene(original.info, synced.info, likeness)
    if not mapping.is_identity:
        mapping = refined_on_frames(original, synced, list(_matched(source)), mapping)
    pairing = timeline.describe(source, *clocks, offset_s=offset_s)
    return Alignment(mapping, pairing, timeline.lay_out(pairing, *clocks, settings.timeline), likeness)


def _settled(
    original: Scan, synced: Scan, small: SmallPictures, first: FrameMapping, expected: Expected
) -> tuple[FrameMapping, npt.NDArray[np.int64]]:
    """Match frames, and improve the mapping that this was done with.

    The pairs that it came from may have shown other moments: then it is off by what moved in between, which makes the
    wrong moments fit. So it is looked for again with the pairs found, and the usual way near it is tried as well.
    """
    source = find_source(*small.pixels(first), expected)
    tried = [(_likeness(small, source, first), first, source)]
    better = find_mapping(original, synced, small, _samples(source, len(original)), enough=_SAME_TAKE)
    near_px = _NEAR_PX * original.info.upright_width / small.original.shape[2]
    usual = usual_way(original.info, synced.info, better, within_px=near_px)
    for mapping in (better, usual):
        if all(small.apart(mapping, other) > _MOVED_PX for _, other, _ in tried):
            source = find_source(*small.pixels(mapping), expected)
            odds = _LIKELIER if mapping == usual else 0.0
            tried.append((_likeness(small, source, mapping) + odds, mapping, source))
    _, mapping, source = max(tried, key=lambda item: item[0])
    return mapping, source


def _likeness(small: SmallPictures, source: npt.NDArray[np.int64], mapping: FrameMapping) -> float:
    return small.likeness(_samples(source, len(small.original)), mapping)


def alignment_notes(found: Alignment, original: VideoInfo, synced: VideoInfo) -> Iterator[str]:
    """What the summary says about how the two videos go together."""
    pairing, follows = found.pairing, found.timeline.follows
    if follows == "synced":
        why = "the generator re-timed the picture" if not pairing.in_step else "as asked"
        yield f"the output follows the synced video's time line ({why})"
    elif not pairing.in_step:
        yield "the output follows the original's time line, as asked; the synced video does not keep step with it"
    if pairing.offset_s:
        way = "into" if pairing.offset_s > 0 else "before"
        yield f"the synced video starts {abs(pairing.offset_s):.3f} s {way} the original"
    if not pairing.in_step and abs(pairing.drift) > 1e-3:
        yield f"its picture runs {1 + pairing.drift:.4f} times as fast as the original's"
    for count, what in (
        (pairing.jumps, "place(s) where the synced video jumps within the original"),
        (pairing.backward, "synced frame(s) that play the original backward"),
        (pairing.repeated, "synced frame(s) that repeat the one before"),
        (pairing.missing, "original frame(s) that the synced video leaves out"),
    ):
        if count:
            yield f"{count} {what}"
    if not found.mapping.is_identity:
        yield _mapping_note(found.mapping, original, synced)
    if found.likeness < _SAME_TAKE:
        yield (
            f"matching frames are less alike than usual ({found.likeness:.2f}; 0.99 is usual): "
            "check that both videos come from the same take"
        )


def _mapping_note(mapping: FrameMapping, original: VideoInfo, synced: VideoInfo) -> str:
    left, top, right, bottom = mapping.covered(synced.upright_width, synced.upright_height)
    return (
        f"the synced frame ({synced.upright_width}x{synced.upright_height}) shows x {left:.1f} to {right:.1f} and "
        f"y {top:.1f} to {bottom:.1f} of the original's ({original.upright_width}x{original.upright_height}), "
        f"scaled {mapping.scale_x:.4f} x {mapping.scale_y:.4f}"
    )


def _guess(clocks: tuple[Clock, Clock], method: str, offset_s: float) -> npt.NDArray[np.int64]:
    if method == "index":
        index = np.arange(len(clocks[1].times_s)) + round(offset_s / max(clocks[0].period_s, 1e-6))
        return np.where((index >= 0) & (index < len(clocks[0].times_s)), index, -1)
    return timeline.source_by_time(*clocks, offset_s)


def _samples(source: npt.NDArray[np.int64], original_frames: int) -> Pairs:
    """Some pairs spread over the clip; by index where there are none by time."""
    pairs = list(_matched(source)) or [(j, j) for j in range(min(len(source), original_frames))]
    return [pairs[place] for place in np.unique(np.linspace(0, len(pairs) - 1, _SAMPLES).astype(int))]


def _matched(source: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    return ((int(i), j) for j, i in enumerate(source) if i >= 0)


def _other_scene(original: VideoInfo, synced: VideoInfo, likeness: float) -> InputMismatchError:
    return InputMismatchError(
        f"the two videos show different scenes (likeness {likeness:.2f}, {_SAME_SCENE} needed, 0.99 usual)",
        details=(f"original  {original.path}", f"synced    {synced.path}"),
        hint="Check that the synced video was made from this original.",
    )
