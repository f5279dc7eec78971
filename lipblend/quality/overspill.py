"""The old lips that still show: where the original was kept although the generator says something else."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Box
from lipblend.quality.levels import full_range, low_pass
from lipblend.quality.regions import MIN_PIXELS, Region, lips, lips_box, part, shared_box, skin_near_mouth
from lipblend.quality.view import FaceView

Levels = npt.NDArray[np.float64]

_OFF_PLACE_FRAC = 0.005
_SOFT_FRAC = 0.015
_WIDER = 2**0.5
_NEAR_FRAC = 0.2
_SPREAD = 3.0
_FLOOR_LEVELS = 4.0
_CEILING_LEVELS = 12.0


def overspill(view: FaceView) -> tuple[float, float] | None:
    """Share of the original's lips that still shows although the synced picture differs there, and the leak.

    Both pictures are low-passed with 0.015 face widths, in full-range levels, and their difference D is taken channel
    by channel. Of it, what the generator's faults explain is taken off:

    * the cast: whatever lies between 0 and the median of D over the skin near the mouth (a cast that is a factor is
      weaker where the picture is darker, as in the mouth);
    * blur: as much as D could change if the original were softer by another 0.015 face widths;
    * place: as much as D could change if the synced face lay 0.005 face widths off, as wobbling generators do.

    The length of what is left (Y, Cb, Cr) counts above the noise: three times its median over that skin, at least 4 and
    at most 12 levels. That excess is the weight of the leak.

    Returns
    -------
    share, leak : float
        Pixels with alpha below 0.5 and an excess, over all pixels inside the original's outer lip contour; and the mean
        of ``1 - alpha`` there, weighted by the excess. Exactly 0 where the synced picture does not differ. None where
        the lips or the skin near the mouth are not in view (fewer than 64 pixels of skin).
    """
    mouth = lips_box(view.before, view.box)
    area = lips(view.before, mouth)
    if not area.any():
        return None
    reach = int(np.ceil(_NEAR_FRAC * view.face_width_px))
    grown = Box(mouth.x0 - reach, mouth.y0 - reach, mouth.x1 + reach, mouth.y1 + reach)
    around = shared_box(grown, view.box)
    near = skin_near_mouth(view)[part(view.box, around)]
    if np.count_nonzero(near) < MIN_PIXELS:
        return None
    old_lips = np.zeros(near.shape, bool)
    old_lips[part(around, mouth)] = area
    on_skin, on_lips = _unexplained(view, around, near, old_lips)
    level = min(max(_SPREAD * float(np.median(on_skin)), _FLOOR_LEVELS), _CEILING_LEVELS)
    excess = np.maximum(on_lips - level, 0)
    kept = 1 - view.alpha[part(view.box, mouth)][area].astype(np.float64)
    share = np.count_nonzero((kept > 0.5) & (excess > 0)) / len(excess)
    total = float(excess.sum())
    return share, float((excess * kept).sum() / total) if total > 0 else 0.0


def _unexplained(view: FaceView, box: Box, skin: Region, old_lips: Region) -> tuple[Levels, Levels]:
    """Levels by which the synced picture differs beyond cast and blur: at the skin's pixels, and at the lips'."""
    where = part(view.box, box)
    sigma = max(0.5, _SOFT_FRAC * view.face_width_px)
    original = full_range(view.original[where], view.matrix)
    difference = low_pass(full_range(view.synced[where], view.matrix) - original, sigma)
    soft = low_pass(original, sigma)
    blur = np.abs(low_pass(original, _WIDER * sigma) - soft)
    steps = (cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8))
    blur = blur + np.float32(_OFF_PLACE_FRAC * view.face_width_px) * np.hypot(*steps)
    cast = np.median(difference[skin], axis=0).astype(np.float64)

    def left(region: Region) -> Levels:
        rest = difference[region].astype(np.float64)
        rest -= np.clip(rest, np.minimum(cast, 0), np.maximum(cast, 0))
        return np.asarray(np.linalg.norm(np.maximum(np.abs(rest) - blur[region], 0), axis=1))

    return left(skin), left(old_lips)
