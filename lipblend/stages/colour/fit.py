"""Methods that fit a colour map to the statistics of one frame.

* Mean and deviation: Reinhard et al. 2001, "Color Transfer between Images".
* Histogram: monotone matching of quantiles (Gonzalez and Woods, "Digital Image Processing", histogram specification).
* White balance: one gain per channel in linear light (von Kries).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.settings import ColourSettings
from lipblend.stages.colour.colour_map import ColourMap
from lipblend.stages.colour.statistics import ColourStats, linear_to_srgb, srgb_to_linear

Rows = npt.NDArray[np.float64]

_MIN_STD = 0.5  # a channel that varies less, in units of its space, has no shape to match


@dataclass(frozen=True)
class ColourFit:
    """The parameters of a map, which vary at different speeds; the identity if all but ``centre`` and ``knots`` are 0.

    Attributes
    ----------
    centre : (3,) float64
        Mean colour of the synced skin; for white balance its mean light as R'G'B', 0..255.
    shift : (3,) float64
        Offset to the original's, units of the space; for white balance 8-bit levels of R'G'B'.
    knots : (k, 3) float64
        Knots of the curve, relative to the centre.
    bend : (k, 3) float64
        Addition to the shift at the knots.
    tilt : (3,) float64
        Gain beyond the outer knots, minus 1.
    """

    centre: Rows
    shift: Rows
    knots: Rows
    bend: Rows
    tilt: Rows


def fit(stats: ColourStats, settings: ColourSettings) -> ColourFit:
    """The fit of one frame by the method of the settings, clamped and scaled by ``strength``."""
    fits = {"mean_std": mean_std, "histogram": histogram, "white_balance": white_balance}
    return fits[settings.method](stats, settings)


def mean_std(stats: ColourStats, settings: ColourSettings) -> ColourFit:
    """Mean and standard deviation of every channel.

    The gain (ratio of standard deviations) is clamped to gain_min..gain_max, the shift of the mean to +-offset_max. A
    channel that hardly varies in either picture keeps gain 1, as its ratio would be noise.
    """
    flat = _is_flat(stats)
    ratio = np.where(flat, 1.0, stats.original_std / np.where(flat, 1.0, stats.synced_std))
    tilt = settings.strength * (np.clip(ratio, settings.gain_min, settings.gain_max) - 1)
    shift = np.clip(stats.original_mean - stats.synced_mean, -settings.offset_max, settings.offset_max)
    return ColourFit(stats.synced_mean, settings.strength * shift, np.zeros((1, 3)), np.zeros((1, 3)), tilt)


def histogram(stats: ColourStats, settings: ColourSettings) -> ColourFit:
    """Quantiles of every channel: a curve whose slopes lie in gain_min..gain_max, so that it never falls.

    The shift is constant beyond the outer quantiles. A channel that hardly varies is only shifted.
    """
    synced, original, flat = stats.synced_quantiles, stats.original_quantiles, _is_flat(stats)
    run, rise = np.diff(synced, axis=0), np.diff(original, axis=0)
    excess = np.clip(rise, settings.gain_min * run, settings.gain_max * run) - run
    bend = np.concatenate([np.zeros((1, 3)), np.cumsum(excess, axis=0)])
    offset = stats.original_mean - stats.synced_mean
    bend += (original - synced).mean(0) - bend.mean(0) - offset
    shift = np.clip(offset, -settings.offset_max, settings.offset_max)
    return ColourFit(
        stats.synced_mean,
        settings.strength * shift,
        synced - stats.synced_mean,
        settings.strength * np.where(flat, 0.0, bend),
        np.zeros(3),
    )


def white_balance(stats: ColourStats, settings: ColourSettings) -> ColourFit:
    """Gains in linear light that bring the mean skin colour to the original's, clamped to gain_min..gain_max.

    Stored as the change of the mean's code, so that it is smoothed over time in 8-bit levels as other shifts are.
    """
    light = np.maximum(stats.synced_light, 1e-4)
    gain = np.clip(np.maximum(stats.original_light, 1e-4) / light, settings.gain_min, settings.gain_max)
    shift = settings.strength * 255 * (linear_to_srgb(gain * light) - linear_to_srgb(light))
    return ColourFit(255 * linear_to_srgb(light), shift, np.zeros((1, 3)), np.zeros((1, 3)), np.zeros(3))


def colour_map(fitted: ColourFit, settings: ColourSettings) -> ColourMap:
    """The map of a fit; exactly the identity if all but centre and knots are 0."""
    if settings.method == "white_balance":
        light = srgb_to_linear(fitted.centre / 255)
        gain = srgb_to_linear((fitted.centre + fitted.shift) / 255) / light
        return ColourMap.affine("light", np.clip(gain, settings.gain_min, settings.gain_max), np.zeros(3))
    moves = np.clip(fitted.shift + fitted.bend, -settings.offset_max, settings.offset_max)
    return ColourMap(settings.space, fitted.centre + fitted.knots, moves, 1 + fitted.tilt)


def _is_flat(stats: ColourStats) -> npt.NDArray[np.bool_]:
    return np.asarray((stats.original_std < _MIN_STD) | (stats.synced_std < _MIN_STD))
