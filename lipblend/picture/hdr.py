"""HDR metadata of a video (mastering display and light levels), read from pictures and written for encoders."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

Point = tuple[Fraction, Fraction]

PQ = 16
"""Transfer function SMPTE ST 2084 (ITU-T H.273)."""

CARRIER_OPTIONS = {"libx265": "x265-params", "libx264": "x264-params", "libsvtav1": "svtav1-params"}
"""Encoders that can store the metadata, and the option for it."""

_KEYS = {
    "libx265": ("master-display", "max-cll"),
    "libx264": ("mastering-display", "cll"),
    "libsvtav1": ("mastering-display", "content-light"),
}
_CHROMA_STEP, _LUMINANCE_STEP = 50_000, 10_000  # ST 2086 in H.264 and H.265: 0.00002 and 0.0001 cd/m2


@dataclass(frozen=True)
class MasteringDisplay:
    """The display that a video was graded on (SMPTE ST 2086): CIE 1931 chromaticities, luminances in cd/m²."""

    red: Point
    green: Point
    blue: Point
    white: Point
    min_luminance: Fraction
    max_luminance: Fraction

    def integers(self) -> str:
        """The format of x264 and x265: steps of 0.00002 and 0.0001 cd/m²."""
        return self._text(
            lambda value: str(round(value * _CHROMA_STEP)), lambda value: str(round(value * _LUMINANCE_STEP))
        )

    def decimals(self) -> str:
        """The format of SVT-AV1."""
        return self._text(lambda value: f"{float(value):.6f}", lambda value: f"{float(value):.6f}")

    def _text(self, chroma: Callable[[Fraction], str], luminance: Callable[[Fraction], str]) -> str:
        points = (("G", self.green), ("B", self.blue), ("R", self.red), ("WP", self.white))
        named = "".join(f"{name}({chroma(x)},{chroma(y)})" for name, (x, y) in points)
        return f"{named}L({luminance(self.max_luminance)},{luminance(self.min_luminance)})"


@dataclass(frozen=True)
class ContentLight:
    """Light levels of a video (CTA-861.3), cd/m²: the brightest pixel, and the highest mean of a picture."""

    max_cll: int
    max_fall: int


def mastering_display(data: bytes) -> MasteringDisplay | None:
    """Read FFmpeg's AVMasteringDisplayMetadata (ten fractions and two flags); None if a part is missing."""
    if len(data) < 88:
        return None
    *numbers, has_primaries, has_luminance = struct.unpack("=22i", data[:88])
    if not (has_primaries and has_luminance) or 0 in numbers[1::2]:
        return None
    red, green, blue, white, luminance = (
        (Fraction(*numbers[i : i + 2]), Fraction(*numbers[i + 2 : i + 4])) for i in range(0, 20, 4)
    )
    return MasteringDisplay(red, green, blue, white, *luminance)


def content_light(data: bytes) -> ContentLight | None:
    """Read FFmpeg's AVContentLightMetadata (two numbers); None if both are 0 or missing."""
    if len(data) < 8:
        return None
    levels = ContentLight(*struct.unpack("=2I", data[:8]))
    return levels if levels != ContentLight(0, 0) else None


def encoder_parameters(
    encoder: str, display: MasteringDisplay | None, light: ContentLight | None, *, transfer: int, depth: int
) -> list[str]:
    """The metadata as ``key=value`` parameters of an encoder (FFmpeg's name); empty if it cannot store it.

    ``transfer`` is a code of ITU-T H.273, ``depth`` the bits of a sample. See `CARRIER_OPTIONS`.
    """
    if encoder not in _KEYS:
        return []
    display_key, light_key = _KEYS[encoder]
    found = []
    if display is not None:
        found.append(f"{display_key}={display.decimals() if encoder == 'libsvtav1' else display.integers()}")
    if light is not None:
        found.append(f"{light_key}={light.max_cll},{light.max_fall}")
    if encoder == "libx265" and transfer == PQ and depth == 10:
        # Distributes bits as PQ is perceived.
        found.append("hdr10-opt=1")
    return found
