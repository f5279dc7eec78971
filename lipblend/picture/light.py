"""Transfer functions and primaries: R'G'B' codes, 0 to 1, to linear light and back.

Light is display-referred; 1 is diffuse white: 203 cd/m2 in PQ and 75 % in HLG (ITU-R BT.2408), 100 % in SDR.

Sources: SMPTE ST 2084 and ITU-R BT.2100 (PQ, HLG), BT.1886 (SDR), BT.2408 (levels), BT.709, BT.2020 (primaries).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from lipblend.picture.hdr import PQ

Values = NDArray[np.float64]

HLG = 18
"""Transfer function HLG (ITU-T H.273)."""
SDR = 1
"""All transfer functions other than PQ and HLG: displays use BT.1886 for them."""

WHITE_CD_M2 = 203.0
"""Diffuse white in HDR (BT.2408)."""
MAX_LIGHT = 64.0
"""Above the light of any code: 10 000 cd/m2 are 49."""

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_PEAK = 10_000.0
_HLG_WHITE = (float(np.exp((0.75 - _C) / _A)) + _B) / 12  # scene light of 75 %
_GAMMA = 2.4
_KNEE = 0.8  # SDR code above which highlights are compressed when HDR is shown in SDR
_TABLE_STEPS = 1024
_SYSTEM_GAMMA = 1.2  # HLG on a display of 1000 cd/m2

_WHITE_POINT = (0.3127, 0.3290)
_PRIMARIES = {1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), 9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))}


def transfer_kind(transfer: int) -> int:
    """`PQ`, `HLG` or `SDR`."""
    return transfer if transfer in (PQ, HLG) else SDR


def code_contrast(transfer: int) -> float:
    """Factor from limits in 8-bit levels of SDR to levels of a transfer function: the code of diffuse white.

    1 for SDR, 0.58 for PQ (203 cd/m2) and 0.75 for HLG, ITU-R BT.2408.
    """
    return float(from_light(np.ones(1), transfer_kind(transfer))[0])


def to_light(codes: Values, kind: int) -> Values:
    """Light of codes, per channel; scene light for HLG, see `display_power`."""
    x = np.maximum(codes, 0)
    if kind == PQ:
        root = x ** (1 / _M2)
        return np.asarray((np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1) * (_PEAK / WHITE_CD_M2))
    if kind == HLG:
        scene = np.where(x <= 0.5, x * x / 3, (np.exp((x - _C) / _A) + _B) / 12)
        return np.asarray(scene / _HLG_WHITE)
    return np.asarray(x**_GAMMA)


def from_light(light: Values, kind: int) -> Values:
    """The inverse of `to_light`."""
    x = np.maximum(light, 0)
    if kind == PQ:
        power = (x * (WHITE_CD_M2 / _PEAK)) ** _M1
        return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)
    if kind == HLG:
        scene = x * _HLG_WHITE
        return np.asarray(
            np.where(scene <= 1 / 12, np.sqrt(3 * scene), _A * np.log(np.maximum(12 * scene - _B, 1e-6)) + _C)
        )
    return np.asarray(x ** (1 / _GAMMA))


def display_power(kind: int) -> float:
    """Displayed light is ``luminance**power`` times the light of `to_light`: HLG's OOTF, 0 for others."""
    return _SYSTEM_GAMMA - 1 if kind == HLG else 0.0


def scene_power(kind: int) -> float:
    """`from_light` takes ``luminance**power`` times the displayed light: the inverse of `display_power`."""
    return 1 / _SYSTEM_GAMMA - 1 if kind == HLG else 0.0


@cache
def _sdr_luma_table(kind: int, full: bool) -> Values:
    """(1024,): SDR luma, in 8-bit levels from black, at evenly spaced codes of 8 bits from 0 to 255; read-only."""
    codes = np.linspace(0, 255, _TABLE_STEPS)
    luma = codes / 255 if full else (codes - 16) / 219
    made = (255 if full else 219) * from_light(to_light(luma, kind) ** (1 + display_power(kind)), SDR)
    made.setflags(write=False)
    return made


def sdr_difference(
    original: NDArray[np.float32], synced: NDArray[np.float32], transfer: int, *, full: bool
) -> NDArray[np.float32]:
    """Synced minus original, (h, w, 3) YCbCr, in 8-bit levels of SDR; steps of PQ and HLG are finer in the dark.

    Both are in 8-bit units of the original's encoding, with the transfer function (ITU-T H.273) and range given. Luma
    is converted through light; chroma by the slope of that conversion at the original's luma.
    """
    difference = synced - original
    kind = transfer_kind(transfer)
    if kind == SDR:
        return difference
    table, codes = _sdr_luma_table(kind, full), np.linspace(0, 255, _TABLE_STEPS)
    luma, synced_luma = (np.interp(each[..., 0], codes, table) for each in (original, synced))
    slope = np.interp(original[..., 0], codes, np.gradient(table, codes))
    return np.asarray(np.dstack([synced_luma - luma, difference[..., 1:] * slope[..., None]]), np.float32)


def in_sdr(patch: NDArray[np.float32], transfer: int, *, full: bool) -> NDArray[np.float32]:
    """A picture, (h, w, 3) YCbCr in 8-bit units of its encoding, in 8-bit levels of SDR, where limits of SDR hold.

    As in `sdr_difference`, with the slope at its own luma. Light above diffuse white may leave the 8 bits.
    """
    kind = transfer_kind(transfer)
    if kind == SDR:
        return patch
    table, codes = _sdr_luma_table(kind, full), np.linspace(0, 255, _TABLE_STEPS)
    luma = np.interp(patch[..., 0], codes, table) + (0 if full else 16)
    slope = np.interp(patch[..., 0], codes, np.gradient(table, codes))[..., None]
    return np.asarray(np.dstack([luma, 128 + slope * (patch[..., 1:] - 128)]), np.float32)


@cache
def sdr_table(kind: int) -> NDArray[np.uint8]:
    """(256,): 8-bit HDR codes tone-mapped for an SDR display, diffuse white slightly below SDR's; read-only.

    Per channel and without a change of primaries: for face detection and display.
    """
    light = to_light(np.arange(256) / 255, kind) ** (1 + display_power(kind))
    code = from_light(light, SDR)
    above = np.maximum(code - _KNEE, 0)
    made = np.rint(255 * (np.minimum(code, _KNEE) + (1 - _KNEE) * (1 - np.exp(-above / (1 - _KNEE))))).astype(np.uint8)
    made.setflags(write=False)
    return made


def primaries_matrix(source: int, target: int) -> Values:
    """(3, 3): linear R, G, B from one set of primaries (H.273: 1 BT.709, 9 BT.2020) to another; keeps white."""
    return np.asarray(np.linalg.solve(_to_xyz(target), _to_xyz(source)))


def luminance_weights(primaries: int) -> Values:
    """(3,): weights of linear R, G and B in the luminance, with sum 1."""
    return np.asarray(_to_xyz(primaries)[1])


def _to_xyz(primaries: int) -> Values:
    x, y = np.array(_PRIMARIES[primaries]).T
    columns = np.stack([x / y, np.ones(3), (1 - x - y) / y])
    wx, wy = _WHITE_POINT
    white = np.array([wx / wy, 1, (1 - wx - wy) / wy])
    return np.asarray(columns * np.linalg.solve(columns, white))
