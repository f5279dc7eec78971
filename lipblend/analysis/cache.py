"""Analyses cached on disk, so that the same two videos are analysed once.

The key of an entry is a digest of everything that it depends on: the content of both videos, the face model, the
settings that the analysis reads (`lipblend.analysis.analysis_settings`), the code and its libraries. An entry holds
face meshes, colour statistics and time stamps, but no pictures. Only its owner can read it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from lipblend.analysis.analyse import Analyser, analyse
from lipblend.analysis.analysis_settings import analysis_settings, analysis_values
from lipblend.analysis.archive import DamagedAnalysisError, from_file, to_file
from lipblend.analysis.cache_folder import MAX_UNUSED_S, SUFFIX, CacheFolder, cache_limit
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.keyed_models import model_identity
from lipblend.errors import LipblendError, OutputError
from lipblend.runtime.files import write_atomically
from lipblend.runtime.identity import content_identity
from lipblend.runtime.output_paths import make_folder
from lipblend.runtime.prefetch import one_opencv_thread
from lipblend.runtime.versions import OPENCV, library_versions
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo

NOT_STORED = "the analysis could not be stored"
"""How the note begins that a run leaves when it cannot write to the cache."""

_PACKAGE = Path(__file__).resolve().parent.parent
_CODE = ("analysis", "faces", "pairing", "picture", "runtime", "stages", "video")
_SOURCES = (".py", ".csv")
WHOLE_PACKAGE = (".",)
"""For `code_fingerprint`: all of the package."""
_LIBRARIES = ("lipblend", "av", "mediapipe", "numpy", OPENCV)


class AnalysisCache(CacheFolder):
    """A folder of analyses that can be loaded and stored.

    Parameters
    ----------
    folder : Path
        Created with the first entry, accessible to its owner only. Other files in it are left alone.
    max_bytes : int, optional
        By default as `lipblend.analysis.cache_folder.cache_limit` says.
    max_unused_s : float
        See `lipblend.analysis.cache_folder.MAX_UNUSED_S`.

    Raises
    ------
    SettingsError
        The limit in the environment is no size.
    """

    def __init__(self, folder: Path, *, max_bytes: int | None = None, max_unused_s: float = MAX_UNUSED_S) -> None:
        super().__init__(folder)
        self._max_bytes = cache_limit() if max_bytes is None else max_bytes
        self._max_unused_s = max_unused_s

    def load(self, key: str, original: VideoInfo, synced: VideoInfo) -> ClipAnalysis | None:
        """The analysis with a key; None if there is none.

        Raises
        ------
        DamagedAnalysisError
            There is an entry, but it cannot be used.
        """
        path = self.path(key)
        try:
            with path.open("rb") as file:
                found = from_file(file, key, original, synced)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DamagedAnalysisError(f"it cannot be read: {error.strerror or error}") from error
        with suppress(OSError):  # another run has removed it, or the folder is read-only
            os.utime(path)  # last use
        return found

    def store(self, key: str, analysis: ClipAnalysis) -> None:
        """Store an analysis, and remove entries that are too old or too many.

        Raises
        ------
        OutputError
            The entry cannot be written.
        """
        make_folder(self.folder, mode=0o700)
        write_atomically(self.path(key), partial(to_file, analysis, key), private=True)
        with suppress(OutputError):  # what another program holds open is removed with a later entry
            self.prune(max_bytes=self._max_bytes, max_unused_s=self._max_unused_s, keep=self.path(key))

    def path(self, key: str) -> Path:
        """File of the entry with a key, whether or not it is there."""
        return self.folder / f"{key}{SUFFIX}"


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
    """`lipblend.analysis.analyse.analyse` for whole clips, from the cache if possible.

    A damaged entry is replaced. If an entry cannot be written, the run goes on. Both are reported in the notes.

    Parameters
    ----------
    original, synced, model, settings, on_frame
        As there. `on_frame` is not called if the analysis comes from the cache.
    cache : Path or None
        Folder; None for no cache.
    analyser : Analyser, optional
        Runs the analysis; by default `analyse` in this process.

    Raises
    ------
    LipblendError
        As there.
    """

    def run() -> ClipAnalysis:
        # All other settings are at their defaults, so that the cached analysis cannot depend on them.
        function, values = analyser or analyse, analysis_settings(settings)
        with one_opencv_thread():
            return function(original, synced, model=model, settings=values, on_frame=on_frame)

    if cache is None:
        return run()
    folder, key = AnalysisCache(cache), analysis_key(original, synced, model=model, settings=settings)
    notes: list[str] = []
    try:
        found = folder.load(key, original, synced)
    except DamagedAnalysisError as error:
        found = None
        notes.append(f"the cached analysis was damaged and has been replaced: {error.message}")
    if found is not None:
        return found
    analysis = run()
    if key == analysis_key(original, synced, model=model, settings=settings):  # the files have not changed
        try:
            folder.store(key, analysis)
        except LipblendError as error:  # then nothing was replaced either
            notes = [f"{NOT_STORED}, so the next run on this pair makes it again: {error.message}"]
    return replace(analysis, notes=(*analysis.notes, *notes))


def storage_notes(analysis: ClipAnalysis) -> list[str]:
    """Those of an analysis's notes that say why it could not be stored."""
    return [note for note in analysis.notes if note.startswith(NOT_STORED)]


def cached_analysis(
    original: VideoInfo, synced: VideoInfo, *, model: Path, settings: Settings, cache: Path | None
) -> ClipAnalysis | None:
    """The analysis of two whole clips from the cache; None if it is not there, or damaged."""
    if cache is None:
        return None
    try:
        key = analysis_key(original, synced, model=model, settings=settings)
        return AnalysisCache(cache).load(key, original, synced)
    except DamagedAnalysisError:
        return None


def analysis_key(original: VideoInfo, synced: VideoInfo, *, model: Path, settings: Settings) -> str:
    """Digest of everything that an analysis depends on, as 40 hexadecimal digits.

    The file names of the videos count, because notes contain them; their folders do not.

    Raises
    ------
    InputError
        A file cannot be read.
    ModelError
        The occluder model or its mapping file is missing.
    """
    inputs = {
        "videos": [(info.path.name, content_identity(info.path)) for info in (original, synced)],
        "places": None if synced.places is None else synced.places.digest,
        "model": content_identity(model),
        "settings": [(key, value) for key, value in analysis_values(settings) if key != "occlusion.model"],
        "occluder": model_identity(settings.occlusion),  # by content, wherever it lies
        "code": code_fingerprint(),
    }
    return hashlib.blake2b(json.dumps(inputs).encode(), digest_size=20).hexdigest()


def code_fingerprint(folders: Sequence[str] = _CODE) -> str:
    """Digest of the package's code and tables (by default what the analysis uses) and of its libraries' versions."""
    digest = hashlib.blake2b(digest_size=20)
    for folder in folders:
        for path in sorted(each for each in (_PACKAGE / folder).rglob("*") if each.suffix in _SOURCES):
            digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for name, number in library_versions(_LIBRARIES).items():
        digest.update(f"{name} {number}\n".encode())
    return digest.hexdigest()
