"""What a person's mouth looks like over a shot, and how the synced one differs from it.

Both pictures' samples lie at the same places of the mouth (`lipblend.stages.colour.lip_samples`), but the mouths move
differently: frames are compared within classes of how far the mouth is open. A difference that lasts over the shot is
the generator's. What is no larger than two good pictures of moving lips differ is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.smoothstep import smoothstep
from lipblend.stages.colour.lip_samples import AROUND, DEPTHS, INNER_SAMPLES, LIP_SAMPLES

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.float64]

QUANTILES = (0.03, 0.2, 0.4, 0.6, 0.8, 0.97)
"""Shares of the samples darker than the knots of the learnt colours."""
_MIN_FRAMES = 8  # of each picture with mouths alike
_MIN_OF_CLASS = 3
_COLUMNS = AROUND // 2 - 1  # of samples of the open mouth
_OPEN_COLUMNS = (1, 5)  # from which number of open columns on a mouth is ajar, and open
_CHROMA_BAND, _LUMA_BAND = 3.0, 10.0  # levels that right mouths differ in places
_EVEN_CHROMA, _EVEN_LUMA = 2.6, 5.2  # on average over the lips, from which on all is taken out
_EVEN_FROM = 0.6  # share of that from which it begins: right mouths of six clips reach 0.54
_SHOWN = (0.02, 0.98)  # shares of the samples between which a person's colours lie
_MARGIN, _PRIOR_MARGIN = 4.0, 18.0  # levels beyond what was seen, and where nothing was seen
_INNER_ALONE = 2.0  # levels by which the open mouth may differ more than the inner edge of the lips
_MIN_INNER = 60  # samples of the open mouth, for what it looks like
_NEUTRAL = 128.0
_MAX_GAIN = 1.6
_MIN_ABOVE = 8.0  # levels above black, for gains
_UPPER, _LOWER, _RED = slice(2, 9), slice(12, 19), slice(2, 5)  # of the samples around, and of the depths
_EVEN_PROFILE = (0.0, 0.5, 1.0, 1.0, 1.0, 0.8)  # how much of a lip's colour each depth shows
_LOST = 0.4  # of the contrast between neighbouring depths


@dataclass(frozen=True)
class MouthColours:
    """How a shot's synced mouth is brought to the person's own colours.

    Attributes
    ----------
    gain : (147,) float32
        Of the luma above black, at `lipblend.stages.colour.lip_samples.mouth_points`.
    shift : (147, 2) float32
        Added to Cb and Cr there, 8-bit levels.
    knots : (2, k) float32
        Luma in 8-bit levels, ascending, of the lips and of the open mouth.
    chroma, limit : (2, k, 2) float32
        The person's Cb and Cr at the knots, and how far from them a colour is still this person's, 8-bit levels.
    black : float
        Luma of black.
    strength : float
        Share of the change, 0 to 1.
    """

    gain: Floats
    shift: Floats
    knots: Floats
    chroma: Floats
    limit: Floats
    black: float
    strength: float = 1.0


def mouth_colours(
    original: Rows, synced: Rows, *, black: float, white: float, strength: float = 1.0
) -> MouthColours | None:
    """Learn a person's mouth, and what the synced one lacks of it.

    Parameters
    ----------
    original, synced : (n, 147, 3) float64
        YCbCr samples of n frames, 8-bit levels, the synced ones with their colours matched; NaN where nothing is seen.
    black, white : float
        Luma of black and white, 8-bit levels.
    strength : float
        Share of the change, 0 to 1.

    Returns
    -------
    MouthColours or None
        None if too few frames show mouths that are open alike.
    """
    difference = _differences(original, synced)
    if difference is None:
        return None
    lips, level = difference
    lips = _sharpened(_smoothed(lips))
    gain, shift = np.ones(LIP_SAMPLES + INNER_SAMPLES), np.zeros((LIP_SAMPLES + INNER_SAMPLES, 2))
    whole = lips.mean(0)
    size = float(np.hypot(whole[0] / _EVEN_LUMA, np.linalg.norm(whole[1:]) / _EVEN_CHROMA))
    even = float(smoothstep((size - _EVEN_FROM) / (1 - _EVEN_FROM)))
    above = np.maximum(level - black, _MIN_ABOVE)
    added = even * _even_gain(lips[:, 0] / above)
    rest = lips[:, 0] - added * above
    added += _beyond(np.abs(rest) / _LUMA_BAND) * rest / above
    gain[:LIP_SAMPLES] = np.clip(1 + added, 1 / _MAX_GAIN, _MAX_GAIN)
    share = np.maximum(_beyond(np.linalg.norm(lips[:, 1:], axis=1) / _CHROMA_BAND), even)
    shift[:LIP_SAMPLES] = share[:, None] * lips[:, 1:]
    first, second = (_by_height(each) for each in (original, synced))
    inner = np.stack([_inner_difference(*rows) for rows in zip(first, second, strict=True)])
    # A tongue that the original never shows is no cast: the inner edge of the lips has to show it too.
    most = float(np.linalg.norm(shift[LIP_SAMPLES - AROUND : LIP_SAMPLES].mean(0))) + _INNER_ALONE
    size = np.linalg.norm(inner, axis=1)
    share = _beyond(size / _CHROMA_BAND) * np.minimum(1, most / np.maximum(size, _INNER_ALONE))
    shift[LIP_SAMPLES:] = np.repeat(share[:, None] * inner, INNER_SAMPLES // len(inner), axis=0)
    curves = _curves(original, black, white)
    return MouthColours(gain.astype(np.float32), shift.astype(np.float32), *curves, black, strength)


def _by_height(samples: Rows) -> Rows:
    """Samples of the open mouth from the upper lip to the lower one, (3, n * 9, 3)."""
    rows = samples[:, LIP_SAMPLES:].reshape(len(samples), -1, _COLUMNS, 3).swapaxes(0, 1)
    return np.asarray(rows.reshape(len(rows), -1, 3), np.float64)


def _differences(original: Rows, synced: Rows) -> tuple[Rows, Rows] | None:
    """Original minus synced at each lip sample, (120, 3), and the synced luma there, (120,)."""
    total, weight, level = np.zeros((LIP_SAMPLES, 3)), 0, np.zeros(LIP_SAMPLES)
    classes = [_opening(each) for each in (original, synced)]
    for kind in range(len(_OPEN_COLUMNS) + 1):
        first, second = (
            each[which == kind, :LIP_SAMPLES] for each, which in zip((original, synced), classes, strict=True)
        )
        frames = min(_seen(first), _seen(second))
        if frames < _MIN_OF_CLASS:
            continue
        here = np.nanmedian(second, axis=0)
        total += frames * (np.nanmedian(first, axis=0) - here)
        level += frames * here[:, 0]
        weight += frames
    if weight < _MIN_FRAMES or not np.isfinite(total).all():
        return None
    return total / weight, level / weight


def _seen(samples: Rows) -> int:
    """The frames in which every sample was seen at least."""
    return int(np.isfinite(samples[..., 0]).sum(0).min()) if len(samples) else 0


def _opening(samples: Rows) -> npt.NDArray[np.intp]:
    """(n,) class of every frame: 0 shut, 1 ajar, 2 open."""
    heights = samples[:, LIP_SAMPLES:, 0].reshape(len(samples), -1, _COLUMNS)
    return np.asarray(np.digitize(np.isfinite(heights).any(1).sum(1), _OPEN_COLUMNS), np.intp)


def _smoothed(lips: Rows) -> Rows:
    """Differences smoothed from corner to corner, around the lips."""
    rings = lips.reshape(len(DEPTHS), AROUND, 3)
    around = cv2.GaussianBlur(np.concatenate([rings] * 3, axis=1), (13, 1), sigmaX=1.5)
    return np.asarray(around[:, AROUND : 2 * AROUND].reshape(-1, 3), np.float64)


def _even_gain(local: Rows) -> Rows:
    """What each lip as a whole gains of its luma, (120,): at its outer edge neighbouring skin makes it uncertain."""
    rings = local.reshape(len(DEPTHS), AROUND)
    upper, lower = (float(np.median(rings[_RED, part])) for part in (_UPPER, _LOWER))
    around = np.full(AROUND, (upper + lower) / 2)
    around[_UPPER], around[_LOWER] = upper, lower
    return np.asarray(np.multiply.outer(np.array(_EVEN_PROFILE), around).ravel(), np.float64)


def _sharpened(lips: Rows) -> Rows:
    """Differences with the contrast in depth that sampling and the way back to pixels take away."""
    rings = lips.reshape(len(DEPTHS), -1)
    near = np.concatenate([rings[:1], rings, rings[-1:]])
    return np.asarray((rings + _LOST * (rings - (near[:-2] + near[2:]) / 2)).reshape(lips.shape), np.float64)


def _beyond(size: npt.ArrayLike) -> Rows:
    """The share of a difference that is taken out, by its size in bands: 0 up to one band, 1 from two on."""
    return np.asarray(smoothstep(np.asarray(size, np.float64) - 1), np.float64)


def _inner_difference(original: Rows, synced: Rows) -> Rows:
    """Original minus synced chroma of the open mouth at the same luma, (2,) levels; 0 if too little was seen."""
    first, second = (each[np.isfinite(each[..., 0])] for each in (original, synced))
    if min(len(first), len(second)) < _MIN_INNER:
        return np.zeros(2)
    edges = np.quantile(first[:, 0], QUANTILES)
    places = [np.digitize(each[:, 0], edges) for each in (first, second)]
    total, weight = np.zeros(2), 0
    for place in range(len(edges) + 1):
        here, there = (each[at == place, 1:] for each, at in zip((first, second), places, strict=True))
        count = min(len(here), len(there))
        if count >= _MIN_OF_CLASS:
            total += count * (np.median(here, axis=0) - np.median(there, axis=0))
            weight += count
    return total / weight if weight >= _MIN_INNER else np.zeros(2)


def _curves(original: Rows, black: float, white: float) -> tuple[Floats, Floats, Floats]:
    """Knots, chroma and limits of lips and open mouth; weak priors for one that was not seen."""
    parts = [part[np.isfinite(part[..., 0])] for part in (original[:, :LIP_SAMPLES], original[:, LIP_SAMPLES:])]
    lips = _curve(parts[0], black, white)
    if len(parts[1]) >= _MIN_INNER:
        inner = _curve(parts[1], black, white)
    else:  # something between grey and the lips
        middle = (lips[1] + _NEUTRAL) / 2
        inner = lips[0], middle, np.abs(lips[1] - middle) + _PRIOR_MARGIN
    knots, chroma, limit = (np.stack(pair).astype(np.float32) for pair in zip(lips, inner, strict=True))
    return knots, chroma, limit


def _curve(samples: Rows, black: float, white: float) -> tuple[Rows, Rows, Rows]:
    """Knots (8,), chroma (8, 2), limits (8, 2) of a region; towards black and white all down to grey is allowed."""
    knots = np.quantile(samples[:, 0], QUANTILES)
    middles = (knots[1:] + knots[:-1]) / 2
    nearest = np.digitize(samples[:, 0], middles)
    whole = np.median(samples[:, 1:], axis=0)
    chroma, limit = np.empty((len(knots), 2)), np.empty((len(knots), 2))
    for place in range(len(knots)):
        near = samples[nearest == place, 1:]
        if len(near):
            low, high = np.quantile(near, _SHOWN, axis=0)
            chroma[place], limit[place] = (low + high) / 2, (high - low) / 2 + _MARGIN
        else:
            chroma[place], limit[place] = whole, _PRIOR_MARGIN
    ends = (chroma[[0, -1]] + _NEUTRAL) / 2
    wide = np.abs(chroma[[0, -1]] - ends) + limit[[0, -1]]
    dark, bright = min(black, knots[0] - 1), max(white, knots[-1] + 1)
    return (
        np.concatenate([[dark], knots, [bright]]),
        np.concatenate([ends[:1], chroma, ends[1:]]),
        np.concatenate([wide[:1], limit, wide[1:]]),
    )
