"""Reuse: keep the original's own pixels wherever the synced picture says nothing new, or only moves them.

A generator paints the whole lower face anew, soft and tinted, although most of it is the same skin as in the original,
at the same place or carried along by the jaw. So the original is registered to the synced picture by dense optical
flow. Where the original, so moved, explains the synced picture up to blur, noise and a smooth cast, its own pixels are
taken: sharp, with the right colour and grain. Only what cannot be explained, teeth and tongue and what the lips
uncovered, is taken from the synced picture. Where nothing moved, the original stays as it is.

Optical flow: Kroeger, Timofte, Dai, Van Gool 2016, "Fast Optical Flow using Dense Inverse Search",
https://doi.org/10.1007/978-3-319-46493-0_29 (OpenCV's).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Patch3 = npt.NDArray[np.float32]
Plane = npt.NDArray[np.float32]
Flow = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_WORK_WIDTH_PX = 160.0  # face width at which flow and agreement are worked out
_FLOW_BLUR_PX = 0.6
_SOFT_FRAC = 0.012  # a generator's blur: differences finer than this do not count
_SPREAD_FRAC = 0.01
_FIELD_FRAC = 0.08
_CHROMA_WEIGHT = 0.5
_FIELD_FLOOR = 1e-3
_BEYOND_FRAC = 0.08
_BEYOND_FLOOR = 0.05
_LEAST_STILL_PIXELS = 100
_STILL_SHIFT_PX = 0.05  # of a pair that lies still the estimate trembles by 0.04: up to this, none is made


@dataclass(frozen=True)
class Registration:
    """How the original explains the synced picture.

    Attributes
    ----------
    shift : (2,) float64
        How far right and down of its place the synced face lies as a whole, pixels.
    flow : (h, w, 2) float32
        Where in the original each pixel of the synced face, put in its place, is found: pixels right and down. Exactly
        0 where nothing moved.
    trust : (h, w) float32 in [0, 1]
        How well the moved original explains the synced picture.
    field : (h, w, 3) float32
        Smooth colour difference, to be added to the synced picture; levels.
    """

    shift: npt.NDArray[np.float64]
    flow: Flow
    trust: Plane
    field: Patch3


def register(
    original: Patch3,
    synced: Patch3,
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
    original, synced : (h, w, 3) float32
        YCbCr, 8-bit levels, colours matched roughly.
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
    height, width = original.shape[:2]
    scale = min(1.0, _WORK_WIDTH_PX / face_width_px)
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    ratio = np.array([width / size[0], height / size[1]], np.float32)
    work_width = face_width_px / float(ratio[0])
    before, after = (
        np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.float32) for patch in (original, synced)
    )
    flow = _dense_flow(after[..., 0], before[..., 0])
    shift = np.zeros(2)
    stay = cv2.resize(still.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    inside = np.asarray(cv2.resize(painted, size, interpolation=cv2.INTER_AREA), np.float32)
    stay &= inside > 0.5
    if np.count_nonzero(stay) >= _LEAST_STILL_PIXELS:
        found = np.median(flow[stay], axis=0)
        length_px = float(np.hypot(*(found * ratio)))
        if length_px <= largest_shift_px:
            found = found * _smoothstep(np.float32(length_px / _STILL_SHIFT_PX - 1))
            # The synced face lies `-found` off: put back, its flow is what is left.
            shift = -found.astype(np.float64) * ratio
            flow = flow - found
            after = shifted(after, shift / ratio)
    if motion:
        length = np.hypot(flow[..., 0] * ratio[0], flow[..., 1] * ratio[1])
        flow *= _smoothstep((length - still_px) / (moving_px - still_px))[..., None]
    else:
        flow = np.zeros_like(flow)
    moved = warped(before, flow)
    soft = max(0.8, _SOFT_FRAC * work_width)
    spread = max(0.8, _SPREAD_FRAC * work_width)
    limit = np.asarray(cv2.resize(tolerance, size, interpolation=cv2.INTER_LINEAR), np.float32)
    apart, colour = moved - after, np.zeros_like(after)
    if field:
        # An even cast first: a strong one would leave nothing to trust, and so nothing to estimate the field from.
        here = cv2.resize(taken.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        if here.any():
            colour += np.median(apart[here], axis=0)
    trust = _trust(apart - colour, soft, spread, limit)
    if field:
        colour += smooth_field(apart - colour, trust * trust * inside, _FIELD_FRAC * work_width)
        trust = _trust(apart - colour, soft, spread, limit)
    if inside.min() < 1:
        beyond = smooth_field(flow, trust * inside, _BEYOND_FRAC * work_width, floor=_BEYOND_FLOOR)
        flow = beyond + inside[..., None] * (flow - beyond)
        trust = 1 - inside * (1 - trust)
    full = (width, height)
    return Registration(
        shift,
        np.asarray(cv2.resize(flow * ratio, full, interpolation=cv2.INTER_LINEAR), np.float32),
        np.asarray(cv2.resize(trust, full, interpolation=cv2.INTER_LINEAR), np.float32),
        np.asarray(cv2.resize(colour, full, interpolation=cv2.INTER_LINEAR), np.float32),
    )


def warped(patch: Patch3, flow: Flow) -> Patch3:
    """The patch read at ``(x + flow_x, y + flow_y)``, cubic; beyond its border it goes on with its last pixels."""
    height, width = patch.shape[:2]
    places = flow + np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
    nothing = np.empty(0, np.float32)  # the places are whole points, not split by axis
    return np.asarray(cv2.remap(patch, places, nothing, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


def shifted(patch: Patch3, shift: npt.NDArray[np.float64]) -> Patch3:
    """The patch read ``shift`` further right and down (pixels), cubic."""
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
    size = (patch.shape[1], patch.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(patch, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def smooth_field(difference: Patch3, weight: Plane, sigma_px: float, *, floor: float = _FIELD_FLOOR) -> Patch3:
    """A smooth field through a difference, as it is known where the weight is large: normalised convolution.

    Knutsson and Westin 1993, https://doi.org/10.1109/CVPR.1993.341081. Without any weight near by it goes to 0.
    """
    known = cv2.GaussianBlur(weight, (0, 0), sigma_px) + np.float32(floor)
    return np.asarray(cv2.GaussianBlur(difference * weight[..., None], (0, 0), sigma_px) / known[..., None], np.float32)


def _dense_flow(fixed: Plane, moving: Plane) -> Flow:
    """For every pixel of the first, where the second shows it: (h, w, 2) float32."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # Propagation runs in as many stripes as there are threads, which would make the result depend on the machine.
    search.setUseSpatialPropagation(False)
    blurred = (cv2.GaussianBlur(plane, (0, 0), _FLOW_BLUR_PX) for plane in (fixed, moving))
    one, two = (np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in blurred)
    return np.asarray(search.calc(one, two, np.zeros((*one.shape, 2), np.float32)), np.float32)


def _trust(difference: Patch3, soft_px: float, spread_px: float, tolerance: Plane) -> Plane:
    apart = np.abs(cv2.GaussianBlur(difference, (0, 0), soft_px))
    length = apart[..., 0] + np.float32(_CHROMA_WEIGHT) * (apart[..., 1] + apart[..., 2])
    trust = cv2.GaussianBlur(np.exp(-((length / tolerance) ** 2)), (0, 0), spread_px)
    return np.asarray(np.minimum(trust, 1), np.float32)  # the filter's weights add up to 1 but for rounding


def _smoothstep(value: Plane | np.float32) -> Plane:
    x = np.clip(value, 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)
