"""Speed presets of the encoders, checked before an encoder sees them: x264 would complain on stderr by itself."""

from __future__ import annotations

from lipblend.errors import SettingsError

SVT_PRESETS = {
    "ultrafast": "12", "superfast": "11", "veryfast": "10", "faster": "9", "fast": "8",
    "medium": "6", "slow": "4", "slower": "3", "veryslow": "2", "placebo": "1",
}  # fmt: skip
"""The usual words, as SVT-AV1's numbers."""

_SVT_NUMBERS = range(-1, 14)


def check_speed_preset(encoder: str, preset: str) -> None:
    """Refuse a speed preset that an encoder does not have; encoders that have none take any.

    Raises
    ------
    SettingsError
        With the encoder's presets.
    """
    if encoder not in ("libx264", "libx265", "libsvtav1") or preset in SVT_PRESETS:
        return
    also = ""
    if encoder == "libsvtav1":
        if preset in map(str, _SVT_NUMBERS):
            return
        also = f", or a number from {_SVT_NUMBERS[0]} to {_SVT_NUMBERS[-1]}"
    raise SettingsError(f"{encoder} has no preset '{preset}'", hint=f"Use one of {', '.join(SVT_PRESETS)}{also}.")
