"""The user's cache folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lipblend.errors import SettingsError


def user_cache_folder() -> Path:
    """Folder ``lipblend`` in the user's cache folder (it may not exist yet).

    The cache folder is ``%LOCALAPPDATA%`` on Windows, ``~/Library/Caches`` on macOS, else ``$XDG_CACHE_HOME`` or
    ``~/.cache``.

    Raises
    ------
    SettingsError
        The user has no home directory.
    """
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or _home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = _home() / "Library" / "Caches"
    else:
        # The XDG specification says that relative paths must be ignored.
        named = os.environ.get("XDG_CACHE_HOME", "")
        base = Path(named) if os.path.isabs(named) else _home() / ".cache"
    return base / "lipblend"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise SettingsError(
            "cannot determine a home directory for the cache",
            hint="Set HOME, or LIPBLEND_CACHE and LIPBLEND_MODELS (--cache and --models on the command line).",
        ) from error
