"""Finished segments of an interrupted run, kept in a folder beside the output for ``--resume``."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: two runs with the same output are not kept apart there
    fcntl = None  # type: ignore[assignment]

from lipblend.analysis.cache import WHOLE_PACKAGE, code_fingerprint
from lipblend.analysis.keyed_models import occluder_files
from lipblend.errors import OutputError, SettingsError
from lipblend.runtime.content_digest import digest
from lipblend.runtime.files import write_atomically
from lipblend.runtime.identity import content_identity
from lipblend.runtime.output_paths import hidden_beside
from lipblend.runtime.stand_ins import as_given
from lipblend.runtime.versions import OPENCV, library_versions
from lipblend.segments.encode import Segment
from lipblend.segments.segment_files import SegmentFile
from lipblend.settings import Settings

_KEY_NAME = "key.json"
_SUFFIX = ".segment"
_FOLDER_SUFFIX = ".lipblend-segments"
_CONTENT = ", content "
_MAX_DETAILS = 8
_GROUPS_WITHOUT_EFFECT = ("read", "audio", "gate")  # settings that do not change the pictures
_PACKAGES = ("lipblend", "av", "numpy", OPENCV)


def segments_folder(output: Path) -> Path:
    """Folder of an output's kept segments: hidden, beside the output, named after it or after a hash of its name."""
    return hidden_beside(output, _FOLDER_SUFFIX)


def segment_path(output: Path, number: int) -> Path:
    """File of a kept segment of an output."""
    return segments_folder(output) / f"{number:06d}{_SUFFIX}"


def run_key(inputs: Mapping[str, Path], settings: Settings, **more: object) -> dict[str, str]:
    """Describe what must be the same for kept segments to be valid: input files, settings and library versions.

    Settings of sound, pass marks and strictness are left out.

    Parameters
    ----------
    inputs : mapping of str to Path
        Files by role, identified by path, modification time and content. Missing files are left out.
    settings : Settings
    **more
        Anything else that the pictures depend on.
    """
    key = {name: str(value) for name, value in more.items()}
    for role, path in inputs.items():
        if path.is_file():
            changed = f"changed at {path.stat().st_mtime_ns / 1e9:.6f}"
            key[role] = f"{as_given(str(path.resolve()))}, {changed}{_CONTENT}{content_identity(path)}"
    for group, values in settings.model_dump(mode="json").items():
        if group not in _GROUPS_WITHOUT_EFFECT:
            key |= {f"{group}.{name}": str(value) for name, value in values.items()}
    return key | {"versions": ", ".join(f"{name} {number}" for name, number in library_versions(_PACKAGES).items())}


def segments_digest(segments: Sequence[Segment]) -> str:
    """What the pictures of some segments are made from: their rows of the plan, and their time stamps."""
    return digest([[segment.rows, segment.stamps] for segment in segments])


