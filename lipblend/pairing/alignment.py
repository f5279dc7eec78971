"""Alignment of two videos: the mapping between their frames, the frame map, and the output's timeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.errors import InputMismatchError
from lipblend.pairing import crop_alignment, crop_locate, timeline
from lipblend.pairing.joint_search import SAME_TAKE, match, sample_pairs
from lipblend.pairing.mapping_search import find_mapping, refine_on_frames
from lipblend.pairing.scan import Scan
from lipblend.pairing.small_pictures import SmallPictures
from lipblend.pairing.timeline import Clock, Pairing, Timeline
from lipblend.picture.crop_places import CropPlaces
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.frame_mappings import Mappings
from lipblend.settings import PairSettings
from lipblend.video.info import VideoInfo

_MIN_LIKENESS = 0.57  # measured: 0.54 at most between different scenes, 0.6 and more between moments of one scene
TYPICAL_LIKENESS = "0.98 and more is typical"
_MIN_NOTED_OFFSET_S = 0.06  # smaller offsets come from rounding, or from lost and repeated frames
_MIN_NOTED_BACKWARD = 3
_MIN_NOTED_DRIFT, _MAX_DRIFT = 1e-3, 0.9


@dataclass(frozen=True)
class Alignment:
    """How two videos correspond.

    Attributes
    ----------
    mapping : FrameMapping or FrameMappings
        From pixels of the original to pixels of the synced frame.
    pairing : Pairing
    timeline : Timeline
    likeness : float
        Median correlation of the detail of matched small grey pictures, -1 to 1.
    """

    mapping: Mappings
    pairing: Pairing
    timeline: Timeline
    likeness: float


def align(original: Scan, synced: Scan, settings: PairSettings) -> Alignment:
    """Align two videos in space and time.

    Raises
    ------
    InputMismatchError
        If they show different scenes, or do not overlap at the given offset.
    """
    if synced.info.places is not None:
        return align_crop(original, synced, synced.info.places, settings)
    if settings.locate:
        return align_located(original, synced, settings)
    clocks = original.clock(), synced.clock()
    offset_s = None if settings.offset_s == "auto" else settings.offset_s
    small = SmallPictures.of(original, synced)
    source = _source_without_search(clocks, settings.method, offset_s or 0.0)
    if offset_s is not None and (source < 0).all():
        raise InputMismatchError(
            f"with an offset of {offset_s:g} s the two videos do not overlap in time",
            hint="Leave out --offset to detect it.",
        )
    if settings.method == "auto":
        mapping, source = match(original, synced, small, clocks, offset_s)
    else:
        mapping = find_mapping(original, synced, small, sample_pairs(source, len(original)), enough=SAME_TAKE)
    likeness = small.likeness(sample_pairs(source, len(original)), mapping)
    if likeness < _MIN_LIKENESS:
        raise InputMismatchError(
            f"the two videos show different scenes (likeness {likeness:.2f}; at least {_MIN_LIKENESS} is needed, "
            f"{TYPICAL_LIKENESS})",
            details=(f"original  {original.info.path}", f"synced    {synced.info.path}"),
            hint="Check that the synced video was made from this original, and that neither is rotated or mirrored.",
        )
    if not mapping.is_identity:
        matched = [(int(i), j) for j, i in enumerate(source) if i >= 0]
        mapping = refine_on_frames(original, synced, matched, mapping)
    pairing = timeline.describe(source, *clocks, offset_s=offset_s)
    return Alignment(mapping, pairing, timeline.lay_out(pairing, *clocks, settings.timeline), likeness)


def align_crop(original: Scan, synced: Scan, places: CropPlaces, settings: PairSettings) -> Alignment:
    """Align a synced face crop by its record.

    Raises
    ------
    InputMismatchError
        The record is not that of this crop, or they do not overlap at the given offset.
    """
    clocks = original.clock(), synced.clock()
    whole, places = places, crop_alignment.check_length(original, synced, places)
    offset_s = 0.0 if settings.offset_s == "auto" else settings.offset_s
    frames = crop_alignment.crop_frames(clocks[1], places, offset_s)
    if settings.offset_s == "auto" and settings.method == "auto":
        shift = crop_alignment.found_shift(original, synced, places, frames)
        frames = crop_alignment.shifted(frames, shift, places)
    mapping = crop_alignment.mappings_of(places, frames, synced.info.upright_size)
    source = crop_alignment.sources(original, synced, places, frames)
    if settings.locate:
        mapping = crop_locate.locate(original, synced, source, mapping)
    pairs = [(int(i), j) for j, i in enumerate(source) if i >= 0]
    if not pairs:
        raise InputMismatchError("the synced crop shows no frame of this original", hint="Check the record.")
    alike = crop_alignment.crop_likeness(original, synced, pairs, mapping)
    if alike < _MIN_LIKENESS:
        raise InputMismatchError(
            f"the synced crop shows something else than its record says (likeness {alike:.2f}; at least "
            f"{_MIN_LIKENESS} is needed, {TYPICAL_LIKENESS})",
            details=(f"original     {original.info.path}", f"synced crop  {synced.info.path}"),
            hint="Check that the crop was made from this original, and that the record is that of this crop.",
        )
    pairing = timeline.describe(source, *clocks, offset_s=None if settings.offset_s == "auto" else offset_s)
    follow = settings.timeline
    if follow == "auto" and len(places) < len(whole):
        follow = "original"  # the generator skipped frames without a face, and so left the original's time
    return Alignment(mapping, pairing, timeline.lay_out(pairing, *clocks, follow), alike)


def align_located(original: Scan, synced: Scan, settings: PairSettings) -> Alignment:
    """Align a face crop without record: in time by the clocks, in space frame by frame.

    Raises
    ------
    InputMismatchError
        The two do not overlap in time, or no place is found for most frames.
    """
    clocks = original.clock(), synced.clock()
    offset_s = 0.0 if settings.offset_s == "auto" else settings.offset_s
    source = _source_without_search(clocks, settings.method, offset_s)
    pairs = [(int(i), j) for j, i in enumerate(source) if i >= 0]
    if not pairs:
        raise InputMismatchError(f"with an offset of {offset_s:g} s the two videos do not overlap in time")
    mapping = crop_locate.locate(original, synced, source, None)
    alike = crop_alignment.crop_likeness(original, synced, pairs, mapping)
    pairing = timeline.describe(source, *clocks, offset_s=offset_s)
    return Alignment(mapping, pairing, timeline.lay_out(pairing, *clocks, settings.timeline), alike)


def alignment_notes(found: Alignment, original_info: VideoInfo, synced_info: VideoInfo) -> Iterator[str]:
    """Lines for the summary about how the two videos correspond."""
    pairing, follows = found.pairing, found.timeline.follows
    if follows == "synced":
        why = "the generator re-timed the picture" if not pairing.in_step else "as requested"
        yield f"the output follows the synced video's timeline ({why})"
    elif not pairing.in_step:
        why = (
            "as requested"
            if synced_info.places is None
            else "as requested, or since frames without a face were skipped"
        )
        yield f"the output follows the original's timeline, {why}; the synced video is not in step with it"
    if abs(pairing.offset_s) > _MIN_NOTED_OFFSET_S:
        where = "after the start of" if pairing.offset_s > 0 else "before"
        yield f"the synced video starts {abs(pairing.offset_s):.3f} s {where} the original"
    steady = not pairing.jumps and pairing.backward < _MIN_NOTED_BACKWARD and pairing.drift > -_MAX_DRIFT
    if not pairing.in_step and steady and abs(pairing.drift) > _MIN_NOTED_DRIFT:
        yield f"its picture runs {1 + pairing.drift:.4f} times as fast as the original's"
    for count, minimum, what in (
        (pairing.before, 1, "synced frames dropped at the start, as the original does not contain them"),
        (pairing.after, 1, "synced frames dropped at the end, as the original does not contain them"),
        (pairing.backward, _MIN_NOTED_BACKWARD, "synced frames that play the original backward"),
        (pairing.repeated, 1, "synced frames that repeat the previous one"),
        (pairing.jumps, 1, "places where the synced video jumps within the original"),
        (pairing.missing, 1, "original frames that the synced video skips"),
    ):
        if count >= minimum:
            yield f"{what}: {count}"
    if not found.mapping.is_exact(original_info.upright_size, synced_info.upright_size):
        yield _mapping_note(found.mapping, original_info, synced_info)
    if found.likeness < SAME_TAKE:
        yield (
            f"the likeness of matching frames is low ({found.likeness:.2f}; {TYPICAL_LIKENESS}): check that both "
            "videos come from the same take (original first), and leave out --pair and --offset if you passed them"
        )


def _mapping_note(mapping: Mappings, original_info: VideoInfo, synced_info: VideoInfo) -> str:
    if not isinstance(mapping, FrameMapping):
        size = "x".join(map(str, synced_info.upright_size))
        scale = float(np.sqrt(np.abs(np.linalg.det(mapping.rows[:, :, :2])).mean()))
        return f"the synced frame ({size}) follows the face in the original, scaled {scale:.4f} in the mean"
    left, top, right, bottom = mapping.covered(*synced_info.upright_size)
    original_size, synced_size = ("x".join(map(str, each.upright_size)) for each in (original_info, synced_info))
    return (
        f"the synced frame ({synced_size}) shows x {left:.1f} to {right:.1f} and "
        f"y {top:.1f} to {bottom:.1f} of the original's ({original_size}), "
        f"scaled {mapping.scale_x:.4f} x {mapping.scale_y:.4f}"
    )


def _source_without_search(clocks: tuple[Clock, Clock], method: str, offset_s: float) -> npt.NDArray[np.int64]:
    """The frame map by index or by time; -1 outside the original."""
    if method == "index":
        index = np.arange(len(clocks[1].times_s)) + round(offset_s / max(clocks[0].period_s, 1e-6))
        return np.where((index >= 0) & (index < len(clocks[0].times_s)), index, -1)
    return timeline.source_by_time(*clocks, offset_s)
