"""Alpha blend: the plain cross-fade (Porter and Duff 1984, "over")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Patch


def blend_alpha(difference: Patch, alpha: npt.NDArray[np.float32]) -> Patch:
    """The change that a cross-fade makes: ``alpha * (generated - original)``.

    Parameters
    ----------
    difference : Patch
        Generated minus original.
    alpha : (h, w) float32 in [0, 1]
    """
    return difference.weighted(alpha)
