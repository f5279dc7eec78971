"""Reuse: keep the original's own pixels where the synced picture shows the same, in place or only moved.

A generator repaints the whole lower face, soft and tinted, although most of it is the original's skin, in its place or
carried along by the jaw. So the original is registered to the synced picture by dense optical flow. Where the moved
original explains the synced picture up to blur, noise and a smooth cast, its own pixels are used: sharp, with the right
colour and grain. Only what it cannot explain (teeth, tongue, what the lips uncover) comes from the synced picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Patch, channels, joined
from lipblend.picture.smoothstep import smoothstep
from lipblend.settings import ReuseSettings
from lipblend.stages.detail.scale import downsample, gaussian, upsample
from lipblend.stages.registration.beyond import continued, unpainted
from lipblend.stages.registration.flow import Flow, dense_flow, moved_by, shifted
from lipblend.stages.registration.smooth_field import smooth_field

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Vectors = tuple[Plane, Plane]  # right, down

# Sizes below are in working pixels: the patch downsampled so that the face is about this wide.
_WORK_WIDTH_PX = 160.0
_CAST_STEP = 4  # the even cast is read at every fourth pixel each way
_STILL_STEP = 2  # the shift of the whole at every second: the flow is no finer
_FLOW_SIGMA_PX = 1.0  # the finest flow is as noisy as the pictures
_FIELD_STEP = 2  # of smooth fields and the trust that weights them
_SOFT_FRAC = 0.012  # a generator's blur: finer differences do not count
_SPREAD_FRAC = 0.01
_FIELD_FRAC = 0.08
_CHROMA_WEIGHT = 0.5
_MIN_STILL_PIXELS = 25
_STILL_SHIFT_PX = 0.05  # estimates of a pair that lies still vary by 0.04: up to this, no shift is made


@dataclass(frozen=True)
class Registration:
    """How the original explains the synced picture.

    Attributes
    ----------
    shift : (2,) float64
        Offset of the synced face as a whole from the original's, right and down, pixels.
    flow : Flow
        Where each pixel of the synced face, after that shift is undone, is found in the original.
    trust : (h, w) float32 in [0, 1]
        How well the moved original explains the synced picture.
    field : Patch
        Smooth colour difference, to be added to the synced picture; levels.
    """

    shift: npt.NDArray[np.float64]
    flow: Flow
    trust: Plane
    field: Patch


@dataclass(frozen=True)
class RegistrationMasks:
    """Parts of the patch.

    ``still`` (bool) does not move in speech and gives the shift of the whole. ``replaced`` (bool) may be replaced by
    the synced picture; the even cast is read there. ``painted`` (float32 in [0, 1]) is where the generator painted:
    beyond it the original is trusted, and the flow fades out. Where it ``left`` (float32 in [0, 1]) the picture as it
    was, the original is trusted in its place. From what is ``in_front`` (float32 in [0, 1]) of the face, neither shift
    nor colours are read. ``lying`` is the synced picture before its colours were matched: where it equals the original
    at the edge of what was painted, nothing was painted in this frame.
    """

    still: Mask
    replaced: Mask
    painted: Plane
    left: Plane | None = None
    in_front: Plane | None = None
    lying: Patch | None = None


@dataclass(frozen=True)
class _Scale:
    """The working size: ``ratio`` pixels of the patch become one; ``width`` is the face width then."""

    ratio: int
    width: float

    @classmethod
    def of(cls, face_width_px: float) -> _Scale:
        ratio = max(1, round(face_width_px / _WORK_WIDTH_PX))
        return cls(ratio, face_width_px / ratio)

    @property
    def soft_px(self) -> float:
        return max(0.8, _SOFT_FRAC * self.width)

    @property
    def spread_px(self) -> float:
        return max(0.8, _SPREAD_FRAC * self.width)

    def every(self, mask: Mask, step: int) -> Mask:
        """A mask of the patch at every ``step``-th working pixel."""
        first, step = self.ratio * step // 2, self.ratio * step
        return mask[first::step, first::step]


def register(
    original: Patch,
    synced: Patch,
    masks: RegistrationMasks,
    settings: ReuseSettings,
    *,
    face_width_px: float,
    tolerance: Plane,
    max_shift_px: float,
    field: bool,
    y_axis: npt.NDArray[np.floating],
) -> Registration:
    """Find where the original's pixels went in the synced picture, and how well they explain it.

    Parameters
    ----------
    original, synced : Patch
        Colours roughly matched.
    masks : RegistrationMasks
    settings : ReuseSettings
        Motions are followed if the method is ``motion``: not up to ``still_px``, fully from ``moving_px``. Otherwise
        the original is only compared in its place.
    face_width_px : float
    tolerance : (k, l) float32
        Difference of the low-passed pictures at which trust falls to 1/e, levels; of any size, stretched over the
        patch.
    max_shift_px : float
        A larger shift of the whole is taken for an error and not made.
    field : bool
        Estimate the smooth colour difference.
    y_axis : (2,) float
        Unit vector from the brow to the chin: the neck below moves along with the chin, and nothing beside the face.
    """
    scale = _Scale.of(face_width_px)
    first, second = _downsampled(original, scale.ratio), _downsampled(synced, scale.ratio)
    painted = downsample(masks.painted, scale.ratio)
    if masks.lying is not None:
        painted = painted * (1 - unpainted(_downsampled(masks.lying, scale.ratio), first, painted, scale.width))
    seen = painted if masks.in_front is None else painted * (1 - downsample(masks.in_front, scale.ratio))
    fine = channels(dense_flow(second[0], first[0], painted > 0, finest_scale=0))
    right, down = (gaussian(plane, _FLOW_SIGMA_PX) for plane in fine)
    flow = right, down
    shift = _common_shift(flow, seen, scale.every(masks.still, _STILL_STEP), scale.ratio, max_shift_px)
    flow, second = _without_shift(flow, second, shift)
    flow = _followed(flow, settings, scale.ratio)
    moves = None if masks.left is None else 1 - downsample(masks.left, scale.ratio)
    if moves is not None:
        flow = flow[0] * moves, flow[1] * moves
    differences = [moved_by(a, *flow, cv2.INTER_LINEAR) - b for a, b in zip(first, second, strict=True)]
    replaced = scale.every(masks.replaced, _CAST_STEP) if field else None
    coarse = _colour_field(differences, replaced, seen if moves is None else seen * moves, tolerance, scale)
    smooth = [upsample(plane, painted.shape, _FIELD_STEP) for plane in coarse]
    # The field is much smoother than the low-passed differences: no need to low-pass it too.
    rest = [np.abs(gaussian(a, scale.soft_px) - b) for a, b in zip(differences, smooth, strict=True)]
    trust = _trust(rest, scale.spread_px, tolerance)
    if painted.min() < 1:
        flow = continued(flow, trust, painted, scale.width, y_axis)
        trust = 1 - painted * (1 - trust)
    if moves is not None:
        trust = 1 - moves * (1 - trust)
    shape = original.luma.shape
    return Registration(
        -shift * scale.ratio,
        _full_flow(flow, original, scale.ratio),
        upsample(trust, shape, scale.ratio),
        Patch(
            upsample(coarse[0], shape, scale.ratio * _FIELD_STEP),
            joined(*(_resized(plane, original.chroma.shape[:2]) for plane in smooth[1:])),
            original.grid,
        ),
    )


def _common_shift(flow: Vectors, painted: Plane, still: Mask, ratio: int, max_px: float) -> npt.NDArray[np.float64]:
    """Shift of the still part as a whole, (2,) working pixels; ``still`` is given at every second of them.

    0 if too little of that part was painted, if the shift is larger than ``max_px`` pixels of the patch, and for one
    within the estimate's own error.
    """
    rows, columns = still.shape
    every = np.s_[_STILL_STEP // 2 :: _STILL_STEP, _STILL_STEP // 2 :: _STILL_STEP]
    seen = still & (painted[every][:rows, :columns] > 0.5)
    if np.count_nonzero(seen) < _MIN_STILL_PIXELS:
        return np.zeros(2)
    shift = np.array([_median(plane[every][:rows, :columns][seen]) for plane in flow])
    length_px = float(np.hypot(*shift)) * ratio
    if length_px > max_px:
        return np.zeros(2)
    return np.asarray(shift * smoothstep(length_px / _STILL_SHIFT_PX - 1), np.float64)


def _without_shift(flow: Vectors, second: list[Plane], shift: npt.NDArray[np.float64]) -> tuple[Vectors, list[Plane]]:
    """The flow, and the synced picture, after the shift is undone."""
    if not shift.any():
        return flow, second
    rest = flow[0] - np.float32(shift[0]), flow[1] - np.float32(shift[1])
    return rest, [shifted(plane, -shift) for plane in second]


def _followed(flow: Vectors, settings: ReuseSettings, ratio: int) -> Vectors:
    """The flow as far as it is followed."""
    if settings.method != "motion":
        return np.zeros_like(flow[0]), np.zeros_like(flow[1])
    length = cv2.magnitude(*flow) * np.float32(ratio)
    still_px, moving_px = settings.still_px, settings.moving_px
    share = smoothstep((length - np.float32(still_px)) * np.float32(1 / (moving_px - still_px)))
    return flow[0] * share, flow[1] * share


def _colour_field(
    differences: Sequence[Plane], replaced: Mask | None, painted: Plane, tolerance: Plane, scale: _Scale
) -> list[Plane]:
    """The smooth colour difference at every second working pixel; 0 if the replaced part is None.

    The even cast is subtracted first: a strong one would leave nothing to trust, and so nothing to estimate from.
    """
    coarse = [downsample(plane, _FIELD_STEP) for plane in differences]
    if replaced is None:
        return [np.zeros_like(plane) for plane in coarse]
    casts = _even_cast(differences, replaced)
    coarse = [plane - cast for plane, cast in zip(coarse, casts, strict=True)]
    rough = [np.abs(gaussian(plane, scale.soft_px / _FIELD_STEP)) for plane in coarse]
    trust = _trust(rough, scale.spread_px / _FIELD_STEP, tolerance)
    weight = trust * trust * downsample(painted, _FIELD_STEP)
    smooth = smooth_field(coarse, weight, _FIELD_FRAC * scale.width / _FIELD_STEP)
    return [plane + cast for plane, cast in zip(smooth, casts, strict=True)]


def _even_cast(differences: Sequence[Plane], replaced: Mask) -> list[np.float32]:
    """The median of each difference over the replaced part."""
    if not replaced.any():
        return [np.float32(0)] * len(differences)
    rows, columns = replaced.shape
    every = np.s_[_CAST_STEP // 2 :: _CAST_STEP, _CAST_STEP // 2 :: _CAST_STEP]
    return [_median(plane[every][:rows, :columns][replaced]) for plane in differences]


def _median(values: Plane) -> np.float32:
    """The upper median; `numpy.median` spends most of its time on checks."""
    middle = len(values) // 2
    return np.float32(np.partition(values, middle)[middle])


def _trust(lengths: Sequence[Plane], spread_px: float, tolerance: Plane) -> Plane:
    """How well two pictures agree, from the sizes of their low-passed differences."""
    luma, cb, cr = lengths
    limit = cv2.resize(tolerance, luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
    length = (luma + np.float32(_CHROMA_WEIGHT) * (cb + cr)) / limit
    alike = np.exp(-length * length)
    # Rounding may bring the filter's weights above 1.
    return np.asarray(np.minimum(gaussian(alike, spread_px), 1), np.float32)


def _downsampled(patch: Patch, ratio: int) -> list[Plane]:
    """Luma, Cb and Cr, all at the luma's size divided by ``ratio``; block means.

    One by one: OpenCV is several times as fast with planes as with three channels at once.
    """
    luma = downsample(patch.luma, ratio)
    return [luma, *(_resized(plane, luma.shape) for plane in channels(patch.chroma))]


def _resized(plane: Plane, shape: tuple[int, ...]) -> Plane:
    if plane.shape == shape:
        return plane
    method = cv2.INTER_AREA if plane.shape[0] > shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (shape[1], shape[0]), interpolation=method), np.float32)


def _full_flow(flow: Vectors, patch: Patch, ratio: int) -> Flow:
    """The flow in pixels of the patch, and in samples of its chroma."""
    in_pixels = [plane * np.float32(ratio) for plane in flow]
    luma = [upsample(plane, patch.luma.shape, ratio) for plane in in_pixels]
    size = patch.chroma.shape[:2]
    chroma = [
        _resized(plane, size) * np.float32(1 / step)
        for plane, step in zip(in_pixels, patch.grid.subsampling, strict=True)
    ]
    return Flow(*luma, *chroma)
