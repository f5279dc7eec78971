"""Alpha blend: the plain cross-fade (Porter and Duff 1984, "over")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def blend_alpha(difference: npt.NDArray[np.float32], alpha: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The change that a cross-fade makes: ``alpha * (generated - original)``.

    Parameters
    ----------
    difference : (h, w, 3) float32
        Generated minus original.
    alpha : (h, w) float32 in [0, 1]

    Returns
    -------
    (h, w, 3) float32
    """
    return difference * alpha[..., None]
