"""Multiband blend (Burt and Adelson 1983, "A Multiresolution Spline With Application to Image Mosaics")."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]


def blend_multiband(difference: Field, alpha: Field, *, levels: int) -> Field:
    """The change that a Laplacian-pyramid blend makes: coarse bands cross-fade widely, fine bands narrowly.

    The blended pyramid is ``L(O) + G(m) L(S - O)``, as the Laplacian pyramid is linear; so one pyramid, that of the
    difference, is enough, and where the two pictures agree the change is exactly 0.

    Parameters
    ----------
    difference : (h, w, 3) float32
        Generated minus original.
    alpha : (h, w) float32 in [0, 1]
        The matte. Its inner half (alpha >= 0.5) is the finest band's mask; what coarser bands spread outside is
        faded out by alpha's own support, so that nothing changes where alpha is 0.
    levels : int
        Pyramid levels. Level n cross-fades over about 2^(n+1) px: 2-4 px at the finest, 16 px at the fourth.

    Returns
    -------
    (h, w, 3) float32
        Exactly 0 where alpha is 0.
    """
    depth = _usable_levels(alpha.shape, levels)
    mask = (alpha >= 0.5).astype(np.float32)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8), np.float32)
    masks, bands = [mask], []
    current = difference
    for _ in range(depth - 1):
        smaller = np.asarray(cv2.pyrDown(current), np.float32)
        bands.append(current - cv2.pyrUp(smaller, dstsize=current.shape[1::-1]))
        masks.append(np.asarray(cv2.pyrDown(masks[-1]), np.float32))
        current = smaller
    change = current * masks[-1][..., None]
    for band, weight in zip(reversed(bands), reversed(masks[:-1]), strict=True):
        change = band * weight[..., None] + cv2.pyrUp(change, dstsize=band.shape[1::-1])
    # The coarse bands reach past the matte's outline: fade that tail over the outer fifth of alpha.
    fade = np.clip(alpha * 5, 0, 1)
    return np.asarray(change * fade[..., None], np.float32)


def _usable_levels(shape: tuple[int, ...], levels: int) -> int:
    """No level smaller than 8 px: a tiny face gets fewer."""
    return max(1, min(levels, int(np.log2(max(min(shape[:2]), 8) / 8)) + 1))
