"""Whether a matte is grey: a coloured one is a mask drawn over the footage, or the footage itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST_LEVELS = 16  # of Cb or Cr from grey, 8 bits: skin lies beyond, tinted greys and coding noise do not
_LEAST_SHARE = 0.001  # of the picture


def coloured_share(chroma: Sequence[npt.NDArray[Any]], scale: int) -> tuple[float, float]:
    """How much of a picture is clearly coloured, and how strongly it is.

    Parameters
    ----------
    chroma : sequence of (h, w) unsigned integers
        Cb and Cr; empty for grey pictures.
    scale : int
        Codes per 8-bit level.

    Returns
    -------
    share : float
        Of the samples; 0 if there are only a few.
    levels : float
        Largest distance from grey, in 8-bit levels.
    """
    if not chroma:
        return 0.0, 0.0
    apart = np.maximum.reduce([np.abs(plane.astype(np.float32) / np.float32(scale) - 128) for plane in chroma])
    share = float((apart > _MOST_LEVELS).mean())
    return (share if share >= _LEAST_SHARE else 0.0), float(apart.max())
