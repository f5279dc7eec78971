"""Detail: the sharpness that the generator lost, measured band by band where the original shows the same.

Three octaves of luma are worked on, ``b_k = G(s_k / 2) p - G(s_k) p``, the finest one from the pixel on. They go
with the face's size, as a generator's blur does: it paints a face of so many pixels, whatever the footage's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.detail.scale import enlarged, gaussian, inner_sigma, low_pass, reduced, smooth_step

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_COARSEST_FRAC = 0.0125  # sigma of the coarsest band: a generator of 96 px loses what is finer than a pixel of its own
_BANDS = 3
_LEAST_PIXELS = 200
_LEAST_ENERGY = 0.0025  # levels squared: a band with less shows nothing
_MOST_ENERGY = 1.5  # x: a band's own deviation is not raised further than so above the original's
_OVERSHOOT = 0.1  # of the local range
_OVERSHOOT_LEVELS = 0.5
_FLAT_SHARE = 0.25
_DENOISE_SIGMA_PX = 1.5
_DENOISE_LEVELS = 10.0
_MIX_FLOOR = 0.1  # levels squared
_MIX_MOST = 1.5
_SPARSE_FROM_PX = (
    10_000  # from this size on every second pixel each way tells the energies, from four times it every third
)
_MOST_STEP = 3


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
        """Differences of next neighbours, finest first; each (h, w) float32."""
        return self.luma - self.fine, self.fine - self.middle, self.middle - self.coarse

    def at(self, places: npt.NDArray[np.intp]) -> Layers:
        """The values at some places, counted row by row; (n,) each."""
        return Layers(*(np.take(each, places) for each in (self.luma, self.fine, self.middle, self.coarse)))


def layers(luma: Plane, face_width_px: float) -> Layers:
    """The low-passes that the bands are made of. The widest one is worked out on half as many rows and columns."""
    sigmas = band_sigmas(face_width_px)
    fine, middle = (gaussian(luma, sigma) for sigma in sigmas[:2])
    rest = (sigmas[2] ** 2 - sigmas[1] ** 2) ** 0.5  # 0 for a face of so few pixels that all bands are the finest one
    return Layers(luma, fine, middle, low_pass(middle, rest) if rest > 0 else middle)


def band_gains(
    original: Layers, synced: Layers, where: Mask, *, face_width_px: float, strength: float, most: float
) -> tuple[float, ...]:
    """How much each band of the synced picture must be raised to show the original's detail at full strength.

    Parameters
    ----------
    original, synced : Layers
        Of two pictures of the same thing, levels.
    where : (h, w) bool
        Where they are that.
    face_width_px : float
    strength : float
        Share of the lack that is made up for.
    most : float
        Largest gain less 1.

    Returns
    -------
    tuple of float
        One a band, finest first, in 1..1 + most. With o and s a band of both pictures and n the part of o's energy in
        the flattest quarter that s does not share (noise): ``1 + strength * ((<oo> - n) / <os> - 1)``. That is the
        inverse of the generator's response: its own noise does not pass for detail, as in a mere ratio
        of energies. The band is not raised beyond 1.5 times the original's deviation. 1 with too few pixels. Energies
        are read at every second or third pixel each way of large patches.
    """
    if np.count_nonzero(where) < _LEAST_PIXELS or strength == 0 or most == 0:
        return (1.0,) * _BANDS
    step = min(_MOST_STEP, 1 + int((where.size / _SPARSE_FROM_PX) ** 0.5))
    rows, columns = np.nonzero(where[::step, ::step])
    if not rows.size:
        return (1.0,) * _BANDS
    coarsest = synced.middle[::step, ::step] - synced.coarse[::step, ::step]
    structure = gaussian(coarsest * coarsest, band_sigmas(face_width_px)[-1] / step)[rows, columns]
    places = rows * (step * where.shape[1]) + columns * step
    ours, theirs = (np.stack(of.at(places).bands()) for of in (original, synced))
    flattest = int(_FLAT_SHARE * (structure.size - 1))
    flat = structure <= np.partition(structure, flattest)[flattest]
    energy, shown, shared = (_means(x * y) for x, y in ((ours, ours), (theirs, theirs), (ours, theirs)))
    noise = np.maximum(0, _means((ours * (ours - theirs))[:, flat]))
    lack = np.maximum(energy - noise, 0) / np.maximum(shared, _LEAST_ENERGY) - 1
    ceiling = np.minimum(most, _MOST_ENERGY * (energy / np.maximum(shown, _LEAST_ENERGY)) ** 0.5 - 1)
    gains = 1 + np.clip(strength * lack, 0, ceiling)
    gains[(energy <= shown) | (np.minimum(energy, shown) < _LEAST_ENERGY)] = 1
    return tuple(gains.tolist())


def _means(products: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Of each row."""
    return np.asarray(products.mean(axis=1, dtype=np.float64))


