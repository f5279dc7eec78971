"""Asking people: a page for a blind test, and what its votes say."""

from __future__ import annotations

TARGET = 0.9
"""Least share of clips that must be unnoticeable."""
LEAST_RATERS = 5
"""Raters that a clip needs to be judged."""


def percent(share: float) -> str:
    """``91.7 %``."""
    return f"{100 * share:.3g} %"


def plain(text: str) -> str:
    """A name without characters that would steer a terminal, or that it cannot show."""
    return "".join(character if character.isprintable() else "?" for character in text)
