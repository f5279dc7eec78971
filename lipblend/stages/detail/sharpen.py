"""Sharpening: restore the detail that the generator lost, measured band by band where the original shows the same.

Three octave bands of luma are used, ``b_k = G(s_k / 2) p - G(s_k) p``; the finest one starts at the pixel. They scale
with the face, as a generator's blur does: it paints a face of a fixed number of pixels, whatever the footage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.detail.scale import (
    downsample,
    downsampled_sigma,
    downsampling_step,
    gaussian,
    low_pass,
    upsample,
)

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_COARSEST_FRAC = 0.0125  # sigma of the coarsest band: about a pixel of a generator that paints 96 px
_BANDS = 3
_MIN_PIXELS = 200
_MIN_ENERGY = 0.0025  # levels squared: a band with less shows nothing
_MAX_ENERGY_RATIO = 1.5  # a band's deviation is raised to at most this multiple of the original's
_OVERSHOOT = 0.02  # of the local range
_OVERSHOOT_LEVELS = 0.5
_FLAT_SHARE = 0.25
_DENOISE_SIGMA_PX = 1.5
_DENOISE_LEVELS = 10.0
_FADE_FLOOR = 0.1  # levels squared
_MAX_FADE_GAIN = 1.5
_SPARSE_FROM_PX = 10_000  # patches of this size are read at every second pixel each way, of four times at every third
_MAX_STEP = 3


def band_sigmas(face_width_px: float) -> tuple[float, ...]:
    """The bands' standard deviations in pixels, finest first, an octave apart."""
    return tuple(max(0.3, _COARSEST_FRAC * face_width_px * 0.5**k) for k in range(_BANDS - 1, -1, -1))


@dataclass(frozen=True)
class Layers:
    """A luma plane and its low-passes.

    Attributes
    ----------
    luma : (h, w) float32
    fine, middle, coarse : (h, w) float32
        Under Gaussians of `band_sigmas`.
    """

    luma: Plane
    fine: Plane
    middle: Plane
    coarse: Plane

    def bands(self) -> tuple[Plane, Plane, Plane]:
        """Differences of neighbouring layers, finest first; each (h, w) float32."""
        return self.luma - self.fine, self.fine - self.middle, self.middle - self.coarse

    def at(self, places: npt.NDArray[np.intp]) -> Layers:
        """The values at flat indices; (n,) each."""
        return Layers(*(np.take(each, places) for each in (self.luma, self.fine, self.middle, self.coarse)))


def layers(luma: Plane, face_width_px: float) -> Layers:
    """The low-passes that the bands are differences of; the widest is computed at half size."""
    sigmas = band_sigmas(face_width_px)
    fine, middle = (gaussian(luma, sigma) for sigma in sigmas[:2])
    rest = (sigmas[2] ** 2 - sigmas[1] ** 2) ** 0.5  # 0 for a face so small that all bands are the finest one
    return Layers(luma, fine, middle, low_pass(middle, rest) if rest > 0 else middle)


def band_gains(
    original: Layers, synced: Layers, where: Mask, *, face_width_px: float, strength: float, max_gain: float
) -> tuple[float, ...]:
    """How much each band of the synced picture must be raised to show the original's detail, where both show the same.

    ``strength`` is the share of missing detail to restore, ``max_gain`` the largest gain minus 1. Per band, finest
    first, with o and s a band of both pictures and n the noise (the part of o's energy in the flattest quarter that s
    does not share), the gain is ``1 + strength * ((<oo> - n) / <os> - 1)``, at most ``1 + max_gain``. That is the
    inverse of the generator's response; unlike a ratio of energies it does not take the generator's noise for detail.
    The band's deviation is raised to at most 1.5 times the original's. 1 with too few pixels. Large patches are read at
    every second or third pixel each way.
    """
    if np.count_nonzero(where) < _MIN_PIXELS or strength == 0 or max_gain == 0:
        return (1.0,) * _BANDS
    step = min(_MAX_STEP, 1 + int((where.size / _SPARSE_FROM_PX) ** 0.5))
    rows, columns = np.nonzero(where[::step, ::step])
    if not rows.size:
        return (1.0,) * _BANDS
    coarsest = synced.middle[::step, ::step] - synced.coarse[::step, ::step]
    structure = gaussian(coarsest * coarsest, band_sigmas(face_width_px)[-1] / step)[rows, columns]
    places = rows * (step * where.shape[1]) + columns * step
    o, s = (np.stack(each.at(places).bands()) for each in (original, synced))
    flattest = int(_FLAT_SHARE * (structure.size - 1))
    flat = structure <= np.partition(structure, flattest)[flattest]
    energy, shown, shared = (_row_means(x * y) for x, y in ((o, o), (s, s), (o, s)))
    noise = np.maximum(0, _row_means((o * (o - s))[:, flat]))
    lack = np.maximum(energy - noise, 0) / np.maximum(shared, _MIN_ENERGY) - 1
    ceiling = np.minimum(max_gain, _MAX_ENERGY_RATIO * (energy / np.maximum(shown, _MIN_ENERGY)) ** 0.5 - 1)
    gains = 1 + np.clip(strength * lack, 0, ceiling)
    gains[(energy <= shown) | (np.minimum(energy, shown) < _MIN_ENERGY)] = 1
    return tuple(gains.tolist())


