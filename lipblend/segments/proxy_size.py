"""Small, quickly encoded outputs for quick looks."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from lipblend.errors import SettingsError
from lipblend.output.encoders import SVT_PRESETS
from lipblend.output.scaling import scaled_info
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo

_PRESET = "veryfast"
_LEAST_LINES, _MOST_LINES = 16, 16384
_LONGEST_TEXT = 32
_HINT = "Give lines (480) or a factor below 1 (0.5)."


@dataclass(frozen=True)
class ProxySize:
    """Lines of the picture as shown, or (below 1) a share of its size."""

    value: Fraction

    @classmethod
    def parse(cls, text: str) -> ProxySize:
        """Read ``480`` or ``0.5``.

        Raises
        ------
        SettingsError
            Something else.
        """
        try:
            if len(text) > _LONGEST_TEXT or "e" in text.lower():  # Fraction would work out any power
                raise ValueError(text)
            value = Fraction(text.strip())
        except (ValueError, ZeroDivisionError):
            raise SettingsError(f"{text!r} is no size for --proxy", hint=_HINT) from None
        if not (0 < value < 1 or (_LEAST_LINES <= value <= _MOST_LINES and value.denominator == 1)):
            raise SettingsError(
                f"{text} is no size for --proxy: it takes 0 to 1, or {_LEAST_LINES} to {_MOST_LINES} lines", hint=_HINT
            )
        return cls(value)

    def applied(self, info: VideoInfo, encode: EncodeSettings) -> tuple[VideoInfo, EncodeSettings, str]:
        """The video and its encoding at that size, and what the summary has to say.

        Raises
        ------
        SettingsError
            The video is no larger.
        """
        factor = self.value if self.value < 1 else self.value / info.upright_height
        small = scaled_info(info, min(factor, Fraction(1)))
        if factor >= 1 or (small.width, small.height) == (info.width, info.height):
            raise SettingsError(
                f"--proxy {self.value}: the original has {info.upright_height} lines, so that would be no smaller",
                hint=_HINT,
            )
        if encode.preset in SVT_PRESETS and encode.preset not in ("ultrafast", "superfast"):
            encode = encode.model_copy(update={"preset": _PRESET})
        size = f"{small.upright_width}x{small.upright_height} instead of {info.upright_width}x{info.upright_height}"
        return small, encode, f"a proxy for quick looks: {size}, encoder preset {encode.preset}"
