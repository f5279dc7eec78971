"""Bend: the smooth distortion of a redrawn picture around a face, which no similarity explains.

Generators that redraw the whole frame ripple it by a few pixels, or draw the head in a slightly other pose. The
distortion is a free-form deformation, a lattice of cubic B-splines (Rueckert and others 1999,
https://doi.org/10.1109/42.796284), fitted to the pictures by Gauss-Newton with robust weights as a placement is
(`lipblend.stages.registration.placement`). Third differences keep it smooth, so that it bends on where nothing is
seen: it is measured on what does not speak, the face from the nose up and what surrounds it, and not on the lower face.

The lattice lies along the picture's axes. What a pixel contributes to the normal equations is then the product of a
contribution of its row and one of its column, and the equations of all 128 numbers are products of small matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces import landmarks as lm
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.picture.similarity import Similarity
from lipblend.stages.detail.scale import gaussian
from lipblend.stages.registration.box_places import along, fixed_points
from lipblend.stages.registration.detail_band import detail_band, expected_squares, gradients
from lipblend.stages.registration.flow import moved_by
from lipblend.stages.registration.placement import MIN_EVIDENCE

Plane = npt.NDArray[np.float32]
Lattice = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]
Points = npt.NDArray[np.floating]

KNOTS = 8
LATTICE_SHAPE = (KNOTS, KNOTS, 2)
ROW_VALUES = KNOTS * KNOTS * 2 + 2

_KNOT_FRAC = 0.26  # distance of the lattice's knots, face widths
_HALF_FRAC = (KNOTS - 3) / 2 * _KNOT_FRAC  # beyond, the distortion continues as it is at the border
_UP_FRAC = 0.08  # the lattice's middle lies so far above that of the mouth
_STIFF, _SMALL = 1.0, 0.01  # against third differences, and against any offset, of pixels in a face of 100
_AROUND_FRAC = 0.03  # over which local contrast and the better of two places are judged
_ROUNDS = 3  # of inverting an offset
_OVERLAPS = np.array([(one, other) for one in range(KNOTS) for other in range(one, min(one + 4, KNOTS))]).T  # knots
_OUTLIERS = (3.0, 1.8, 1.0, 1.0, 1.0)  # scale of outliers, by iteration
_JAW_FRAC = 0.10  # beyond the face that moves with the jaw
_FLOOR = 0.02  # of squared differences when two places are compared
_STRAIGHT = 0.93  # of the structure, as the pictures lie: nothing to look for
_MIN_GAIN, _MIN_SIZE_FRAC = 0.08, 0.004  # ripples of 4 px of 270 gain 0.05 to 0.4, ordinary clips up to 0.05


@dataclass(frozen=True)
class Bend:
    """A distortion around a face.

    Attributes
    ----------
    lattice : (8, 8, 2) float32
        Weights of the splines: offsets to the right and down, face widths.
    evidence : float
        How much of the structure beside the lower face it explains, at most 1.
    unbent : float
        How much of that the pictures explain without it.
    """

    lattice: Lattice
    evidence: float
    unbent: float

    @property
    def is_certain(self) -> bool:
        """Whether it explains much that is not explained without it, and is no mere error of the measurement."""
        gained = self.is_known and self.evidence - self.unbent >= _MIN_GAIN
        return gained and float(np.abs(self.lattice).max()) >= _MIN_SIZE_FRAC

    @property
    def is_known(self) -> bool:
        """Whether the two pictures show the same at all."""
        return self.evidence >= MIN_EVIDENCE

    @property
    def row(self) -> npt.NDArray[np.float32]:
        """(130,) float32: the lattice, ``evidence`` and ``unbent``."""
        return np.concatenate([self.lattice.ravel(), np.array([self.evidence, self.unbent], np.float32)])

    @classmethod
    def of_row(cls, row: npt.NDArray[np.float32]) -> Bend:
        """The inverse of `row`."""
        return cls(row[:-2].reshape(LATTICE_SHAPE), float(row[-2]), float(row[-1]))


def bend_box(face: Landmarks) -> Box:
    """The part of the picture that is compared, pixels; not clipped to the picture."""
    reach = _HALF_FRAC * face.face_width_px
    return Box.around(_middle(face) - reach, _middle(face) + reach)


def find_bend(
    original: Plane, placed: Plane, box: Box, meshes: Sequence[Landmarks], lying: Plane | None = None
) -> Bend:
    """Find how the synced picture is distorted around a face.

    Parameters
    ----------
    original, placed : (h, w) float32
        Luma, levels, of the same part of the picture; the synced face brought back from its placement.
    box : Box
        That part.
    meshes : sequence of Landmarks
        The original's, and the placed synced face's if there is one.
    lying : (h, w) float32, optional
        The synced picture as it lies: beside a displaced face, what fits better so was not moved with it, and says
        nothing.
    """
    width = meshes[0].face_width_px
    first, second = (detail_band(plane, width) for plane in (original, placed))
    sigma = max(1.0, _AROUND_FRAC * width)
    expected = expected_squares(first, sigma)
    weight = _calm_region(meshes, box)
    if lying is not None:
        weight *= _moved_along(first, second, detail_band(lying, width), expected, sigma)
    structure = max(_counted(first, expected, weight), 1e-9)
    unbent = 1 - _counted(second - first, expected, weight) / structure
    straight = np.zeros(LATTICE_SHAPE, np.float32)
    if unbent >= _STRAIGHT:
        return Bend(straight, unbent, unbent)
    basis = _bases(meshes[0], box)
    slopes, prior = gradients(first), _prior() * (100 / width) ** 2
    state = np.zeros((2, KNOTS, KNOTS))
    for wide in _OUTLIERS:
        moved = moved_by(second, *_offsets(state, basis), cv2.INTER_LINEAR)
        error = moved - first
        robust = weight / (expected * (1 + error * error / (expected * np.float32(wide**2))) ** 2)
        mean = [(one + other) * np.float32(0.5) for one, other in zip(gradients(moved), slopes, strict=True)]
        state += _step(state, robust, mean, error, basis, prior)
    left = _counted(moved_by(second, *_offsets(state, basis), cv2.INTER_LINEAR) - first, expected, weight)
    evidence = 1 - left / structure
    if evidence <= unbent:
        return Bend(straight, unbent, unbent)
    return Bend(np.asarray(np.moveaxis(state, 0, 2) / width, np.float32), evidence, unbent)


def bend_flow(lattice: Lattice, box: Box, face: Landmarks) -> tuple[Plane, Plane]:
    """Where to sample the placed picture for each pixel of a box: offsets right and down, (h, w) float32, pixels.

    ``face`` is the original's mesh.
    """
    return _offsets(np.moveaxis(lattice, 2, 0).astype(np.float64) * face.face_width_px, _bases(face, box))


def unbent_points(points: Points, lattice: Lattice, face: Landmarks) -> npt.NDArray[np.float32]:
    """Points (n, 2) of the placed picture at their places in the original, pixels."""
    middle, width = _middle(face), face.face_width_px
    places = np.asarray(points, np.float64)
    for _ in range(_ROUNDS):
        rows, columns = (_basis((places[:, axis] - middle[axis]) / width) for axis in (1, 0))
        places = points - np.einsum("nk,kla,nl->na", rows, lattice.astype(np.float64), columns) * width
    return np.asarray(places, np.float32)


def rebased(lattice: Lattice, measured: Similarity, used: Similarity, face: Landmarks) -> Lattice:
    """The lattice that has the effect after one placement that it had after another; as far as the lattice reaches."""
    if measured == used:
        return lattice
    width, knots = face.face_width_px, (np.arange(KNOTS) - (KNOTS - 1) / 2) * _KNOT_FRAC
    places = _middle(face) + np.stack(np.meshgrid(knots, knots), axis=2) * width
    # A lattice of an affine map is that map at its knots.
    wanted = measured.then(used.inverse()).apply((places + lattice * width).reshape(-1, 2)).reshape(LATTICE_SHAPE)
    return np.asarray((wanted - places) / width, np.float32)


def _middle(face: Landmarks) -> npt.NDArray[np.float64]:
    return np.asarray(face.mouth_centre - face.y_axis * (_UP_FRAC * face.face_width_px), np.float64)


def _calm_region(meshes: Sequence[Landmarks], box: Box) -> Plane:
    """1 from the nose up and beside the faces, 0 in the lower faces and near the jaws; (h, w) float32."""
    face = meshes[0]
    width = face.face_width_px
    region = np.ones((box.height, box.width), np.float32)
    for mesh in meshes:
        oval = fixed_points(mesh.points[list(lm.FACE_OVAL)], box)
        cv2.fillPoly(region, [oval], (0.0,), shift=4)
        cv2.polylines(region, [oval], True, (0.0,), max(1, round(2 * _JAW_FRAC * width)), shift=4)
    noses = [mesh.points[list(lm.NOSE_BASE)] for mesh in meshes]
    lowest = [nose[(nose @ face.y_axis).argmax()] for nose in noses]
    below = along(face.y_axis, min(lowest, key=lambda point: float(point @ face.y_axis)), box)
    above = np.clip(below * np.float32(-1 / (_AROUND_FRAC * width)), 0, 1)
    return np.asarray(np.maximum(region, above), np.float32)


def _moved_along(first: Plane, placed: Plane, lying: Plane, expected: Plane, sigma_px: float) -> Plane:
    own, other = (gaussian((each - first) ** 2 / expected, sigma_px) + np.float32(_FLOOR) for each in (placed, lying))
    return np.asarray(other**2 / (other**2 + own**2), np.float32)


def _counted(error: Plane, expected: Plane, weight: Plane) -> float:
    """Squared differences, each at most 1."""
    squares = error * error / expected
    return float((weight * squares / (1 + squares)).sum())


def _bases(face: Landmarks, box: Box) -> tuple[Matrix, Matrix]:
    """Weight of each knot at the pixels of a column and of a row, (h, 8) and (w, 8) float64."""
    (x, y), width = _middle(face), face.face_width_px
    return _basis((np.arange(box.y0, box.y1) + 0.5 - y) / width), _basis((np.arange(box.x0, box.x1) + 0.5 - x) / width)


def _basis(offset: Points) -> Matrix:
    """Cubic B-splines at offsets (n,) from the lattice's middle, face widths; (n, 8) float64."""
    place = np.clip(offset / _KNOT_FRAC + (KNOTS - 1) / 2, 1, KNOTS - 2)
    length = np.abs(place[:, None] - np.arange(KNOTS))
    near, far = 2 / 3 - length**2 + length**3 / 2, np.maximum(2 - length, 0) ** 3 / 6
    return np.asarray(np.where(length < 1, near, far), np.float64)


