"""Strands before a face: hair, cables, the rim of a glass: thin lines that the synced picture lacks.

A line is thinner than 2.5 % of the face's width and longer than a tenth of it: what a top-hat transform finds, and an
opening along some direction leaves (Serra 1982; Soille and Talbot 2001). Beards, teeth and pores are shorter, folds and
the jaw are wider. In the mouth, lines along the lips are the lips'.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, reduce

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.detail.scale import gaussian

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Patch3 = npt.NDArray[np.float32]

_HALF_WIDTH_FRAC, _LENGTH_FRAC = 0.012, 0.1
_DIRECTIONS = 12
_MIN_LEVELS, _FAINT_LEVELS = 8, 5  # of a line that the other picture lacks; of its continuation
_ALONG_MOUTH_DEG = 35.0
_FULL_SHARE = 0.7  # of the strongest lines: they hide what is behind them
_BESIDE_SHARE = 0.5  # of a line's strength, in the pixels beside it
_ANY_SHARE = 0.1
_TINY = np.float32(1e-6)
_ENOUGH = np.float32(0.1)  # share of clear pixels around one
_NEAR_FRAC = 0.012  # what a strand hides is filled in from this far


@dataclass(frozen=True)
class Lines:
    """Lines of a picture, dark and bright ones: how far they stand out, (h, w) uint8 levels."""

    dark: Codes
    bright: Codes

    @classmethod
    def of(cls, luma: Codes, width_px: float, *, across: float | None = None) -> Lines:
        """Find them.

        Parameters
        ----------
        luma : (h, w) uint8
        width_px : float
            Width of the face.
        across : float, optional
            Direction of the mouth, radians; only lines that cross it are found.
        """
        length = max(5, 2 * round(_LENGTH_FRAC * width_px / 2) + 1)
        thin, found = _thin(luma, width_px), []
        for plane in (thin.dark, thin.bright):
            wide = cv2.dilate(plane, np.ones((2, 2), np.uint8))  # lines need not be straight to the pixel
            directions = [cv2.morphologyEx(wide, cv2.MORPH_OPEN, _segment(length, angle)) for angle in _angles(across)]
            found.append(np.asarray(cv2.min(reduce(cv2.max, directions), plane), np.uint8))
        return cls(*found)

    def lacking_in(self, other: Lines) -> Lines:
        """How far the lines stand out more than in another picture."""
        dark, bright = cv2.subtract(self.dark, other.dark), cv2.subtract(self.bright, other.bright)
        return Lines(np.asarray(dark, np.uint8), np.asarray(bright, np.uint8))

    def showing(self, original: Codes, synced: Codes) -> Lines:
        """The lines at which one picture, luma, differs from another that lacks them: not the gaps between them."""
        darker, brighter = cv2.subtract(synced, original), cv2.subtract(original, synced)
        planes = ((self.dark, darker), (self.bright, brighter))
        return Lines(*(np.where(apart >= plane // 2, plane, 0).astype(np.uint8) for plane, apart in planes))

    @property
    def all(self) -> Codes:
        """Dark and bright ones."""
        return np.asarray(cv2.max(self.dark, self.bright), np.uint8)


def strands_length(original: Codes, synced: Codes, skin: Mask, width_px: float) -> float:
    """Length of the lines on skin that the synced picture lacks, in face widths; 0 if it is surely below 0.1.

    ``original`` and ``synced`` are (h, w) uint8 luma, ``skin`` (h, w) uint8 is 1 where lines count.
    """
    pixels = _line_px(width_px) * width_px
    lacking = _thin(original, width_px).lacking_in(_thin(synced, width_px)).all
    if cv2.countNonZero((lacking >= _MIN_LEVELS).astype(np.uint8) & skin) < _LENGTH_FRAC * pixels:
        return 0.0
    lacking = Lines.of(original, width_px).lacking_in(Lines.of(synced, width_px)).all
    return cv2.countNonZero((lacking >= _MIN_LEVELS).astype(np.uint8) & skin) / pixels


def lines_lacking(original: Codes, synced: Codes, width_px: float) -> Mask:
    """1 on and beside thin lines, long or short, that the synced picture lacks; (h, w) uint8."""
    lacking = _thin(original, width_px).lacking_in(_thin(synced, width_px)).all
    return np.asarray(cv2.dilate((lacking >= _MIN_LEVELS).astype(np.uint8), np.ones((3, 3), np.uint8)), np.uint8)


def strands_matte(original: Codes, synced: Codes, mouth: Mask, mouth_angle: float, width_px: float) -> Plane:
    """Share of strands that the synced picture lacks, (h, w) float32 in [0, 1].

    Parameters
    ----------
    original, synced : (h, w) uint8
        Luma.
    mouth : (h, w) uint8
        1 in the mouth and near it.
    mouth_angle : float
        Direction of the line through its corners, radians.
    width_px : float
        Width of the face.
    """
    lacking = Lines.of(original, width_px).lacking_in(Lines.of(synced, width_px)).showing(original, synced)
    crossing = Lines.of(original, width_px, across=mouth_angle).lacking_in(
        Lines.of(synced, width_px, across=mouth_angle)
    )
    beside = [np.count_nonzero((plane >= _MIN_LEVELS) & (mouth == 0)) for plane in (lacking.dark, lacking.bright)]
    # The pictures differ in the mouth anyway: there strands are dark, or bright, as beside it.
    levels = np.where(mouth > 0, crossing.dark if beside[0] >= beside[1] else crossing.bright, lacking.all)
    labels = np.asarray(cv2.connectedComponents((levels >= _FAINT_LEVELS).astype(np.uint8), connectivity=8)[1])
    strong = np.bincount(labels[(levels >= _MIN_LEVELS) & (mouth == 0)], minlength=int(labels.max()) + 1)
    taken = strong >= _LENGTH_FRAC * width_px * _line_px(width_px) / 2
    taken[0] = False
    levels = np.where(taken[labels], levels, 0).astype(np.float32)
    if not levels.any():
        return levels
    full = np.float32(_FULL_SHARE * np.percentile(levels[levels > 0], 90))
    soft = np.float32(_BESIDE_SHARE) * cv2.dilate(levels, np.ones((3, 3), np.uint8))
    return np.asarray(np.clip(np.maximum(levels, soft) / full, 0, 1), np.float32)


def without_strands(picture: Patch3, strands: Plane, width_px: float) -> Patch3:
    """A picture, (h, w, 3) float32 YCbCr, without its strands and what a generator left of them.

    Luma rises, or falls, by as much as the line stands out, which leaves lips and teeth that it crosses as sharp as
    they are; chroma is filled in from beside it.
    """
    share = np.minimum(cv2.dilate(strands, np.ones((3, 3), np.uint8)) / np.float32(_ANY_SHARE), 1)
    lines = _thin(luma_codes(picture[..., 0]), width_px)
    depth = lines.dark.astype(np.float32) - lines.bright
    dark = float((depth * strands).sum()) >= 0
    luma = picture[..., 0] + share * (np.maximum(depth, 0) if dark else np.minimum(depth, 0))
    chroma = _filled_in(picture[..., 1:], (share < 1).astype(np.float32), max(1.0, _NEAR_FRAC * width_px))
    return np.dstack([luma, picture[..., 1:] + share[..., None] * (chroma - picture[..., 1:])])


def _filled_in(picture: Patch3, clear: Plane, sigma: float) -> Patch3:
    """The clear pixels around each pixel, from farther away where nothing nearer is clear."""
    around = picture
    for times in (4, 2, 1):
        weight = gaussian(clear, sigma * times)[..., None]
        near = cv2.GaussianBlur(picture * clear[..., None], (0, 0), sigma * times) / np.maximum(weight, _TINY)
        around = around + np.clip(weight / _ENOUGH, 0, 1) * (near - around)
    return np.asarray(around, np.float32)


def luma_codes(luma: Plane) -> Codes:
    """Luma in 8-bit levels, (h, w) float32, as uint8."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(luma, 0)), np.uint8)


