"""Where the synced frame lies on the original's: the search on small pictures, then on whole frames."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import STABLE
from lipblend.pairing import geometry
from lipblend.pairing.framemap import MOST_FRAMES
from lipblend.pairing.scan import Scan, to_small
from lipblend.pairing.thumb_rows import LateRows, Rows
from lipblend.picture.frame_mapping import FrameMapping, warp
from lipblend.runtime.spill_rows import StoredRows
from lipblend.video.reader import Frame

Thumbs = npt.NDArray[np.uint8]
Pairs = list[tuple[int, int]]
"""Index of an original frame and of a synced one."""

_CLEARLY_BETTER = 0.01
_SEEN_PX = 0.75  # a mapping that lies nowhere farther than this from a usual way is that way
_FULL_SIZE_PAIRS = 5
_FULL_SIZE_WITHIN = 250  # matched frames, counted from the first one, that are read again to refine a mapping
_SIDES_PX = (240, 480, 960)  # longer side of the frames on which a mapping is refined, coarse to fine


@dataclass(frozen=True)
class SmallPictures:
    """The small grey pictures of two videos, and how they relate to whole frames.

    Attributes
    ----------
    original, synced : (n, h, w) uint8
        Arrays, or rows of such that lie in a file.
    to_small : two (across, down) factors
        From whole frames to small ones, of the original and of the synced video.
    """

    original: Thumbs | StoredRows
    synced: Thumbs | StoredRows
    to_small: tuple[tuple[float, float], tuple[float, float]]

    @classmethod
    def of(cls, original: Scan, synced: Scan) -> SmallPictures:
        """Those of two scans."""
        ours, theirs = (
            scan.thumbs if isinstance(scan.thumbs, StoredRows) else np.stack(scan.thumbs) for scan in (original, synced)
        )
        return cls(ours, theirs, (to_small(ours.shape[1:], original.info), to_small(theirs.shape[1:], synced.info)))

    def small(self, mapping: FrameMapping) -> FrameMapping:
        """A mapping of whole frames, for the small ones."""
        return mapping.scaled(*self.to_small)

    def full(self, mapping: FrameMapping) -> FrameMapping:
        """A mapping of small pictures, for whole frames."""
        ours, theirs = self.to_small
        return mapping.scaled((1 / ours[0], 1 / ours[1]), (1 / theirs[0], 1 / theirs[1]))

    def likeness(self, pairs: Pairs, mapping: FrameMapping) -> float:
        """Median likeness of pairs of frames, see `geometry.likeness`; ``mapping`` is of whole frames."""
        ours, theirs = self.chosen(pairs)
        return float(np.median(geometry.likeness(ours, theirs, self.small(mapping))))

    def chosen(self, pairs: Pairs) -> tuple[Thumbs, Thumbs]:
        """Both sides of some pairs."""
        ours, theirs = (np.array(side) for side in zip(*pairs, strict=True))
        return self.original[ours], self.synced[theirs]

    def pixels(self, mapping: FrameMapping) -> tuple[Rows, Rows]:
        """Both videos as (n, k): the same k places of the scene in both, those that the synced frame covers.

        Long clips' are read when they are asked for.
        """
        small = self.small(mapping)
        shape, synced_shape = _size(self.original), _size(self.synced)
        inside = geometry.covered(small, synced_shape, shape)

        def of_original(pictures: Thumbs) -> Thumbs:
            return pictures.reshape(len(pictures), -1) if inside.all() else pictures[:, inside]

        def of_synced(pictures: Thumbs) -> Thumbs:
            if small.lies_exactly(shape, synced_shape):
                return of_original(pictures)
            laid = np.empty((len(pictures), np.count_nonzero(inside)), np.uint8)
            for row, picture in zip(laid, pictures, strict=True):
                row[:] = np.clip(np.rint(warp(picture, small, (0, 0), (shape[1], shape[0]))[inside]), 0, 255)
            return laid

        count = int(np.count_nonzero(inside))
        if max(len(self.original), len(self.synced)) > MOST_FRAMES:
            return LateRows(self.original, of_original, count), LateRows(self.synced, of_synced, count)
        return of_original(self.original[:]), of_synced(self.synced[:])

    def apart(self, one: FrameMapping, other: FrameMapping) -> float:
        """How far two mappings of whole frames lie apart where they differ most, in pixels of the small original."""
        height, width = self.original.shape[1:]
        return _apart_px(self.small(one), self.small(other), (width, height))


def find_mapping(original: Scan, synced: Scan, small: SmallPictures, pairs: Pairs, *, enough: float) -> FrameMapping:
    """Find the mapping under which frames are most alike.

    Cameras mostly stand still, and heads move little, so the pairs need not be the right ones yet.

    Parameters
    ----------
    original, synced : Scan
    small : SmallPictures
    pairs : list of (int, int)
        Frames of about the same moment.
    enough : float
        Frames of one size that are as alike as this without a mapping need none.
    """
    plain = FrameMapping()
    best, most = plain, -1.0
    if original.info.upright_size == synced.info.upright_size:
        most = small.likeness(pairs, plain) + _CLEARLY_BETTER
        if most >= enough:
            return plain
    ours, theirs = small.chosen(pairs)
    for candidate in usual_ways(original, synced, pairs):
        refined = small.full(geometry.refine(list(ours), list(theirs), small.small(candidate)))
        for tried in (candidate, refined):
            alike = small.likeness(pairs, tried)
            if alike > most:
                best, most = tried, alike
    return best


def usual_ways(original: Scan, synced: Scan, pairs: Pairs) -> list[FrameMapping]:
    """The usual ways to put a frame of one size into another, and what the faces of some pairs say."""
    stable = list(STABLE)
    faces = [
        (original.faces[i][0].landmarks.points[stable], synced.faces[j][0].landmarks.points[stable])
        for i, j in pairs
        if original.faces[i] and synced.faces[j]
    ]
    return geometry.candidates(original.info.upright_size, synced.info.upright_size, faces)


def refined_on_frames(original: Scan, synced: Scan, pairs: Pairs, mapping: FrameMapping) -> FrameMapping:
    """Improve a mapping on a few pairs of whole frames, coarse to fine.

    Parameters
    ----------
    original, synced : Scan
    pairs : list of (int, int)
        Matched frames, by rising synced index.
    mapping : FrameMapping
        Right to a few pixels.
    """
    near = pairs[:_FULL_SIZE_WITHIN]
    places = np.unique(np.linspace(0, len(near) - 1, _FULL_SIZE_PAIRS).astype(int))
    wanted = [near[place] for place in places]
    ours = [_grey(frame) for frame in original.frames([i for i, _ in wanted])]
    theirs = [_grey(frame) for frame in synced.frames([j for _, j in wanted])]
    for side in _SIDES_PX:
        one, other = [_reduced(x, side) for x in ours], [_reduced(x, side) for x in theirs]
        down = SmallPictures(np.stack(one), np.stack(other), (_ratio(one[0], ours[0]), _ratio(other[0], theirs[0])))
        mapping = down.full(geometry.refine(one, other, down.small(mapping)))
    size = original.info.upright_size
    ways = geometry.candidates(size, synced.info.upright_size, [])
    nearest = min(ways, key=lambda way: _apart_px(way, mapping, size))
    return nearest if _apart_px(nearest, mapping, size) < _SEEN_PX else mapping


def _apart_px(one: FrameMapping, other: FrameMapping, size: tuple[int, int]) -> float:
    """How far two mappings lie apart where they differ most, in pixels of the original."""
    corners = np.array([[0, 0], size], np.float64)
    return float(np.abs(one.to_original(other.to_synced(corners)) - corners).max())


def _grey(frame: Frame) -> Thumbs:
    """The luma of a frame in 8 bits; a copy."""
    luma = np.asarray(frame.planes[0])
    return np.asarray(luma >> (frame.layout.depth - 8), np.uint8) if frame.layout.depth > 8 else luma.copy()


def _reduced(picture: Thumbs, side: int) -> Thumbs:
    height, width = picture.shape
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = max(16, round(width * scale)), max(16, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _size(pictures: Thumbs | StoredRows) -> tuple[int, int]:
    """Height and width."""
    _, height, width = pictures.shape
    return height, width


def _ratio(small: Thumbs, whole: Thumbs) -> tuple[float, float]:
    return small.shape[1] / whole.shape[1], small.shape[0] / whole.shape[0]
