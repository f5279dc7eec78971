"""The original's lips that still show although the synced picture differs there."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Box
from lipblend.quality.fades import faded_view
from lipblend.quality.levels import full_range, low_pass
from lipblend.quality.regions import MIN_PIXELS, lips, lips_box, skin_near_mouth
from lipblend.quality.view import FaceView, Patch3, Region, once_per_view
from lipblend.stages.detail.scale import downsample

Levels = npt.NDArray[np.float64]

_DISPLACEMENT_FRAC = 0.005
_BLUR_FRAC = 0.015
_WIDER_BLUR = 2**0.5
_MIN_SIGMA_PX = 2.0
_NEAR_FRAC = 0.2
_NOISE_FACTOR = 3.0
_MIN_NOISE_LEVELS = 4.0
_MAX_NOISE_LEVELS = 12.0


def overspill(view: FaceView) -> float | None:
    """Share of the pixels inside the original's outer lip contour with alpha below 0.5 and an excess difference.

    Held against the expected picture, only those count in which the result, too, differs from the synced picture.

    For the excess, both pictures are low-passed with 0.015 face widths, in full-range levels, and their difference D is
    taken per channel. Generator faults that explain a part of D are subtracted:

    * cast: whatever lies between 0 and the median of D over the skin near the mouth (a cast that is a factor is weaker
      in darker places such as the mouth);
    * blur: the change of D if the original were blurred by another 0.015 face widths;
    * displacement: the change of D if the synced face were displaced by 0.005 face widths, as wobbling generators do.

    Faces of 267 px and more are downsampled by a power of two before, so that the blur is at least 2 px wide.

    While the patch fades, the mouth between the two (`lipblend.quality.fades`) takes the place of the synced one, and
    alpha says nothing: every pixel counts in which the old lips would have to be gone and the result differs from that
    mouth, as a cross-dissolve does. As published, fades are not measured.

    The length of the rest (Y, Cb, Cr) minus the noise is the excess. The noise is three times the median of that length
    over the skin, between 4 and 12 levels.

    Returns
    -------
    float or None
        Exactly 0 where the synced picture does not differ. None where the lips or the skin near the mouth are not in
        view (fewer than 64 pixels of skin).
    """
    shares = _overspill_and_leak(view)
    return shares[0] if shares else None


def leak(view: FaceView) -> float | None:
    """Mean of ``1 - alpha`` over the original's lips, weighted by the excess difference of `overspill`."""
    shares = _overspill_and_leak(view)
    return shares[1] if shares else None


@once_per_view
def _overspill_and_leak(view: FaceView) -> tuple[float, float] | None:
    if view.weight < 1:
        if view.against == "original":
            return None
        view = replace(faded_view(view), alpha=np.zeros_like(view.alpha))
    mouth = lips_box(view.original_mesh, view.box)
    if not mouth.width or not mouth.height:
        return None
    margin = int(np.ceil(_NEAR_FRAC * view.face_width_px))
    grown = Box(mouth.x0 - margin, mouth.y0 - margin, mouth.x1 + margin, mouth.y1 + margin)
    box = grown.clipped_to(view.box)
    near = skin_near_mouth(view)[box.within(view.box)]
    if np.count_nonzero(near) < MIN_PIXELS:
        return None
    step = _step(view.face_width_px)
    near, area = (downsample(region.astype(np.float32), step) > 0.5 for region in (near, lips(view.original_mesh, box)))
    if not near.any() or not area.any():
        return None
    on_skin, on_lips = _unexplained(view, view.original, box, near, area)
    noise = min(max(_NOISE_FACTOR * float(np.median(on_skin)), _MIN_NOISE_LEVELS), _MAX_NOISE_LEVELS)
    excess = np.maximum(on_lips - noise, 0)
    original_share = 1 - downsample(view.alpha[box.within(view.box)], step)[area].astype(np.float64)
    if view.against == "expected":
        # Whatever the matte says: where the result shows the new mouth, the old lips do not show.
        _, left = _unexplained(view, view.result, box, near, area)
        original_share[left <= noise] = 0
    share = np.count_nonzero((original_share > 0.5) & (excess > 0)) / len(excess)
    total = float(excess.sum())
    return share, float((excess * original_share).sum() / total) if total > 0 else 0.0


def _step(face_width_px: float) -> int:
    """How far the pictures are downsampled, a power of two: the blur stays at least two pixels wide."""
    return 1 << max(0, int(np.log2(_BLUR_FRAC * face_width_px / _MIN_SIGMA_PX)))


def _unexplained(view: FaceView, picture: Patch3, box: Box, skin: Region, old_lips: Region) -> tuple[Levels, Levels]:
    """Levels by which synced differs from a picture beyond cast, blur and displacement: on the skin and on the lips."""
    crop, step = box.within(view.box), _step(view.face_width_px)
    sigma = max(0.5, _BLUR_FRAC * view.face_width_px) / step
    original, synced = (full_range(downsample(each[crop], step), view.matrix) for each in (picture, view.synced))
    difference = low_pass(synced - original, sigma)
    soft = low_pass(original, sigma)
    explained = np.abs(low_pass(original, _WIDER_BLUR * sigma) - soft)
    steps = (cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=1 / 8))
    explained = explained + np.float32(_DISPLACEMENT_FRAC * view.face_width_px / step) * np.hypot(*steps)
    cast = np.median(difference[skin], axis=0).astype(np.float64)

    def rest(region: Region) -> Levels:
        levels = difference[region].astype(np.float64)
        levels -= np.clip(levels, np.minimum(cast, 0), np.maximum(cast, 0))
        return np.asarray(np.linalg.norm(np.maximum(np.abs(levels) - explained[region], 0), axis=1))

    return rest(skin), rest(old_lips)
