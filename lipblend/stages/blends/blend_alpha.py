"""Alpha blend: a plain cross-fade (Porter and Duff 1984, "over")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Patch


def blend_alpha(difference: Patch, alpha: npt.NDArray[np.float32]) -> Patch:
    """The change made by a cross-fade, ``alpha * difference``, with the difference generated minus original."""
    return difference.weighted(alpha)
