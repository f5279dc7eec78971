"""Properties of one frame's synced patch from which `lipblend.quality.faults` finds broken ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER, STABLE
from lipblend.quality.view import FaceView, once_per_view

MOUTH_SIZE = (32, 24)
"""Width and height of `Traits.mouth`."""

_FINE_FACE_PX, _COARSE_FACE_PX = 240.0, 96.0  # largest face widths at which traits are measured
_MIN_CROP_PX = 16
_MIN_SKIN_PIXELS = 60
_MAX_OFFSET_FRAC = 0.15
_TRANSFORM_SIZE = 8192
_HARMONICS = np.arange(1, 5)
_PHASES = np.exp(1j * np.outer(_HARMONICS, np.linspace(0, 2 * np.pi, 32, endpoint=False)))
_WARP_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_NAN = float("nan")

Plane = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Traits:
    """Properties of one frame's synced patch; nan or None for those that could not be measured.

    Attributes
    ----------
    detail_original, detail_synced : float
        Mean |luma - blurred luma| around the lips, grey levels.
    offset : (x, y) of float
        Displacement of the synced skin around the mouth from the original's, right and down, in ``w_f``.
    ghost_share, ghost_likeness, ghost_peak : float
        Regression of the synced picture's finest detail on the original's, at the original's lip contours where the
        synced face has none: slope, correlation, and distance of the best match from its place in ``w_f``.
    blocks : float
        Log contrast of a regular grid beyond the original's; the smaller of rows and columns.
    mouth : (24, 32) uint8 or None
        Luma of the synced mouth in face coordinates, 0.6 x 0.45 ``w_f``.
    place : (x, y) of float
        Mean of the original's stable points in the picture, in ``w_f``.
    """

    detail_original: float
    detail_synced: float
    offset: tuple[float, float]
    ghost_share: float
    ghost_likeness: float
    ghost_peak: float
    blocks: float
    mouth: npt.NDArray[np.uint8] | None
    place: tuple[float, float]


@once_per_view
def traits(view: FaceView) -> Traits:
    """Measure one frame; pure, and uses only the crop around the mouth.

    A broken frame that is bridged shows the generator's own patch, not the bridge.
    """
    if view.broken is not None:
        view = replace(view, synced=view.broken, broken=None)
    fine = LowerFace(view, _FINE_FACE_PX)
    if min(fine.size) < _MIN_CROP_PX:
        return Traits(_NAN, _NAN, (_NAN, _NAN), _NAN, _NAN, _NAN, _NAN, None, _place(view))
    coarse = LowerFace(view, _COARSE_FACE_PX)
    return Traits(*_detail(fine), _offset(coarse), *_ghost(fine), _blocks(fine), _mouth(coarse), _place(view))


class LowerFace:
    """The lower face in luma, original and synced, scaled to a face width of at most ``face_px``, with its meshes."""

    def __init__(self, view: FaceView, face_px: float) -> None:
        mesh, w = view.original_mesh, view.face_width_px
        corner = np.array([view.box.x0, view.box.y0], np.float64)
        middle = mesh.mouth_centre - corner
        ends = np.array(
            [
                middle + mesh.x_axis * side * 0.5 * w + mesh.y_axis * down * w
                for side in (-1, 1)
                for down in (-0.3, 0.42)
            ]
        )
        limit = [view.box.width, view.box.height]
        x0, y0 = np.clip(np.floor(ends.min(0)).astype(int), 0, limit)
        x1, y1 = np.clip(np.ceil(ends.max(0)).astype(int), 0, limit)
        self._crop = np.s_[y0:y1, x0:x1]
        shrink = min(1.0, face_px / w) if w > 0 else 1.0
        self.size = int(np.rint((x1 - x0) * shrink)), int(np.rint((y1 - y0) * shrink))
        if min(self.size) < 1:
            return
        self._scale = np.array(self.size) / (x1 - x0, y1 - y0)
        self._corner = corner + (x0, y0)
        self.w = w * float(self._scale.mean())
        self.view = view
        self.original, self.synced = (self.plane(patch[..., 0]) for patch in (view.original, view.synced))

    def plane(self, values: Plane) -> Plane:
        """Crop and scale (h, w) float32 of the view."""
        crop = np.ascontiguousarray(values[self._crop])
        if self.size == crop.shape[::-1]:
            return crop
        return np.asarray(cv2.resize(crop, self.size, interpolation=cv2.INTER_AREA), np.float32)

    def points(self, points: npt.NDArray[np.generic]) -> Points:
        """Points of the original's frame in the crop's pixels."""
        return np.asarray((points - self._corner) * self._scale, np.float64)

    def lips(self, *, synced: bool) -> list[Points]:
        """Outer and inner contour."""
        mesh = self.view.synced_mesh if synced else self.view.original_mesh
        return [self.points(mesh.points[list(contour)]) for contour in (LIPS_OUTER, LIPS_INNER)]

    def distance(self, outlines: Sequence[Points], *, filled: bool) -> Plane:
        """Distance in pixels from the outlines, or from the areas they enclose."""
        outside = np.ones(self.size[::-1], np.uint8)
        for outline in outlines:
            fixed = [np.rint((outline - 0.5) * 16).astype(np.int32)]
            if filled:
                cv2.fillPoly(outside, fixed, (0,), shift=4)
            else:
                cv2.polylines(outside, fixed, isClosed=True, color=(0,), shift=4)
        return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)


def _place(view: FaceView) -> tuple[float, float]:
    x, y = view.original_mesh.points[list(STABLE)].mean(0, dtype=np.float64) / max(view.face_width_px, 1.0)
    return float(x), float(y)


def _detail(crop: LowerFace) -> tuple[float, float]:
    outer, inner = zip(crop.lips(synced=False), crop.lips(synced=True), strict=True)
    # Teeth come and go with the words.
    region = (crop.distance(outer, filled=True) < 0.08 * crop.w) & (crop.distance(inner, filled=True) > 0.03 * crop.w)
    region &= crop.plane(crop.view.contour) > 0.5
    if not region.any():
        return _NAN, _NAN
    sigma = max(1.0, 0.008 * crop.w)
    original, synced = (
        float(np.abs(plane - cv2.GaussianBlur(plane, (0, 0), sigma))[region].mean())
        for plane in (crop.original, crop.synced)
    )
    return original, synced


def _offset(crop: LowerFace) -> tuple[float, float]:
    """Translation of the skin around the mouth, by Gauss-Newton with a free gain and level (Lucas and Kanade 1981)."""
    region = _skin_around_mouth(crop)
    count = int(np.count_nonzero(region))
    if count < _MIN_SKIN_PIXELS:
        return _NAN, _NAN
    original, synced = (cv2.GaussianBlur(plane, (0, 0), 0.02 * crop.w) for plane in (crop.original, crop.synced))
    target = original[region]
    shift = np.zeros(2)
    for _ in range(8):
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        warped = cv2.warpAffine(synced, matrix, crop.size, flags=_WARP_FLAGS, borderMode=cv2.BORDER_REPLICATE)
        across, down = (cv2.Sobel(warped, cv2.CV_32F, dx, 1 - dx, scale=1 / 8)[region] for dx in (1, 0))
        terms = np.stack([-across, -down, target, np.ones_like(target)], axis=1).astype(np.float64)
        # Slight damping: skin without texture then gives no offset instead of a random one.
        normal = terms.T @ terms + count * np.diag([0.05, 0.05, 1e-6, 1e-6])
        step = np.clip(np.linalg.solve(normal, terms.T @ warped[region])[:2], -2, 2)
        shift += step
        if np.abs(step).max() < 0.02:
            break
    x, y = shift / crop.w
    return (float(x), float(y)) if np.hypot(x, y) < _MAX_OFFSET_FRAC else (_NAN, _NAN)


def _skin_around_mouth(crop: LowerFace) -> npt.NDArray[np.bool_]:
    lips = [crop.lips(synced=False)[0], crop.lips(synced=True)[0]]
    distance = crop.distance(lips, filled=True)
    middle, down = crop.points(crop.view.original_mesh.mouth_centre), crop.view.original_mesh.y_axis
    rows, columns = np.ogrid[: crop.size[1], : crop.size[0]]
    below = (columns + 0.5 - middle[0]) * down[0] + (rows + 0.5 - middle[1]) * down[1]
    # Below the mouth the jaw moves with the words.
    region = (distance > 0.03 * crop.w) & (distance < 0.2 * crop.w) & (below < 0.1 * crop.w)
    return np.asarray(region & (crop.plane(crop.view.contour) > 0.5))


def _ghost(crop: LowerFace) -> tuple[float, float, float]:
    """Slope, correlation and displacement of the best match of the original's lips in the synced picture."""
    contours = (crop.lips(synced=synced) for synced in (False, True))
    original_lips, synced_lips = (crop.distance(lips, filled=False) for lips in contours)
    region = (original_lips < 0.02 * crop.w) & (synced_lips > 0.025 * crop.w)
    if np.count_nonzero(region) < 25 * (crop.w / _COARSE_FACE_PX) ** 2:
        return _NAN, _NAN, _NAN
    x, y, width, height = cv2.boundingRect(region.astype(np.uint8))
    original, synced = (
        cv2.GaussianBlur(plane, (0, 0), max(0.5, 0.003 * crop.w)) - cv2.GaussianBlur(plane, (0, 0), 0.008 * crop.w)
        for plane in (crop.original, crop.synced)
    )
    template = np.where(region, original, np.float32(0))[y : y + height, x : x + width]
    energy = float((template * template).sum())
    power = float((synced[region] ** 2).sum())
    if energy <= 0 or power <= 0:
        return _NAN, _NAN, _NAN
    reach = max(3, int(0.05 * crop.w))
    padded = cv2.copyMakeBorder(synced, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    matches = cv2.matchTemplate(padded[y : y + height + 2 * reach, x : x + width + 2 * reach], template, cv2.TM_CCORR)
    row, column = np.unravel_index(int(matches.argmax()), matches.shape)
    match = float(matches[reach, reach])
    distance = float(np.hypot(row - reach, column - reach)) / crop.w
    return match / energy, match / float(np.sqrt(energy * power)), distance


def _blocks(crop: LowerFace) -> float:
    """Strongest comb in the gradient profile of the synced picture, less the original's at the same period.

    After Wang, Bovik and Evans 2000 (https://doi.org/10.1109/ICIP.2000.899622), for blocks of any period.
    """
    scores = []
    for axis in (0, 1):
        count = crop.size[axis] - 1
        periods = np.arange(5.0, min(42.0, 0.16 * crop.w, count / 4.5), 0.25)
        if not len(periods):
            return _NAN
        synced, original = (
            _comb(np.abs(np.diff(plane, axis=1 - axis)).mean(axis), periods, crop.w)
            for plane in (crop.synced, crop.original)
        )
        scores.append(float((synced - original).max()))
    return min(scores)


def _comb(profile: Plane, periods: Points, face_px: float) -> npt.NDArray[np.float64]:
    """Contrast of the log profile at regular steps: its first four harmonics, in the best common phase."""
    from scipy.ndimage import median_filter  # slow to load

    log = np.log(profile + np.float32(0.5))
    local = median_filter(log, size=2 * max(5, int(0.03 * face_px) | 1) + 1, mode="reflect")
    spikes = np.clip(log - local, -0.5, 1.0)
    spectrum = np.fft.rfft(spikes - spikes.mean(), _TRANSFORM_SIZE) / len(spikes)
    bins = np.rint(_HARMONICS * (_TRANSFORM_SIZE / periods)[:, None]).astype(int)
    parts = np.where(bins < len(spectrum), spectrum[np.minimum(bins, len(spectrum) - 1)], 0)
    return np.asarray((parts @ _PHASES).real.max(1))


def _mouth(crop: LowerFace) -> npt.NDArray[np.uint8]:
    mesh = crop.view.original_mesh
    width, height = MOUTH_SIZE
    step = 0.6 * mesh.face_width_px / width
    axes = np.stack([mesh.x_axis, mesh.y_axis], axis=1) * step
    middle = mesh.points[list(STABLE)].mean(0, dtype=np.float64) + 0.42 * mesh.face_width_px * mesh.y_axis
    corners = middle + (np.array([[0, 0], [1, 0], [0, 1]]) - np.array([width - 1, height - 1]) / 2) @ axes.T
    first, right, under = crop.points(corners) - 0.5
    matrix = np.stack([right - first, under - first, first], axis=1)
    smooth = cv2.GaussianBlur(crop.synced, (0, 0), 1.0)
    patch = cv2.warpAffine(smooth, matrix, MOUTH_SIZE, flags=_WARP_FLAGS, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(np.rint(patch), 0, 255), np.uint8)
