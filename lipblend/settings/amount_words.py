"""Sizes of storage and ages as users write them: ``10G``, ``30d``."""

from __future__ import annotations

import re

from lipblend.errors import SettingsError

_NUMBER = r"(\d{1,12}(?:\.\d{1,6})?)"
_SIZE = re.compile(_NUMBER + r"\s*([KMGT]?)(I?)B?")
_AGE = re.compile(_NUMBER + r"\s*([SMHDW])")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_SECONDS = {"S": 1, "M": 60, "H": 3600, "D": 86400, "W": 7 * 86400}


def storage_bytes(text: str, name: str) -> int:
    """Bytes of ``500M``, ``10G``, ``10 GB``, ``1.5GiB`` or ``1000``; without an ``i`` in powers of 1000.

    Parameters
    ----------
    text : str
    name : str
        Of the option or variable, for the message.

    Raises
    ------
    SettingsError
        It is no size.
    """
    found = _SIZE.fullmatch(text.strip().upper())
    if found is None or (found[3] and not found[2]):
        raise SettingsError(f"{name} must be a size, not '{text}'", hint="Write it as 500M, 10G, 1.5GiB or 0.")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2]])


def age_seconds(text: str, name: str) -> float:
    """Seconds of ``90s``, ``45m`` (minutes), ``12h``, ``30d`` or ``2w``.

    Parameters and errors are those of `storage_bytes`.
    """
    found = _AGE.fullmatch(text.strip().upper())
    if found is None:
        raise SettingsError(f"{name} must be an age, not '{text}'", hint="Write it as 45m (minutes), 12h, 30d or 2w.")
    return float(found[1]) * _SECONDS[found[2]]


def storage_text(size_bytes: int) -> str:
    """A size in powers of 1000: ``750 B``, ``1.5 MB``, ``2.0 GB``."""
    size, units = float(size_bytes), iter(("kB", "MB", "GB", "TB"))
    unit = "B"
    while size >= 999.95 and (larger := next(units, "")):
        size, unit = size / 1000, larger
    return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
