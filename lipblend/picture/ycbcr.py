"""YCbCr encodings: their matrices, and conversion from one to another.

Codes are in 8-bit units: a 10-bit code divided by 4.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.errors import InputError
from lipblend.picture.formats import RANGE_FULL, UNSPECIFIED, ColourTags

HD_HEIGHT = 720
"""Untagged pictures of at least this height are read as BT.709, smaller ones as BT.601."""

BT601, BT709 = 6, 1
_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.470BG, the weights of BT.601
    6: (0.299, 0.114),  # SMPTE 170M, the weights of BT.601
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020 non-constant luminance
    10: (0.2627, 0.0593),  # BT.2020 constant luminance, treated as 9
}
_UNTAGGED = (0, UNSPECIFIED, 3)


@cache
def ycbcr_matrix(colour: ColourTags, height: int) -> NDArray[np.float64]:
    """Affine map from YCbCr codes to full-range R'G'B'; ITU-R BT.601, BT.709, BT.2020, SMPTE 240M.

    An unspecified matrix is read as BT.709 if the whole picture has at least 720 lines, otherwise as BT.601; an
    unspecified range as limited.

    Returns
    -------
    ndarray, (3, 4) float64
        ``rgb = m[:, :3] @ ycbcr + m[:, 3]``, codes in 8-bit units, R'G'B' from 0 to 255; read-only.

    Raises
    ------
    InputError
        Another kind of matrix (YCgCo, ICtCp ...).
    """
    matrix = colour.matrix
    if matrix in _UNTAGGED:
        matrix = BT709 if height >= HD_HEIGHT else BT601
    if matrix not in _WEIGHTS:
        raise InputError(
            f"colour matrix {matrix} (ITU-T H.273) is not supported", hint="Convert the video to BT.709 or BT.2020."
        )
    kr, kb = _WEIGHTS[matrix]
    kg = 1 - kr - kb
    y_gain, c_gain, black = _range_numbers(colour.range)
    red, blue = 2 * (1 - kr) * c_gain, 2 * (1 - kb) * c_gain
    linear = np.array(
        [
            [y_gain, 0, red],
            [y_gain, -blue * kb / kg, -red * kr / kg],
            [y_gain, blue, 0],
        ]
    )
    made = np.column_stack([linear, -linear @ np.array([black, 128.0, 128.0])])
    made.setflags(write=False)
    return made


def convert_colour(
    patch: NDArray[np.float32],
    source: ColourTags,
    target: ColourTags,
    height: int,
    *,
    reference: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Convert YCbCr codes from one encoding to another: by ``source.change`` if given, otherwise by the tags.

    A matrix that either side leaves unspecified is taken to be the same on both: generators copy the original's codes
    and drop its tags. ``height`` is the number of lines of the whole picture. ``reference`` is the same place in the
    target's picture, see `lipblend.picture.codemap.CodeMap.apply`.

    Returns (h, w, 3) float32, not clipped; the same object if the encodings are the same.
    """
    if source.change is not None:
        return source.change.apply(patch, reference)
    change = _conversion(source, target, height)
    if change is None:
        return patch
    return np.asarray(cv2.transform(patch, change), dtype=np.float32)


def change_of_encoding(source: ColourTags, target: ColourTags, height: int) -> NDArray[np.float64] | None:
    """Affine map (3, 4) float64 from one encoding's codes to another's; R'G'B' stays. None if both are the same.

    Unlike in `convert_colour`, an unspecified matrix is read as in `ycbcr_matrix`: what writes the target is no copy.
    """
    first, second = (np.vstack([ycbcr_matrix(tags, height), [0, 0, 0, 1]]) for tags in (source, target))
    made = (np.linalg.inv(second) @ first)[:3]
    return None if np.allclose(made, np.eye(3, 4), atol=1e-9) else made


def same_colour(source: ColourTags, target: ColourTags) -> bool:
    """Whether `convert_colour` changes nothing."""
    return source.change is None and _conversion(source, target, HD_HEIGHT) is None


def _conversion(source: ColourTags, target: ColourTags, height: int) -> NDArray[np.float64] | None:
    same_matrix = (
        source.matrix in _UNTAGGED
        or target.matrix in _UNTAGGED
        or _WEIGHTS.get(source.matrix, source.matrix) == _WEIGHTS.get(target.matrix, target.matrix)
    )
    # Unlike the matrix, an unspecified range means limited: decoders expand full range, and encoders that do not write
    # the tag write limited range.
    same_range = (source.range == RANGE_FULL) == (target.range == RANGE_FULL)
    if same_matrix and same_range:
        return None
    # Equal parts get equal tags on both sides, so that only the difference is converted.
    if same_matrix:
        matrix = source.matrix if source.matrix in _WEIGHTS else BT709
        source = ColourTags(matrix, source.primaries, source.transfer, source.range)
        target = ColourTags(matrix, target.primaries, target.transfer, target.range)
    if same_range:
        value_range = source.range
        source = ColourTags(source.matrix, source.primaries, source.transfer, value_range)
        target = ColourTags(target.matrix, target.primaries, target.transfer, value_range)
    square = np.vstack([ycbcr_matrix(target, height), [0, 0, 0, 1]])
    return np.asarray((np.linalg.inv(square) @ np.vstack([ycbcr_matrix(source, height), [0, 0, 0, 1]]))[:3])


def _range_numbers(value_range: int) -> tuple[float, float, float]:
    """Gain of Y', gain of Cb and Cr (for -127.5..127.5), and the code of black."""
    if value_range == RANGE_FULL:
        return 1.0, 1.0, 0.0
    return 255 / 219, 255 / 224, 16.0
