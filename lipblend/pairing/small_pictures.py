"""The small grey pictures of two videos: how they relate to whole frames, and as rows of pixels to be compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lipblend.pairing import mapping_evidence, mapping_fit
from lipblend.pairing.scan import Scan, to_small
from lipblend.picture.frame_mapping import FrameMapping, warp
from lipblend.runtime.spill import StoredRows

Pixels = npt.NDArray[np.uint8]
FramePairs = list[tuple[int, int]]
"""Index of an original frame and of a synced one."""

MAX_DENSE_FRAMES = 500
"""Longer clips are not held in memory, and not searched in one cost matrix."""


class PixelRows(Protocol):
    """What the frame map needs of (n, k) uint8 pixels, one picture per row."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, k)."""

    def __len__(self) -> int:
        """n."""

    def __getitem__(self, index: slice | npt.NDArray[np.integer[Any]], /) -> Pixels:
        """Some rows."""


class LazyRows:
    """Rows of pixels made from pictures on access.

    Parameters
    ----------
    pictures : (n, h, w) uint8
    to_rows : callable
        Turns pictures into rows.
    pixels : int
        Pixels per row.
    """

    def __init__(self, pictures: Pixels | StoredRows, to_rows: Callable[[Pixels], Pixels], pixels: int) -> None:
        self._pictures, self._to_rows, self._pixels = pictures, to_rows, pixels

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, k)."""
        return len(self), self._pixels

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: slice | npt.NDArray[np.integer[Any]], /) -> Pixels:
        return self._to_rows(self._pictures[index])


@dataclass(frozen=True)
class SmallPictures:
    """The small grey pictures of two videos.

    Attributes
    ----------
    original, synced : (n, h, w) uint8
        Arrays, or rows stored in a file.
    to_small : two (x, y) factors
        From whole frames to small ones, of the original and of the synced video.
    """

    original: Pixels | StoredRows
    synced: Pixels | StoredRows
    to_small: tuple[tuple[float, float], tuple[float, float]]

    @classmethod
    def of(cls, original: Scan, synced: Scan) -> SmallPictures:
        """The pictures of two scans."""
        first, second = (
            scan.thumbs if isinstance(scan.thumbs, StoredRows) else np.stack(scan.thumbs) for scan in (original, synced)
        )
        return cls(first, second, (to_small(first.shape[1:], original.info), to_small(second.shape[1:], synced.info)))

    def small(self, mapping: FrameMapping) -> FrameMapping:
        """Convert a mapping of whole frames to small ones."""
        return mapping.scaled(*self.to_small)

    def full(self, mapping: FrameMapping) -> FrameMapping:
        """Convert a mapping of small pictures to whole frames."""
        (x1, y1), (x2, y2) = self.to_small
        return mapping.scaled((1 / x1, 1 / y1), (1 / x2, 1 / y2))

    def likeness(self, pairs: FramePairs, mapping: FrameMapping) -> float:
        """Median likeness of pairs of frames under a mapping of whole frames, see `mapping_fit.likeness`."""
        return float(np.median(mapping_fit.likeness(*self.chosen(pairs), self.small(mapping))))

    def refine(self, pairs: FramePairs, mapping: FrameMapping) -> FrameMapping:
        """Fit a mapping of whole frames to pairs of small pictures, see `mapping_fit.refine`."""
        original, synced = self.chosen(pairs)
        return self.full(mapping_fit.refine(list(original), list(synced), self.small(mapping)))

    def holds_throughout(self, pairs: FramePairs, mapping: FrameMapping, simple: FrameMapping) -> bool:
        """Whether pairs speak for a mapping of whole frames everywhere, see `mapping_evidence.holds_throughout`."""
        return mapping_evidence.holds_throughout(*self.chosen(pairs), self.small(mapping), self.small(simple))

    def chosen(self, pairs: FramePairs) -> tuple[Pixels, Pixels]:
        """The original and the synced pictures of some pairs."""
        first, second = (np.array(side) for side in zip(*pairs, strict=True))
        return self.original[first], self.synced[second]

    def pixels(self, mapping: FrameMapping) -> tuple[PixelRows, PixelRows]:
        """Both videos as (n, k): the same k places of the scene, where the synced frame covers the original.

        Those of long clips are computed on access.
        """
        small = self.small(mapping)
        (_, height, width), (_, synced_height, synced_width) = self.original.shape, self.synced.shape
        inside = mapping_fit.covered(small, (synced_height, synced_width), (height, width))

        def of_original(pictures: Pixels) -> Pixels:
            return pictures.reshape(len(pictures), -1) if inside.all() else pictures[:, inside]

        def of_synced(pictures: Pixels) -> Pixels:
            if small.is_exact((height, width), (synced_height, synced_width)):
                return of_original(pictures)
            rows = np.empty((len(pictures), np.count_nonzero(inside)), np.uint8)
            for row, picture in zip(rows, pictures, strict=True):
                row[:] = np.clip(np.rint(warp(picture, small, (0, 0), (width, height))[inside]), 0, 255)
            return rows

        count = int(np.count_nonzero(inside))
        if max(len(self.original), len(self.synced)) > MAX_DENSE_FRAMES:
            return LazyRows(self.original, of_original, count), LazyRows(self.synced, of_synced, count)
        return of_original(self.original[:]), of_synced(self.synced[:])

    def max_distance_px(self, first: FrameMapping, second: FrameMapping) -> float:
        """Largest distance between two mappings of whole frames, in pixels of the small original."""
        height, width = self.original.shape[1:]
        return mapping_fit.max_distance_px(self.small(first), self.small(second), (width, height))
