"""Frame rates as users write them."""

from __future__ import annotations

import re
from fractions import Fraction

from lipblend.errors import SettingsError

MIN_RATE, MAX_RATE = Fraction(1, 60), Fraction(1000)
"""Frames per second that are accepted."""
_NTSC = {"23.976": 24, "23.98": 24, "29.97": 30, "47.952": 48, "59.94": 60, "119.88": 120}


def parse_frame_rate(text: str) -> Fraction:
    """A frame rate: ``25``, ``24000/1001``, or a rounded ``23.976``, ``29.97``, ``59.94``, which stand for N/1.001.

    Raises
    ------
    SettingsError
        It is no number, or not from 1/60 to 1000.
    """
    plain = text.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9}|/\d{1,9})?", plain) is None or re.search(r"/0+$", plain):
        raise SettingsError(f"the rate {text!r} is not a frame rate", hint="Use 25, 23.976 or 24000/1001.")
    rate = Fraction(_NTSC[plain] * 1000, 1001) if plain in _NTSC else Fraction(plain)
    if not MIN_RATE <= rate <= MAX_RATE:
        raise SettingsError(f"the rate {text} is out of range", hint=f"Use {MIN_RATE} to {MAX_RATE} per second.")
    return rate
