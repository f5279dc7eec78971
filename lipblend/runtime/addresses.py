"""Addresses (``https://...``) where files are wanted."""

from __future__ import annotations

from pathlib import Path

_SHORTEST = 3  # "C:" is a drive


def address_of(path: Path) -> str:
    """The address that a path was made from, as it was typed; empty where it is none.

    A path keeps one of the two slashes only.
    """
    first = path.parts[0] if path.parts else ""
    if not first.endswith(":") or len(first) < _SHORTEST or not first[:-1].replace("+", "").isalnum():
        return ""
    return f"{first}//{'/'.join(path.parts[1:])}"
