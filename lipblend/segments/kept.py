"""Finished segments of an interrupted run, kept beside the output for ``--resume``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

try:
    import fcntl
except ImportError:  # Windows: two runs on one output are not kept apart there
    fcntl = None  # type: ignore[assignment]

from lipblend.errors import OutputError, SettingsError
from lipblend.output.spool import spool_summary
from lipblend.runtime.identity import content_identity
from lipblend.runtime.temporary import UnfinishedFile
from lipblend.runtime.versions import OPENCV, library_versions
from lipblend.settings import Settings

_KEY_NAME = "key.json"
_SUFFIX = ".segment"
_FOLDER_SUFFIX = ".lipblend-segments"
_LONGEST_NAME = 255  # bytes; of nearly every file system
_NOT_IN_PICTURE = ("read", "audio", "gate")
_PACKAGES = ("lipblend", "av", "numpy", OPENCV)

Key = Mapping[str, str]


def segments_folder(output: Path) -> Path:
    """Where the segments of an output are kept: a hidden folder beside it, named after it as far as names may go."""
    name = f".{output.name}{_FOLDER_SUFFIX}"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{hashlib.blake2b(os.fsencode(output.name), digest_size=16).hexdigest()}{_FOLDER_SUFFIX}"
    return output.parent / name


def run_key(inputs: Mapping[str, Path], settings: Settings, **more: object) -> dict[str, str]:
    """What has to be the same for segments to fit: files (path, time of change, content), settings, versions.

    Settings of sound, marks and strictness do not matter.

    Parameters
    ----------
    inputs : mapping of str to Path
        Files by their role. One that is not there is no part of the key.
    settings : Settings
    **more
        Whatever else the pictures depend on, as text.
    """
    key = {name: str(value) for name, value in more.items()}
    for role, path in inputs.items():
        if path.is_file():
            changed = f"changed at {path.stat().st_mtime_ns / 1e9:.6f}"
            key[role] = f"{path.resolve()}, {changed}, content {content_identity(path)}"
    for group, values in settings.model_dump(mode="json").items():
        if group not in _NOT_IN_PICTURE:
            key |= {f"{group}.{name}": str(value) for name, value in values.items()}
    return key | {"versions": ", ".join(f"{name} {number}" for name, number in library_versions(_PACKAGES).items())}


def digest(value: Any) -> str:
    """Hash of data classes, arrays, sequences and plain values, by their content."""
    state = hashlib.blake2b(digest_size=16)
    _feed(state, value)
    return state.hexdigest()


class KeptSegments:
    """The folder of an output's segments.

    Parameters
    ----------
    output : Path
    key : mapping of str to str
        What the segments depend on, as far as it is known yet; see `run_key`.

    Raises
    ------
    SettingsError
        The folder holds segments that depend on something else.
    OutputError
        Another run is keeping segments there.
    """

    def __init__(self, output: Path, key: Key) -> None:
        self.folder = segments_folder(output)
        self._output, self._key = output, dict(key)
        self._lock: weakref.finalize[..., Any] | None = None
        if self.folder.is_dir():
            self._take()
            self.release()
        self._compare()

    def open(self, **more: str) -> None:
        """Add to the key what is known now, compare again, and make the folder, which is this run's until `release`.

        Raises
        ------
        SettingsError
            As above.
        OutputError
            The folder cannot be written, or another run is keeping segments there.
        """
        self._key |= more
        try:
            self._begin()
        except OSError as error:
            raise OutputError(
                f"{self.folder} cannot be written: {error.strerror}", hint="Leave out --resume, or check the folder."
            ) from error

    def _begin(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self._take()
        try:
            if self._compare():
                return
            _empty(self.folder)
            file = UnfinishedFile(self.folder / _KEY_NAME)
            try:
                file.path.write_text(json.dumps(self._key, indent=1), encoding="utf-8")
                file.publish(overwrite=True)
            finally:
                file.discard()
        except BaseException:
            self.release()
            raise

    def path(self, number: int) -> Path:
        """The file of a segment."""
        return self.folder / f"{number:06d}{_SUFFIX}"

    def finished(self, number: int) -> dict[str, Any] | None:
        """What was written with a finished segment; None where there is none, or it is damaged."""
        return spool_summary(self.path(number))

    def close_empty(self) -> None:
        """Let go of the folder, and remove it if no segment is finished."""
        empty = not any(self.folder.glob(f"*{_SUFFIX}"))
        self.release()
        if empty:
            self.remove()

    def release(self) -> None:
        """Leave the folder to other runs. May be called again."""
        if self._lock is not None:
            self._lock()
            self._lock = None

    def remove(self) -> None:
        """Remove the segments and their folder, if nothing else lies in it."""
        remove_segments(self._output)

    def _take(self) -> None:
        descriptor = _locked(self.folder)
        if descriptor is None:
            raise OutputError(
                f"another run is keeping its segments in {self.folder}",
                hint="Wait until it ends, or name another output.",
            )
        self._lock = weakref.finalize(self, _unlock, descriptor)

    def _compare(self) -> bool:
        """Whether there is a folder with a key, and it fits."""
        try:
            found = json.loads((self.folder / _KEY_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False  # what lies there without a key is of no use
        wrong = [name for name in self._key if found.get(name) != self._key[name]]
        if wrong:
            raise SettingsError(
                f"the finished segments in {self.folder} were made otherwise",
                details=tuple(f"{name}: {found.get(name, 'nothing')}; now {self._key[name]}" for name in wrong[:8]),
                hint="Run with the same inputs and settings to go on, or without --resume to begin anew.",
            )
        return True


def remove_segments(output: Path) -> None:
    """Remove the kept segments of an output, if there are any and no run is at work on them.

    Raises
    ------
    OutputError
        They cannot be removed.
    """
    folder = segments_folder(output)
    if not folder.is_dir():
        return
    try:
        descriptor = _locked(folder)
        if descriptor is None:
            return
        try:
            _empty(folder)
            if not any(folder.iterdir()):
                folder.rmdir()
        finally:
            _unlock(descriptor)
    except FileNotFoundError:
        return  # another run was faster
    except OSError as error:
        raise OutputError(f"{folder} cannot be removed: {error.strerror}") from error


def _empty(folder: Path) -> None:
    for path in [*folder.glob(f"*{_SUFFIX}"), folder / _KEY_NAME]:
        path.unlink(missing_ok=True)


def _locked(folder: Path) -> int | None:
    """Descriptor of a folder that no other run has locked, now locked (it ends with the process); None if one has.

    -1 where the system or the file system has no such locks.
    """
    if fcntl is None:
        return -1
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
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


def _feed(state: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        state.update(f"<{value.dtype}{value.shape}>".encode())
        state.update(np.ascontiguousarray(value).tobytes())
    elif dataclasses.is_dataclass(value):
        state.update(f"({type(value).__name__}".encode())
        for field in dataclasses.fields(value):
            _feed(state, getattr(value, field.name))
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        state.update(f"[{len(value)}".encode())
        for item in value:
            _feed(state, item)
    else:
        if not isinstance(value, (int, float, str, type(None), np.generic)):
            raise TypeError(f"{type(value).__name__} cannot be hashed by content")
        state.update(f"{type(value).__name__}:{value!r};".encode())
