"""Where a crop lies in each frame of a shot: fixed, following, or aligned with the face."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from lipblend.cropping.crop_profiles import Alignment, CropProfile
from lipblend.faces.landmarks import POINTS_68, Landmarks
from lipblend.picture.similarity import Similarity
from lipblend.plan.smoothing import zero_phase

Rows = npt.NDArray[np.float64]
Valid = npt.NDArray[np.bool_]

FEATURES = 8
"""Of a face in a frame: left, top, right, bottom of its mesh; middle x and y, side and turn of its aligned square."""

_CENTRE_SIGMA_S = 0.5
_SIDE_SIGMA_S = 1.0
_ALIGNED_SIGMA_S = 0.1
_LEAST_ROOM = 0.25  # of the margin, that is left beside a fast face
# Means of right brow, left brow and nose in LatentSync's template, and its size.
_BROWS_NOSE = np.array([[95.2, 112.0], [324.8, 112.0], [210.0, 224.0]])
_TEMPLATE = 420.0, 560.0
_PARTS_68 = slice(17, 22), slice(22, 27), slice(27, 36)


def canvas_of(profile: CropProfile) -> tuple[float, float]:
    """Width and height of what the crop shows, to any scale; it is squeezed into the square crop."""
    return _TEMPLATE if profile.mode == "aligned" and profile.align == "brows_nose" else (1.0, 1.0)


def face_features(mesh: npt.NDArray[np.float32], align: Alignment) -> Rows:
    """What the places of a crop are made from, of one face in one frame.

    Parameters
    ----------
    mesh : (478, 2) float32
        Pixels of the original.
    align : {"upright", "brows_nose"}

    Returns
    -------
    (8,) float64
        See `FEATURES`; the turn in radians, positive clockwise on the screen.
    """
    points = mesh.astype(np.float64)
    box = [*points.min(0), *points.max(0)]
    if align == "brows_nose":
        parts = np.array([points[POINTS_68[part]].mean(0) for part in _PARTS_68])
        back = Similarity.between(_BROWS_NOSE, parts)  # from the template to the picture
        middle = back.apply(np.array([_TEMPLATE]) / 2)[0]
        return np.array(
            [*box, *middle, np.hypot(back.cosine, back.sine) * _TEMPLATE[0], np.arctan2(back.sine, back.cosine)]
        )
    x_axis = Landmarks(mesh).x_axis
    axes = np.array([x_axis, [-x_axis[1], x_axis[0]]])
    along = points @ axes.T
    low, high = along.min(0), along.max(0)
    return np.array([*box, *((low + high) / 2) @ axes, (high - low).max(), np.arctan2(x_axis[1], x_axis[0])])


def crop_poses(features: Rows, valid: Valid, times_s: Rows, profile: CropProfile) -> Rows:
    """Place the crop in every frame of a shot.

    Parameters
    ----------
    features : (n, 8) float64
        `face_features` of each frame.
    valid : (n,) bool
        Frames in which the face was found; at least one. Between them features are interpolated, beyond them held.
    times_s : (n,) float64
        Rising.
    profile : CropProfile

    Returns
    -------
    (n, 4) float64
        Middle x and y, width of what is shown, in the original's pixels, and turn in radians.
    """
    known = filled(features, valid, times_s)
    if profile.mode == "aligned":
        poses = _aligned(known, times_s, profile)
    elif profile.mode == "fixed":
        poses = _fixed(known[valid], len(known), profile)
    else:
        poses = _following(known, times_s, profile)
    poses[:, :2] += profile.shift * poses[:, 2:3] * np.stack([-np.sin(poses[:, 3]), np.cos(poses[:, 3])], axis=1)
    return poses


def crop_matrix(pose: Iterable[float], size: tuple[int, int], canvas: tuple[float, float]) -> Rows:
    """The matrix from the original's pixels to the crop's, pixel centres at +0.5 in both.

    Parameters
    ----------
    pose : (4,)
        A row of `crop_poses`.
    size : (int, int)
        Width and height of the crop.
    canvas : (float, float)
        See `canvas_of`.

    Returns
    -------
    (2, 3) float64
    """
    x, y, width, turn = pose
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    height = width * canvas[1] / canvas[0]
    linear = np.diag([size[0] / width, size[1] / height]) @ back
    return np.column_stack([linear, np.array(size) / 2 - linear @ (x, y)])


def filled(features: Rows, valid: Valid, times_s: Rows) -> Rows:
    """Features of all frames: interpolated between those found, held before the first and after the last."""
    known = np.flatnonzero(valid)
    turned = features.copy()
    turned[known, 7] = np.unwrap(features[known, 7])
    return np.stack([np.interp(times_s, times_s[known], column[known]) for column in turned.T], axis=1)


def _fixed(found: Rows, count: int, profile: CropProfile) -> Rows:
    """One box for the whole shot, in whole pixels, so that a crop of its own size is a plain cut."""
    room = profile.margin * _sides(found)
    low = (found[:, :2] - room[:, None]).min(0)
    high = (found[:, 2:4] + room[:, None]).max(0)
    side = float(np.ceil((high - low).max()))
    corner = np.rint((low + high) / 2 - side / 2)
    return np.tile([*(corner + side / 2), side, 0.0], (count, 1))


def _following(known: Rows, times_s: Rows, profile: CropProfile) -> Rows:
    everywhere = np.ones(len(known), bool)
    sides = _sides(known)
    middle = zero_phase((known[:, :2] + known[:, 2:4]) / 2, everywhere, times_s, sigma_s=_CENTRE_SIGMA_S, order=1)
    wanted = (1 + 2 * profile.margin) * sides
    # No face leaves the crop, however fast: where it lies off the middle, the crop grows, and slowly.
    off = np.maximum(middle - known[:, :2], known[:, 2:4] - middle).max(1)
    needed = 2 * (off + _LEAST_ROOM * profile.margin * sides)
    smooth = zero_phase(wanted[:, None], everywhere, times_s, sigma_s=_SIDE_SIGMA_S, order=0)[:, 0]
    lacking = _held(np.maximum(needed - smooth, 0), times_s)
    return np.column_stack([middle, smooth + lacking, np.zeros(len(known))])


def _aligned(known: Rows, times_s: Rows, profile: CropProfile) -> Rows:
    poses = known[:, 4:].copy()
    if profile.align == "upright":
        poses[:, 2] *= 1 + 2 * profile.margin
    return np.asarray(zero_phase(poses, np.ones(len(known), bool), times_s, sigma_s=_ALIGNED_SIGMA_S, order=1))


def _held(values: Rows, times_s: Rows) -> Rows:
    """An envelope above some values that rises and falls slowly: the maximum within a reach, smoothed within it."""
    first = np.searchsorted(times_s, times_s - _SIDE_SIGMA_S)
    last = np.searchsorted(times_s, times_s + _SIDE_SIGMA_S, side="right")
    highest = np.array([values[low:high].max() for low, high in zip(first, last, strict=True)])
    return np.array([highest[low:high].mean() for low, high in zip(first, last, strict=True)])


def _sides(rows: Rows) -> Rows:
    return np.asarray((rows[:, 2:4] - rows[:, :2]).max(1))
