"""Detail: the sharpness that the generator lost, measured band by band where the original shows the same.

Three octaves of luma are worked on, ``b_k = G(s_k / 2) p - G(s_k) p``, the finest one from the pixel on. They go
with the face's size, as a generator's blur does: it paints a face of so many pixels, whatever the footage's.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

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


def band_sigmas(face_width_px: float) -> tuple[float, ...]:
    """The bands' standard deviations in pixels, finest first, an octave apart."""
    return tuple(max(0.3, _COARSEST_FRAC * face_width_px * 0.5**k) for k in range(_BANDS - 1, -1, -1))


def band_gains(
    original: Plane, synced: Plane, where: Mask, *, face_width_px: float, strength: float, most: float
) -> tuple[float, ...]:
    """How much each band of the synced picture must be raised to show the original's detail at full strength.

    Parameters
    ----------
    original, synced : (h, w) float32
        Luma of two pictures of the same thing, levels.
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
        of energies. The band is not raised beyond 1.5 times the original's deviation. 1 with too few pixels.
    """
    sigmas = band_sigmas(face_width_px)
    if np.count_nonzero(where) < _LEAST_PIXELS or strength == 0 or most == 0:
        return (1.0,) * len(sigmas)
    ours, theirs = bands(original, sigmas), bands(synced, sigmas)
    structure = cv2.GaussianBlur(theirs[-1] ** 2, (0, 0), sigmas[-1])[where]
    flat = structure <= np.quantile(structure, _FLAT_SHARE)
    gains = []
    for one, other in zip(ours, theirs, strict=True):
        o, s = one[where].astype(np.float64), other[where].astype(np.float64)
        energy, shown, shared = float(np.mean(o * o)), float(np.mean(s * s)), float(np.mean(o * s))
        if energy <= shown or min(energy, shown) < _LEAST_ENERGY:
            gains.append(1.0)
            continue
        noise = max(0.0, float(np.mean((o * (o - s))[flat])))
        lack = max(energy - noise, 0.0) / max(shared, _LEAST_ENERGY) - 1
        ceiling = min(most, _MOST_ENERGY * (energy / shown) ** 0.5 - 1)
        gains.append(1 + float(np.clip(strength * lack, 0, ceiling)))
    return tuple(gains)


def sharpened(patch: npt.NDArray[np.float32], gains: Sequence[float], *, face_width_px: float) -> Plane:
    """Raise the bands of luma; (h, w, 3) float32, a new array.

    The result leaves the range of the neighbourhood (of the middle band's width) by a tenth of that range and half a
    level at most: no ringing.
    """
    out = patch.copy()
    if all(gain == 1 for gain in gains):
        return out
    sigmas = band_sigmas(face_width_px)
    luma = np.ascontiguousarray(patch[..., 0])
    raised = luma.copy()
    for gain, band in zip(gains, bands(luma, sigmas), strict=True):
        raised += np.float32(gain - 1) * band
    reach = 2 * max(1, round(sigmas[1])) + 1
    square = np.ones((reach, reach), np.uint8)
    low, high = cv2.erode(luma, square), cv2.dilate(luma, square)
    margin = np.float32(_OVERSHOOT) * (high - low) + np.float32(_OVERSHOOT_LEVELS)
    out[..., 0] = np.clip(raised, low - margin, high + margin)
    return out


def denoised(patch: npt.NDArray[np.float32], strength: float) -> Plane:
    """The patch without block noise: a bilateral filter, mixed in by ``strength`` 0..1; (h, w, 3) float32, a new array.

    Tomasi and Manduchi 1998, "Bilateral filtering for gray and color images", https://doi.org/10.1109/ICCV.1998.710815
    (OpenCV's).
    """
    if strength == 0:
        return patch.copy()
    calm = cv2.bilateralFilter(np.ascontiguousarray(patch), 0, _DENOISE_LEVELS, _DENOISE_SIGMA_PX)
    return np.asarray(patch + np.float32(strength) * (calm - patch), np.float32)


def mixed(patch: Plane, moved: Plane, trust: Plane, *, face_width_px: float, keep: float) -> Plane:
    """Cross-fade two pictures of nearly the same thing, and give back what the fade itself blurs.

    Fine detail of two pictures that are not in step to the pixel partly cancels in their mean. The fine part (below the
    middle band's sigma) is raised to the local energy that the share of each would have alone, by 1.5 at most.

    Parameters
    ----------
    patch, moved : (h, w, 3) float32
    trust : (h, w) float32 in [0, 1]
        Share of the second.
    face_width_px : float
    keep : float
        Share of the loss that is made up for, 0..1; 0 is a plain cross-fade.

    Returns
    -------
    (h, w, 3) float32
        Exactly ``patch`` where trust is 0, up to rounding ``moved`` where it is 1.
    """
    out = np.asarray(patch + trust[..., None] * (moved - patch), np.float32)
    if keep == 0:
        return out
    sigmas = band_sigmas(face_width_px)
    fine, wide = max(0.8, sigmas[1]), max(1.0, sigmas[2])
    one, other, both = (_fine(np.ascontiguousarray(z[..., 0]), fine) for z in (patch, moved, out))
    a, b, now = (cv2.GaussianBlur(z * z, (0, 0), wide) for z in (one, other, both))
    wanted = np.sqrt((a + trust * (b - a) + np.float32(_MIX_FLOOR)) / (now + np.float32(_MIX_FLOOR)))
    halfway = np.clip(4 * trust * (1 - trust), 0, 1) ** np.float32(0.25)  # rounding may leave trust just above 1
    gain = np.float32(keep) * (np.clip(wanted, 1, _MIX_MOST) - 1) * halfway
    out[..., 0] += gain * both
    return out


def bands(luma: Plane, sigmas: Sequence[float]) -> list[Plane]:
    """Differences of Gaussians, finest first; each (h, w) float32."""
    found, finer = [], luma
    for sigma in sigmas:
        coarser = np.asarray(cv2.GaussianBlur(luma, (0, 0), sigma), np.float32)
        found.append(np.asarray(finer - coarser, np.float32))
        finer = coarser
    return found


def _fine(luma: Plane, sigma_px: float) -> Plane:
    return np.asarray(luma - cv2.GaussianBlur(luma, (0, 0), sigma_px), np.float32)
