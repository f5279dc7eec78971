"""Where the painted part of a face lies: its displacement, turn and scale against the original.

Generators redraw the mouth, the head or the whole frame, and it does not come to lie exactly where it was. Here the
synced picture is registered to the original as a rigid whole, by what both show of the parts that do not speak. Two
motions compete: that of the upper face, which many generators leave as it was, and that of the surroundings of the
mouth, which are painted. A pixel counts for the second as far as that one explains it better.

Gauss-Newton on the picture itself: Lucas and Kanade 1981; Baker and Matthews 2004, "Lucas-Kanade 20 Years On",
https://doi.org/10.1023/B:VISI.0000011205.11775.fd, with the mean of both pictures' gradients (Malis 2004,
https://doi.org/10.1109/ROBOT.2004.1308092). Outliers: Geman and McClure 1987, with a scale that shrinks (Blake and
Zisserman 1987). Layers of motion: Jepson and Black 1993, https://doi.org/10.1109/CVPR.1993.341161.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces import landmarks as lm
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.stages.detail.scale import downsample, gaussian
from lipblend.stages.masks.shapes import convex_hull
from lipblend.stages.registration.box_places import along, fixed_points
from lipblend.stages.registration.detail_band import detail_band, expected_squares, gradients

Plane = npt.NDArray[np.float32]
Values = npt.NDArray[np.float32]

_LIPS_FRAC = 0.06  # of the face's width around both mouths that says nothing
_SPEAKING = 0.25  # weight of the skin beside and below the mouth, which follows the jaw
_NEAR_FRAC, _SIDE_FRAC, _FADE_FRAC = 0.22, 0.28, 0.08  # how far above the lips, and beside, everyone paints
_AROUND_FRAC = 0.03  # over which local contrast and the better motion are judged
_MIN_WEIGHT, _MIN_PIXELS = 0.02, 60
_FLOOR = 0.02  # of squared differences when two motions are compared
_PRIOR = np.diag([1.0, 1.0, 4.0, 4.0]) * 0.02  # against motion that nothing supports
_FIRM, _STIFF, _TURNING, _LOOSE = 1.0, 0.3, 0.03, 0.003  # against turn and scale, as a share of that against a shift
_ROUNDS = 2
_OWN_EVIDENCE = 0.006  # gain that shows a turn or scale: true ones of 3 % gain 0.01 to 0.02, false ones up to 0.005
_MIN_STEP_PX, _MAX_STEP_FRAC = 0.02, 0.03
_SEARCH_FRAC = 0.09
_MAX_FRAC, _MIN_GAIN = 0.12, 0.02  # what is undone lies within, and explains this much, and more
_CALM_EVIDENCE = 0.78  # of a face that seems to lie in its place: with less it is searched for elsewhere

MIN_EVIDENCE = 0.6
"""A placement that explains less says nothing."""
MIN_OFFSET_FRAC = 0.006
"""Faces displaced by less, in face widths, are not moved: that is left to the registration while rendering."""


@dataclass(frozen=True)
class Placement:
    """Where the painted part lies.

    Attributes
    ----------
    similarity : Similarity
        From a place in the original to the same place of the face in the synced picture, pixels.
    evidence : float
        How much of the structure around the mouth it explains, at most 1.
    unmoved : float
        How much of that the pictures explain as they lie.
    """

    similarity: Similarity
    evidence: float
    unmoved: float


def is_certain(placement: Placement) -> bool:
    """Whether a placement explains enough, and more than no placement."""
    return placement.evidence > max(MIN_EVIDENCE, placement.unmoved + _MIN_GAIN)


def undone(placement: Placement, face: Landmarks) -> Similarity:
    """What of a placement is undone: all of it, or nothing if it is small, too large, or explains little more."""
    offset = placement.similarity.offset_px(face.mouth_centre[None]) / max(face.face_width_px, 1.0)
    moved = MIN_OFFSET_FRAC <= offset <= _MAX_FRAC and is_certain(placement)
    return placement.similarity if moved else NOWHERE


def placement_row(placement: Placement) -> npt.NDArray[np.float64]:
    """(6,) float64: cosine, sine, right and down of the similarity, evidence, and evidence as the pictures lie."""
    each = placement.similarity
    return np.array([each.cosine, each.sine, each.right, each.down, placement.evidence, placement.unmoved])


def placement_of(row: npt.NDArray[np.float64]) -> Placement:
    """The inverse of `placement_row`."""
    return Placement(Similarity(*row[:4].tolist()), *row[4:].tolist())


def find_placement(
    original: Plane, synced: Plane, box: Box, meshes: Sequence[Landmarks], guess: Similarity = NOWHERE
) -> Placement | None:
    """Find where the synced face lies.

    Parameters
    ----------
    original, synced : (h, w) float32
        Luma, levels, of the same part of the picture.
    box : Box
        That part.
    meshes : sequence of Landmarks
        The original's, and the synced face's if there is one.
    guess : Similarity
        A place to try, such as the meshes'.

    Returns
    -------
    Placement or None
        None if too little of the face is seen.
    """
    calm = _glance(original, synced, box, meshes)
    if calm is not None:
        return calm
    pair = _Pair(original, synced, box, meshes)
    if pair.pixels < _MIN_PIXELS:
        return None
    state = _searched(pair, guess)
    return Placement(state, pair.evidence(state), pair.evidence(NOWHERE))


def _glance(original: Plane, synced: Plane, box: Box, meshes: Sequence[Landmarks]) -> Placement | None:
    """The placement of a face that lies almost in its place, found at half the size; None for any other."""
    first, second = downsample(original, 2), downsample(synced, 2)
    corner = np.array([box.x0, box.y0], np.float32)
    small = [Landmarks((mesh.points - corner) / np.float32(2)) for mesh in meshes]
    pair = _Pair(first, second, Box(0, 0, first.shape[1], first.shape[0]), small)
    if pair.pixels < _MIN_PIXELS:
        return None
    state = pair.fitted(pair.near, NOWHERE, wide=2.0, iterations=2, stiff=_FIRM)
    if pair.offset_px(state) >= MIN_OFFSET_FRAC * pair.width:
        return None
    evidence = pair.evidence(state)
    if evidence <= _CALM_EVIDENCE:
        return None
    away = Similarity(right=-float(box.x0), down=-float(box.y0))
    return Placement(away.then(state.scaled(2)).then(away.inverse()), evidence, pair.evidence(NOWHERE))


def _searched(pair: _Pair, guess: Similarity) -> Similarity:
    above = pair.fitted(pair.far, NOWHERE, wide=4.0, iterations=6, stiff=_STIFF)
    begin = max((guess, above, pair.best_shift(above)), key=pair.evidence)
    shifted = pair.fitted(pair.near, begin, wide=3.0, iterations=6, stiff=_FIRM)
    state = _competing(pair, above, shifted, stiff=_STIFF)
    # Turn and scale of a small patch are easily mistaken for its shift: they need evidence of their own.
    turned = _competing(pair, above, state, stiff=_TURNING)
    if pair.evidence(turned) > pair.evidence(state) + _OWN_EVIDENCE:
        state = turned
    # A head that was redrawn as a whole moves as one, and then the upper face shows its turn best.
    whole = pair.fitted(pair.near + pair.far, state, wide=1.0, iterations=6, stiff=_LOOSE)
    return whole if pair.evidence(whole) > pair.evidence(state) - _OWN_EVIDENCE else state


def _competing(pair: _Pair, above: Similarity, start: Similarity, *, stiff: float) -> Similarity:
    """A placement fitted to the pixels that it explains better than the motion of the upper face does."""
    state = start
    other = pair.around(pair.errors(above) ** 2) + np.float32(_FLOOR)
    for _ in range(_ROUNDS):
        own = pair.around(pair.errors(state) ** 2) + np.float32(_FLOOR)
        better = np.asarray(other**2 / (other**2 + own**2), np.float32)
        state = pair.fitted((pair.near + pair.far) * better, state, wide=1.0, iterations=4, stiff=stiff)
    return state


class _Pair:
    """Both pictures in the band of detail that is compared, and the pixels that say something, in one column."""

    def __init__(self, original: Plane, synced: Plane, box: Box, meshes: Sequence[Landmarks]) -> None:
        self.width = meshes[0].face_width_px
        near, far = _regions(meshes, box)
        self._where = np.flatnonzero((near + far).ravel() > _MIN_WEIGHT)
        self.near, self.far = self._at(near), self._at(far)
        self._first, self._second = (detail_band(plane, self.width) for plane in (original, synced))
        self._sigma = max(1.0, _AROUND_FRAC * self.width)
        self._unit = 1 / np.sqrt(self._at(expected_squares(self._first, self._sigma)))
        self._target = self._at(self._first)
        self._slopes = [self._at(plane) for plane in gradients(self._first)]
        self._corner = np.array([box.x0, box.y0], np.float64)
        self._middle = meshes[0].mouth_centre - meshes[0].y_axis * 0.1 * self.width
        rows, columns = np.divmod(self._where, self._first.shape[1])
        (x, y), unit = self._middle - self._corner - 0.5, 1 / self.width
        self._right, self._down = ((columns - x) * unit).astype(np.float32), ((rows - y) * unit).astype(np.float32)
        structure = (self._target * self._unit) ** 2
        self._structure = float((self.near * structure / (1 + structure)).sum())

    @property
    def pixels(self) -> int:
        return len(self._where)

    def offset_px(self, state: Similarity) -> float:
        """How far the middle of the painted part is moved."""
        return state.offset_px(self._middle[None])

    def errors(self, state: Similarity) -> Values:
        """Difference of the pictures at a placement, in units of what is expected."""
        return np.asarray((self._at(self._moved(state)) - self._target) * self._unit, np.float32)

    def evidence(self, state: Similarity) -> float:
        """Share of the structure around the mouth that a placement explains."""
        squares = self.errors(state) ** 2
        return 1 - float((self.near * squares / (1 + squares)).sum()) / max(self._structure, 1e-9)

    def around(self, values: Values) -> Values:
        """Smoothed over the picture."""
        plane = np.zeros(self._first.size, np.float32)
        plane[self._where] = values
        return self._at(gaussian(plane.reshape(self._first.shape), self._sigma))

    def fitted(self, weight: Values, start: Similarity, *, wide: float, iterations: int, stiff: float) -> Similarity:
        """A placement refined; ``wide`` is the scale of outliers to begin with, which shrinks to 1."""
        state = start
        for _ in range(iterations):
            moved = self._moved(state)
            across, down = (
                (self._at(plane) + own) * (np.float32(0.5) * self._unit)
                for plane, own in zip(gradients(moved), self._slopes, strict=True)
            )
            terms = np.stack([
                across, down, across * self._right + down * self._down, down * self._right - across * self._down
            ])  # fmt: skip
            error = (self._at(moved) - self._target) * self._unit
            weighted = terms * (weight / (1 + (error * np.float32(1 / wide)) ** 2) ** 2)
            normal = (weighted @ terms.T).astype(np.float64) + _PRIOR
            normal[2, 2] += stiff * (normal[0, 0] + normal[1, 1])
            normal[3, 3] += stiff * (normal[0, 0] + normal[1, 1])
            step = -np.linalg.solve(normal, (weighted @ error).astype(np.float64))
            size = float(np.abs(step).max())
            state = self._stepped(state, step * min(1.0, _MAX_STEP_FRAC * self.width / max(size, 1e-9)))
            if wide <= 1 and size < _MIN_STEP_PX:
                break
            wide = max(1.0, wide * 0.6)
        return state

    def best_shift(self, about: Similarity) -> Similarity:
        """A placement shifted by whole pixels to where the surroundings of the mouth differ least."""
        reach = max(1, round(_SEARCH_FRAC * self.width))
        weight = np.zeros(self._first.shape, np.float32)
        weight.ravel()[self._where] = self.near * self._unit
        x, y, width, height = cv2.boundingRect((weight > 0).view(np.uint8))
        part = np.s_[y : y + height, x : x + width]
        wide = cv2.copyMakeBorder(self._moved(about), *(reach,) * 4, cv2.BORDER_REPLICATE)
        searched = wide[y : y + height + 2 * reach, x : x + width + 2 * reach]
        template, mask = (np.ascontiguousarray(plane[part]) for plane in (self._first, weight))
        differences = cv2.matchTemplate(searched, template, cv2.TM_SQDIFF, mask=mask)
        row, column = np.unravel_index(int(differences.argmin()), differences.shape)
        return Similarity(right=float(column - reach), down=float(row - reach)).then(about)

    def _at(self, plane: Plane) -> Values:
        return np.asarray(plane.ravel()[self._where], np.float32)

    def _moved(self, state: Similarity) -> Plane:
        """The synced picture with the face brought back from a placement."""
        matrix = state.warp_matrix(self._corner)
        flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (self._first.shape[1], self._first.shape[0])
        moved = cv2.warpAffine(self._second, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.float32)

    def _stepped(self, state: Similarity, step: npt.NDArray[np.float64]) -> Similarity:
        cosine, sine = 1 + step[2] / self.width, step[3] / self.width
        x, y = self._middle
        right, down = x - (cosine * x - sine * y) + step[0], y - (sine * x + cosine * y) + step[1]
        return Similarity(float(cosine), float(sine), float(right), float(down)).then(state)


def _regions(meshes: Sequence[Landmarks], box: Box) -> tuple[Plane, Plane]:
    """Weights of the surroundings of the mouth and of the upper face by how little they move in speech."""
    face = meshes[0]
    width, axis = face.face_width_px, face.y_axis.astype(np.float32)
    region = np.zeros((box.height, box.width), np.float32)
    cv2.fillPoly(region, [fixed_points(convex_hull(face.points[list(lm.FACE_OVAL)]), box)], (1.0,), shift=4)
    for mesh in meshes:
        lips, thickness = fixed_points(mesh.points[list(lm.LIPS_OUTER)], box), max(1, round(2 * _LIPS_FRAC * width))
        cv2.fillPoly(region, [lips], (0.0,), shift=4)
        cv2.polylines(region, [lips], True, (0.0,), thickness, shift=4)
    lip = min((mesh.points[list(lm.LIPS_OUTER)] for mesh in meshes), key=lambda lips: float((lips @ axis).min()))
    below = along(face.y_axis, lip[(lip @ axis).argmin()], box) * np.float32(1 / width)
    speaks = np.clip(below * np.float32(1 / 0.05) + 1, 0, 1)
    region *= 1 - np.float32(1 - _SPEAKING) * speaks
    far = np.clip((-below - np.float32(_NEAR_FRAC)) * np.float32(1 / _FADE_FRAC), 0, 1)
    beside = np.abs(along(face.x_axis, face.mouth_centre, box)) * np.float32(1 / width)
    far = np.maximum(far, np.clip((beside - np.float32(_SIDE_FRAC)) * np.float32(1 / _FADE_FRAC), 0, 1))
    return region * (1 - far), region * far
