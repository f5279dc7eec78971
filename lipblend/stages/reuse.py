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

from lipblend.media.planes import Patch, channels, joined
from lipblend.stages.scale import enlarged, inner_sigma, reduced, smooth_step

Patch3 = npt.NDArray[np.float32]
Plane = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_WORK_WIDTH_PX = 160.0  # face width at about which flow and agreement are worked out
_CAST_STEP = 4  # the even part of the cast is read at every fourth pixel each way
_FLOW_BLUR_PX = 0.6
_FLOW_REFINEMENTS = 3  # the preset's 5 gain nothing here
_SOFT_FRAC = 0.012  # a generator's blur: differences finer than this do not count
_SPREAD_FRAC = 0.01
_FIELD_FRAC = 0.08
_CHROMA_WEIGHT = 0.5
_FIELD_FLOOR = 1e-3
_BEYOND_FRAC = 0.08
_BEYOND_FLOOR = 0.05
_LEAST_STILL_PIXELS = 100
_STILL_SHIFT_PX = 0.05  # of a pair that lies still the estimate trembles by 0.04: up to this, none is made
_LEAST_FLOW_PX = 16  # DIS refuses smaller pictures, or dies of them
_FIELD_STEPS = 2.0  # blocks a sigma of a smooth field, at least


@dataclass(frozen=True)
class Flow:
    """Where each pixel is found: so far right and down, exactly 0 where nothing moved.

    Attributes
    ----------
    right, down : (h, w) float32
        Luma pixels.
    chroma : (hc, wc, 2) float32
        The same at the chroma samples, right and down, in samples.
    """

    right: Plane
    down: Plane
    chroma: Vectors

    @property
    def none(self) -> Mask:
        """(h, w) bool: where nothing moved."""
        return np.asarray((self.right == 0) & (self.down == 0))


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
    flow = _dense_flow(after[..., 0], before[..., 0])
    shift = np.zeros(2)
    inside = reduced(painted, ratio)
    stay = still[ratio // 2 :: ratio, ratio // 2 :: ratio]
    stay = stay & (inside[: stay.shape[0], : stay.shape[1]] > 0.5)
    if np.count_nonzero(stay) >= _LEAST_STILL_PIXELS:
        found = np.median(flow[: stay.shape[0], : stay.shape[1]][stay], axis=0)
        length_px = float(np.hypot(*found)) * ratio
        if length_px <= largest_shift_px:
            found = found * _smoothstep(np.float32(length_px / _STILL_SHIFT_PX - 1))
            # The synced face lies `-found` off: put back, its flow is what is left.
            shift = -found.astype(np.float64) * ratio
            flow = _plus(flow, -found)
            after = shifted(after, shift / ratio)
    if motion:
        length = cv2.magnitude(*channels(flow)) * np.float32(ratio)
        share = _smoothstep((length - np.float32(still_px)) * np.float32(1 / (moving_px - still_px)))
        flow *= joined(share, share)
    else:
        flow = np.zeros_like(flow)
    soft = max(0.8, _SOFT_FRAC * work_width)
    spread = max(0.8, _SPREAD_FRAC * work_width)
    limit = np.asarray(
        cv2.resize(tolerance, (after.shape[1], after.shape[0]), interpolation=cv2.INTER_LINEAR), np.float32
    )
    apart, cast = warped(before, flow, cv2.INTER_LINEAR) - after, np.zeros(3)
    if field:
        # An even cast first: a strong one would leave nothing to trust, and so nothing to estimate the field from.
        step = ratio * _CAST_STEP
        here = taken[step // 2 :: step, step // 2 :: step]
        if here.any():
            places = apart[_CAST_STEP // 2 :: _CAST_STEP, _CAST_STEP // 2 :: _CAST_STEP]
            cast = np.median(places[: here.shape[0], : here.shape[1]][here], axis=0)
    apart = _plus(apart, -cast)
    calm = np.asarray(cv2.GaussianBlur(apart, (0, 0), soft), np.float32)
    trust = _trust(calm, spread, limit)
    colour = np.zeros_like(after)
    if field:
        colour = smooth_field(apart, trust * trust * inside, _FIELD_FRAC * work_width)
        # The field is smoother by far than what was low-passed: as good as low-passed itself.
        trust = _trust(calm - colour, spread, limit)
        colour = _plus(colour, cast)
    if inside.min() < 1:
        beyond = smooth_field(flow, trust * inside, _BEYOND_FRAC * work_width, floor=_BEYOND_FLOOR)
        flow = beyond + joined(inside, inside) * (flow - beyond)
        trust = 1 - inside * (1 - trust)
    return Registration(
        shift,
        _full_flow(flow * np.float32(ratio), original, ratio),
        enlarged(trust, original.luma.shape, ratio),
        _full_field(colour, original, ratio),
    )


def warped(patch: Patch3 | Plane, flow: Vectors, way: int = cv2.INTER_CUBIC) -> Patch3:
    """The picture read at ``(x + flow_x, y + flow_y)``, cubic; beyond its border it goes on with its last pixels."""
    right, down = channels(flow)
    return _warped_by(patch, right, down, way)


def _warped_by(patch: Patch3 | Plane, right: Plane, down: Plane, way: int = cv2.INTER_CUBIC) -> Patch3:
    x = right + np.arange(patch.shape[1], dtype=np.float32)
    y = down + np.arange(patch.shape[0], dtype=np.float32)[:, None]
    return np.asarray(cv2.remap(patch, x, y, way, borderMode=cv2.BORDER_REPLICATE), np.float32)


def warped_patch(patch: Patch, flow: Flow) -> Patch:
    """`warped` for a whole patch."""
    return Patch(_warped_by(patch.luma, flow.right, flow.down), warped(patch.chroma, flow.chroma), patch.grid)


def shifted(patch: Patch3 | Plane, shift: npt.NDArray[np.float64]) -> Patch3:
    """The picture read ``shift`` further right and down (pixels), cubic; its border goes on with its last pixels."""
    right, down = (_shift_kernel(float(way)) for way in shift)
    return np.asarray(
        cv2.sepFilter2D(patch, cv2.CV_32F, right, down, borderType=cv2.BORDER_REPLICATE), np.float32
    ).reshape(patch.shape)


def shifted_patch(patch: Patch, shift: npt.NDArray[np.float64]) -> Patch:
    """`shifted` for a whole patch."""
    return Patch(shifted(patch.luma, shift), shifted(patch.chroma, shift / patch.grid.subsampling), patch.grid)


def smooth_field(difference: Patch3, weight: Plane, sigma_px: float, *, floor: float = _FIELD_FLOOR) -> Patch3:
    """A smooth field through a difference, as it is known where the weight is large: normalised convolution.

    Knutsson and Westin 1993, https://doi.org/10.1109/CVPR.1993.341081. Without any weight near by it goes to 0. It is
    worked out on means over blocks of half of sigma at most, and interpolated.
    """
    step = smooth_step(sigma_px / _FIELD_STEPS)
    height, width = weight.shape
    first = min(2, step)
    *parts, share = channels(reduced(joined(*channels(difference), weight), first))
    coarse = reduced(joined(*(part * share for part in parts), share), step // first)
    soft = cv2.GaussianBlur(coarse, (0, 0), inner_sigma(sigma_px, step))
    *sums, known = channels(np.asarray(soft, np.float32))
    known += np.float32(floor)
    return enlarged(joined(*(one / known for one in sums)), (height, width), step)


def _dense_flow(fixed: Plane, moving: Plane) -> Vectors:
    """For every pixel of the first, where the second shows it: (h, w, 2) float32."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setVariationalRefinementIterations(_FLOW_REFINEMENTS)
    # Propagation runs in as many stripes as there are threads, which would make the result depend on the machine.
    search.setUseSpatialPropagation(False)
    blurred = (cv2.GaussianBlur(plane, (0, 0), _FLOW_BLUR_PX) for plane in (fixed, moving))
    one, two = (np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in blurred)
    height, width = one.shape
    below, right = max(0, _LEAST_FLOW_PX - height), max(0, _LEAST_FLOW_PX - width)
    if below or right:  # a face that is about to leave the picture
        one, two = (
            np.asarray(cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
            for plane in (one, two)
        )
    flow = search.calc(one, two, np.zeros((*one.shape, 2), np.float32))
    return np.ascontiguousarray(flow[:height, :width], np.float32)


def _trust(calm: Patch3, spread_px: float, tolerance: Plane) -> Plane:
    """How well two pictures agree, from their low-passed difference."""
    length = cv2.transform(np.abs(calm), np.array([[1, _CHROMA_WEIGHT, _CHROMA_WEIGHT]])) / tolerance
    alike = np.exp(-length * length)
    # The filter's weights add up to 1 but for rounding.
    return np.asarray(np.minimum(cv2.GaussianBlur(alike, (0, 0), spread_px), 1), np.float32)


def _plus(picture: npt.NDArray[np.float32], values: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """(h, w, c) with a value added to each channel."""
    matrix = np.column_stack([np.eye(len(values)), np.asarray(values, np.float64)])
    return np.asarray(cv2.transform(picture, matrix), np.float32)


def _smoothstep(value: Plane | np.float32) -> Plane:
    x = np.clip(value, 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)


def _shift_kernel(shift: float) -> npt.NDArray[np.float32]:
    """Weights that read a row ``shift`` further on, about the middle one: cubic convolution (a = -0.75) as OpenCV's."""
    whole = int(np.floor(shift))
    t, a = shift - whole, -0.75
    near = [((a + 2) * x - (a + 3)) * x * x + 1 for x in (t, 1 - t)]
    far = [((a * x - 5 * a) * x + 8 * a) * x - 4 * a for x in (1 + t, 2 - t)]
    reach = max(abs(whole - 1), abs(whole + 2))
    kernel = np.zeros(2 * reach + 1, np.float32)
    kernel[reach + whole - 1 : reach + whole + 3] = (far[0], *near, far[1])
    return kernel


def _reduced(patch: Patch, ratio: int) -> Patch3:
    """A patch at one ``ratio``-th of its size, (h, w, 3); each pixel the mean of a block."""
    luma = reduced(patch.luma, ratio)
    size = (luma.shape[1], luma.shape[0])
    chroma = patch.chroma
    if chroma.shape[:2] != luma.shape:
        finer = chroma.shape[0] > luma.shape[0]
        way = cv2.INTER_AREA if finer else cv2.INTER_LINEAR
        chroma = np.asarray(cv2.resize(chroma, size, interpolation=way), np.float32)
    return np.asarray(joined(luma, *channels(chroma)), np.float32)


def _at_chroma(plane: npt.NDArray[np.float32], patch: Patch) -> npt.NDArray[np.float32]:
    """A work-size plane at the chroma samples."""
    height, width = patch.chroma.shape[:2]
    if plane.shape[:2] == (height, width):
        return plane
    way = cv2.INTER_AREA if plane.shape[0] > height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (width, height), interpolation=way), np.float32)


def _full_flow(flow: Vectors, patch: Patch, ratio: int) -> Flow:
    right, down = (enlarged(way, patch.luma.shape, ratio) for way in channels(flow))
    across, along = patch.grid.subsampling
    coarse = _at_chroma(flow, patch)
    if across == along:
        return Flow(right, down, coarse * np.float32(1 / across))
    ways = channels(coarse)
    return Flow(right, down, joined(ways[0] / np.float32(across), ways[1] / np.float32(along)))


def _full_field(colour: Patch3, patch: Patch, ratio: int) -> Patch:
    luma, cb, cr = channels(colour)
    return Patch(enlarged(luma, patch.luma.shape, ratio), np.asarray(_at_chroma(joined(cb, cr), patch)), patch.grid)