def _offsets(state: Matrix, basis: tuple[Matrix, Matrix]) -> tuple[Plane, Plane]:
    rows, columns = (np.ascontiguousarray(each.T, np.float32) for each in basis)
    right, down = (_summed(rows, each.astype(np.float32), columns) for each in state)
    return right, down


def _step(
    state: Matrix, weight: Plane, slopes: Sequence[Plane], error: Plane, basis: tuple[Matrix, Matrix], prior: Matrix
) -> Matrix:
    """The change of a lattice (2, 8, 8) that one step of Gauss-Newton makes."""
    rows, columns = (each.astype(np.float32) for each in basis)
    first, second = _OVERLAPS
    row_pairs, column_pairs = (each[:, first] * each[:, second] for each in (rows, columns))
    count = KNOTS * KNOTS
    system, slope = np.empty((2, count, 2, count)), np.empty((2, count))
    weighted = [weight * each for each in slopes]
    for i in range(2):
        for j in range(i, 2):
            products = _summed(row_pairs, weighted[i] * slopes[j], column_pairs)
            system[i, :, j] = system[j, :, i] = np.append(products, 0)[_products_of_knots()]
        system[i, :, i] += prior
        slope[i] = _summed(rows, weighted[i] * error, columns).ravel() + prior @ state[i].ravel()
    _, step = cv2.solve(system.reshape(2 * count, -1), slope.reshape(-1, 1), flags=cv2.DECOMP_CHOLESKY)
    return np.asarray(-step.reshape(state.shape), np.float64)


