"""How the synced frame lies on the original: candidate mappings, their likeness, and a least-squares fit.

The fit works on all pairs of pictures at once (Lucas and Kanade 1981, with two scales and two shifts instead of one
shift; brightness and contrast of each pair are removed as in Evangelidis and Psarakis 2008).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.frame_mapping import FrameMapping, warp

Pictures = npt.NDArray[np.floating | np.uint8]
Plane = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Size = tuple[int, int]

_DETAIL_SIGMA_PX = 6.0
_MIN_COVERED_SHARE = 0.02
_MIN_COVERED_PIXELS = 16
_NOISE_LEVELS = 0.5
_MAX_ITERATIONS = 15
_SETTLED_PX = 5e-3
_MAX_ERROR_RATIO = 1.5  # to the least error so far; beyond it the fit diverges
_HUBER = 2.0  # robust standard deviations beyond which a pixel is an outlier and weighs less


def candidates(original: Size, synced: Size, faces: Sequence[tuple[Pictures, Pictures]]) -> list[FrameMapping]:
    """The usual mappings between two frame sizes (stretched, padded, cropped, unscaled), and the one faces suggest.

    Parameters
    ----------
    original, synced : (width, height)
    faces : sequence of two (k, 2) arrays
        The same points of a face, in pixels of the original and of the synced frame.
    """
    across, down = synced[0] / original[0], synced[1] / original[1]
    found = [FrameMapping(across, down)]
    for scale in (min(across, down), max(across, down), 1.0):
        shift = (synced[0] - scale * original[0]) / 2, (synced[1] - scale * original[1]) / 2
        found.append(FrameMapping(scale, scale, *shift))
        found.append(FrameMapping(scale, scale))
    if faces:
        x, y = (np.concatenate([pair[side] for pair in faces]).astype(np.float64) for side in (0, 1))
        spread = x - x.mean(0)
        # One scale for both axes: the points of a face are too close together to tell two apart.
        scale = float((spread * (y - y.mean(0))).sum() / max(float((spread**2).sum()), 1e-9))
        if scale > 0:
            found.append(FrameMapping(scale, scale, *(y.mean(0) - scale * x.mean(0)).tolist()))
    return list(dict.fromkeys(found))


def likeness(original: Pictures, synced: Pictures, mapping: FrameMapping) -> npt.NDArray[np.float64]:
    """Correlation of the detail of pairs of small pictures under a mapping, where both have a picture.

    Parameters
    ----------
    original, synced : (n, h, w)
        Pairs of grey pictures; the two may have different sizes.
    mapping : FrameMapping
        Between these small pictures.

    Returns
    -------
    (n,) float64
        -1 to 1; 0 where the synced picture covers less than 2 % of the original.
    """
    height, width = original.shape[1:]
    inside = covered(mapping, synced.shape[1:], (height, width))
    if np.count_nonzero(inside) < _MIN_COVERED_SHARE * inside.size:
        return np.zeros(len(original))
    out = []
    for picture, synced_picture in zip(original, synced, strict=True):
        warped = warp(np.asarray(synced_picture, np.float32), mapping, (0, 0), (width, height))
        out.append(_correlation(detail(np.asarray(picture, np.float32), inside), detail(warped, inside), inside))
    return np.array(out)


def refine(original: Sequence[Pictures], synced: Sequence[Pictures], mapping: FrameMapping) -> FrameMapping:
    """Improve a mapping between pairs of grey pictures by Gauss-Newton least squares.

    Parameters
    ----------
    original, synced : sequence of (h, w)
        Pairs of pictures.
    mapping : FrameMapping
        A start that is right to about a pixel.

    Returns
    -------
    FrameMapping
        The start itself if the fit does not improve it.
    """
    best, (least, equations) = mapping, _normal_equations(original, synced, mapping)
    for _ in range(_MAX_ITERATIONS):
        step = np.linalg.lstsq(*equations, rcond=1e-9)[0]
        mapping = FrameMapping(
            mapping.scale_x + step[0], mapping.scale_y + step[2], mapping.shift_x + step[1], mapping.shift_y + step[3]
        )
        if min(mapping.scale_x, mapping.scale_y) <= 0:
            break
        error, equations = _normal_equations(original, synced, mapping)
        if error < least:
            best, least = mapping, error
        elif error > least * _MAX_ERROR_RATIO:
            break
        height, width = np.shape(original[0])
        if max(abs(step[0]) * width + abs(step[1]), abs(step[2]) * height + abs(step[3])) < _SETTLED_PX:
            break
    return best


def _normal_equations(
    original: Iterable[Pictures], synced: Iterable[Pictures], mapping: FrameMapping
) -> tuple[float, tuple[Doubles, Doubles]]:
    """Mean robust error, and matrix and vector of the least-squares step in (scale x, shift x, scale y, shift y)."""
    matrix, vector = np.zeros((4, 4)), np.zeros(4)
    total, count = 0.0, 0.0
    for picture, synced_picture in zip(original, synced, strict=True):
        height, width = picture.shape
        down, across = covered_ranges(mapping, synced_picture.shape, picture.shape)
        if len(down) * len(across) < _MIN_COVERED_PIXELS:
            continue
        part = slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1)
        warped = warp(np.asarray(synced_picture, np.float32), mapping, (0, 0), (width, height))
        # Derivatives by the synced frame's own coordinates.
        by_x = np.asarray(cv2.Scharr(warped, cv2.CV_32F, 1, 0, scale=1 / 32 / mapping.scale_x)[part], np.float32)
        by_y = np.asarray(cv2.Scharr(warped, cv2.CV_32F, 0, 1, scale=1 / 32 / mapping.scale_y)[part], np.float32)
        values, wanted = warped[part], np.asarray(picture[part], np.float32)
        contrast = float(np.std(wanted)) / max(float(np.std(values)), 1e-6)
        residual = (wanted - wanted.mean()) / np.float32(max(contrast, 1e-6)) - (values - values.mean())
        size = np.abs(residual)
        spread = 1.4826 * float(np.median(size)) + 1e-3
        weight = np.minimum(1, np.float32(_HUBER * spread) / np.maximum(size, 1e-6))
        places = np.asarray(across + 0.5, np.float64), np.asarray(down + 0.5, np.float64)
        _add_sums(matrix, vector, (by_x, by_y), residual, weight, places)
        total += float((weight * np.square(residual)).sum(dtype=np.float64))
        count += float(weight.sum(dtype=np.float64))
    return total / count if count else np.inf, (matrix, vector)


def _add_sums(
    matrix: Doubles,
    vector: Doubles,
    slopes: tuple[Plane, Plane],
    residual: Plane,
    weight: Plane,
    places: tuple[Doubles, Doubles],
) -> None:
    """Add a picture's weighted products of the derivatives by (scale x, shift x, scale y, shift y), in place.

    A pixel's place is a product of a column's and a row's, so sums over rows and columns replace sums over pixels.
    """
    (by_x, by_y), (x, y) = slopes, places
    to_x, to_y = np.stack([x, np.ones_like(x)]), np.stack([y, np.ones_like(y)])  # scale and shift
    weighted_x, weighted_y = weight * by_x, weight * by_y
    matrix[:2, :2] += (to_x * (weighted_x * by_x).sum(0, dtype=np.float64)) @ to_x.T
    matrix[2:, 2:] += (to_y * (weighted_y * by_y).sum(1, dtype=np.float64)) @ to_y.T
    both = to_x @ (weighted_x * by_y).astype(np.float64).T @ to_y.T
    matrix[:2, 2:] += both
    matrix[2:, :2] += both.T
    vector[:2] += to_x @ (weighted_x * residual).sum(0, dtype=np.float64)
    vector[2:] += to_y @ (weighted_y * residual).sum(1, dtype=np.float64)


def covered(mapping: FrameMapping, synced_shape: tuple[int, ...], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Pixels of the original's picture covered by the synced one, less a border of one pixel; (h, w) bool."""
    inside = np.zeros(shape, bool)
    inside[np.ix_(*covered_ranges(mapping, synced_shape, shape))] = True
    return inside


