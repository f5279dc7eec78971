"""The files of a cache of analyses: their number and size, and which of them are removed.

Several runs may use a folder at once. Each file appears whole and disappears whole, a run that is reading a file reads
on when another one removes it, and a file that somebody else has removed already counts as gone, never as an error.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lipblend.errors import OutputError
from lipblend.settings.amount_words import storage_bytes

SUFFIX = ".analysis.npz"
MAX_BYTES = 2_000_000_000
"""The least recently used entries are removed if the cache is larger than this."""
MAX_UNUSED_S = 60 * 86400.0
"""Entries that were not used for longer than this are removed."""
LIMIT_VARIABLE = "LIPBLEND_CACHE_SIZE"
"""Environment variable with another limit than `MAX_BYTES`, such as ``10G``."""

_MAX_NAMED = 5


@dataclass(frozen=True)
class CacheState:
    """Number and total size of analyses.

    Attributes
    ----------
    entries : int
    size_bytes : int
    oldest_s, newest_s : float or None
        When they were used, in seconds since 1970: the least and the most recently used one; None without entries.
    """

    entries: int
    size_bytes: int
    oldest_s: float | None = None
    newest_s: float | None = None


@dataclass(frozen=True)
class CacheEntry:
    """A file of the cache, its size, and the time of its last use (as the file system has it, ns since 1970)."""

    path: Path
    size_bytes: int
    used_ns: int

    @property
    def used_s(self) -> float:
        """Time of the last use in seconds."""
        return self.used_ns / 1e9


class CacheFolder:
    """A folder of analyses.

    Parameters
    ----------
    folder : Path
        Need not exist. Other files in it are left alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def state(self) -> CacheState:
        """Number, size and last uses of the entries."""
        found = list(self.entries())
        used = [entry.used_s for entry in found]
        size = sum(entry.size_bytes for entry in found)
        return CacheState(len(found), size, min(used, default=None), max(used, default=None))

    def clear(self) -> CacheState:
        """Remove all entries, and return their number and size.

        Raises
        ------
        OutputError
            Entries cannot be removed; the others are.
        """
        return self._remove(list(self.entries()), even_if_used=True)

    def prune(self, *, max_bytes: int, max_unused_s: float, keep: Path | None = None) -> CacheState:
        """Remove what was not used for too long, then the least recently used entries until the rest fits.

        An entry that another run uses meanwhile stays, even if the rest then does not fit.

        Parameters
        ----------
        max_bytes : int
        max_unused_s : float
            Seconds.
        keep : Path, optional
            An entry that stays in any case; it counts towards the size.

        Returns
        -------
        CacheState
            Number and size of the removed entries.

        Raises
        ------
        OutputError
            Entries cannot be removed; the others are.
        """
        found, now_s, doomed = list(self.entries()), time.time(), []
        left = sum(entry.size_bytes for entry in found)
        for entry in sorted(found, key=lambda entry: (entry.used_ns, entry.path)):
            if entry.path != keep and (left > max_bytes or now_s - entry.used_s > max_unused_s):
                left -= entry.size_bytes
                doomed.append(entry)
        return self._remove(doomed, even_if_used=False)

    def entries(self) -> Iterator[CacheEntry]:
        """The entries, by name."""
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # removed by another run
            yield CacheEntry(path, status.st_size, status.st_mtime_ns)

    def _remove(self, entries: list[CacheEntry], *, even_if_used: bool) -> CacheState:
        removed, failed = [], []
        for entry in entries:
            try:
                if even_if_used or entry.path.stat().st_mtime_ns == entry.used_ns:
                    entry.path.unlink()
                    removed.append(entry.size_bytes)
            except FileNotFoundError:
                continue  # removed by another run
            except OSError as error:
                failed.append(f"{entry.path}: {error.strerror or error}")
        if failed:
            more = (f"and {len(failed) - _MAX_NAMED} more",) if len(failed) > _MAX_NAMED else ()
            raise OutputError(
                f"cannot remove {len(failed)} of {len(entries)} analyses; {len(removed)} were removed",
                hint="Another program may have them open: run the command again later, or remove them by hand.",
                details=(*failed[:_MAX_NAMED], *more),
            )
        return CacheState(len(removed), sum(removed))


def cache_limit() -> int:
    """The size in bytes that a cache may have: `LIMIT_VARIABLE`, else `MAX_BYTES`.

    Raises
    ------
    SettingsError
        The variable is no size.
    """
    text = os.environ.get(LIMIT_VARIABLE, "")
    return storage_bytes(text, LIMIT_VARIABLE) if text else MAX_BYTES
