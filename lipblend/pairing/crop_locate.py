"""Where each frame of a face crop lies in its original, found by matching: for crops without a record that move.

A crop that stays in one place is found by `lipblend.pairing.mapping_search`. Here every frame is placed by itself: by
the mesh points that hardly move in speech, and then by its picture. Crops whose axes are those of the original are
fitted by robust least squares, which the new mouth does not disturb; turned ones by the enhanced correlation
coefficient (Evangelidis and Psarakis 2008, https://doi.org/10.1109/TPAMI.2008.113), without the lower face.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.errors import InputMismatchError
from lipblend.faces.landmarks import AREA_LOWER_FACE, FACE_OVAL, LOWER_JAW, POINTS_68, STABLE
from lipblend.pairing import mapping_fit
from lipblend.pairing.crop_alignment import luma_of
from lipblend.pairing.scan import Scan
from lipblend.picture.frame_mapping import FrameMapping, warp
from lipblend.picture.frame_mappings import FrameMappings, Mappings
from lipblend.picture.patch import Box
from lipblend.video.reader import Frame

Plane = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

_FIT_POINTS = sorted({*STABLE, *(set(FACE_OVAL) - set(LOWER_JAW))})
_SIDE_PX = 384  # of a crop while it is matched
_MARGIN_FRAC = 0.12  # of the crop's box, around it
_MIN_LIKENESS = 0.5  # of a placed frame; others take the place of their neighbours
_MIN_PLACED_SHARE = 0.5
_STEADY_PX = 0.35  # of the original, within which places are one
_ITERATIONS, _SETTLED = 60, 1e-5
_ROUNDS, _OUTLIER = 4, 4.0  # beyond so many times the median of what is left, a pixel does not fit
_EVEN_SIGMA_PX = 12.0


@dataclass(frozen=True)
class _Placed:
    matrix: Matrix
    likeness: float


def locate(original: Scan, synced: Scan, source: npt.NDArray[np.int64], starts: Mappings | None) -> Mappings:
    """The mapping of every synced frame.

    Parameters
    ----------
    original, synced : Scan
        Read completely. Their frames are decoded again.
    source : (n_s,) int64
        The original frame of every synced one, -1 for none.
    starts : FrameMapping or FrameMappings, optional
        Where to begin; by default the places that the faces give.

    Raises
    ------
    InputMismatchError
        In most frames no place is found.
    """
    pairs = [(int(i), j) for j, i in enumerate(source.tolist()) if i >= 0]
    begun = {j: _start(original, synced, i, j, starts) for i, j in pairs}
    placed: dict[int, Matrix] = {}
    likeness = []
    last: Matrix | None = next((each for each in begun.values() if each is not None), None)
    for (i, j), first, second in _decoded(original, synced, pairs):
        start = begun[j] if begun[j] is not None else last
        if start is None:
            break
        found = _place(first, second, start, _lower_face(original, i))
        likeness.append(found.likeness)
        if found.likeness >= _MIN_LIKENESS:
            placed[j] = last = found.matrix
    if len(placed) < max(1, _MIN_PLACED_SHARE * len(pairs)):
        typical = f" (likeness {np.median(likeness):.2f}; {_MIN_LIKENESS:g} is needed)" if likeness else ""
        raise InputMismatchError(
            f"the place of the synced crop in the original was found in {len(placed)} of {len(pairs)} frames{typical}",
            details=(f"original     {original.info.path}", f"synced crop  {synced.info.path}"),
            hint="Give the record of the crop (--crop), or check that the crop was made from this original.",
        )
    return _in_all(placed, len(synced), original.info.upright_size)


def _start(original: Scan, synced: Scan, i: int, j: int, starts: Mappings | None) -> Matrix | None:
    """The place of a frame by what is given, or by its face; None without a face."""
    if starts is not None:
        return starts.at(j).matrix
    if not original.faces[i] or not synced.faces[j]:
        return None
    theirs = synced.faces[j][0].landmarks.points[_FIT_POINTS].astype(np.float64)
    best, least = None, np.inf
    for face in original.faces[i]:
        mine = face.landmarks.points[_FIT_POINTS].astype(np.float64)
        basis = np.column_stack([mine, np.ones(len(mine))])
        matrix, *_ = np.linalg.lstsq(basis, theirs, rcond=None)
        error = float(np.abs(basis @ matrix - theirs).mean())
        if error < least and np.linalg.det(matrix[:2]) > 0:
            best, least = np.asarray(matrix.T), error
    return best


def _decoded(
    original: Scan, synced: Scan, pairs: Sequence[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], Frame, Frame]]:
    firsts, seconds = original.frames([i for i, _ in pairs]), synced.frames([j for _, j in pairs])
    yield from zip(pairs, firsts, seconds, strict=True)


def _lower_face(original: Scan, i: int) -> list[npt.NDArray[np.float32]]:
    """Outlines of the lower faces of an original frame, where the generator paints."""
    outlines = [face.landmarks.points[POINTS_68][list(AREA_LOWER_FACE)] for face in original.faces[i]]
    return [np.asarray(cv2.convexHull(outline)[:, 0], np.float32) for outline in outlines]


def _place(
    first: Frame,
    second: Frame,
    start: Matrix,
    outlines: Sequence[npt.NDArray[np.float32]],
) -> _Placed:
    """Place one frame, on pictures of about the crop's size."""
    mapping = FrameMapping.of(start)
    height, width = second.planes[0].shape
    crop = _reduced(luma_of(second), min(1.0, _SIDE_PX / max(width, height)))
    shrunk = crop.shape[1] / width, crop.shape[0] / height
    corners = mapping.to_original(np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64))
    margin = _MARGIN_FRAC * float(np.ptp(corners, axis=0).max())
    whole = first.planes[0].shape[1], first.planes[0].shape[0]
    box = Box.around(corners.min(0) - margin, corners.max(0) + margin).clipped(*whole)
    if box.width < 16 or box.height < 16:
        return _Placed(start, 0.0)
    scale = float(np.sqrt(abs(np.linalg.det(start[:, :2])))) * shrunk[0]
    part = luma_of(first)[box.y0 : box.y1, box.x0 : box.x1]
    picture = _reduced(part, min(1.0, scale))
    ours = picture.shape[1] / box.width, picture.shape[0] / box.height
    # Between the two working pictures: from the box's pixels, reduced, to the crop's, reduced.
    shifted = mapping.matrix
    shifted[:, 2] += shifted[:, :2] @ (box.x0, box.y0)
    small = FrameMapping.of(shifted).scaled(ours, shrunk)
    outlines = [np.asarray((outline - (box.x0, box.y0)) * ours, np.float32) for outline in outlines]
    found = _fit(picture, crop, small, outlines)
    alike = float(mapping_fit.likeness(picture[None], crop[None], found)[0])
    back = found.scaled((1 / ours[0], 1 / ours[1]), (1 / shrunk[0], 1 / shrunk[1])).matrix
    back[:, 2] -= back[:, :2] @ (box.x0, box.y0)
    return _Placed(back, alike)


