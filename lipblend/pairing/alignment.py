"""How two videos go together: where the synced frame lies on the original's, and which frame was made from which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.errors import InputMismatchError
from lipblend.pairing import timeline
from lipblend.pairing.joint_search import SAME_TAKE, match, samples
from lipblend.pairing.placement import Pairs, SmallPictures, find_mapping, refined_on_frames
from lipblend.pairing.scan import Scan
from lipblend.pairing.timeline import Clock, Pairing, Timeline
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.settings import PairSettings
from lipblend.video.info import VideoInfo

_SAME_SCENE = 0.57  # measured: 0.54 at most between different scenes, 0.6 and more between moments of one scene
_MENTIONED_S = 0.06  # a smaller offset is a matter of rounding, or of frames lost and repeated
_MENTIONED = 3
_LEAST_DRIFT, _MOST_DRIFT = 1e-3, 0.9


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
    clocks = original.clock(), synced.clock()
    offset_s = None if settings.offset_s == "auto" else settings.offset_s
    small = SmallPictures.of(original, synced)
    source = _guess(clocks, settings.method, offset_s or 0.0)
    if offset_s is not None and (source < 0).all():
        raise InputMismatchError(
            f"with an offset of {offset_s:g} s the two videos have no moment in common",
            hint="Leave out --offset to have it found.",
        )
    if settings.method == "auto":
        mapping, source = match(original, synced, small, clocks, offset_s)
    else:
        mapping = find_mapping(original, synced, small, samples(source, len(original)), enough=SAME_TAKE)
    likeness = small.likeness(samples(source, len(original)), mapping)
    if likeness < _SAME_SCENE:
        raise _other_scene(original.info, synced.info, likeness)
    if not mapping.is_identity:
        mapping = refined_on_frames(original, synced, _matched(source), mapping)
    pairing = timeline.describe(source, *clocks, offset_s=offset_s)
    return Alignment(mapping, pairing, timeline.lay_out(pairing, *clocks, settings.timeline), likeness)


def alignment_notes(found: Alignment, original: VideoInfo, synced: VideoInfo) -> Iterator[str]:
    """What the summary says about how the two videos go together."""
    pairing, follows = found.pairing, found.timeline.follows
    if follows == "synced":
        why = "the generator re-timed the picture" if not pairing.in_step else "as asked"
        yield f"the output follows the synced video's time line ({why})"
    elif not pairing.in_step:
        yield "the output follows the original's time line, as asked; the synced video does not keep step with it"
    if abs(pairing.offset_s) > _MENTIONED_S:
        way = "into" if pairing.offset_s > 0 else "before"
        yield f"the synced video starts {abs(pairing.offset_s):.3f} s {way} the original"
    steady = not pairing.jumps and pairing.backward < _MENTIONED and pairing.drift > -_MOST_DRIFT
    if not pairing.in_step and steady and abs(pairing.drift) > _LEAST_DRIFT:
        yield f"its picture runs {1 + pairing.drift:.4f} times as fast as the original's"
    for count, least, what in (
        (pairing.before, 1, "synced frames left out at the start, as the original does not hold them"),
        (pairing.after, 1, "synced frames left out at the end, as the original does not hold them"),
        (pairing.backward, _MENTIONED, "synced frames that play the original backward"),
        (pairing.repeated, 1, "synced frames that repeat the one before"),
        (pairing.jumps, 1, "places where the synced video jumps within the original"),
        (pairing.missing, 1, "original frames that the synced video leaves out"),
    ):
        if count >= least:
            yield f"{what}: {count}"
    if not found.mapping.lies_exactly(original.upright_size, synced.upright_size):
        yield _mapping_note(found.mapping, original, synced)
    if found.likeness < SAME_TAKE:
        yield (
            f"matching frames are less alike than usual ({found.likeness:.2f}; 0.99 is usual): check that both videos "
            "come from the same take (original first), and leave out --pair and --offset if they were given"
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


def _matched(source: npt.NDArray[np.int64]) -> Pairs:
    return [(int(i), j) for j, i in enumerate(source) if i >= 0]


def _other_scene(original: VideoInfo, synced: VideoInfo, likeness: float) -> InputMismatchError:
    return InputMismatchError(
        f"the two videos show different scenes (likeness {likeness:.2f}, {_SAME_SCENE} needed, 0.99 usual)",
        details=(f"original  {original.path}", f"synced    {synced.path}"),
        hint="Check that the synced video was made from this original, and that neither is turned or mirrored.",
    )
