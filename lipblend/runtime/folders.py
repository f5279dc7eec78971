"""Where a program may keep files between two runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lipblend.errors import SettingsError


def user_cache_folder() -> Path:
    """Return the user's folder for files that can be made again, ``lipblend`` in it (it may not exist yet).

    ``%LOCALAPPDATA%`` on Windows, ``~/Library/Caches`` on macOS, else ``$XDG_CACHE_HOME`` or ``~/.cache``.

    Raises
    ------
    SettingsError
        There is none of these, as for a user without an account.
    """
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or _home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = _home() / "Library" / "Caches"
    else:
        # The XDG specification says that a relative path is to be ignored.
        named = os.environ.get("XDG_CACHE_HOME", "")
        base = Path(named) if os.path.isabs(named) else _home() / ".cache"
    return base / "lipblend"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise SettingsError(
            "this user has no home folder, so there is no place for what is kept between two runs",
            hint="Set HOME, or name the places: --cache FOLDER or --no-cache, and --models PATH.",
        ) from error
