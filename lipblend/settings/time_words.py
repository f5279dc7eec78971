"""Times as users write them."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

_UNITS = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,9})?)s)?")
_PLAIN = re.compile(r"\d{1,9}(?:\.\d{0,9})?|\.\d{1,9}")
_FRAME = re.compile(r"(\d{1,9})f")


def unit_time(word: str) -> Fraction | None:
    """Seconds of ``2s``, ``1m02.5s`` or ``1h``; None for other text."""
    found = _UNITS.fullmatch(word)
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds = found.groups()
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + Fraction(seconds or 0)


def clock_time(word: str) -> Fraction | None:
    """Seconds of ``12.5``, ``12.5s``, ``1:02.5`` or ``1:00:02.5``; None for other text, such as 60 after a colon."""
    parts = word.removesuffix("s").split(":")
    if len(parts) > 3 or not all(_PLAIN.fullmatch(part) for part in parts):
        return None
    numbers = [Fraction(part) for part in parts]
    if any(number >= 60 for number in numbers[1:]):
        return None
    return sum((number * 60**power for power, number in enumerate(reversed(numbers))), Fraction(0))


def moment(word: str) -> int | Fraction | None:
    """A frame number (``120f``), or a time in seconds in any notation; None for other text."""
    frame = _FRAME.fullmatch(word)
    if frame is not None:
        return int(frame[1])
    time = clock_time(word)
    return unit_time(word) if time is None else time


def moment_text(value: int | Fraction) -> str:
    """The shortest text that `moment` reads as this value: ``120f``, ``62.5``."""
    if isinstance(value, int):
        return f"{value}f"
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
