"""The search for the mapping between original and synced frames: on small pictures, then on whole frames."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import STABLE
from lipblend.pairing import mapping_fit
from lipblend.pairing.mapping_evidence import holds_throughout
from lipblend.pairing.scan import Scan
from lipblend.pairing.small_pictures import FramePairs, SmallPictures
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.video.reader import Frame

Luma = npt.NDArray[np.uint8]

FIT_REACH_PX = 1.0
"""Distance from which a fit finds a mapping, in pixels of the small original."""

_MIN_GAIN = 0.01  # of likeness, for a mapping to replace none
_SNAP_PX = 0.75  # a mapping that lies nowhere farther than this from a usual one is replaced by it
_FULL_SIZE_PAIRS = 5
_FULL_SIZE_WITHIN = 250  # matched frames, from the first one on, among which these pairs are chosen
_SIDES_PX = (240, 480, 960)  # longer side of the frames used for refinement, coarse to fine


def find_mapping(
    original: Scan, synced: Scan, small: SmallPictures, pairs: FramePairs, *, enough: float
) -> FrameMapping:
    """Find the mapping under which frames are most alike.

    Cameras mostly stand still and heads move little, so it is enough if the pairs are of about the same moment. Frames
    of the same size whose likeness is at least ``enough`` are taken to need no mapping. A mapping that follows from the
    pictures replaces the best simple one only if it holds throughout, see `mapping_evidence`.
    """
    plain = simple_mappings(original, synced)
    best = simple = max(plain, key=lambda each: small.likeness(pairs, each))
    highest = small.likeness(pairs, simple)
    if simple.is_exact(original.info.upright_size, synced.info.upright_size):
        highest += _MIN_GAIN
        if highest >= enough:
            return simple
    fitted: list[FrameMapping] = []
    for candidate in usual_mappings(original, synced, pairs):
        tried = [candidate]
        if all(small.max_distance_px(candidate, each) >= FIT_REACH_PX for each in fitted):
            fitted.append(candidate)
            tried.append(small.refine(pairs, candidate))
        for mapping in tried:
            alike = small.likeness(pairs, mapping)
            if alike > highest and (mapping in plain or small.holds_throughout(pairs, mapping, simple)):
                best, highest = mapping, alike
    return best


def simple_mappings(original: Scan, synced: Scan) -> list[FrameMapping]:
    """The mappings that follow from the two frame sizes alone; frames of the same size have one."""
    return mapping_fit.candidates(original.info.upright_size, synced.info.upright_size, ())


def usual_mappings(original: Scan, synced: Scan, pairs: FramePairs) -> list[FrameMapping]:
    """The usual mappings between the two frame sizes, and the one suggested by the faces of some pairs."""
    stable = list(STABLE)
    faces = [
        (original.faces[i][0].landmarks.points[stable], synced.faces[j][0].landmarks.points[stable])
        for i, j in pairs
        if original.faces[i] and synced.faces[j]
    ]
    return mapping_fit.candidates(original.info.upright_size, synced.info.upright_size, faces)


def refine_on_frames(original: Scan, synced: Scan, pairs: FramePairs, mapping: FrameMapping) -> FrameMapping:
    """Improve a mapping that is right to a few pixels, on a few pairs of whole frames, coarse to fine.

    ``pairs`` are the matched frames, by rising synced index. A simple mapping is left only for one that holds
    throughout, see `mapping_evidence`.
    """
    near = pairs[:_FULL_SIZE_WITHIN]
    places = np.unique(np.linspace(0, len(near) - 1, _FULL_SIZE_PAIRS).astype(int))
    chosen = [near[place] for place in places]
    whole = (
        [_grey(frame) for frame in original.frames([i for i, _ in chosen])],
        [_grey(frame) for frame in synced.frames([j for _, j in chosen])],
    )
    start = mapping
    for side in _SIDES_PX:
        first, second = ([_reduce(picture, side) for picture in pictures] for pictures in whole)
        ratios = _ratio(first[0], whole[0][0]), _ratio(second[0], whole[1][0])
        level = SmallPictures(np.stack(first), np.stack(second), ratios)
        mapping = level.full(mapping_fit.refine(first, second, level.small(mapping)))
    size, simple = original.info.upright_size, simple_mappings(original, synced)
    nearest = min(simple, key=lambda each: mapping_fit.max_distance_px(each, mapping, size))
    if mapping_fit.max_distance_px(nearest, mapping, size) < _SNAP_PX:
        return nearest
    if start in simple and not holds_throughout(first, second, level.small(mapping), level.small(start)):
        return start
    return mapping


def _grey(frame: Frame) -> Luma:
    """The luma of a frame in 8 bits; a copy."""
    luma = np.asarray(frame.planes[0])
    return np.asarray(luma >> (frame.layout.depth - 8), np.uint8) if frame.layout.depth > 8 else luma.copy()


def _reduce(picture: Luma, side: int) -> Luma:
    height, width = picture.shape
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = max(16, round(width * scale)), max(16, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _ratio(small: Luma, whole: Luma) -> tuple[float, float]:
    return small.shape[1] / whole.shape[1], small.shape[0] / whole.shape[0]
