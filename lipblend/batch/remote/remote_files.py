"""Files at addresses (``s3://bucket/key``): their versions, fetching and publishing them, and errors with a next step.

fsspec does the work, and is imported when the first address is used. Credentials come from its storage options or from
the environment; messages never hold them.

Sources: https://filesystem-spec.readthedocs.io, https://s3fs.readthedocs.io
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

from lipblend.batch.remote.store_errors import DISK_FULL, StoppedError, StoreErrors, secrets_of, shown_address
from lipblend.errors import InputError, LipblendError, OutputError, SettingsError
from lipblend.runtime.output_paths import hidden_beside

SCRATCH_BYTES = 50_000_000_000
INSTALL = 'Install it with `pip install ".[remote]"`'

_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})
"""A file appears there when it is complete, and folders need not be made."""
_EXCLUSIVE = frozenset({"s3", "s3a", "gs", "gcs", "memory", "file", "local", "sftp", "ssh"})
"""Creating a file can fail there if it exists, in one step; an S3 server may ignore that."""
_PAUSES_S = (1.0, 3.0)
_TAGS = ("ETag", "etag", "md5Hash")
_TIMES = ("LastModified", "last_modified", "Last-Modified", "mtime", "updated", "created")


@dataclass(frozen=True)
class RemoteOptions:
    """How addresses are read and written.

    Attributes
    ----------
    scratch : Path or None
        Folder for copies of inputs and for unfinished outputs; None for one in the user's cache.
    scratch_bytes : int
        What may stay in it.
    storage : mapping of str to mapping
        Options of fsspec by protocol: ``{"s3": {"endpoint_url": ...}}``. May hold credentials, so it is never shown.
    """

    scratch: Path | None = None
    scratch_bytes: int = SCRATCH_BYTES
    storage: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class RemoteState:
    """A file of a store at one time.

    Attributes
    ----------
    version : str
        What changes with the content: size with the store's tag of it, or else with the time.
    size : int or None
        In bytes; None if the store does not tell.
    modified_s : float or None
        By the store's clock, in seconds since 1970; None if it does not tell.
    """

    version: str
    size: int | None
    modified_s: float | None


def protocol_of(address: str) -> str:
    """``s3`` of ``s3://bucket/key``."""
    return address.partition("://")[0].lower()


def protocol_fault(protocol: str) -> str:
    """Why addresses with this protocol cannot be used here; empty if they can."""
    try:
        from fsspec import get_filesystem_class
    except ImportError:
        return f"addresses need fsspec, which is not installed. {INSTALL}"
    try:
        get_filesystem_class(protocol)
    except ValueError:
        return f"{protocol}:// is not a protocol that fsspec knows"
    except ImportError as error:
        text = str(error).rstrip(".")
        return f"{protocol}:// needs a package that is not installed ({text}). {INSTALL}, or that package"
    return ""


