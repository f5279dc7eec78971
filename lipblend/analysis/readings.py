"""Ways in which a synced video's codes can be read, and what each makes of them in the original's encoding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lipblend.picture.codemap import HIGHEST, STEPS, CodeMap, LightPath
from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED, UNSPECIFIED, ColourTags
from lipblend.picture.light import (
    BRIGHTEST,
    SDR,
    display_power,
    from_light,
    kind_of,
    luminance_weights,
    primaries_change,
    scene_power,
    to_light,
)
from lipblend.picture.ycbcr import BT601, BT709, ycbcr_matrix

BT2020 = 9

Matrix = npt.NDArray[np.float64]

_SWAP = np.eye(3)[::-1]
MATRIX_NAMES = {BT601: "BT.601", BT709: "BT.709", BT2020: "BT.2020"}
KIND_NAMES = {SDR: "SDR", 16: "PQ", 18: "HLG"}


@dataclass(frozen=True)
class Reading:
    """One way to read the codes of two videos.

    Attributes
    ----------
    matrix, target_matrix : int
        H.273, of the synced video's codes and the original's.
    full, target_full : bool
        Ranges.
    swapped : bool
        The synced video's red and blue change places.
    kind, target_kind : int
        Transfer functions, see `lipblend.picture.light.kind_of`. Where they are the same, R'G'B' is kept as it is.
    primaries, target_primaries : int
        Where the transfer functions differ; the same for both keeps the channels apart.
    gain : float
        What light is multiplied by: 1 for levels by BT.2408.
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
        """It needs more than a matrix."""
        return self.kind != self.target_kind

    def into(self) -> Matrix:
        """(3, 4): the synced video's codes to R'G'B' 0..1, in the right order."""
        matrix = ycbcr_matrix(_tags(self.matrix, self.full), 0) / 255
        return _SWAP @ matrix if self.swapped else matrix

    def out(self) -> Matrix:
        """(3, 4): R'G'B' 0..1 to the original's codes."""
        matrix = ycbcr_matrix(_tags(self.target_matrix, self.target_full), 0) / 255
        inverse = np.linalg.inv(matrix[:, :3])
        return np.column_stack([inverse, -inverse @ matrix[:, 3]])

    def path(self) -> LightPath | None:
        """From R'G'B' to R'G'B'; None for nothing to do."""
        return light_path(self) if self.through_light else None

    def code_map(self) -> CodeMap:
        """The whole way."""
        return CodeMap(self.into(), self.path(), self.out())

    def text(self) -> str:
        """In words: how the synced video is read."""
        what = f"{MATRIX_NAMES.get(self.matrix, self.matrix)}, {'full' if self.full else 'limited'} range"
        what += ", red and blue swapped" if self.swapped else ""
        if self.through_light:
            what += f", {KIND_NAMES[self.kind]} light"
        return what


def light_path(reading: Reading) -> LightPath:
    """The tables of a reading whose transfer functions differ, or of one that keeps the codes (to be corrected)."""
    codes = np.linspace(0, HIGHEST, STEPS)
    light = BRIGHTEST * np.linspace(0, 1, STEPS) ** 4
    same = not reading.through_light
    decode = codes if same else to_light(codes, reading.kind)
    encode = np.minimum(light, HIGHEST) if same else from_light(light, reading.target_kind)
    mix = np.eye(3) if same else reading.gain * primaries_change(reading.primaries, reading.target_primaries)
    powers = (0.0, 0.0) if same else (display_power(reading.kind), scene_power(reading.target_kind))
    weights = luminance_weights(reading.primaries), luminance_weights(reading.target_primaries)
    return LightPath(
        decode.astype(np.float32), mix, powers, weights, np.repeat(encode[:, None], 3, axis=1).astype(np.float32)
    )


def tagged(synced: ColourTags, original: ColourTags, height: int) -> Reading:
    """What the tags of both say; see `lipblend.picture.ycbcr.convert_colour` for what they leave out.

    Of two videos with the same light the one without a matrix is taken to have the other's. An SDR video without a
    matrix beside an HDR original is not.
    """
    kinds = kind_of(synced.transfer), kind_of(original.transfer)
    hd = BT709 if height >= 720 else BT601
    same = kinds[0] == kinds[1]
    ours = _known(original.matrix) or (same and _known(synced.matrix)) or (BT2020 if kinds[1] != SDR else hd)
    theirs = _known(synced.matrix) or (ours if same else BT2020 if kinds[0] != SDR else hd)
    gamuts = [BT2020 if kind != SDR else BT709 for kind in kinds]
    return Reading(
        theirs, synced.range == RANGE_FULL, ours, original.range == RANGE_FULL, False, *kinds, gamuts[0], gamuts[1]
    )


def same_light(plain: Reading) -> Iterator[Reading]:
    """Readings beside the one that the tags give: ranges, matrices and channel order, light as in the original."""
    matrices = sorted({BT601, BT709, plain.matrix, plain.target_matrix})
    ranges = [(plain.target_full, plain.target_full), (False, True), (True, False)]
    for ours in matrices:
        for theirs in matrices:
            for full, target_full in ranges:
                for swapped in (False, True):
                    if ours == theirs and not swapped and ours != plain.target_matrix:
                        continue  # the same as with the original's matrix
                    yield replace(
                        plain, matrix=theirs, target_matrix=ours, full=full, target_full=target_full, swapped=swapped,
                        kind=plain.target_kind, primaries=plain.target_primaries,
                    )  # fmt: skip


def other_light(plain: Reading) -> Iterator[Reading]:
    """Readings by another transfer function than the original's: the target's encoding is what its tags say."""
    for matrix in sorted({BT601, BT709, BT2020}):
        for full in (False, True):
            for swapped in (False, True):
                for kind in {SDR, 16, 18} - {plain.target_kind}:
                    if kind not in (SDR, plain.kind):
                        continue
                    for primaries in {BT709 if kind == SDR else BT2020, plain.target_primaries}:
                        yield replace(plain, matrix=matrix, full=full, swapped=swapped, kind=kind, primaries=primaries)


def faults(plain: Reading, other: Reading) -> int:
    """In how many ways another reading says that the tags of the first are wrong."""
    ranges = (other.full, other.target_full) != (plain.full, plain.target_full)
    theirs, ours = other.matrix != plain.matrix, other.target_matrix != plain.target_matrix
    return other.swapped + ranges + theirs + ours


def swapped_only(into: Matrix, plain: Reading) -> Iterator[Matrix]:
    """Ways to R'G'B' with red and blue in the other order: swapped in the video's own matrix, BT.601 or BT.709."""
    for matrix in sorted({BT601, BT709, plain.matrix}):
        to_rgb = np.vstack([ycbcr_matrix(_tags(matrix, plain.full), 0) / 255, [0, 0, 0, 1]])
        swap = np.eye(4)
        swap[:3, :3] = _SWAP
        yield (np.vstack([into, [0, 0, 0, 1]]) @ np.linalg.inv(to_rgb) @ swap @ to_rgb)[:3]


def _known(matrix: int) -> int:
    """A matrix of those told apart, 0 for one that is not given."""
    return {0: 0, UNSPECIFIED: 0, 3: 0, 5: BT601, 10: BT2020}.get(matrix, matrix)


def _tags(matrix: int, full: bool) -> ColourTags:
    return ColourTags(matrix, UNSPECIFIED, UNSPECIFIED, RANGE_FULL if full else RANGE_LIMITED)
