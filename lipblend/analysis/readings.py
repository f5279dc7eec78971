"""Readings: ways to interpret a synced video's colour codes, and the conversion of each to the original's encoding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from lipblend.picture.codemap import MAX_CODE, TABLE_SIZE, CodeMap, LightPath
from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED, UNSPECIFIED, ColourTags
from lipblend.picture.light import (
    MAX_LIGHT,
    SDR,
    display_power,
    from_light,
    luminance_weights,
    primaries_matrix,
    scene_power,
    to_light,
    transfer_kind,
)
from lipblend.picture.ycbcr import BT601, BT709, ycbcr_matrix

BT2020 = 9

Matrix = npt.NDArray[np.float64]

_SWAP = np.eye(3)[::-1]
MATRIX_NAMES = {BT601: "BT.601", BT709: "BT.709", BT2020: "BT.2020"}
KIND_NAMES = {SDR: "SDR", 16: "PQ", 18: "HLG"}


@dataclass(frozen=True)
class Reading:
    """One interpretation of the codes of two videos.

    Attributes
    ----------
    matrix, target_matrix : int
        H.273 matrix coefficients, of the synced video and of the original.
    full, target_full : bool
        Full range instead of limited.
    swapped : bool
        Red and blue of the synced video are swapped.
    kind, target_kind : int
        Transfer functions, see `lipblend.picture.light.transfer_kind`. If they are equal, R'G'B' is not changed.
    primaries, target_primaries : int
        Used if the transfer functions differ; equal primaries keep the channels separate.
    gain : float
        Exposure: factor on linear light; 1 for levels by BT.2408.
    """

    matrix: int
    full: bool
    target_matrix: int
    target_full: bool
    swapped: bool = False
    kind: int = SDR
    target_kind: int = SDR
    primaries: int = BT709
    target_primaries: int = BT709
    gain: float = 1.0

    @property
    def through_light(self) -> bool:
        """Whether the conversion needs more than a matrix."""
        return self.kind != self.target_kind

    def into(self) -> Matrix:
        """(3, 4): the synced video's codes to R'G'B' 0..1."""
        matrix = ycbcr_matrix(_tags(self.matrix, self.full), 0) / 255
        return _SWAP @ matrix if self.swapped else matrix

    def out(self) -> Matrix:
        """(3, 4): R'G'B' 0..1 to the original's codes."""
        matrix = ycbcr_matrix(_tags(self.target_matrix, self.target_full), 0) / 255
        inverse = np.linalg.inv(matrix[:, :3])
        return np.column_stack([inverse, -inverse @ matrix[:, 3]])

    def path(self) -> LightPath | None:
        """From R'G'B' to R'G'B'; None if they are the same."""
        return light_path(self) if self.through_light else None

    def code_map(self) -> CodeMap:
        """The complete conversion."""
        return CodeMap(self.into(), self.path(), self.out())

    def text(self) -> str:
        """How the synced video is read, as text."""
        text = f"{MATRIX_NAMES.get(self.matrix, self.matrix)}, {'full' if self.full else 'limited'} range"
        text += ", red and blue swapped" if self.swapped else ""
        if self.through_light:
            text += f", {KIND_NAMES[self.kind]} light"
        return text


def light_path(reading: Reading) -> LightPath:
    """Tables for converting between transfer functions, or the identity if they are equal (to be corrected later)."""
    codes = np.linspace(0, MAX_CODE, TABLE_SIZE)
    light = MAX_LIGHT * np.linspace(0, 1, TABLE_SIZE) ** 4
    same = not reading.through_light
    decode = codes if same else to_light(codes, reading.kind)
    encode = np.minimum(light, MAX_CODE) if same else from_light(light, reading.target_kind)
    mix = np.eye(3) if same else reading.gain * primaries_matrix(reading.primaries, reading.target_primaries)
    powers = (0.0, 0.0) if same else (display_power(reading.kind), scene_power(reading.target_kind))
    weights = luminance_weights(reading.primaries), luminance_weights(reading.target_primaries)
    return LightPath(
        decode.astype(np.float32), mix, powers, weights, np.repeat(encode[:, None], 3, axis=1).astype(np.float32)
    )


def tagged(synced: ColourTags, original: ColourTags, height: int) -> Reading:
    """The reading by the tags of both videos; see `lipblend.picture.ycbcr.convert_colour` for missing tags.

    If the transfer functions are the same, a video without a matrix tag is taken to have the other's matrix.
    """
    kinds = transfer_kind(synced.transfer), transfer_kind(original.transfer)
    hd = BT709 if height >= 720 else BT601
    same = kinds[0] == kinds[1]
    original_matrix = _known(original.matrix) or (same and _known(synced.matrix)) or (BT2020 if kinds[1] != SDR else hd)
    synced_matrix = _known(synced.matrix) or (original_matrix if same else BT2020 if kinds[0] != SDR else hd)
    gamuts = BT2020 if kinds[0] != SDR else BT709, BT2020 if kinds[1] != SDR else BT709
    return Reading(
        synced_matrix, synced.range == RANGE_FULL, original_matrix, original.range == RANGE_FULL, False, *kinds, *gamuts
    )


def same_light(by_tags: Reading) -> Iterator[Reading]:
    """Readings with other ranges, matrices and channel orders, and the original's transfer function."""
    matrices = sorted({BT601, BT709, by_tags.matrix, by_tags.target_matrix})
    ranges = [(by_tags.target_full, by_tags.target_full), (False, True), (True, False)]
    base = replace(by_tags, kind=by_tags.target_kind, primaries=by_tags.target_primaries)
    for target_matrix, matrix, (full, target_full), swapped in product(matrices, matrices, ranges, (False, True)):
        if matrix == target_matrix and not swapped and target_matrix != by_tags.target_matrix:
            continue  # equal to the reading with the original's matrix
        yield replace(
            base, matrix=matrix, full=full, target_matrix=target_matrix, target_full=target_full, swapped=swapped
        )