class RemoteFile:
    """A file at an address, which need not exist.

    Every method raises an `InputError` (or `OutputError`, where it writes) that names the address if the store does not
    do what is asked, and never what it was asked with.

    Parameters
    ----------
    address : str
    options : RemoteOptions

    Raises
    ------
    SettingsError
        The protocol cannot be used here, or its options are wrong.
    """

    def __init__(self, address: str, options: RemoteOptions) -> None:
        self.address, self.shown, self._options = address, shown_address(address), options
        self.protocol = protocol_of(address)
        if fault := protocol_fault(self.protocol):
            raise SettingsError(f"{self.shown}: {fault}")
        from fsspec.core import url_to_fs

        storage = dict(options.storage.get(self.protocol, {}))
        self._errors = StoreErrors(address, secrets_of(storage))
        try:
            self._fs, self._path = url_to_fs(address, **storage)
        except (TypeError, ValueError) as error:
            hint = "Check the file of --storage-options."
            raise SettingsError(f"{self.shown} cannot be used: {self._errors.clean(error)}", hint=hint) from None
        except Exception as error:  # noqa: BLE001 - each protocol has its own
            raise self._errors.explained(error, "reach", InputError) from None

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self._path.rstrip("/").rpartition("/")[2].partition("?")[0] or "file"

    @property
    def creates_exclusively(self) -> bool:
        """Whether `create` is one step; of S3 servers some are older than that."""
        return self.protocol in _EXCLUSIVE

    def beside(self, suffix: str) -> RemoteFile:
        """The hidden file beside this one that belongs to it; see `lipblend.runtime.output_paths.hidden_beside`."""
        folder = self.address.rstrip("/").rpartition("/")[0]
        return RemoteFile(f"{folder}/{hidden_beside(Path(self.name), suffix).name}", self._options)

    def within(self, name: str) -> RemoteFile:
        """The file of that name in the folder that has this address."""
        return RemoteFile(f"{self.address}/{name}", self._options)

    def names_within(self) -> set[str]:
        """Names of the files in the folder that has this address; none if there is no such folder."""
        with self._explained("list", InputError):
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(self._path, maxdepth=1)
            except FileNotFoundError:
                return set()
        return {str(path).rpartition("/")[2] for path in found}

    def remove_within(self) -> None:
        """Remove all files in the folder that has this address, and the folder, if it is there."""
        for name in self.names_within():
            self.within(name).remove()
        if self.protocol not in _OBJECT_STORES:
            with self._explained("remove", OutputError), suppress(FileNotFoundError):
                self._fs.rmdir(self._path)

    def look(self) -> RemoteState | None:
        """The file as it is now; None if there is none.

        Raises
        ------
        InputError
            It is a folder, or the store does not answer.
        """
        with self._explained("look at", InputError):
            self._fs.invalidate_cache()
            try:
                info = dict(self._fs.info(self._path))
            except FileNotFoundError:
                return None
            if info.get("type") == "directory":
                raise InputError(f"{self.shown} is a folder", hint="Name a file.")
            changed = next((info[key] for key in _TIMES if info.get(key)), None)
            tag = next((info[key] for key in _TAGS if info.get(key)), None)
            mark = str(tag).strip('"') if tag is not None else str(changed or self._fs.ukey(self._path))
        at_s = changed.timestamp() if isinstance(changed, datetime) else changed if isinstance(changed, float) else None
        return RemoteState(f"{info.get('size')}:{mark}", info.get("size"), at_s)

    def read(self) -> bytes | None:
        """The content of a small file; None if there is none."""
        with self._explained("read", InputError):
            try:
                return bytes(self._fs.cat_file(self._path))
            except FileNotFoundError:
                return None

    def write(self, data: bytes) -> None:
        """Write a small file, which others see whole or not at all."""
        with self._explained("write", OutputError):
            self._in_one_step(lambda path: self._fs.pipe_file(path, data))

    def create(self, data: bytes) -> bool:
        """Write a small file unless it exists; False if it does. See `creates_exclusively`."""
        with self._explained("write", OutputError):
            try:
                if self.protocol in _OBJECT_STORES:
                    self._fs.pipe_file(self._path, data, mode="create")
                else:
                    self._make_folder()
                    with self._fs.open(self._path, "xb" if self.creates_exclusively else "wb") as file:
                        file.write(data)
            except FileExistsError:
                return False
            except OSError as error:
                said = f"{error} {error.__cause__}"
                if "PreconditionFailed" in said or "ConditionalRequestConflict" in said:
                    return False
                if self.protocol in ("sftp", "ssh") and self._fs.exists(self._path):
                    return False  # that protocol has no word for it
                raise
        return True

    def remove(self) -> None:
        """Remove the file, if it is there."""
        with self._explained("remove", OutputError), suppress(FileNotFoundError):
            self._fs.rm_file(self._path)

    def fetch(self, target: Path, stopped: Event) -> None:
        """Copy the file to a path; a part of it may be left there after an error.

        Raises
        ------
        StoppedError
            The event was set.
        """
        with self._explained("read", InputError):
            _transfer(lambda watch: self._fs.get_file(self._path, str(target), callback=watch), stopped)

    def publish(self, source: Path, stopped: Event) -> None:
        """Copy a file to the address, where it appears when it is complete.

        Raises
        ------
        StoppedError
            The event was set.
        """
        with self._explained("write", OutputError):
            self._in_one_step(
                lambda path: _transfer(lambda watch: self._fs.put_file(str(source), path, callback=watch), stopped)
            )

    def _in_one_step(self, write: Callable[[str], object]) -> None:
        """Write to the path; on what is no object store, to a hidden name that is then renamed."""
        if self.protocol in _OBJECT_STORES:
            write(self._path)
            return
        self._make_folder()
        folder, slash, _ = self._path.rpartition("/")
        hidden = f"{folder}{slash}.lipblend-{uuid.uuid4().hex[:12]}"
        try:
            write(hidden)
            self._fs.mv(hidden, self._path)
        except BaseException:
            with suppress(Exception):  # the store may be gone
                self._fs.rm_file(hidden)
            raise

    def _make_folder(self) -> None:
        if folder := self._path.rpartition("/")[0]:
            self._fs.makedirs(folder, exist_ok=True)

    @contextmanager
    def _explained(self, doing: str, kind: type[LipblendError]) -> Iterator[None]:
        try:
            yield
        except (LipblendError, StoppedError):
            raise
        except Exception as error:  # noqa: BLE001 - each protocol has its own
            raise self._errors.explained(error, doing, kind) from None


def _transfer(copy: Callable[[Any], object], stopped: Event) -> None:
    """Copy with a callback that notices a stop; again if the connection is lost in the middle."""
    from fsspec.callbacks import Callback

    moved: list[int] = []

    def look(size: int | None, value: int, **_: object) -> None:
        if stopped.is_set():
            raise StoppedError
        moved[:] = [value]

    for pause_s in (*_PAUSES_S, None):
        moved.clear()
        try:
            copy(Callback(hooks={"look": look}))
            return
        except (StoppedError, FileNotFoundError, PermissionError):
            raise
        except Exception as error:
            full = isinstance(error, OSError) and error.errno in DISK_FULL
            if pause_s is None or full or not (moved and moved[0]) or stopped.is_set():
                raise
            time.sleep(pause_s)
