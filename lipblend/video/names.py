"""Names of colour code points (ITU-T H.273, tables 2 to 4) and of chroma samplings, for people."""

from __future__ import annotations

from collections.abc import Mapping

from lipblend.picture.formats import UNSPECIFIED, PixelLayout

NOT_TAGGED = "not tagged"

MATRICES = {
    0: "RGB", 1: "BT.709", 4: "FCC", 5: "BT.470BG (BT.601)", 6: "SMPTE 170M (BT.601)", 7: "SMPTE 240M", 8: "YCgCo",
    9: "BT.2020", 10: "BT.2020 constant luminance", 14: "ICtCp",
}  # fmt: skip
PRIMARIES = {
    1: "BT.709", 4: "BT.470M", 5: "BT.470BG", 6: "SMPTE 170M", 7: "SMPTE 240M", 8: "film", 9: "BT.2020",
    10: "SMPTE 428", 11: "DCI-P3", 12: "Display P3", 22: "EBU 3213",
}  # fmt: skip
TRANSFERS = {
    1: "BT.709", 4: "gamma 2.2", 5: "gamma 2.8", 6: "SMPTE 170M", 7: "SMPTE 240M", 8: "linear", 9: "log 100:1",
    10: "log 316:1", 11: "IEC 61966-2-4", 12: "BT.1361", 13: "sRGB", 14: "BT.2020 10-bit", 15: "BT.2020 12-bit",
    16: "PQ (SMPTE 2084)", 17: "SMPTE 428", 18: "HLG",
}  # fmt: skip
_SAMPLINGS = {(0, 0): "4:4:4", (1, 0): "4:2:2", (1, 1): "4:2:0", (0, 1): "4:4:0", (2, 0): "4:1:1", (2, 2): "4:1:0"}


def code_name(code: int, names: Mapping[int, str]) -> str:
    """Name of a code point; `NOT_TAGGED` for the unspecified one, ``code 77`` for one without a name."""
    if code == UNSPECIFIED:
        return NOT_TAGGED
    return names.get(code, f"code {code}")


def sampling_name(layout: PixelLayout) -> str:
    """``4:2:0`` and so on; ``none`` for grey."""
    return _SAMPLINGS[layout.chroma_w_shift, layout.chroma_h_shift] if layout.planes == 3 else "none"
