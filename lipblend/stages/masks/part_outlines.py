"""Outlines of skin, lips and nose from what a parser says of them: planes in the axes of the head, outlines from these.

A plane of probabilities holds its half to a fraction of a cell, so that an outline moves smoothly with what it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import FACE_OVAL, Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.masks.head_grid import HeadGrid
from lipblend.stages.masks.mask import signed_distance
from lipblend.stages.masks.shapes import Polygons

Plane = npt.NDArray[np.float32]
Stored = npt.NDArray[np.uint8]
Outlines = Mapping[str, Polygons]
"""Polygons by the name of the part; without those that the parser does not show."""

PARTS = ("skin", "lips", "nose")
PART_GRID = HeadGrid(cells=96, cell_frac=0.02, left_frac=-0.96, top_frac=-0.9)
"""Shows the face from the hair to the neck."""
PARTS_SHAPE = (len(PARTS), PART_GRID.cells, PART_GRID.cells)
"""Shape of the stored planes of one face: probabilities, 0 to 255, in the order of `PARTS`."""

_GROWN_CELLS = 6  # around the outline of the face
_FINER = 4
_BLUR_CELLS = 0.7  # standard deviation
_MIN_AREA_CELLS = 4.0  # of a piece, or of a hole


def parts_on_grid(planes: Sequence[Plane | None], box: Box, face: Landmarks) -> Plane:
    """Probabilities of a face's parts, (3, 96, 96) float32, without what lies beside the face (another one, a collar).

    ``planes`` are those of the picture's part ``box`` by `PARTS`, (h, w) float32 each; None for what is not known.
    """
    outline = PART_GRID.to_cells(head_frame(face).to_local(face.points[list(FACE_OVAL)]))
    cells = Box(0, 0, PART_GRID.cells, PART_GRID.cells)
    inside = signed_distance([(outline.astype(np.float32), True)], cells, step_px=1)
    near = np.clip(0.5 + inside + _GROWN_CELLS, 0, 1)  # over one cell, so that it moves as smoothly as the face
    out = np.zeros(PARTS_SHAPE, np.float32)
    for place, plane in enumerate(planes):
        if plane is not None:
            out[place] = PART_GRID.sampled(plane, box, face) * near
    return out


def part_outlines(planes: npt.NDArray[np.float32]) -> Outlines:
    """Where the probability of each part is one half.

    Parameters
    ----------
    planes : (3, 96, 96) float32
        In [0, 1], by `PARTS`, in cells of `PART_GRID`.

    Returns
    -------
    mapping of str to Polygons
        In face widths in the axes of the head (`lipblend.stages.masks.footprint.head_frame`). A part that is nowhere
        probable is missing.
    """
    found = {name: _outlines(plane) for name, plane in zip(PARTS, planes, strict=True)}
    return {name: polygons for name, polygons in found.items() if polygons}


def placed(outlines: Outlines, face: Landmarks) -> Outlines:
    """Outlines in the axes of the head in the pixels of one face."""
    frame = head_frame(face)
    return {name: [(frame.to_pixels(local), add) for local, add in polygons] for name, polygons in outlines.items()}


def _outlines(plane: Plane) -> Polygons:
    """Outlines to fill and to cut out, outer ones first, in face widths."""
    finer = cv2.resize(plane, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_LINEAR)
    fine: Plane = np.asarray(cv2.GaussianBlur(finer, (0, 0), _BLUR_CELLS * _FINER), np.float32)
    inside = (fine > 0.5).astype(np.uint8)
    contours, tree = cv2.findContours(inside, cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return []
    parents = np.asarray(tree)[0, :, 3].tolist()
    slopes = [np.asarray(cv2.Sobel(fine, cv2.CV_32F, *axis, scale=1 / 8), np.float32) for axis in ((1, 0), (0, 1))]
    found = []
    for number, contour in enumerate(contours):
        if cv2.contourArea(contour) < _MIN_AREA_CELLS * _FINER**2:
            continue
        depth = _depth(number, parents)
        points = _at_half(np.asarray(contour, np.int32).reshape(-1, 2)[::_FINER], fine, slopes)  # one a cell
        found.append((depth, PART_GRID.to_local(points / _FINER)))
    found.sort(key=lambda each: each[0])
    return [(points.astype(np.float32), depth % 2 == 0) for depth, points in found]


def _depth(number: int, parents: Sequence[int]) -> int:
    depth = 0
    while (number := parents[number]) >= 0:
        depth += 1
    return depth


def _at_half(points: npt.NDArray[np.int32], fine: Plane, slopes: Sequence[Plane]) -> npt.NDArray[np.float64]:
    """The pixels of a contour moved to where the plane is one half, (n, 2) columns and rows from the corner.

    One step of Newton's method along the slope, at most a pixel and a half.
    """
    columns, rows = points.T
    slope = np.stack([each[rows, columns] for each in slopes], axis=1).astype(np.float64)
    short = (0.5 - fine[rows, columns]) / np.maximum((slope**2).sum(1), 1e-6)
    step = slope * short[:, None]
    length = np.hypot(*step.T)[:, None]
    return np.asarray(points + 0.5 + step * np.minimum(1, 1.5 / np.maximum(length, 1e-9)), np.float64)
