"""Analyses kept on the disk: the same two videos need not be looked at twice.

An entry is found by what it was made from: the content of both videos, the face model, the settings that the analysis
reads (`lipblend.analysis.settings_read`), and the code and the libraries that made it. It holds faces' meshes, colour
statistics and time stamps, no pictures; every entry is readable by its owner only.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from lipblend.analysis.analyse import analyse
from lipblend.analysis.archive import DamagedAnalysisError, from_file, to_file
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.settings_read import analysis_settings, analysis_values
from lipblend.errors import LipblendError, OutputError
from lipblend.runtime.files import write_atomically
from lipblend.runtime.identity import content_identity
from lipblend.runtime.output_paths import make_folder
from lipblend.runtime.prefetch import one_opencv_thread
from lipblend.runtime.versions import OPENCV, library_versions
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo

MOST_BYTES = 2_000_000_000
"""Entries that were not used for longest go when there is more than this."""
LONGEST_S = 60 * 86400.0
"""Entries go that were not used for so long."""
SUFFIX = ".analysis.npz"

_PACKAGE = Path(__file__).resolve().parent.parent
_CODE = ("analysis", "faces", "pairing", "picture", "runtime", "stages", "video")
WHOLE_PACKAGE = (".",)
"""For `code_fingerprint`: all of lipblend."""
_LIBRARIES = ("lipblend", "av", "mediapipe", "numpy", OPENCV)


@dataclass(frozen=True)
class CacheState:
    """How many analyses a folder holds, and how large they are together."""

    entries: int
    size_bytes: int


class AnalysisCache:
    """A folder of analyses.

    Parameters
    ----------
    folder : Path
        Made with the first entry, for its owner only. Files of other names in it are left alone.
    most_bytes : int
    longest_s : float
        See `MOST_BYTES` and `LONGEST_S`.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES, longest_s: float = LONGEST_S) -> None:
        self.folder = folder
        self._most_bytes, self._longest_s = most_bytes, longest_s

    def load(self, key: str, original: VideoInfo, synced: VideoInfo) -> ClipAnalysis | None:
        """The analysis of two videos by its key; None if there is none.

        Raises
        ------
        DamagedAnalysisError
            There is a file, but it cannot be used.
        """
        path = self._path(key)
        try:
            with path.open("rb") as file:
                found = from_file(file, key, original, synced)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DamagedAnalysisError(f"it cannot be read: {error.strerror or error}") from error
        with suppress(OSError):  # another run has removed it, or the folder may only be read: it was read all the same
            os.utime(path)  # used now
        return found

    def store(self, key: str, analysis: ClipAnalysis) -> None:
        """Keep an analysis, and remove what is too old or too much.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        make_folder(self.folder, mode=0o700)
        write_atomically(self._path(key), partial(to_file, analysis, key), private=True)
        self._shrink(keep=self._path(key))

    def state(self) -> CacheState:
        """What the folder holds."""
        sizes = [size for _, size, _ in self._entries()]
        return CacheState(len(sizes), sum(sizes))

    def clear(self) -> CacheState:
        """Remove all analyses; returns what was removed.

        Raises
        ------
        OutputError
            One cannot be removed.
        """
        removed = [size for path, size, _ in self._entries() if _removed(path)]
        return CacheState(len(removed), sum(removed))

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _entries(self) -> Iterator[tuple[Path, int, float]]:
        """Path, size and time of the last use."""
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # another run was faster
            yield path, status.st_size, status.st_mtime

    def _shrink(self, keep: Path) -> None:
        total, now = 0, time.time()
        newest_first = sorted(self._entries(), key=lambda entry: (entry[0] != keep, -entry[2]))
        for path, size, used_s in newest_first:
            total += size
            if path != keep and (total > self._most_bytes or now - used_s > self._longest_s):
                total -= size
                _removed(path)


class Analyser(Protocol):
    """What makes an analysis of two whole clips: `lipblend.analysis.analyse.analyse`, or the same somewhere else."""

    def __call__(
        self,
        original: VideoInfo,
        synced: VideoInfo,
        *,
        model: Path,
        settings: Settings,
        on_frame: Callable[[int], None],
    ) -> ClipAnalysis: ...


def analyse_cached(
    original: VideoInfo,
    synced: VideoInfo,
    *,
    model: Path,
    settings: Settings,
    on_frame: Callable[[int], None],
    cache: Path | None,
    analyser: Analyser | None = None,
) -> ClipAnalysis:
    """`lipblend.analysis.analyse.analyse` for whole clips, from the cache if it is there.

    A file that cannot be used is replaced, one that cannot be written is done without; both are said in the notes.

    Parameters
    ----------
    original, synced, model, settings, on_frame
        As there. Nothing is reported when the analysis comes from the cache.
    cache : Path or None
        Folder; None for no cache.
    analyser : Analyser, optional
        What makes the analysis where it has to be made; `analyse` in this process if not given.

    Raises
    ------
    LipblendError
        As there.
    """

    def fresh() -> ClipAnalysis:
        # With all other settings at their defaults, so that what is kept cannot depend on them.
        made_by, values = analyser or analyse, analysis_settings(settings)
        with one_opencv_thread():
            return made_by(original, synced, model=model, settings=values, on_frame=on_frame)

    if cache is None:
        return fresh()
    folder, key = AnalysisCache(cache), analysis_key(original, synced, model=model, settings=settings)
    notes: list[str] = []
    try:
        found = folder.load(key, original, synced)
    except DamagedAnalysisError as error:
        found = None
        notes.append(f"the cached analysis was of no use and made anew: {error.message}")
    if found is not None:
        return found
    made = fresh()
    if key == analysis_key(original, synced, model=model, settings=settings):  # the files are what they were
        try:
            folder.store(key, made)
        except LipblendError as error:
            notes.append(f"the analysis could not be kept in the cache: {error.message}")
    return replace(made, notes=(*made.notes, *notes))


def cached_analysis(
    original: VideoInfo, synced: VideoInfo, *, model: Path, settings: Settings, cache: Path | None
) -> ClipAnalysis | None:
    """The analysis of two whole clips if it is in the cache and whole, else None."""
    if cache is None:
        return None
    try:
        key = analysis_key(original, synced, model=model, settings=settings)
        return AnalysisCache(cache).load(key, original, synced)
    except DamagedAnalysisError:
        return None


def analysis_key(original: VideoInfo, synced: VideoInfo, *, model: Path, settings: Settings) -> str:
    """What an analysis was made from, as 40 hexadecimal digits.

    The names of the videos count, as notes quote them; their folders do not.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    made_from = {
        "videos": [(info.path.name, content_identity(info.path)) for info in (original, synced)],
        "model": content_identity(model),
        "settings": analysis_values(settings),
        "code": code_fingerprint(),
    }
    return hashlib.blake2b(json.dumps(made_from).encode(), digest_size=20).hexdigest()


def code_fingerprint(folders: Sequence[str] = _CODE) -> str:
    """A digest of lipblend's code (by default what the analysis runs) and of the versions of the libraries."""
    digest = hashlib.blake2b(digest_size=20)
    for folder in folders:
        for path in sorted((_PACKAGE / folder).rglob("*.py")):
            digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for name, number in library_versions(_LIBRARIES).items():
        digest.update(f"{name} {number}\n".encode())
    return digest.hexdigest()


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise OutputError(f"cannot remove {path}: {error.strerror or error}") from error
    return True
