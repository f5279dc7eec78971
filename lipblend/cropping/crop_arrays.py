"""Crops of single frames as arrays: out to a generator, and back in place of its own paste-back."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lipblend.cropping.crop_picture import coverage
from lipblend.cropping.crop_poses import crop_matrix
from lipblend.picture.frame_mapping import FrameMapping, warp
from lipblend.picture.smoothstep import smoothstep

Frame = TypeVar("Frame", npt.NDArray[np.uint8], npt.NDArray[np.uint16], npt.NDArray[np.float32])
Matrix = npt.NDArray[np.float64]

EDGE_FRAC = 0.08
"""Width of the soft border of a crop that is pasted back, in sides of the crop."""
_DTYPES = (np.uint8, np.uint16, np.float32)


def face_matrix(points: npt.ArrayLike, size: int = 512, *, margin: float = 0.3, upright: bool = False) -> Matrix:
    """The matrix of a square crop around a face, for `crop`.

    Parameters
    ----------
    points : (n, 2)
        Landmarks of the face, or two corners of its box; x and y in pixels, the centre of the first pixel at 0.5.
    size : int
        Side of the crop, pixels.
    margin : float
        Room on each side of the face, in sizes of the face.
    upright : bool
        Turn the crop so that the line from the first to the last point lies level: for eye corners, or any other
        points along the face's own horizontal.

    Returns
    -------
    (2, 3) float64
        From the frame's pixels to the crop's.

    Examples
    --------
    >>> face_matrix([[100, 50], [300, 250]], size=320, margin=0.3)[:, 2]
    array([-40.,  10.])
    """
    found = np.asarray(points, np.float64)
    if found.ndim != 2 or found.shape[1] != 2 or len(found) < 2 or not np.isfinite(found).all():
        raise ValueError(f"points must be (n, 2), two or more and finite, got {found.shape}")
    across, down = found[-1] - found[0]
    turn = float(np.arctan2(down, across)) if upright else 0.0
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    along = found @ axes.T
    low, high = along.min(0), along.max(0)
    middle, side = ((low + high) / 2) @ axes, float((high - low).max())
    if side <= 0:
        raise ValueError("all points lie in one place")
    return crop_matrix([*middle, side * (1 + 2 * margin), turn], (size, size), (1.0, 1.0))


def crop(frame: Frame, matrix: npt.ArrayLike, size: int | tuple[int, int] = 512, *, fill: float = 127) -> Frame:
    """Cut a crop out of a frame.

    Cubic interpolation; what is reduced is low-passed first.

    Parameters
    ----------
    frame : (h, w, 3) or (h, w) uint8, uint16 or float32
    matrix : (2, 3) or (3, 3)
        From the frame's pixels to the crop's, the first pixel's centre at 0.5 in both, as in `face_matrix` and in the
        records of `lipblend crop`.
    size : int or (int, int)
        Side, or width and height, of the crop.
    fill : float
        Value beyond the border of the frame.

    Returns
    -------
    ndarray
        Of the frame's dtype.

    Examples
    --------
    >>> import numpy as np
    >>> frame = np.arange(100 * 100, dtype=np.uint16).reshape(100, 100)
    >>> part = crop(frame, [[1, 0, -10], [0, 1, -20]], size=32)
    >>> bool((part == frame[20:52, 10:42]).all())
    True
    """
    _check(frame, "frame")
    width, height = (size, size) if isinstance(size, int) else size
    back = FrameMapping.of(_matrix(matrix)).inverse()
    made = _warped(frame, back, (0, 0), (width, height))
    inside = coverage(back, (width, height), frame.shape[1::-1])
    made[~inside] = fill
    return _as(made, frame)


def paste_back(
    frame: Frame, patch: Frame, matrix: npt.ArrayLike, *, mask: npt.ArrayLike | None = None, edge: float = EDGE_FRAC
) -> Frame:
    """Put a crop back where it was cut, without a hard border.

    The crop is resampled once. Where its weight is 0, no bit of the frame changes.

    Parameters
    ----------
    frame : (h, w, 3) or (h, w) uint8, uint16 or float32
    patch : as the frame, of any size
        What the generator returned for `crop`. If it has another size than the matrix leads to, scale the matrix.
    matrix : (2, 3) or (3, 3)
        As for `crop`, to the patch's pixels.
    mask : (h_c, w_c) in [0, 1], optional
        How much of each pixel of the patch is taken; of the patch's size. By default all of it.
    edge : float
        Width of the soft border, in sides of the patch.

    Returns
    -------
    ndarray
        A new frame.

    Examples
    --------
    >>> import numpy as np
    >>> frame = np.full((80, 80, 3), 50, np.uint8)
    >>> matrix = [[1, 0, -20], [0, 1, -20]]
    >>> patch = crop(frame, matrix, size=40)
    >>> patch[16:24, 16:24] = 200
    >>> result = paste_back(frame, patch, matrix)
    >>> int(result[40, 40, 0]), int(result[10, 10, 0]), int(result[21, 21, 0])
    (200, 50, 50)
    """
    _check(frame, "frame")
    _check(patch, "patch")
    if patch.ndim != frame.ndim or patch.dtype != frame.dtype:
        raise ValueError(
            f"patch must be as the frame ({frame.ndim} axes, {frame.dtype}), got {patch.ndim}, {patch.dtype}"
        )
    there = _matrix(matrix)
    height, width = patch.shape[:2]
    weight = _edge_weight(width, height, edge)
    if mask is not None:
        given = np.asarray(mask, np.float32)
        if given.shape != (height, width):
            raise ValueError(f"mask must be ({height}, {width}) as the patch, got {given.shape}")
        weight = weight * np.clip(given, 0, 1)
    onwards = FrameMapping.of(there)
    corners = onwards.to_original(np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64))
    x0, y0 = np.clip(np.floor(corners.min(0)).astype(int), 0, frame.shape[1::-1])
    x1, y1 = np.clip(np.ceil(corners.max(0)).astype(int), 0, frame.shape[1::-1])
    out = frame.copy()
    if x1 <= x0 or y1 <= y0:
        return out
    size = int(x1 - x0), int(y1 - y0)
    shown = _warped(patch, onwards, (int(x0), int(y0)), size)
    alpha = np.clip(warp(weight, onwards, (float(x0), float(y0)), size), 0, 1)
    alpha[~coverage(onwards, size, (width, height), (int(x0), int(y0)))] = 0
    region = out[y0:y1, x0:x1]
    share = alpha[..., None] if frame.ndim == 3 else alpha
    mixed = region.astype(np.float32) + share * (shown - region)
    touched = alpha > 0
    region[touched] = _as(mixed, frame)[touched]
    return out


def _matrix(matrix: npt.ArrayLike) -> Matrix:
    found = np.asarray(matrix, np.float64)
    if found.shape not in ((2, 3), (3, 3)) or not np.isfinite(found).all() or np.linalg.det(found[:2, :2]) == 0:
        raise ValueError(f"matrix must be (2, 3) or (3, 3), finite and invertible, got {found.shape}")
    return found[:2]


def _check(frame: npt.NDArray[Any], name: str) -> None:
    if frame.ndim not in (2, 3) or frame.dtype not in _DTYPES or 0 in frame.shape:
        raise ValueError(
            f"{name} must be (h, w) or (h, w, c) uint8, uint16 or float32, got {frame.shape} {frame.dtype}"
        )


def _warped(
    picture: npt.NDArray[Any], mapping: FrameMapping, origin: tuple[int, int], size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Each channel resampled; (h, w, c) or (h, w) float32."""
    if picture.ndim == 2:
        return warp(picture, mapping, origin, size)
    channels = [
        warp(np.ascontiguousarray(picture[..., each]), mapping, origin, size) for each in range(picture.shape[2])
    ]
    return np.stack(channels, axis=-1)


def _edge_weight(width: int, height: int, edge: float) -> npt.NDArray[np.float32]:
    """1 in the middle of a patch, and 0 at its border, smooth in between; (height, width) float32."""
    if edge <= 0:
        return np.ones((height, width), np.float32)
    across = np.minimum(np.arange(width), np.arange(width)[::-1]) / (edge * max(width, height))
    down = np.minimum(np.arange(height), np.arange(height)[::-1]) / (edge * max(width, height))
    return np.asarray(smoothstep(np.minimum.outer(down, across).astype(np.float32)), np.float32)


def _as(values: npt.NDArray[np.float32], like: Frame) -> Frame:
    """Values in the dtype of a frame; integers rounded and clipped."""
    if like.dtype == np.float32:
        return values.astype(like.dtype)
    most = 255 if like.dtype == np.uint8 else 65535
    return np.clip(np.rint(values), 0, most).astype(like.dtype)
