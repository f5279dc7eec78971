"""Reuse: keep the original's own pixels wherever the synced picture says nothing new, or only moves them.

A generator paints the whole lower face anew, soft and tinted, although most of it is the same skin as in the original,
at the same place or carried along by the jaw. So the original is registered to the synced picture by dense optical
flow. Where the original, so moved, explains the synced picture up to blur, noise and a smooth cast, its own pixels are
taken: sharp, with the right colour and grain. Only what cannot be explained, teeth and tongue and what the lips
uncovered, is taken from the synced picture. Where nothing moved, the original stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Patch, channels, joined
from lipblend.stages.detail.scale import enlarged, gaussian, inner_sigma, reduced, smooth_step
from lipblend.stages.registration.flow import Flow, dense_flow, moved_by, shifted

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_WORK_WIDTH_PX = 160.0  # face width at about which flow and agreement are worked out
_CAST_STEP = 4  # the even part of the cast is read at every fourth pixel each way
_STILL_STEP = 2  # and the shift of the whole at every second: the flow is not finer
_FIELD_STEP = 2  # smooth fields, and the trust that they are weighed by
_SOFT_FRAC = 0.012  # a generator's blur: differences finer than this do not count
_SPREAD_FRAC = 0.01
_FIELD_FRAC = 0.08
_CHROMA_WEIGHT = 0.5
_FIELD_FLOOR = 1e-3
_BEYOND_FRAC = 0.08
_BEYOND_FLOOR = 0.05
_LEAST_STILL_PIXELS = 25
_STILL_SHIFT_PX = 0.05  # of a pair that lies still the estimate trembles by 0.04: up to this, none is made
_FIELD_STEPS = 2.0  # blocks a sigma of a smooth field, at least


@dataclass(frozen=True)
class Registration:
    """How the original explains the synced picture.

    Attributes
    ----------
    shift : (2,) float64
        How far right and down of its place the synced face lies as a whole, pixels.
    flow : Flow
        Where in the original each pixel of the synced face, put in its place, is found.
    trust : (h, w) float32 in [0, 1]
        How well the moved original explains the synced picture.
    field : Patch
        Smooth colour difference, to be added to the synced picture; levels.
    """

    shift: npt.NDArray[np.float64]
    flow: Flow
    trust: Plane
    field: Patch


def register(
    original: Patch,
    synced: Patch,
    still: Mask,
    taken: Mask,
    painted: Plane,
    *,
    face_width_px: float,
    tolerance: Plane,
    motion: bool,
    still_px: float,
    moving_px: float,
    largest_shift_px: float,
    field: bool,
) -> Registration:
    """Find where the original's pixels went in the synced picture, and how well they explain it.

    Parameters
    ----------
    original, synced : Patch
        Colours matched roughly.
    still : (h, w) bool
        Part of the face that does not speak: by it the two are laid on each other.
    taken : (h, w) bool
        Part that is taken over: the even part of the cast is read there.
    painted : (h, w) float32 in [0, 1]
        What the generator painted. Beyond it the original is right, but for motion that went on: the flow fades out.
    face_width_px : float
    tolerance : (k, l) float32
        Difference of the low-passed pictures at which trust falls to 1/e, levels; of any size, laid over the patch.
    motion : bool
        Follow motions; else the original is only compared where it stands.
    still_px, moving_px : float
        Motions up to the first are none, from the second on they are followed fully; pixels.
    largest_shift_px : float
        A larger shift of the whole is not believed, and none is made.
    field : bool
        Estimate the smooth colour difference.
    """
    ratio = max(1, round(face_width_px / _WORK_WIDTH_PX))
    work_width = face_width_px / ratio
    before, after = _reduced(original, ratio), _reduced(synced, ratio)
    inside = reduced(painted, ratio)
    right, down = channels(dense_flow(after[0], before[0], inside > 0))
    off = _common(right, down, inside, _every(still, ratio, _STILL_STEP), largest_px=largest_shift_px, ratio=ratio)
    if off.any():
        right, down = right - np.float32(off[0]), down - np.float32(off[1])
        after = [shifted(plane, -off) for plane in after]
    if motion:
        length = cv2.magnitude(right, down) * np.float32(ratio)
        share = _smoothstep((length - np.float32(still_px)) * np.float32(1 / (moving_px - still_px)))
        right, down = right * share, down * share
    else:
        right, down = np.zeros_like(right), np.zeros_like(down)
    soft = max(0.8, _SOFT_FRAC * work_width)
    spread = max(0.8, _SPREAD_FRAC * work_width)
    apart = [moved_by(one, right, down, cv2.INTER_LINEAR) - other for one, other in zip(before, after, strict=True)]
    calm = [gaussian(plane, soft) for plane in apart]
    coarse = [reduced(plane, _FIELD_STEP) for plane in apart]
    if field:
        # An even cast first: a strong one would leave nothing to trust, and so nothing to estimate the field from.
        casts = _even_cast(apart, _every(taken, ratio, _CAST_STEP))
        coarse = [plane - cast for plane, cast in zip(coarse, casts, strict=True)]
        rough = [np.abs(gaussian(plane, soft / _FIELD_STEP)) for plane in coarse]
        trust = _trust(rough, spread / _FIELD_STEP, tolerance)
        weight = trust * trust * reduced(inside, _FIELD_STEP)
        smooth = smooth_field(coarse, weight, _FIELD_FRAC * work_width / _FIELD_STEP)
        colour = [plane + cast for plane, cast in zip(smooth, casts, strict=True)]
    else:
        colour = [np.zeros_like(plane) for plane in coarse]
    fine = [enlarged(plane, inside.shape, _FIELD_STEP) for plane in colour]
    # The field is smoother by far than what was low-passed: as good as low-passed itself.
    trust = _trust([np.abs(one - other) for one, other in zip(calm, fine, strict=True)], spread, tolerance)
    if inside.min() < 1:
        ways, weight = [reduced(way, _FIELD_STEP) for way in (right, down)], reduced(trust * inside, _FIELD_STEP)
        smooth = smooth_field(ways, weight, _BEYOND_FRAC * work_width / _FIELD_STEP, floor=_BEYOND_FLOOR)
        beyond = [enlarged(way, inside.shape, _FIELD_STEP) for way in smooth]
        right, down = (far + inside * (way - far) for way, far in zip((right, down), beyond, strict=True))
        trust = 1 - inside * (1 - trust)
    shape = original.luma.shape
    return Registration(
        -off * ratio,  # the synced face lies so far off: put back, its flow is what is left
        _full_flow(right, down, original, ratio),
        enlarged(trust, shape, ratio),
        Patch(
            enlarged(colour[0], shape, ratio * _FIELD_STEP),
            joined(*(_resized(plane, original.chroma.shape[:2]) for plane in fine[1:])),
            original.grid,
        ),
    )


def smooth_field(
    differences: Sequence[Plane], weight: Plane, sigma_px: float, *, floor: float = _FIELD_FLOOR
) -> list[Plane]:
    """A smooth field through each of some differences, as they are known where the weight is large.

    Normalised convolution: Knutsson and Westin 1993, https://doi.org/10.1109/CVPR.1993.341081. Without any weight near
    by it goes to 0. It is worked out on means over blocks of half of sigma at most, and interpolated.
    """
    step = smooth_step(sigma_px / _FIELD_STEPS)
    sigma = inner_sigma(sigma_px, step)
    known = gaussian(reduced(weight, step), sigma) + np.float32(floor)
    sums = [gaussian(reduced(plane * weight, step), sigma) for plane in differences]
    return [enlarged(each / known, weight.shape, step) for each in sums]


def _common(
    right: Plane, down: Plane, inside: Plane, still: Mask, *, largest_px: float, ratio: int
) -> npt.NDArray[np.float64]:
    """How far the part that does not speak has moved as a whole, (2,): pixels of the size that it is worked out at.

    0 where too little of it is seen where the generator painted, and where that is not believed. ``still`` is given at
    every second of these pixels.
    """
    rows, columns = still.shape
    few = np.s_[_STILL_STEP // 2 :: _STILL_STEP, _STILL_STEP // 2 :: _STILL_STEP]
    stay = still & (inside[few][:rows, :columns] > 0.5)
    if np.count_nonzero(stay) < _LEAST_STILL_PIXELS:
        return np.zeros(2)
    found = np.array([_median(way[few][:rows, :columns][stay]) for way in (right, down)])
    length_px = float(np.hypot(*found)) * ratio
    if length_px > largest_px:
        return np.zeros(2)
    made = min(max(length_px / _STILL_SHIFT_PX - 1, 0.0), 1.0)
    return np.asarray(found * (made * made * (3 - 2 * made)), np.float64)


def _every(mask: Mask, ratio: int, step: int) -> Mask:
    """A mask of the patch at every ``step``-th pixel of the size that things are worked out at."""
    first, step = ratio * step // 2, ratio * step
    return mask[first::step, first::step]


def _even_cast(apart: Sequence[Plane], taken: Mask) -> list[np.float32]:
    """The middle of each difference, at every fourth pixel of what is taken over."""
    if not taken.any():
        return [np.float32(0)] * len(apart)
    rows, columns = taken.shape
    few = np.s_[_CAST_STEP // 2 :: _CAST_STEP, _CAST_STEP // 2 :: _CAST_STEP]
    return [_median(plane[few][:rows, :columns][taken]) for plane in apart]


def _median(values: Plane) -> np.float32:
    """The upper one of two in the middle; `numpy.median` spends most of its time on other things."""
    middle = len(values) // 2
    return np.float32(np.partition(values, middle)[middle])


def _trust(lengths: Sequence[Plane], spread_px: float, tolerance: Plane) -> Plane:
    """How well two pictures agree, from the sizes of their low-passed differences; the tolerance is laid over them."""
    luma, cb, cr = lengths
    limit = cv2.resize(tolerance, luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
    length = (luma + np.float32(_CHROMA_WEIGHT) * (cb + cr)) / limit
    alike = np.exp(-length * length)
    # The filter's weights add up to 1 but for rounding.
    return np.asarray(np.minimum(gaussian(alike, spread_px), 1), np.float32)


def _smoothstep(value: Plane) -> Plane:
    x = np.clip(value, 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)


def _reduced(patch: Patch, ratio: int) -> list[Plane]:
    """Luma, Cb and Cr at one ``ratio``-th of the luma's size; each pixel the mean of a block.

    One by one: OpenCV is several times as fast with planes as with three channels at once.
    """
    luma = reduced(patch.luma, ratio)
    return [luma, *(_resized(plane, luma.shape) for plane in channels(patch.chroma))]


def _resized(plane: Plane, shape: tuple[int, ...]) -> Plane:
    if plane.shape == shape:
        return plane
    way = cv2.INTER_AREA if plane.shape[0] > shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (shape[1], shape[0]), interpolation=way), np.float32)


def _full_flow(right: Plane, down: Plane, patch: Patch, ratio: int) -> Flow:
    ways = [way * np.float32(ratio) for way in (right, down)]
    full = [enlarged(way, patch.luma.shape, ratio) for way in ways]
    size = patch.chroma.shape[:2]
    samples = [
        _resized(way, size) * np.float32(1 / step) for way, step in zip(ways, patch.grid.subsampling, strict=True)
    ]
    return Flow(*full, *samples)
