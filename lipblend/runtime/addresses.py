"""Recognise network addresses (``https://...``) given in place of file paths."""

from __future__ import annotations

from pathlib import Path

_MIN_SCHEME_CHARS = 3  # "C:" is a drive


def address_of(path: Path) -> str:
    """The address that a path was made from, as typed; empty if it is not an address.

    A path keeps only one of the two slashes.
    """
    scheme = path.parts[0] if path.parts else ""
    if not scheme.endswith(":") or len(scheme) < _MIN_SCHEME_CHARS or not scheme[:-1].replace("+", "").isalnum():
        return ""
    return f"{scheme}//{'/'.join(path.parts[1:])}"
