"""Finished segments of an interrupted run, kept beside the output for ``--resume``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lipblend.errors import OutputError, SettingsError
from lipblend.media.spool import spool_summary
from lipblend.media.temporary import UnfinishedFile
from lipblend.settings import Settings

_KEY_NAME = "key.json"
_SUFFIX = ".segment"
_NOT_IN_PICTURE = ("read", "audio", "gate")
_PACKAGES = ("lipblend", "av", "numpy", "opencv-python")

Key = Mapping[str, str]


def segments_folder(output: Path) -> Path:
    """Where the segments of an output are kept: a hidden folder beside it."""
    return output.parent / f".{output.name}.lipblend-segments"


def run_key(inputs: Mapping[str, Path], settings: Settings, **more: object) -> dict[str, str]:
    """What has to be the same for segments to fit: files (path, size, time of change), settings, versions.

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
            state = path.stat()
            key[role] = f"{path.resolve()}, {state.st_size} bytes, changed at {state.st_mtime_ns / 1e9:.6f}"
    for group, values in settings.model_dump(mode="json").items():
        if group not in _NOT_IN_PICTURE:
            key |= {f"{group}.{name}": str(value) for name, value in values.items()}
    return key | {"versions": ", ".join(f"{name} {version(name)}" for name in _PACKAGES)}


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
    """

    def __init__(self, output: Path, key: Key) -> None:
        self.folder = segments_folder(output)
        self._output, self._key = output, dict(key)
        self._compare()

    def open(self, **more: str) -> None:
        """Add to the key what is known now, compare again, and make the folder.

        Raises
        ------
        SettingsError
            As above.
        OutputError
            The folder cannot be written.
        """
        self._key |= more
        if self._compare():
            return
        try:
            self.folder.mkdir(exist_ok=True)
            self._clear()
            self.folder.mkdir(exist_ok=True)
            file = UnfinishedFile(self.folder / _KEY_NAME)
            try:
                file.path.write_text(json.dumps(self._key, indent=1), encoding="utf-8")
                file.publish(overwrite=True)
            finally:
                file.discard()
        except OSError as error:
            raise OutputError(
                f"{self.folder} cannot be written: {error.strerror}", hint="Leave out --resume, or check the folder."
            ) from error

    def path(self, number: int) -> Path:
        """The file of a segment."""
        return self.folder / f"{number:06d}{_SUFFIX}"

    def finished(self, number: int) -> dict[str, Any] | None:
        """What was written with a finished segment; None where there is none, or it is damaged."""
        return spool_summary(self.path(number))

    def close_empty(self) -> None:
        """Remove the folder if no segment is finished."""
        if not any(self.folder.glob(f"*{_SUFFIX}")):
            self.remove()

    def remove(self) -> None:
        """Remove the segments and their folder, if nothing else lies in it."""
        remove_segments(self._output)

    def _clear(self) -> None:
        remove_segments(self._output)

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
    """Remove the kept segments of an output, if there are any.

    Raises
    ------
    OutputError
        They cannot be removed.
    """
    folder = segments_folder(output)
    try:
        for path in [*folder.glob(f"*{_SUFFIX}"), folder / _KEY_NAME]:
            path.unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise OutputError(f"{folder} cannot be removed: {error.strerror}") from error


def _feed(state: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        state.update(f"<{value.dtype}{value.shape}>".encode())
        state.update(np.ascontiguousarray(value).tobytes())
    elif dataclasses.is_dataclass(value):
        state.update(f"({type(value).__name__}".encode())
        for field in dataclasses.fields(value):
            _feed(state, getattr(value, field.name))
    elif isinstance(value, (tuple, list)):
        state.update(f"[{len(value)}".encode())
        for item in value:
            _feed(state, item)
    else:
        if not isinstance(value, (int, float, str, type(None), np.generic)):
            raise TypeError(f"{type(value).__name__} cannot be hashed by content")
        state.update(f"{type(value).__name__}:{value!r};".encode())
