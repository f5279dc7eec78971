"""What both videos show of the same: pairs of colours, beside what the generator painted, and on the painted skin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.agreement import lower_face_box, skin_region
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.geometry import covered
from lipblend.pairing.scan import Scan, to_small
from lipblend.pairing.sparse import NEUTRAL
from lipblend.picture.frame_mapping import FrameMapping, warp
from lipblend.picture.patch import Box, channels, joined

Colours = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_MOST_PIXELS = 40_000
_GREY_LEVELS = 1.0  # of Cb and Cr
_PAINTED_FRAC = 0.3  # face widths about the lower face that a generator may have painted
_EDGE_LEVELS = 12.0  # of luma, from pixel to pixel: on an edge the two videos differ by where it lies
_LEAST_PAIR = 0.5  # steps that a synced frame's original may lie beside the one whose picture is kept


@dataclass(frozen=True)
class Sightings:
    """Colours of the same things in both videos.

    Attributes
    ----------
    original, synced : (n, 3) float32
        YCbCr in 8-bit units, each video's own codes.
    """

    original: Colours
    synced: Colours

    def __len__(self) -> int:
        return len(self.original)

    @property
    def coloured(self) -> bool:
        """The original shows more than greys."""
        return bool((np.abs(self.original[:, 1:] - NEUTRAL) > _GREY_LEVELS).any())

    def thinned(self, most: int) -> Sightings:
        """At most so many of them, evenly spread."""
        every = -(-len(self) // most) if len(self) else 1
        return Sightings(self.original[::every], self.synced[::every])


@dataclass(frozen=True)
class Evidence:
    """Sightings beside what was painted, and of the lower face's skin, which was."""

    beside: Sightings
    painted: Sightings


def gather(original: Scan, synced: Scan, source: npt.NDArray[np.int64], mapping: FrameMapping) -> Evidence:
    """Pairs of colours of the small colour pictures of matched frames.

    Parameters
    ----------
    original, synced : Scan
    source : (n_s,) int64
        Original frame of every synced one, -1 for none.
    mapping : FrameMapping
        Of whole frames.
    """
    beside: list[Sightings] = []
    painted: list[Sightings] = []
    for j, picture in synced.colours.pictures.items():
        i = int(source[j]) if j < len(source) else -1
        at = original.colours.nearest(i) if i >= 0 else None
        if at is None or abs(at - i) > _LEAST_PAIR * max(1, original.colours.step):
            continue
        ours = original.colours.pictures[at]
        height, width = ours.shape[:2]
        factors = to_small(ours.shape, original.info), to_small(picture.shape, synced.info)
        to_ours = mapping.scaled(*factors)
        theirs = joined(*(warp(plane, to_ours, (0, 0), (width, height)) for plane in channels(picture)))
        inside = covered(to_ours, picture.shape[:2], (height, width)) if not mapping.is_identity else True
        seen = inside & _calm(ours[..., 0]) & _calm(theirs[..., 0])
        faces = _meshes(original.faces[at], factors[0])
        others = _meshes(synced.faces[j], factors[1], to_ours)
        away = seen & ~_painted([*faces, *others], (width, height))
        skin = inside & _skin(faces, (width, height))  # edges too: of a small face there is little else
        beside.append(Sightings(ours[away], theirs[away]))
        painted.append(Sightings(ours[skin], theirs[skin]))
    return Evidence(_joined(beside), _joined(painted))


def _joined(parts: Sequence[Sightings]) -> Sightings:
    none = np.empty((0, 3), np.float32)
    ours, theirs = ([none, *(getattr(each, side) for each in parts)] for side in ("original", "synced"))
    return Sightings(np.concatenate(ours), np.concatenate(theirs)).thinned(_MOST_PIXELS)


def _meshes(
    faces: Sequence[TrackedFace], factors: tuple[float, float], mapping: FrameMapping | None = None
) -> list[Landmarks]:
    """Meshes in the pixels of the original's small picture."""
    scale = np.array(factors, np.float32)
    points = [face.landmarks.points * scale for face in faces]
    return [Landmarks(each if mapping is None else mapping.to_original(each)) for each in points]


def _painted(faces: Sequence[Landmarks], size: tuple[int, int]) -> Mask:
    out = np.zeros(size[::-1], bool)
    for face in faces:
        box, margin = lower_face_box([face]), round(_PAINTED_FRAC * face.face_width_px)
        wide = Box(box.x0 - margin, box.y0 - margin // 2, box.x1 + margin, box.y1 + margin).clipped(*size)
        out[wide.y0 : wide.y1, wide.x0 : wide.x1] = True
    return out


def _skin(faces: Sequence[Landmarks], size: tuple[int, int]) -> Mask:
    out = np.zeros(size[::-1], bool)
    for face in faces:
        out |= skin_region([face], Box(0, 0, *size))
    return out


def _calm(luma: Colours) -> Mask:
    """Pixels that lie on no edge."""
    across = np.abs(cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8))
    down = np.abs(cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8))
    return np.asarray((across + down) < _EDGE_LEVELS)
