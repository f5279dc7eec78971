"""How the synced frame lies on the original's: found by the picture, exact to a fraction of a pixel.

First the usual ways (scaled to fit, padded, cropped, and what the faces say) are tried on small pictures; the best is
refined by least squares on all of them at once (Lucas and Kanade 1981, with two scales and two shifts instead of a
shift, and brightness and contrast of each pair taken out as in Evangelidis and Psarakis 2008).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.frame_mapping import FrameMapping, warp

Pictures = npt.NDArray[np.floating | np.uint8]
Size = tuple[int, int]

_DETAIL_PX = 6.0
_LEAST_COVERED = 0.02
_NOISE_LEVELS = 0.5
_ITERATIONS = 15
_SETTLED_PX = 5e-3
_WORSE = 1.5  # times the least error so far: it runs away
_ROBUST = 2.0  # robust standard deviations beyond which a pixel counts less (Huber)


def candidates(original: Size, synced: Size, faces: Sequence[tuple[Pictures, Pictures]]) -> list[FrameMapping]:
    """The usual ways to put a frame of one size into another, and what the faces say.

    Parameters
    ----------
    original, synced : (width, height)
    faces : sequence of two (k, 2) arrays
        The same points of a face, in the original's pixels and in the synced frame's.
    """
    across, down = synced[0] / original[0], synced[1] / original[1]
    ways = [FrameMapping(across, down)]
    for scale in (min(across, down), max(across, down), 1.0):
        shift = (synced[0] - scale * original[0]) / 2, (synced[1] - scale * original[1]) / 2
        ways.append(FrameMapping(scale, scale, *shift))
        ways.append(FrameMapping(scale, scale))
    if faces:
        ours, theirs = (np.concatenate([pair[side] for pair in faces]).astype(np.float64) for side in (0, 1))
        spread = ours - ours.mean(0)
        # One scale: the points of a face are too close together to tell two apart.
        scale = float((spread * (theirs - theirs.mean(0))).sum() / max(float((spread**2).sum()), 1e-9))
        if scale > 0:
            ways.append(FrameMapping(scale, scale, *(theirs.mean(0) - scale * ours.mean(0)).tolist()))
    return list(dict.fromkeys(ways))


def likeness(original: Pictures, synced: Pictures, mapping: FrameMapping) -> npt.NDArray[np.float64]:
    """How alike pairs of small pictures are under a mapping: correlation of their detail where both have a picture.

    Parameters
    ----------
    original, synced : (n, h, w)
        Pairs of grey pictures; sizes may differ between the two.
    mapping : FrameMapping
        Between these small pictures.

    Returns
    -------
    (n,) float64
        -1 to 1; 0 where the synced picture covers next to nothing.
    """
    height, width = original.shape[1:]
    inside = covered(mapping, synced.shape[1:], (height, width))
    if np.count_nonzero(inside) < _LEAST_COVERED * inside.size:
        return np.zeros(len(original))
    out = []
    for ours, theirs in zip(original, synced, strict=True):
        laid = warp(np.asarray(theirs, np.float32), mapping, (0, 0), (width, height))
        out.append(_correlation(_detail(np.asarray(ours, np.float32), inside), _detail(laid, inside), inside))
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
        The start itself where the pictures do not lead to a better one.
    """
    start_error, _ = _normal_equations(original, synced, mapping)
    best, least = mapping, start_error
    for _ in range(_ITERATIONS):
        _, (matrix, vector) = _normal_equations(original, synced, mapping)
        step = np.linalg.lstsq(matrix, vector, rcond=1e-9)[0]
        mapping = FrameMapping(
            mapping.scale_x + step[0], mapping.scale_y + step[2], mapping.shift_x + step[1], mapping.shift_y + step[3]
        )
        if min(mapping.scale_x, mapping.scale_y) <= 0:
            break
        error, _ = _normal_equations(original, synced, mapping)
        if error < least:
            best, least = mapping, error
        elif error > least * _WORSE:
            break
        height, width = np.shape(original[0])
        if max(abs(step[0]) * width + abs(step[1]), abs(step[2]) * height + abs(step[3])) < _SETTLED_PX:
            break
    return best


def _normal_equations(
    original: Iterable[Pictures], synced: Iterable[Pictures], mapping: FrameMapping
) -> tuple[float, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Mean robust error, and matrix and vector of the least-squares step in (scale x, shift x, scale y, shift y)."""
    matrix, vector = np.zeros((4, 4)), np.zeros(4)
    total, count = 0.0, 0.0
    for ours, theirs in zip(original, synced, strict=True):
        height, width = ours.shape
        inside = covered(mapping, theirs.shape, ours.shape)
        laid = warp(np.asarray(theirs, np.float32), mapping, (0, 0), (width, height))
        target = np.asarray(ours, np.float32)
        if np.count_nonzero(inside) < 16:
            continue
        # Derivatives by the synced frame's own coordinates.
        by_x = cv2.Scharr(laid, cv2.CV_32F, 1, 0, scale=1 / 32)[inside] / mapping.scale_x
        by_y = cv2.Scharr(laid, cv2.CV_32F, 0, 1, scale=1 / 32)[inside] / mapping.scale_y
        values, wanted = laid[inside], target[inside]
        contrast = float(np.std(wanted)) / max(float(np.std(values)), 1e-6)
        rest = (wanted - wanted.mean()) / max(contrast, 1e-6) - (values - values.mean())
        spread = 1.4826 * float(np.median(np.abs(rest))) + 1e-3
        weight = np.minimum(1, _ROBUST * spread / np.maximum(np.abs(rest), 1e-6))
        y, x = np.nonzero(inside)
        jacobian = np.stack([by_x * (x + 0.5), by_x, by_y * (y + 0.5), by_y], axis=1).astype(np.float64)
        weighted = jacobian * weight[:, None]
        matrix += weighted.T @ jacobian
        vector += weighted.T @ rest
        total += float((weight * rest**2).sum())
        count += float(weight.sum())
    return total / count if count else np.inf, (matrix, vector)


def covered(mapping: FrameMapping, synced_shape: tuple[int, ...], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Pixels of the original's picture that the synced one covers, a pixel at the border left out."""
    left, top, right, bottom = mapping.covered(synced_shape[1], synced_shape[0])
    x, y = np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5
    across = (x > left + 1) & (x < right - 1)
    down = (y > top + 1) & (y < bottom - 1)
    return down[:, None] & across[None, :]


def _detail(picture: npt.NDArray[np.float32], inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """A picture less its own blur, over the covered part only."""
    weight = inside.astype(np.float32)
    blurred = cv2.GaussianBlur(picture * weight, (0, 0), _DETAIL_PX)
    return np.asarray(picture - blurred / np.maximum(cv2.GaussianBlur(weight, (0, 0), _DETAIL_PX), 1e-3), np.float32)


def _correlation(
    first: npt.NDArray[np.float32], second: npt.NDArray[np.float32], inside: npt.NDArray[np.bool_]
) -> float:
    a, b = (values[inside].astype(np.float64) for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    # As in SSIM (Wang et al. 2004) a constant stands for noise: two pictures without detail are alike.
    noise = _NOISE_LEVELS**2 * len(a)
    return float((a @ b + noise) / np.sqrt((a @ a + noise) * (b @ b + noise)))
