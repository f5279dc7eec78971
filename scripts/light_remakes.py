"""Mismatches of light and colours between the videos of a pair: independent formulas, none of them lipblend's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Remake = Callable[[Floats], Floats]

LUMA = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
BT709_TO_BT2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)  # ITU-R BT.2087
WHITE, PEAK = 203.0, 1000.0  # cd/m2: diffuse white (ITU-R BT.2408), and the nominal display of HLG


@dataclass(frozen=True)
class Coding:
    """Coding of R'G'B' as YCbCr: H.273 matrix, full range or not, bit depth, and the tags written to the file."""

    matrix: int
    full: bool
    depth: int
    tags: tuple[int, int, int, int]  # matrix, primaries, transfer, range


SDR = Coding(1, False, 8, (1, 1, 1, 1))
PQ = Coding(9, False, 10, (9, 9, 16, 1))
HLG = Coding(9, False, 10, (9, 9, 18, 1))


def linear(rgb: Floats) -> Floats:
    """SDR R'G'B' to display light, white at 1 (BT.1886, black at 0)."""
    return np.asarray(np.maximum(rgb, 0) ** 2.4, np.float32)


def wide(light: Floats) -> Floats:
    return np.asarray(np.maximum(cv2.transform(light, BT709_TO_BT2020), 0), np.float32)


def pq(nits: Floats) -> Floats:
    """SMPTE ST 2084."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    y = (np.asarray(nits, np.float64) / 10000) ** m1
    return np.asarray(((c1 + c2 * y) / (1 + c3 * y)) ** m2, np.float32)


def hlg(nits: Floats) -> Floats:
    """BT.2100 HLG from display light of a 1000 cd/m2 display: inverse OOTF with gamma 1.2, then the OETF."""
    shown = np.asarray(nits, np.float64) / PEAK
    luminance = np.maximum(shown @ np.array([0.2627, 0.6780, 0.0593]), 1e-9)[..., None]
    scene = shown * luminance ** ((1 - 1.2) / 1.2)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    curve = np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)
    return np.asarray(curve, np.float32)


def tone_mapped(rgb: Floats) -> Floats:
    """SDR R'G'B' after tone mapping the HDR picture as in BT.2446 method A (peak 1000 cd/m2)."""
    light = np.maximum(wide(linear(rgb)), 0) * (WHITE / PEAK)
    gamma = np.maximum(light, 0) ** (1 / 2.4)
    luma = gamma @ np.array([0.2627, 0.6780, 0.0593], np.float32)
    rho_hdr, rho_sdr = 1 + 32 * (PEAK / 10000) ** (1 / 2.4), 1 + 32 * (100 / 10000) ** (1 / 2.4)
    perceived = np.log(1 + (rho_hdr - 1) * luma) / np.log(rho_hdr)
    knee = np.where(
        perceived <= 0.7399,
        1.0770 * perceived,
        np.where(perceived < 0.9909, -1.1510 * perceived**2 + 2.7811 * perceived - 0.6302, 0.5 * perceived + 0.5),
    )
    tone = (rho_sdr**knee - 1) / (rho_sdr - 1)
    scaled = gamma * (tone / np.maximum(1.1 * luma, 1e-6))[..., None]
    back = cv2.transform(np.asarray(np.maximum(scaled, 0) ** 2.4, np.float32), np.linalg.inv(BT709_TO_BT2020))
    return np.asarray(np.clip(back, 0, 1) ** (1 / 2.4), np.float32)


def to_pq(white: float = WHITE) -> Remake:
    return lambda rgb: pq(wide(linear(rgb)) * np.float32(white))


def to_hlg(rgb: Floats) -> Floats:
    return hlg(wide(linear(rgb)) * np.float32(WHITE))


def same(rgb: Floats) -> Floats:
    return rgb


def swapped(rgb: Floats) -> Floats:
    return np.ascontiguousarray(rgb[..., ::-1])


@dataclass(frozen=True)
class Variant:
    """Remakes of the original and the truth, and of the synced video; None leaves them as they are.

    ``patch``: remake the synced video only where it differs from the original (blurred).
    """

    original: tuple[Remake, Coding] | None
    synced: tuple[Remake, Coding] | None
    patch: bool = False


def coded(matrix: int = 1, *, full: bool = False, tags: tuple[int, int, int, int] = (1, 1, 1, 1)) -> Coding:
    return Coding(matrix, full, 8, tags)


PQ_203, HLG_75, PQ_100 = (to_pq(), PQ), (to_hlg, HLG), (to_pq(100.0), PQ)
UNTAGGED = (2, 2, 2, 0)
PASTE_SIGMA_PX, PASTE_LEVELS = 2.0, 5.0  # to find the box that a generator pasted
VARIANTS = {
    "pq": Variant(PQ_203, None),
    "pq-untagged": Variant(PQ_203, (same, coded(1, tags=UNTAGGED))),
    "pq-untagged-601": Variant(PQ_203, (same, coded(6, tags=UNTAGGED))),
    "pq-100": Variant(PQ_100, None),
    "pq-kept": Variant(PQ_203, (to_pq(), coded(6, tags=UNTAGGED))),
    "pq-kept-709": Variant(PQ_203, (to_pq(), coded(1))),
    "pq-tonemapped": Variant(PQ_203, (tone_mapped, coded(1))),
    "pq-swapped": Variant(PQ_203, (swapped, coded(1))),
    "hlg": Variant(HLG_75, None),
    "hlg-kept": Variant(HLG_75, (to_hlg, coded(6, tags=UNTAGGED))),
    "hlg-tonemapped": Variant(HLG_75, (tone_mapped, coded(1))),
    "swapped": Variant(None, (swapped, coded(1))),
    "swapped-601": Variant(None, (swapped, coded(6, tags=UNTAGGED))),
    "swapped-patch": Variant(None, (swapped, coded(1)), patch=True),
    "full-tagged-limited": Variant(None, (same, coded(1, full=True))),
    "limited-tagged-full": Variant(None, (same, coded(1, tags=(1, 1, 1, 2)))),
    "601-tagged-709": Variant(None, (same, coded(6))),
    "709-tagged-601": Variant(None, (same, coded(1, tags=(6, 6, 6, 1)))),
    "601-untagged": Variant(None, (same, coded(6, tags=UNTAGGED))),
}
