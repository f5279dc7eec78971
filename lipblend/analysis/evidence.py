"""Pairs of colours that both videos show of the same thing: outside what the generator painted, and on painted skin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.agreement import lower_face_box, skin_region
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.colour_samples import NEUTRAL
from lipblend.pairing.mapping_fit import covered
from lipblend.pairing.scan import Scan, to_small
from lipblend.picture.frame_mapping import FrameMapping, warp
from lipblend.picture.frame_mappings import Mappings
from lipblend.picture.patch import Box, channels, joined

Colours = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_MAX_PIXELS = 40_000
_MAX_GREY_LEVELS = 1.0  # deviation of Cb and Cr from neutral
_PAINTED_MARGIN_FRAC = 0.3  # face widths around the lower face that a generator may have painted
_MAX_EDGE_LEVELS = 12.0  # of luma, from pixel to pixel: on edges the two videos differ by where the edge lies
_MAX_DISTANCE_STEPS = 0.5  # between the original of a synced frame and the frame whose picture was sampled


@dataclass(frozen=True)
class ColourPairs:
    """Colours of the same things in both videos.

    Attributes
    ----------
    original, synced : (n, 3) float32
        YCbCr in 8-bit units, in each video's own encoding.
    """

    original: Colours
    synced: Colours

    def __len__(self) -> int:
        return len(self.original)

    @property
    def has_colour(self) -> bool:
        """Whether the original shows more than greys."""
        return bool((np.abs(self.original[:, 1:] - NEUTRAL) > _MAX_GREY_LEVELS).any())

    def thinned(self, max_pairs: int) -> ColourPairs:
        """At most `max_pairs` of the pairs, evenly spaced."""
        step = -(-len(self) // max_pairs) if len(self) else 1
        return ColourPairs(self.original[::step], self.synced[::step])


@dataclass(frozen=True)
class Evidence:
    """Colour pairs outside what the generator painted, and of the lower face's skin, which it painted."""

    unpainted: ColourPairs
    painted: ColourPairs


def gather_evidence(original: Scan, synced: Scan, source: npt.NDArray[np.int64], mapping: Mappings) -> Evidence:
    """Collect colour pairs from the small colour pictures of matched frames.

    ``source``, (n_s,) int64, is the frame map (-1 for none); ``mapping`` relates whole frames.
    """
    unpainted: list[ColourPairs] = []
    painted: list[ColourPairs] = []
    for j, synced_picture in synced.colours.pictures.items():
        i = int(source[j]) if j < len(source) else -1
        at = original.colours.nearest(i) if i >= 0 else None
        if at is None or abs(at - i) > _MAX_DISTANCE_STEPS * max(1, original.colours.step):
            continue
        picture = original.colours.pictures[at]
        height, width = picture.shape[:2]
        factors = to_small(picture.shape, original.info), to_small(synced_picture.shape, synced.info)
        place = mapping.at(j)
        small = place.scaled(*factors)
        warped = joined(*(warp(plane, small, (0, 0), (width, height)) for plane in channels(synced_picture)))
        inside = covered(small, synced_picture.shape[:2], (height, width)) if not place.is_identity else True
        flat = inside & _is_flat(picture[..., 0]) & _is_flat(warped[..., 0])
        faces = _meshes(original.faces[at], factors[0])
        synced_faces = _meshes(synced.faces[j], factors[1], small)
        away = flat & ~_painted_region([*faces, *synced_faces], (width, height))
        skin = inside & _skin(faces, (width, height))  # includes edges: a small face has little else
        unpainted.append(ColourPairs(picture[away], warped[away]))
        painted.append(ColourPairs(picture[skin], warped[skin]))
    return Evidence(_concatenated(unpainted), _concatenated(painted))


def _concatenated(parts: Sequence[ColourPairs]) -> ColourPairs:
    none = np.empty((0, 3), np.float32)
    original, synced = ([none, *(getattr(each, side) for each in parts)] for side in ("original", "synced"))
    return ColourPairs(np.concatenate(original), np.concatenate(synced)).thinned(_MAX_PIXELS)


def _meshes(
    faces: Sequence[TrackedFace], factors: tuple[float, float], mapping: FrameMapping | None = None
) -> list[Landmarks]:
    """Meshes in pixels of the original's small picture."""
    scale = np.array(factors, np.float32)
    points = [face.landmarks.points * scale for face in faces]
    return [Landmarks(each if mapping is None else mapping.to_original(each)) for each in points]


def _painted_region(faces: Sequence[Landmarks], size: tuple[int, int]) -> Mask:
    out = np.zeros(size[::-1], bool)
    for face in faces:
        box, margin = lower_face_box([face]), round(_PAINTED_MARGIN_FRAC * face.face_width_px)
        wide = Box(box.x0 - margin, box.y0 - margin // 2, box.x1 + margin, box.y1 + margin).clipped(*size)
        out[wide.y0 : wide.y1, wide.x0 : wide.x1] = True
    return out


def _skin(faces: Sequence[Landmarks], size: tuple[int, int]) -> Mask:
    out = np.zeros(size[::-1], bool)
    for face in faces:
        out |= skin_region([face], Box(0, 0, *size))
    return out


def _is_flat(luma: Colours) -> Mask:
    """Pixels that do not lie on an edge."""
    across = np.abs(cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8))
    down = np.abs(cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8))
    return np.asarray((across + down) < _MAX_EDGE_LEVELS)