def sharpened(of: Layers, gains: Sequence[float], *, face_width_px: float) -> Plane:
    """Raise the bands of a luma plane; (h, w) float32, the plane itself where no gain differs from 1.

    The result leaves the range of the neighbourhood (of the middle band's width) by a tenth of that range and half a
    level at most: no ringing.
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
    least = cv2.addWeighted(low, 1 + _OVERSHOOT, high, -_OVERSHOOT, -_OVERSHOOT_LEVELS)
    most = cv2.addWeighted(high, 1 + _OVERSHOOT, low, -_OVERSHOOT, _OVERSHOOT_LEVELS)
    return np.asarray(cv2.min(cv2.max(raised, least), most), np.float32)


def denoised(patch: npt.NDArray[np.float32], strength: float) -> Plane:
    """The patch without block noise: a bilateral filter, mixed in by ``strength`` 0..1; (h, w, 3) float32, a new array.

    Tomasi and Manduchi 1998, "Bilateral filtering for gray and color images", https://doi.org/10.1109/ICCV.1998.710815
    (OpenCV's).
    """
    if strength == 0:
        return patch.copy()
    calm = cv2.bilateralFilter(np.ascontiguousarray(patch), 0, _DENOISE_LEVELS, _DENOISE_SIGMA_PX)
    return np.asarray(patch + np.float32(strength) * (calm - patch), np.float32)


def mixed(patch: Plane, moved: Plane, low: Plane, trust: Plane, *, face_width_px: float, keep: float) -> Plane:
    """Cross-fade two pictures of nearly the same thing, and give back what the fade itself blurs.

    Fine detail of two pictures that are not in step to the pixel partly cancels in their mean. The fine part (below the
    middle band's sigma) is raised to the local energy that the share of each would have alone, by 1.5 at most.

    Parameters
    ----------
    patch, moved : (h, w) float32
        Luma.
    low : (h, w) float32
        The second's low-pass, of the middle band.
    trust : (h, w) float32 in [0, 1]
        Share of the second.
    face_width_px : float
    keep : float
        Share of the loss that is made up for, 0..1; 0 is a plain cross-fade.

    Returns
    -------
    (h, w) float32
        Exactly ``patch`` where trust is 0 far and wide, up to rounding ``moved`` where it is 1.
    """
    out = moved - patch
    out *= trust
    out += patch
    if keep == 0:
        return out
    sigmas = band_sigmas(face_width_px)
    one = patch - gaussian(patch, max(0.8, sigmas[1]))
    other = moved - low
    both = other - one  # faded alike: as good as the fade's own fine part, for trust is smooth
    both *= trust
    both += one
    # The gain is smooth, and is worked out small.
    step = smooth_step(max(1.0, sigmas[2]))
    wide = inner_sigma(max(1.0, sigmas[2]), step)
    a, b, now = (gaussian(reduced(z * z, step), wide) for z in (one, other, both))
    share = reduced(trust, step)
    wanted = cv2.sqrt((a + share * (b - a) + np.float32(_MIX_FLOOR)) / (now + np.float32(_MIX_FLOOR)))
    halfway = np.sqrt(np.sqrt(np.clip(4 * share * (1 - share), 0, 1)))  # rounding may leave trust just above 1
    both *= enlarged(np.float32(keep) * (np.clip(wanted, 1, _MIX_MOST) - 1) * halfway, patch.shape, step)
    out += both
    return out
