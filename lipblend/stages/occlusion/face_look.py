"""The look of a lower face: a small picture whose axes follow the head, and whose rows follow lips and chin.

What a face looks like in a shot is learnt from many of them, and what departs from it lies in front of it.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.masks.head_grid import HeadGrid
from lipblend.stages.masks.shapes import FaceFrame

Patch3 = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Looks = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.float64]

CELLS = 64
"""Columns, and rows, of a look."""
CELL_FRAC = 0.02
"""Side of a cell, in face widths."""
LEFT_FRAC, TOP_FRAC = -0.64, -0.2
"""Top left corner, in face widths from the middle of the stable points: it shows eyes to neck."""
LOOK_GRID = HeadGrid(CELLS, CELL_FRAC, LEFT_FRAC, TOP_FRAC)
LOOKS_SHAPE = (CELLS, CELLS, 7)
"""Shape of the looks of one frame pair."""

_KNOT_POINTS = (2, 0, 17, 152)  # base of the nose, upper and lower lip, chin
_KNOTS_FRAC = (0.26, 0.365, 0.54, 0.765)  # where they lie in a look: the means of seven faces
_MIN_STEP_FRAC = 0.02  # between two of them
_LINE_FRAC = 0.02  # width of the strands that are taken out
_MIN_LINE_PX = 3
_BLUR_CELLS = 0.8  # standard deviation
_CHROMA_WEIGHT = 0.8


def look_box(face: Landmarks) -> Box:
    """The box around the look of a face, pixels; may extend outside the picture."""
    right, bottom = LEFT_FRAC + CELLS * CELL_FRAC, TOP_FRAC + CELLS * CELL_FRAC
    corners = head_frame(face).to_pixels(np.array([[x, y] for x in (LEFT_FRAC, right) for y in (TOP_FRAC, bottom)]))
    return Box.around(corners.min(0), corners.max(0))


def look_rows(frame: FaceFrame, mesh: Landmarks) -> Rows:
    """Where the rows of a look lie, (64,) float64 face widths below the origin of the head's frame.

    Evenly down to the base of the nose. Below it lips and chin are brought to the same rows in every frame, because a
    jaw that opens, or a head that nods, is no news.
    """
    steps = _MIN_STEP_FRAC * np.arange(len(_KNOT_POINTS))
    knots = np.maximum.accumulate(frame.to_local(mesh.points[list(_KNOT_POINTS)])[:, 1] - steps) + steps
    rows = TOP_FRAC + (np.arange(CELLS) + 0.5) * CELL_FRAC
    known = np.array([TOP_FRAC, *_KNOTS_FRAC, TOP_FRAC + CELLS * CELL_FRAC])
    lies = np.array([TOP_FRAC, *knots, knots[-1] + known[-1] - known[-2]])
    return np.asarray(np.interp(rows, known, lies), np.float64)


def look_samples(original: Patch3, synced: Patch3, box: Box, face: Landmarks, partner: Landmarks | None) -> Looks:
    """The looks of one face in both pictures of a pair, and how far these are apart.

    Parameters
    ----------
    original, synced : (h, w, 3) float32
        Y, Cb, Cr in 8-bit levels, both in the original's colours and place.
    box : Box
        The part of the picture that they show.
    face, partner : Landmarks
        The original's mesh and the synced one, if it was found, in the same pixels.

    Returns
    -------
    (64, 64, 7) uint8
        The original's look, the synced one, and their distance in the same place, in 8-bit levels. Low-passed, and
        without lines thinner than 2 % of the face's width. Beyond the box its border goes on, and the distance is 0.
    """
    frame = head_frame(face)
    first, second = (_without_lines(patch, frame.width_px) for patch in (original, synced))
    weights = np.array([[1, _CHROMA_WEIGHT, _CHROMA_WEIGHT]])
    distance = np.asarray(cv2.transform(cv2.absdiff(first, second), weights), np.uint8)
    here = _places(frame, look_rows(frame, face), box)
    there = here if partner is None else _places(frame, look_rows(frame, partner), box)
    looks = [_sampled(plane, at, cv2.BORDER_REPLICATE) for plane, at in ((first, here), (second, there))]
    return np.dstack([*looks, _sampled(distance, here, cv2.BORDER_CONSTANT)])


def _without_lines(patch: Patch3, width_px: float) -> Codes:
    """Low-passed, and without thin lines, dark or bright."""
    side = max(_MIN_LINE_PX, 2 * round(_LINE_FRAC * width_px / 2) + 1)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    codes = cv2.convertScaleAbs(np.maximum(patch, 0))
    codes = cv2.morphologyEx(cv2.morphologyEx(codes, cv2.MORPH_CLOSE, brush), cv2.MORPH_OPEN, brush)
    return np.asarray(cv2.GaussianBlur(codes, (0, 0), max(0.5, _BLUR_CELLS * CELL_FRAC * width_px)), np.uint8)


def _places(frame: FaceFrame, rows: Rows, box: Box) -> npt.NDArray[np.float32]:
    """(64, 64, 2): where the cells of a look lie in a box, columns and rows, middles of pixels at whole numbers."""
    columns = LEFT_FRAC + (np.arange(CELLS) + 0.5) * CELL_FRAC
    corner = frame.origin - (box.x0 + 0.5, box.y0 + 0.5)
    across = frame.width_px * np.multiply.outer(columns, frame.x_axis)
    down = frame.width_px * np.multiply.outer(rows, frame.y_axis)
    return np.asarray(corner + across[None] + down[:, None], np.float32)


def _sampled(codes: Codes, places: npt.NDArray[np.float32], border: int) -> Codes:
    across, down = np.ascontiguousarray(places.transpose(2, 0, 1))
    return np.asarray(cv2.remap(codes, across, down, cv2.INTER_LINEAR, borderMode=border), np.uint8)


def in_head_frame(plane: npt.NDArray[np.float32], rows: Rows) -> npt.NDArray[np.float32]:
    """A plane of a look, (64, 64), with evenly spaced rows again: `look_rows` undone."""
    wanted = TOP_FRAC + (np.arange(CELLS) + 0.5) * CELL_FRAC
    down = np.interp(wanted, rows, np.arange(CELLS)).astype(np.float32)
    across, down = np.meshgrid(np.arange(CELLS, dtype=np.float32), down)
    return np.asarray(cv2.remap(plane, across, down, cv2.INTER_LINEAR), np.float32)
