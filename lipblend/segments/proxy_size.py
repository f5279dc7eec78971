"""Proxies: small outputs that encode fast."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from lipblend.errors import SettingsError
from lipblend.output.encoders import SVT_PRESETS
from lipblend.output.scaling import scaled_info
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo

_PRESET = "veryfast"
_MIN_LINES, _MAX_LINES = 16, 16384
_MAX_TEXT_LENGTH = 32
_HINT = "Give lines (480) or a factor below 1 (0.5)."


@dataclass(frozen=True)
class ProxySize:
    """Height of the picture as shown, in lines, or (below 1) a factor of its size."""

    value: Fraction

    def __str__(self) -> str:
        return f"{float(self.value):g}"

    @classmethod
    def parse(cls, text: str) -> ProxySize:
        """Parse ``480`` or ``0.5``.

        Raises
        ------
        SettingsError
            The text is not such a number.
        """
        try:
            if len(text) > _MAX_TEXT_LENGTH or "e" in text.lower():  # Fraction would compute any power
                raise ValueError(text)
            value = Fraction(text.strip())
        except (ValueError, ZeroDivisionError):
            raise SettingsError(f"{text!r} is not a proxy size", hint=_HINT) from None
        if not (0 < value < 1 or (_MIN_LINES <= value <= _MAX_LINES and value.denominator == 1)):
            raise SettingsError(
                f"{text} is not a proxy size: allowed are 0 to 1, or {_MIN_LINES} to {_MAX_LINES} lines", hint=_HINT
            )
        return cls(value)

    def apply(self, info: VideoInfo, encode: EncodeSettings) -> tuple[VideoInfo, EncodeSettings, str]:
        """The video and its encode settings at that size, and a note for the summary.

        Raises
        ------
        SettingsError
            The video is not larger than that.
        """
        factor = self.value if self.value < 1 else self.value / info.upright_height
        small = scaled_info(info, min(factor, Fraction(1)))
        if factor >= 1 or (small.width, small.height) == (info.width, info.height):
            raise SettingsError(
                f"a proxy of size {self.value} is no smaller than the original, which has {info.upright_height} lines",
                hint=_HINT,
            )
        if encode.preset in SVT_PRESETS and encode.preset not in ("ultrafast", "superfast"):
            encode = encode.model_copy(update={"preset": _PRESET})
        size = f"{small.upright_width}x{small.upright_height} instead of {info.upright_width}x{info.upright_height}"
        return small, encode, f"a proxy: {size}, encoder preset {encode.preset}"
