"""A smooth field through differences that are known only here and there.

Normalised convolution: Knutsson and Westin 1993, https://doi.org/10.1109/CVPR.1993.341081.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipblend.stages.detail.scale import downsample, downsampled_sigma, downsampling_step, gaussian, upsample

Plane = npt.NDArray[np.float32]

_LEAST_SEEN = 0.05  # of the most that is seen anywhere: with less around it the field fades, and glows nowhere
_FLOOR = 1e-3
_MIN_SIGMA_BLOCKS = 2.0


def smooth_field(differences: Sequence[Plane], weight: Plane, sigma_px: float) -> list[Plane]:
    """A smooth field through each of several differences, by weight; far from any weight it goes to 0.

    Where the weight around is less than 0.05 of the largest, the field fades away. It is computed on means over blocks
    of at most half of sigma.
    """
    step = downsampling_step(sigma_px / _MIN_SIGMA_BLOCKS)
    sigma = downsampled_sigma(sigma_px, step)
    around = gaussian(downsample(weight, step), sigma)
    known = np.maximum(around, np.float32(_LEAST_SEEN) * around.max()) + np.float32(_FLOOR)
    sums = [gaussian(downsample(plane * weight, step), sigma) for plane in differences]
    return [upsample(each / known, weight.shape, step) for each in sums]