def covered_ranges(
    mapping: FrameMapping, synced_shape: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of these pixels, rising and without gaps; see `covered`."""
    left, top, right, bottom = mapping.covered(synced_shape[1], synced_shape[0])
    x, y = np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5
    return np.flatnonzero((y > top + 1) & (y < bottom - 1)), np.flatnonzero((x > left + 1) & (x < right - 1))


def max_distance_px(first: FrameMapping, second: FrameMapping, size: Size) -> float:
    """Largest distance between two mappings of a frame of a size, in pixels of the original."""
    corners = np.array([[0, 0], size], np.float64)
    return float(np.abs(first.to_original(second.to_synced(corners)) - corners).max())


def detail(picture: npt.NDArray[np.float32], inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """A picture minus its own blur, over the covered part only."""
    weight = inside.astype(np.float32)
    blurred = cv2.GaussianBlur(picture * weight, (0, 0), _DETAIL_SIGMA_PX)
    coverage = np.maximum(cv2.GaussianBlur(weight, (0, 0), _DETAIL_SIGMA_PX), 1e-3)
    return np.asarray(picture - blurred / coverage, np.float32)


def _correlation(
    first: npt.NDArray[np.float32], second: npt.NDArray[np.float32], inside: npt.NDArray[np.bool_]
) -> float:
    a, b = (values[inside].astype(np.float64) for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    # As in SSIM (Wang et al. 2004) a constant stands for noise: two pictures without detail are alike.
    noise = _NOISE_LEVELS**2 * len(a)
    return float((a @ b + noise) / np.sqrt((a @ a + noise) * (b @ b + noise)))
