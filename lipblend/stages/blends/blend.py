"""The blend that the settings choose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Patch
from lipblend.settings import BlendSettings
from lipblend.stages.blends.blend_alpha import blend_alpha
from lipblend.stages.blends.blend_multiband import blend_multiband
from lipblend.stages.blends.blend_poisson import blend_poisson, ring_width_px

POISSON_FELL_BACK = "poisson did not converge: multiband"


def blend_ring_px(face_width_px: float, settings: BlendSettings) -> float:
    """Width of the ring that the Poisson blend works in, pixels; 0 for the other blends."""
    if settings.method != "poisson":
        return 0.0
    return ring_width_px(
        face_width_px, frac=settings.ring_frac, min_px=settings.ring_min_px, max_px=settings.ring_max_px
    )


def blend(
    difference: Patch,
    mask: npt.NDArray[np.bool_],
    alpha: npt.NDArray[np.float32],
    settings: BlendSettings,
    *,
    feather_px: float,
    face_width_px: float,
) -> tuple[Patch, tuple[str, ...]]:
    """The change that blends a patch in.

    Parameters
    ----------
    difference : Patch
        The patch minus what it is blended into.
    mask : (h, w) bool
    alpha : (h, w) float32 in [0, 1]
    settings : BlendSettings
    feather_px, face_width_px : float

    Returns
    -------
    change : Patch
    fallbacks : tuple of str
        Empty, or the second-best method that was used.
    """
    if settings.method == "alpha":
        return blend_alpha(difference, alpha), ()
    if settings.method == "multiband":
        return _multiband(difference, alpha, settings, feather_px), ()
    solved = blend_poisson(
        difference.whole(),
        mask,
        ring_px=blend_ring_px(face_width_px, settings),
        tolerance=settings.tolerance,
        max_iterations=settings.max_iterations,
    )
    if solved is None:
        return _multiband(difference, alpha, settings, feather_px), (POISSON_FELL_BACK,)
    return Patch.of(solved, difference.grid), ()


def _multiband(difference: Patch, alpha: npt.NDArray[np.float32], settings: BlendSettings, feather_px: float) -> Patch:
    grid = difference.grid
    luma = blend_multiband(difference.luma, alpha, levels=settings.levels, feather_px=feather_px)
    chroma = blend_multiband(
        difference.chroma,
        grid.averaged(alpha),
        levels=settings.levels,
        feather_px=feather_px,
        pixel_px=max(grid.subsampling),
    )
    return Patch(luma, chroma, grid)
