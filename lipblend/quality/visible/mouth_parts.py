"""The mouth itself: the old lips shining through, displacement, and what neither picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lipblend.quality.visible.expected import Expected
from lipblend.quality.visible.work_face import MIN_PIXELS, Mask, Plane, Planes, Points, WorkFace, Zones, grown
from lipblend.stages.detail.scale import gaussian, low_pass

_BAND_FRACS = (0.016, 0.06)  # coarser than a small generator's blur
_AROUND_FRAC = 0.04
_SOFT_FRAC = 0.012
_LOW_FRAC = 0.02
_STEPS = 6
_ALL_OLD = 0.85
_DAMPING = np.diag([0.05, 0.05, 1e-6, 1e-6])
_FLOOR = 1.0  # squared levels


@dataclass(frozen=True)
class Mouth:
    """How a result's mouth is made of the two pictures.

    Attributes
    ----------
    old : float
        Share of the original's picture in it: 0 the new mouth, 1 the old one.
    differs : float
        Root mean square difference of the structure of the two mouths, levels.
    unexplained : float
        Root mean square of what no mixture of the two explains, levels.
    structure : float
        Root mean square of the new mouth's own structure, levels.
    """

    old: float
    differs: float
    unexplained: float
    structure: float

    @property
    def all_old(self) -> bool:
        """Whether it is the original's own mouth, which is no wrong place for the new one."""
        return self.old > _ALL_OLD


def mouth(face: WorkFace, found: Expected, parts: Zones) -> Mouth | None:
    """Split a result's mouth into the two pictures; None without a mouth in view."""
    if np.count_nonzero(parts.mouth) < MIN_PIXELS:
        return None
    box = cv2.boundingRect(parts.mouth.view(np.uint8))
    old, new, shown = (
        _structure(planes, parts.mouth, box, face.width) for planes in (face.original, found.recast, face.result)
    )
    offered, taken = old - new, shown - new
    energy = float((offered * offered).mean())
    share = float((offered * taken).mean()) / (energy + _FLOOR)
    rest = taken - np.float32(np.clip(share, 0, 1)) * offered
    return Mouth(
        old=share,
        differs=energy**0.5,
        unexplained=float((rest * rest).mean()) ** 0.5,
        structure=float((new * new).mean()) ** 0.5,
    )


def shift(face: WorkFace, found: Expected, parts: Zones) -> Points | None:
    """Displacement of a result's mouth from the new one's, (2,) face widths right and down; None where it has none.

    Gauss-Newton with a free gain and level (Lucas and Kanade 1981), slightly damped.
    """
    region = grown(parts.mouth, _AROUND_FRAC * face.width)
    if np.count_nonzero(region) < MIN_PIXELS:
        return None
    x, y, width, height = cv2.boundingRect(region.view(np.uint8))
    place = np.s_[y : y + height, x : x + width]
    region = region[place]
    sigma = max(0.8, _SOFT_FRAC * face.width)
    moving, fixed = (gaussian(np.ascontiguousarray(plane[place]), sigma) for plane in (face.result[0], found.recast[0]))
    target = fixed[region].astype(np.float64)
    step, total = np.zeros(2), np.zeros(2)
    for _ in range(_STEPS):
        matrix = np.array([[1, 0, total[0]], [0, 1, total[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(moving, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        across, down = (cv2.Sobel(warped, cv2.CV_32F, way, 1 - way, scale=1 / 8)[region] for way in (1, 0))
        terms = np.stack([-across, -down, target, np.ones_like(target)], axis=1)
        normal = terms.T @ terms + len(target) * _DAMPING
        step = np.clip(np.linalg.solve(normal, terms.T @ warped[region])[:2], -2, 2)
        total += step
        if np.abs(step).max() < 0.02:
            break
    return total / face.width


def foreign(face: WorkFace, found: Expected, parts: Zones) -> tuple[float, float]:
    """Darkest and most coloured smooth difference of the mouth from both pictures, levels.

    Returns
    -------
    dark, coloured : float
        How much darker than both pictures, and how far from the chroma of the nearer of the two, the worst fiftieth
        of the lips is.
    """
    if np.count_nonzero(parts.lips) < MIN_PIXELS:
        return 0.0, 0.0
    x, y, width, height = cv2.boundingRect(parts.lips.view(np.uint8))
    margin = int(3 * _LOW_FRAC * face.width) + 1
    place = np.s_[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
    lips, sigma = parts.lips[place], _LOW_FRAC * face.width

    def low(planes: Planes) -> list[Plane]:
        return [low_pass(np.ascontiguousarray(plane[place]), sigma)[lips] for plane in planes]

    shown, pictures = low(face.result), [low(face.original), low(found.recast)]
    dark = np.minimum(*(picture[0] for picture in pictures)) - shown[0]
    apart = [np.hypot(shown[1] - picture[1], shown[2] - picture[2]) for picture in pictures]
    return float(np.percentile(dark, 98)), float(np.percentile(np.minimum(*apart), 98))


def _structure(planes: Planes, region: Mask, box: Sequence[int], width: float) -> Plane:
    """Luma and Cr between two scales in the mouth, (n,) levels."""
    x, y, across, down = box
    margin = int(3 * _BAND_FRACS[1] * width) + 1
    place = np.s_[max(0, y - margin) : y + down + margin, max(0, x - margin) : x + across + margin]
    fine, coarse = (max(0.6, frac * width) if frac == _BAND_FRACS[0] else frac * width for frac in _BAND_FRACS)
    inside = region[place]
    parts = []
    for plane in (planes[0], planes[2]):
        crop = np.ascontiguousarray(plane[place])
        parts.append((gaussian(crop, fine) - low_pass(crop, coarse))[inside])
    return np.concatenate(parts)