def _row_means(products: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.asarray(products.mean(axis=1, dtype=np.float64))


def sharpened(of: Layers, gains: Sequence[float], *, face_width_px: float) -> Plane:
    """A luma plane with raised bands, (h, w) float32; the plane itself if all gains are 1.

    To prevent ringing, the result exceeds the range of the neighbourhood (of the middle band's width) by at most a
    fiftieth of that range and half a level.
    """
    luma = of.luma
    if all(gain == 1 for gain in gains):
        return luma
    finest, middle, coarse = (gain - 1 for gain in gains)
    # sum of (gain - 1) * band, by low-passes
    raised = cv2.addWeighted(luma, 1 + finest, of.fine, middle - finest, 0)
    raised = cv2.add(raised, cv2.addWeighted(of.middle, coarse - middle, of.coarse, -coarse, 0))
    reach = 2 * max(1, round(band_sigmas(face_width_px)[1])) + 1
    square = np.ones((reach, reach), np.uint8)
    low, high = cv2.erode(luma, square), cv2.dilate(luma, square)
    lowest = cv2.addWeighted(low, 1 + _OVERSHOOT, high, -_OVERSHOOT, -_OVERSHOOT_LEVELS)
    highest = cv2.addWeighted(high, 1 + _OVERSHOOT, low, -_OVERSHOOT, _OVERSHOOT_LEVELS)
    return np.asarray(cv2.min(cv2.max(raised, lowest), highest), np.float32)


def denoised(patch: npt.NDArray[np.float32], strength: float) -> Plane:
    """The patch, (h, w, 3), with less block noise: a bilateral filter mixed in by ``strength`` 0..1; a new array.

    Tomasi and Manduchi 1998, "Bilateral filtering for gray and color images", https://doi.org/10.1109/ICCV.1998.710815
    (OpenCV's).
    """
    if strength == 0:
        return patch.copy()
    calm = cv2.bilateralFilter(np.ascontiguousarray(patch), 0, _DENOISE_LEVELS, _DENOISE_SIGMA_PX)
    return np.asarray(patch + np.float32(strength) * (calm - patch), np.float32)


def crossfade(patch: Plane, moved: Plane, low: Plane, trust: Plane, *, face_width_px: float, keep: float) -> Plane:
    """Cross-fade two luma planes of nearly the same thing, and restore the detail that the fade itself blurs.

    Fine detail of two pictures that are misaligned by less than a pixel partly cancels in their mean. The fine part
    (below the middle band's sigma) is raised to the local energy that the shares of both would have, by a factor of at
    most 1.5.

    ``low`` is the middle layer of ``moved``, ``trust`` in [0, 1] the share of ``moved``, ``keep`` in [0, 1] the share
    of the loss to restore. The result is exactly ``patch`` far from any trust, and ``moved`` up to rounding where it is
    1.
    """
    out = moved - patch
    out *= trust
    out += patch
    if keep == 0:
        return out
    sigmas = band_sigmas(face_width_px)
    first = patch - gaussian(patch, max(0.8, sigmas[1]))
    second = moved - low
    faded = second - first  # trust is smooth: the faded fine parts are the fine part of the fade
    faded *= trust
    faded += first
    # The gain is smooth and computed at a smaller size.
    step = downsampling_step(max(1.0, sigmas[2]))
    wide = downsampled_sigma(max(1.0, sigmas[2]), step)
    a, b, now = (gaussian(downsample(z * z, step), wide) for z in (first, second, faded))
    share = downsample(trust, step)
    wanted = cv2.sqrt((a + share * (b - a) + np.float32(_FADE_FLOOR)) / (now + np.float32(_FADE_FLOOR)))
    halfway = np.sqrt(np.sqrt(np.clip(4 * share * (1 - share), 0, 1)))  # rounding may bring trust just above 1
    faded *= upsample(np.float32(keep) * (np.clip(wanted, 1, _MAX_FADE_GAIN) - 1) * halfway, patch.shape, step)
    out += faded
    return out