def other_light(by_tags: Reading) -> Iterator[Reading]:
    """Readings with a transfer function other than the original's, whose encoding is taken from its tags."""
    kinds = [kind for kind in {SDR, 16, 18} - {by_tags.target_kind} if kind in (SDR, by_tags.kind)]
    matrices = sorted({BT601, BT709, BT2020})
    for matrix, full, swapped, kind in product(matrices, (False, True), (False, True), kinds):
        for primaries in {BT709 if kind == SDR else BT2020, by_tags.target_primaries}:
            yield replace(by_tags, matrix=matrix, full=full, swapped=swapped, kind=kind, primaries=primaries)


def faults(by_tags: Reading, other: Reading) -> int:
    """Number of properties in which a reading differs from the tags."""
    ranges = (other.full, other.target_full) != (by_tags.full, by_tags.target_full)
    matrix, target_matrix = other.matrix != by_tags.matrix, other.target_matrix != by_tags.target_matrix
    return other.swapped + ranges + matrix + target_matrix


def swapped_only(into: Matrix, by_tags: Reading) -> Iterator[Matrix]:
    """Conversions to R'G'B' with red and blue swapped in the video's own matrix, BT.601 or BT.709."""
    for matrix in sorted({BT601, BT709, by_tags.matrix}):
        to_rgb = np.vstack([ycbcr_matrix(_tags(matrix, by_tags.full), 0) / 255, [0, 0, 0, 1]])
        swap = np.eye(4)
        swap[:3, :3] = _SWAP
        yield (np.vstack([into, [0, 0, 0, 1]]) @ np.linalg.inv(to_rgb) @ swap @ to_rgb)[:3]


def _known(matrix: int) -> int:
    """The equivalent matrix among those distinguished here; 0 if not given."""
    return {0: 0, UNSPECIFIED: 0, 3: 0, 5: BT601, 10: BT2020}.get(matrix, matrix)


def _tags(matrix: int, full: bool) -> ColourTags:
    return ColourTags(matrix, UNSPECIFIED, UNSPECIFIED, RANGE_FULL if full else RANGE_LIMITED)
