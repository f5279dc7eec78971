"""Fits of a colour map to the statistics of one frame.

* Mean and deviation: Reinhard et al. 2001, "Color Transfer between Images".
* Histogram: monotone matching of quantiles (Gonzalez and Woods, "Digital Image Processing", histogram specification).
* White balance: one gain a channel in linear light (von Kries).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.settings import ColourSettings
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.statistics import ColourStats, encoded, linear

Rows = npt.NDArray[np.float64]

_FLAT = 0.5  # a channel that varies less, in units of its space, has no shape that could be matched


@dataclass(frozen=True)
class ColourFit:
    """A map's parts that change at different speeds; with all but ``centre`` and ``knots`` 0 it is the identity.

    Attributes
    ----------
    centre : (3,) float64
        Mean colour of the synced skin. White balance: its mean light as R'G'B', 0..255.
    shift : (3,) float64
        How far that is from the original's, units of the space; white balance: 8-bit levels of R'G'B'.
    knots : (k, 3) float64
        Knots of the curve, relative to the centre.
    bend : (k, 3) float64
        What is added to the shift there.
    tilt : (3,) float64
        Gain beyond the outer knots, less 1.
    """

    centre: Rows
    shift: Rows
    knots: Rows
    bend: Rows
    tilt: Rows


def fit(stats: ColourStats, settings: ColourSettings) -> ColourFit:
    """The fit of one frame by ``method``, clamped by the settings and scaled by ``strength``."""
    fits = {"mean_std": mean_std, "histogram": histogram, "white_balance": white_balance}
    return fits[settings.method](stats, settings)


def mean_std(stats: ColourStats, settings: ColourSettings) -> ColourFit:
    """Mean and standard deviation of every channel.

    The gain (ratio of standard deviations) is clamped to gain_min..gain_max, the shift of the mean to +-offset_max.
    A channel that hardly varies in either picture keeps gain 1, as its ratio would be noise.
    """
    flat = _is_flat(stats)
    ratio = np.where(flat, 1.0, stats.original_std / np.where(flat, 1.0, stats.synced_std))
    tilt = settings.strength * (np.clip(ratio, settings.gain_min, settings.gain_max) - 1)
    shift = np.clip(stats.original_mean - stats.synced_mean, -settings.offset_max, settings.offset_max)
    return ColourFit(stats.synced_mean, settings.strength * shift, np.zeros((1, 3)), np.zeros((1, 3)), tilt)


def histogram(stats: ColourStats, settings: ColourSettings) -> ColourFit:
    """Quantiles of every channel: a curve whose slopes lie in gain_min..gain_max, and so never falls.

    Beyond the outer quantiles their shift goes on. A channel that hardly varies is only shifted.
    """
    here, there, flat = stats.synced_quantiles, stats.original_quantiles, _is_flat(stats)
    run, rise = np.diff(here, axis=0), np.diff(there, axis=0)
    steep = np.clip(rise, settings.gain_min * run, settings.gain_max * run) - run
    bend = np.concatenate([np.zeros((1, 3)), np.cumsum(steep, axis=0)])
    apart = stats.original_mean - stats.synced_mean
    bend += (there - here).mean(0) - bend.mean(0) - apart
    shift = np.clip(apart, -settings.offset_max, settings.offset_max)
    return ColourFit(
        stats.synced_mean,
        settings.strength * shift,
        here - stats.synced_mean,
        settings.strength * np.where(flat, 0.0, bend),
        np.zeros(3),
    )


def white_balance(stats: ColourStats, settings: ColourSettings) -> ColourFit:
    """Gains in linear light that bring the mean skin colour to the original's, clamped to gain_min..gain_max.

    Kept as the change of the mean's code, so that what steadies shifts can judge it in 8-bit levels.
    """
    here = np.maximum(stats.synced_light, 1e-4)
    gain = np.clip(np.maximum(stats.original_light, 1e-4) / here, settings.gain_min, settings.gain_max)
    shift = settings.strength * 255 * (encoded(gain * here) - encoded(here))
    return ColourFit(255 * encoded(here), shift, np.zeros((1, 3)), np.zeros((1, 3)), np.zeros(3))


def colour_map(fitted: ColourFit, settings: ColourSettings) -> ColourMap:
    """The map that a fit stands for; all zero but centre and knots, it is exactly the identity."""
    if settings.method == "white_balance":
        here = linear(fitted.centre / 255)
        gain = linear((fitted.centre + fitted.shift) / 255) / here
        return ColourMap.affine("light", np.clip(gain, settings.gain_min, settings.gain_max), np.zeros(3))
    moves = np.clip(fitted.shift + fitted.bend, -settings.offset_max, settings.offset_max)
    return ColourMap(settings.space, fitted.centre + fitted.knots, moves, 1 + fitted.tilt)


def _is_flat(stats: ColourStats) -> npt.NDArray[np.bool_]:
    return np.asarray((stats.original_std < _FLAT) | (stats.synced_std < _FLAT))
