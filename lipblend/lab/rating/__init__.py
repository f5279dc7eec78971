"""Blind ratings by people: the page that collects votes, and their evaluation."""

from __future__ import annotations

TARGET = 0.9
"""Minimum share of clips that must be unnoticeable."""
MIN_RATERS = 5
"""Raters that a clip needs before it is judged."""


def percent(share: float) -> str:
    """Format a share, for example ``91.7 %``."""
    return f"{100 * share:.3g} %"


def printable(text: str) -> str:
    """Replace characters that would control a terminal, or that it cannot show, by ``?``."""
    return "".join(character if character.isprintable() else "?" for character in text)