def portable_key(output: Path) -> str | None:
    """Digest of what the kept segments of an output depend on; None without any.

    Equal on all machines whose inputs, settings, plan and program are equal: places and times of files and the name of
    the output are left out.
    """
    try:
        key = json.loads((segments_folder(output) / _KEY_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return digest({name: value.rpartition(_CONTENT)[2] for name, value in key.items() if name != "output"})


class KeptSegments:
    """The folder of an output's kept segments.

    Parameters
    ----------
    output : Path
    key : mapping of str to str
        What the segments depend on, as far as it is known; see `run_key`.
    replace : bool
        `open` removes segments with a different key, which are an error otherwise.
    shared : bool
        Several processes add segments at the same time. One that does not share has made the folder before, with
        `prepare`.

    Attributes
    ----------
    replaced : int
        Segments that `open` has removed because of their key.

    Raises
    ------
    SettingsError
        The folder holds segments with a different key.
    OutputError
        Another run is using the folder.
    """

    def __init__(self, output: Path, key: Mapping[str, str], *, replace: bool = False, shared: bool = False) -> None:
        self.folder = segments_folder(output)
        self.replaced = 0
        self._output, self._key, self._replace, self._shared = output, dict(key), replace, shared
        self._lock: weakref.finalize[..., Any] | None = None
        if self.folder.is_dir():
            self._acquire()
            self.release()
        self._wrong_entries()

    def open(self, **more: str) -> None:
        """Extend the key, compare it again, and create the folder and lock it until `release`.

        Raises
        ------
        SettingsError
            The folder holds segments with a different key.
        OutputError
            The folder cannot be written to, or another run is using it.
        """
        self._key |= more
        try:
            if self._shared and not self.folder.is_dir():
                raise self._unprepared()
            self.folder.mkdir(exist_ok=True)
            self._acquire()
            try:
                wrong = self._wrong_entries()
                if self._shared and (wrong is None or wrong):
                    raise self._unprepared()
                if wrong is None or wrong:
                    self.replaced = len(list(self.folder.glob(f"*{_SUFFIX}"))) if wrong else 0
                    _delete_files(self.folder)
                    write_atomically(self.folder / _KEY_NAME, json.dumps(self._key, indent=1).encode())
            except BaseException:
                self.release()
                raise
        except OSError as error:
            raise OutputError(
                f"cannot write to {self.folder}: {error.strerror}", hint="Check the folder, or leave out --resume."
            ) from error

    def prepare(self, **more: str) -> None:
        """Make the folder for processes that share it: `open`, and `release`.

        Raises
        ------
        SettingsError, OutputError
            As `open`.
        """
        self.open(**more)
        self.release()

    def path(self, number: int) -> Path:
        """File of a segment."""
        return segment_path(self._output, number)

    def finished(self, number: int) -> SegmentFile | None:
        """A finished segment; None if there is none, or its file is damaged."""
        return SegmentFile.load(self.path(number))

    def close_empty(self) -> None:
        """Release the folder, and remove it if it holds no segment."""
        empty = not any(self.folder.glob(f"*{_SUFFIX}"))
        self.release()
        if empty:
            remove_segments(self._output)

    def release(self) -> None:
        """Unlock the folder. Safe to call more than once."""
        if self._lock is not None:
            self._lock()
            self._lock = None

    def remove(self) -> None:
        """Remove the segments, and their folder if nothing else is in it."""
        remove_segments(self._output)

    def _acquire(self) -> None:
        descriptor = _lock_folder(self.folder, shared=self._shared)
        if descriptor is None:
            raise OutputError(
                f"another run is using the kept segments in {self.folder}",
                hint="Wait until it ends, or choose another output.",
            )
        self._lock = weakref.finalize(self, _unlock, descriptor)

    def _unprepared(self) -> OutputError:
        return OutputError(f"{self.folder} is not prepared for these segments", hint="Run the whole job again.")

    def _wrong_entries(self) -> list[str] | None:
        """Entries in which the folder's key differs; None if it has no key, and segments without one are useless."""
        try:
            found = json.loads((self.folder / _KEY_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(found, dict):
            return None
        wrong = [name for name in self._key if found.get(name) != self._key[name]]
        if wrong and not self._replace:
            raise SettingsError(
                f"the segments kept in {self.folder} were created with different inputs, settings or versions",
                details=tuple(
                    f"{name}: {found.get(name, 'nothing')}; now {self._key[name]}" for name in wrong[:_MAX_DETAILS]
                ),
                hint="Use the same inputs and settings to resume, or leave out --resume to start over.",
            )
        return wrong


def kept_for_run(
    output: Path,
    inputs: Mapping[str, Path],
    settings: Settings,
    more: Mapping[str, object] | None = None,
    *,
    replace: bool = False,
    shared: bool = False,
) -> KeptSegments:
    """The kept segments of an output whose pictures depend on these inputs (see `run_key`) and on all of the code.

    Raises
    ------
    SettingsError, OutputError
        See `KeptSegments`.
    """
    occluder = zip(
        ("occluder model", "mapping of the occluder model"), occluder_files(settings.occlusion), strict=False
    )
    files = {**inputs, "restoration model": Path(settings.restore.model), **dict(occluder)}
    code = code_fingerprint(WHOLE_PACKAGE)
    key = run_key(files, settings, output=output.name, code=code, **(more or {}))
    return KeptSegments(output, key, replace=replace, shared=shared)


def remove_segments(output: Path) -> None:
    """Remove the kept segments of an output, unless a run is using them.

    Raises
    ------
    OutputError
        They cannot be removed.
    """
    folder = segments_folder(output)
    if not folder.is_dir():
        return
    try:
        descriptor = _lock_folder(folder)
        if descriptor is None:
            return
        try:
            _delete_files(folder)
            if not any(folder.iterdir()):
                folder.rmdir()
        finally:
            _unlock(descriptor)
    except FileNotFoundError:
        return  # another run was faster
    except OSError as error:
        raise OutputError(f"cannot remove {folder}: {error.strerror}") from error


def _delete_files(folder: Path) -> None:
    for path in [*folder.glob(f"*{_SUFFIX}"), folder / _KEY_NAME]:
        path.unlink(missing_ok=True)


def _lock_folder(folder: Path, *, shared: bool = False) -> int | None:
    """Lock a folder until the process ends; returns its descriptor, or None if another run has locked it.

    -1 if the system or the file system has no such locks.
    """
    if fcntl is None:
        return -1
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        return -1
    return descriptor


def _unlock(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)
