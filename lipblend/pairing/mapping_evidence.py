"""Whether pictures speak for an unusual mapping, against a simple one, in all of the frame and all of the clip.

A frame that was scaled, cropped or shifted lies off by the same in every frame and in every part of it. A head that a
generator redrew a little beside its place pulls a fit along, but what does not move contradicts it, and so do the
moments at which the head lies elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.pairing.mapping_fit import Pictures, covered, detail
from lipblend.picture.frame_mapping import FrameMapping, warp

_PARTS = 6  # of a picture, along each axis
_NOISE_VARIANCE = 0.5  # squared grey levels: rounding
_MAX_GAIN = 1.0  # of a part in one picture: few pixels that differ by much must not outvote the others
_MIN_SHARE = 0.9  # measured: 0.92 and more for mappings that hold, 0.77 at most for fits to what drifts


def holds_throughout(
    original: Sequence[Pictures] | Pictures,
    synced: Sequence[Pictures] | Pictures,
    mapping: FrameMapping,
    simple: FrameMapping,
) -> bool:
    """Whether a mapping explains more than a simple one, nearly everywhere and in nearly every pair.

    Parameters
    ----------
    original, synced : sequences of (h, w)
        Pairs of grey pictures, spread over the clip; all of a video have one size.
    mapping, simple : FrameMapping
        Between these pictures.

    Returns
    -------
    bool
        The mapping gains in nine of ten pairs, and of what the parts of the picture gain and lose over the clip, nine
        tenths are gains.
    """
    gains = part_gains(original, synced, mapping, simple)
    of_pairs, of_parts = gains.mean((1, 2)), gains.mean(0)
    gained = float(of_parts.clip(0).sum())
    return bool(np.mean(of_pairs > 0) >= _MIN_SHARE and gained >= _MIN_SHARE * float(np.abs(of_parts).sum()))


def part_gains(
    original: Sequence[Pictures] | Pictures,
    synced: Sequence[Pictures] | Pictures,
    mapping: FrameMapping,
    simple: FrameMapping,
) -> npt.NDArray[np.float64]:
    """By how much the difference between two videos falls, from a simple mapping to another one.

    Parameters
    ----------
    original, synced, mapping, simple
        See `holds_throughout`.

    Returns
    -------
    (n, 6, 6) float64
        Logarithm of the ratio of the variances of the detail that remains, -1 to 1, for each pair and each part of the
        picture; 0 where one of the mappings shows nothing.
    """
    height, width = original[0].shape
    inside = covered(mapping, synced[0].shape, (height, width)) & covered(simple, synced[0].shape, (height, width))
    share = _mean_of_parts(inside.astype(np.float32))

    def variance(picture: npt.NDArray[np.float32], other: Pictures, tried: FrameMapping) -> npt.NDArray[np.float64]:
        warped = warp(np.asarray(other, np.float32), tried, (0, 0), (width, height))
        squared = np.square(picture - detail(warped, inside)) * inside
        return _mean_of_parts(squared) / np.maximum(share, 1e-6) + _NOISE_VARIANCE

    out = np.zeros((len(original), _PARTS, _PARTS))
    for gain, picture, other in zip(out, original, synced, strict=True):
        wanted = detail(np.asarray(picture, np.float32), inside)
        ratio = variance(wanted, other, simple) / variance(wanted, other, mapping)
        gain[:] = np.clip(np.log(ratio), -_MAX_GAIN, _MAX_GAIN)
    return out


def _mean_of_parts(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.asarray(cv2.resize(picture, (_PARTS, _PARTS), interpolation=cv2.INTER_AREA), np.float64)
