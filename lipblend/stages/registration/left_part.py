"""What the generator left as it was while it drew the face elsewhere.

Around a displaced patch the synced picture still lies in its place. Brought back together with the patch, it would be
displaced the other way. Over a shot, on a grid that follows the head, the two are told apart: what was left agrees with
the original as it lies, what was painted agrees with it where it was brought back to, and what speaks with neither.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.picture.smoothstep import smoothstep
from lipblend.stages.detail.scale import downsample, gaussian
from lipblend.stages.masks.footprint import SAMPLE_SHAPE as GRID
from lipblend.stages.masks.footprint import grid_matrix
from lipblend.stages.registration.detail_band import detail_band, expected_squares

Plane = npt.NDArray[np.float32]
Sample = npt.NDArray[np.float16]

SAMPLE_SHAPE = (*GRID, 2)

_AROUND_FRAC = 0.02
_WORK_PX = 50.0  # face width that is looked at, at least: a cell is 0.03 of it
_MAX_ERROR = 30.0  # squared, in units of what is expected
_SPREAD_CELLS, _FLOOR = 0.7, 0.05
_LEFT_SHARE = (0.6, 0.8)  # half and half says nothing


def left_sample(original: Plane, lying: Plane, placed: Plane, box: Box, face: Landmarks) -> Sample:
    """How much the synced picture differs from the original, as it lies and with its face brought back.

    Parameters
    ----------
    original, lying, placed : (h, w) float32
        Luma, levels, of the same part of the picture.
    box : Box
        That part.
    face : Landmarks
        The original's mesh.

    Returns
    -------
    (60, 60, 2) float16
        Squared differences of detail in units of what is expected, on the grid of
        `lipblend.stages.masks.footprint.footprint_sample`; NaN outside the box.
    """
    step = max(1, int(face.face_width_px / _WORK_PX))
    width = face.face_width_px / step
    sigma = max(1.0, _AROUND_FRAC * width)
    first, *others = (detail_band(downsample(plane, step), width) for plane in (original, lying, placed))
    expected = expected_squares(first, sigma)
    errors = cv2.merge([gaussian((each - first) ** 2 / expected, sigma) for each in others])
    flags, matrix = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, grid_matrix(face, box)
    matrix = np.hstack([matrix[:, :2] / step, (matrix[:, 2:] + 0.5) / step - 0.5])
    grid = cv2.warpAffine(errors, matrix, GRID[::-1], flags=flags, borderValue=(np.nan,) * 2)
    return np.minimum(grid, _MAX_ERROR).astype(np.float16)


def left_part(samples: Iterable[Sample]) -> Plane | None:
    """Where the picture was left, over a shot: (60, 60) float32 in [0, 1]; None without samples."""
    total, count = np.zeros(SAMPLE_SHAPE, np.float64), 0
    for sample in samples:
        total += np.nan_to_num(sample.astype(np.float64))
        count += 1
    if not count:
        return None
    lying, placed = np.moveaxis(total / count, 2, 0)
    told = lying + placed
    share = placed**2 / np.maximum(lying**2 + placed**2, 1e-9)
    known = cv2.GaussianBlur(told, (0, 0), _SPREAD_CELLS) + _FLOOR
    low, high = _LEFT_SHARE
    mean = cv2.GaussianBlur(told * share, (0, 0), _SPREAD_CELLS) / known
    return np.asarray(smoothstep((mean - low) / (high - low)), np.float32)


def left_plane(part: Plane, box: Box, face: Landmarks) -> Plane:
    """A part of `left_part` in the pixels of a box of one frame, (box.height, box.width) float32."""
    flags = cv2.INTER_LINEAR
    plane = cv2.warpAffine(part, grid_matrix(face, box), (box.width, box.height), flags=flags)
    return np.asarray(plane, np.float32)