def _fit(picture: Plane, crop: Plane, start: FrameMapping, outlines: Sequence[npt.NDArray[np.float32]]) -> FrameMapping:
    """Improve an affine mapping on the crop's pixels, without the lower faces, and then without what does not fit."""
    height, width = crop.shape
    found, mask = start, np.full((height, width), 255, np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [np.rint(start.to_synced(outline)).astype(np.int32)], 0)
    found = _shifted(picture, crop, found)
    for _ in range(_ROUNDS):
        shown = warp(picture, found.inverse(), (0, 0), (width, height))
        change = _step(crop, shown, mask)
        if change is None:
            break
        found = FrameMapping.of(change @ np.vstack([found.matrix, [0, 0, 1]]))
        left = np.abs(_evened(warp(picture, found.inverse(), (0, 0), (width, height))) - _evened(crop))
        limit = _OUTLIER * float(np.median(left[mask > 0]))
        misfit = cv2.blur((left > limit).astype(np.float32), (5, 5)) > 0.5
        mask = np.where(misfit, 0, mask).astype(np.uint8)
    return found


def _shifted(picture: Plane, crop: Plane, start: FrameMapping) -> FrameMapping:
    """The mapping shifted by phase correlation, if that makes the pictures more alike."""
    height, width = crop.shape
    shown = warp(picture, start.inverse(), (0, 0), (width, height))
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (across, down), _ = cv2.phaseCorrelate(_evened(shown), _evened(crop), window)
    matrix = start.matrix
    matrix[:, 2] += across, down
    moved = FrameMapping.of(matrix)
    alike = [float(mapping_fit.likeness(picture[None], crop[None], each)[0]) for each in (start, moved)]
    return moved if alike[1] > alike[0] else start


def _step(crop: Plane, shown: Plane, mask: npt.NDArray[np.uint8]) -> Matrix | None:
    """The (3, 3) change that brings what is shown onto the crop; None if they are not alike."""
    step: Any = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ITERATIONS, _SETTLED)
    try:
        _, step = cv2.findTransformECC(crop, shown, step, cv2.MOTION_AFFINE, stop, mask, 3)
    except cv2.error:  # it does not converge
        return None
    # The step leads from the crop to what was shown of the original, the first pixel's centre at 0.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    return np.asarray(half @ np.linalg.inv(np.vstack([step, [0, 0, 1]])) @ np.linalg.inv(half), np.float64)


def _evened(plane: Plane) -> Plane:
    return np.asarray(plane - cv2.GaussianBlur(plane, (0, 0), _EVEN_SIGMA_PX), np.float32)


def _in_all(placed: dict[int, Matrix], count: int, size: tuple[int, int]) -> Mappings:
    """The mapping of every frame: between those placed, by linear interpolation of the places; one if all are alike."""
    known = np.array(sorted(placed))
    rows = np.stack([placed[j] for j in known.tolist()])
    typical = np.median(rows, axis=0)
    middle = FrameMapping.of(typical)
    corners = middle.to_synced(np.array([[0, 0], size], np.float64))
    inside = middle.to_original(np.clip(corners, 0, None))
    off = max(float(np.abs(FrameMapping.of(row).to_original(middle.to_synced(inside)) - inside).max()) for row in rows)
    if off < _STEADY_PX:
        return middle
    every = np.stack([np.interp(np.arange(count), known, column) for column in rows.reshape(len(rows), 6).T], axis=1)
    return FrameMappings(every.reshape(count, 2, 3))


def _reduced(plane: Plane, factor: float) -> Plane:
    if factor >= 1:
        return np.ascontiguousarray(plane, np.float32)
    height, width = plane.shape
    size = max(16, round(width * factor)), max(16, round(height * factor))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