def _thin(luma: Codes, width_px: float) -> Lines:
    """Whatever is thin, long or not."""
    side = 2 * max(1, round(_HALF_WIDTH_FRAC * width_px)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    dark, bright = (cv2.morphologyEx(luma, each, disc) for each in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT))
    return Lines(np.asarray(dark, np.uint8), np.asarray(bright, np.uint8))


def _line_px(width_px: float) -> float:
    """Width of a usual strand, pixels."""
    return max(1.0, _HALF_WIDTH_FRAC * width_px / 2)


def _angles(across: float | None) -> list[float]:
    every = [np.pi * number / _DIRECTIONS for number in range(_DIRECTIONS)]
    if across is None:
        return every
    least = np.cos(np.deg2rad(_ALONG_MOUTH_DEG))
    return [angle for angle in every if abs(np.cos(angle - across)) < least]


@cache
def _segment(length: int, angle: float) -> Mask:
    """A line through the middle of a square of ``length`` pixels."""
    kernel, half = np.zeros((length, length), np.uint8), (length - 1) / 2
    right, down = np.cos(angle) * half, np.sin(angle) * half
    ends = [(round(half - right), round(half - down)), (round(half + right), round(half + down))]
    cv2.line(kernel, ends[0], ends[1], (1,))
    return kernel
