"""From departures to what lies in front: clear cells, what hangs together with them in a frame, and over time.

Hysteresis in both directions of time: a faint departure counts if it touches a clear one, in its own frame or in those
before or after, so that an occluder neither flickers nor starts late.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import FACE_OVAL, LIPS_OUTER, Landmarks
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.masks.shapes import convex_hull
from lipblend.stages.occlusion.face_look import CELL_FRAC, CELLS, LEFT_FRAC, TOP_FRAC

Planes = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]
Ages = npt.NDArray[np.int64]

CLEAR, FAINT = 1.9, 0.9
"""Departures from which an occluder is certain, and from which a cell belongs to one."""
_CLEAR_IN_MOUTH = 5.0  # of 18 clips without occluders, 4.1 at most
_IN_MOUTH_COUNTS = 0.55  # as much as beside it, for a suspicion
_FAINT_IN_MOUTH = 1.4  # a mouth may look like it never did before
_INSIDE_FRAC, _MOUTH_FRAC = 0.03, 0.03  # from the outlines of face and lips
_CHIN, _MAX_CHIN_FRAC = 152, 0.12  # mesh point; a jaw that opens moves it by less
_MIN_LINKED_CELLS = 6  # beside the mouth, of a piece whose certainty comes from within it, or from other frames
_SOLID_CELLS, _MIN_SHARE = 5, 0.75
_MIN_OVERLAP = 0.6  # of such a piece, with that of the frame beside it
_LONGEST_FAINT = 5  # frames
LINKED_ROWS = _LONGEST_FAINT + 1
"""Rows before and after one that say what lies in front of it."""
_NEVER = 1 << 30
_CLOSED = 5  # cells
_MAX_HOLE_CELLS = 40
_SOFT_CELLS = 0.8
_SUBPIXEL_BITS = 4

_3X3 = np.ones((3, 3), np.uint8)


def face_cells(meshes: Sequence[Landmarks]) -> tuple[Mask, Mask]:
    """The cells inside a face's outline and, among all, those of the mouths; (64, 64) uint8, 0 or 1.

    ``meshes`` are the original's, which has the axes, and the synced one, if there is one, in the same pixels. An
    original whose chin lies far above that of the synced face, which is whole, was found on what is not hidden.
    """
    frame, face = head_frame(meshes[0]), meshes[0]
    inside, mouth = np.zeros((CELLS, CELLS), np.uint8), np.zeros((CELLS, CELLS), np.uint8)
    _fill(inside, frame.to_local(face.points[list(FACE_OVAL)]), -_INSIDE_FRAC)
    chins = [frame.to_local(mesh.points[[_CHIN]])[0, 1] for mesh in meshes]
    if chins[-1] - chins[0] > _MAX_CHIN_FRAC:
        _fill(inside, frame.to_local(meshes[-1].points[list(FACE_OVAL)]), -_INSIDE_FRAC)
    for mesh in meshes:
        _fill(mouth, frame.to_local(mesh.points[list(LIPS_OUTER)]), _MOUTH_FRAC)
    return inside, mouth


def suspicion(departures: Planes, inside: Mask, mouth: Mask) -> float:
    """The clearest departure of a frame: beside the mouth, over 5 x 5 cells, or about half of that in it."""
    beside = solid(departures, inside & (1 - mouth)).max()
    counts = inside & _reaching(_faint(departures, mouth), mouth)
    return max(float(beside), _IN_MOUTH_COUNTS * float((_lasting(departures) * counts).max()))


def linked(departures: Planes, inside: npt.NDArray[np.uint8], mouths: npt.NDArray[np.uint8]) -> Planes:
    """What lies in front of a face in n consecutive frames.

    Parameters
    ----------
    departures : (n, 64, 64) float32
        0 is usual, 1 faint, 2 clear; `lipblend.stages.occlusion.departure`.
    inside, mouths : (n, 64, 64) uint8
        `face_cells`.

    Returns
    -------
    (n, 64, 64) float32 in [0, 1]
        0 in frames without a piece that is clear, or continues a clear one.
    """
    faint, clear, strong = [], [], []
    for plane, within, mouth in zip(departures, inside, mouths, strict=True):
        faint.append(_faint(plane, mouth))
        beside = solid(plane, within & (1 - mouth)) >= CLEAR
        anywhere = (_lasting(plane) >= _CLEAR_IN_MOUTH) & (within > 0)
        clear.append((beside | (anywhere & (_reaching(faint[-1], mouth) > 0))).astype(np.uint8))
        strong.append(anywhere)
    found = [np.zeros((CELLS, CELLS), np.uint8) for _ in faint]
    for order in (range(len(found)), range(len(found) - 1, -1, -1)):
        ages = np.full((CELLS, CELLS), _NEVER, np.int64)
        for row in order:
            ages = _linked_ages(faint[row], clear[row], ages, (mouths[row] == 0) | strong[row])
            found[row] |= (ages < _NEVER).astype(np.uint8)
    return np.stack([_filled(mask) for mask in found])


def solid(departures: Planes, where: Mask) -> Planes:
    """Mean departures around each cell, over 5 x 5 cells of which most are ``where`` it counts; else 0."""
    side = (_SOLID_CELLS, _SOLID_CELLS)
    weight = where.astype(np.float32)
    share = cv2.blur(weight, side)
    mean = cv2.blur(departures * weight, side) / np.maximum(share, np.float32(_MIN_SHARE))
    return np.asarray(np.where((share >= _MIN_SHARE) & (where > 0), mean, 0), np.float32)


def _lasting(departures: Planes) -> Planes:
    """The least of the smoothed departures around each cell."""
    return np.asarray(cv2.erode(cv2.blur(departures, (3, 3)), _3X3), np.float32)


def _faint(departures: Planes, mouth: Mask) -> Mask:
    """Cells that may belong to an occluder, 0 or 1."""
    limit = np.where(mouth > 0, np.float32(_FAINT_IN_MOUTH), np.float32(FAINT))
    return np.asarray(cv2.blur(departures, (3, 3)) >= limit, np.uint8)


def _reaching(faint: Mask, mouth: Mask) -> Mask:
    """The pieces that reach out of the mouth, 0 or 1: one that is all within is a mouth as it never was before."""
    count, labels = cv2.connectedComponents(faint, connectivity=8)
    beside = np.bincount(labels[mouth == 0], minlength=count)
    beside[0] = 0
    return np.asarray((beside >= _MIN_LINKED_CELLS)[labels], np.uint8)


def _linked_ages(faint: Mask, clear: Mask, before: Ages, telling: npt.NDArray[np.bool_]) -> Ages:
    """For each cell of a piece that counts, the frames since such a piece held a clear cell; else `_NEVER`.

    A piece counts if it holds a clear cell, or lies mostly where one counted in the frame before. Then it must have
    some cells that are ``telling``: beside the mouth, or very clear.
    """
    ages = np.full((CELLS, CELLS), _NEVER, np.int64)
    count, labels = cv2.connectedComponents(faint, connectivity=8)
    near = cv2.dilate((before < _NEVER).astype(np.uint8), _3X3) > 0
    for label in range(1, count):
        piece = labels == label
        if clear[piece].any():
            ages[piece] = 0
        elif near[piece].mean() >= _MIN_OVERLAP and np.count_nonzero(piece & telling) >= _MIN_LINKED_CELLS:
            age = int(before[cv2.dilate(piece.astype(np.uint8), _3X3) > 0].min()) + 1
            ages[piece] = age if age <= _LONGEST_FAINT else _NEVER
    return ages


def _filled(mask: Mask) -> Planes:
    """Without small gaps and holes, and with soft borders."""
    if not mask.any():
        return mask.astype(np.float32)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_CLOSED, _CLOSED))
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, brush)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - closed, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] <= _MAX_HOLE_CELLS
    small[labels[closed > 0]] = False
    closed[small[labels]] = 1
    return np.asarray(cv2.GaussianBlur(closed.astype(np.float32), (0, 0), _SOFT_CELLS), np.float32)


def _fill(cells: Mask, outline: npt.NDArray[np.float64], grow_frac: float) -> None:
    """Fill the hull of an outline (face widths), made larger or smaller."""
    hull = convex_hull(outline.astype(np.float32))
    codes = ((hull - (LEFT_FRAC, TOP_FRAC)) / CELL_FRAC - 0.5) * (1 << _SUBPIXEL_BITS)
    points = [np.rint(codes).astype(np.int32)]
    cv2.fillPoly(cells, points, 1, shift=_SUBPIXEL_BITS)
    thickness = max(1, round(2 * abs(grow_frac) / CELL_FRAC))
    cv2.polylines(cells, points, True, 1 if grow_frac > 0 else 0, thickness, shift=_SUBPIXEL_BITS)