def _summed(rows: Plane, plane: Plane, columns: Plane) -> Plane:
    return np.asarray(rows.T @ plane @ columns, np.float32)


@lru_cache(maxsize=1)
def _products_of_knots() -> npt.NDArray[np.intp]:
    """(64, 64): the place of two knots among the products of overlapping rows and columns; the last if they do not."""
    pair = np.full((KNOTS, KNOTS), -1)
    first, second = _OVERLAPS
    pair[first, second] = pair[second, first] = np.arange(len(first))
    row, column = np.divmod(np.arange(KNOTS * KNOTS), KNOTS)
    rows, columns = (pair[each[:, None], each] for each in (row, column))
    none = len(first) ** 2
    return np.where((rows < 0) | (columns < 0), none, rows * len(first) + columns)


@lru_cache(maxsize=1)
def _prior() -> Matrix:
    """(64, 64): squared third differences of a lattice, and a little of its squares."""
    eye = np.eye(KNOTS)
    once, twice, thrice = (np.diff(eye, order, axis=0) for order in (1, 2, 3))
    mixed = np.kron(twice.T @ twice, once.T @ once)
    swapped = np.kron(once.T @ once, twice.T @ twice)
    along = np.kron(thrice.T @ thrice, eye) + np.kron(eye, thrice.T @ thrice)
    return np.asarray(_STIFF * (along + 3 * (mixed + swapped)) + _SMALL * np.eye(KNOTS * KNOTS), np.float64)
