"""What an output is made from, apart from the program: files by content, settings as texts, versions."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from lipblend.analysis.cache import WHOLE_PACKAGE, code_fingerprint
from lipblend.analysis.keyed_models import model_runtimes, occluder_files
from lipblend.batch.job_spec import JobSpec
from lipblend.errors import InputError
from lipblend.faces.models import MODELS
from lipblend.output.recorded_settings import exact_text
from lipblend.runtime.content_digest import digest
from lipblend.runtime.identity import sha256_of
from lipblend.runtime.stand_ins import is_pattern
from lipblend.runtime.versions import OPENCV, library_versions
from lipblend.settings import Settings
from lipblend.settings.catalogue import FILE_SETTINGS, setting_specs
from lipblend.settings.resolve import flat_values, resolve_settings
from lipblend.video.numbered_files import numbered_files
from lipblend.video.numbered_pictures import pictures_in

CODE = "code"
"""Entry of `running_versions` that changes with every other one of its libraries too."""
SOUND, RESTORER = "sound", "restoration model"
OCCLUDER, OCCLUDER_MAPPING = "occluder model", "mapping of the occluder model"
_LIBRARIES = ("lipblend", "av", "numpy", OPENCV, "mediapipe")


class RecordedFile(BaseModel):
    """A file that an output was made from, without its name.

    Attributes
    ----------
    role : str
        As in `JobSpec.inputs`, or a file that a setting names.
    size : int
        In bytes; of all pictures of a folder or an image sequence together.
    mtime_ns : int
        Modification time; of a folder or a sequence, a number made from names, sizes and times of its pictures.
    sha256 : str
        Hexadecimal; of a folder or a sequence, of the digests of its pictures in a row. Empty if the file was
        exchanged while the output was made.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    role: str
    size: int
    mtime_ns: int
    sha256: str


def job_settings(spec: JobSpec) -> Settings:
    """The settings of a job.

    Raises
    ------
    SettingsError
    """
    return resolve_settings(overrides=dict(spec.settings)).settings


def setting_texts(settings: Settings, *, marks: bool) -> dict[str, str]:
    """The settings that differ from the defaults, as ``--set`` reads them; without files, which count by content.

    Parameters
    ----------
    settings : Settings
    marks : bool
        With the pass marks.
    """
    specs = setting_specs()
    return {
        key: exact_text(value)
        for key, value in flat_values(settings.model_dump()).items()
        if value != specs[key].default and not names_file(key, value) and (marks or not key.startswith("gate."))
    }


def names_file(key: str, value: object) -> bool:
    """Whether a setting has the path of a file."""
    return key in FILE_SETTINGS and value not in FILE_SETTINGS[key]


def files_of(spec: JobSpec, settings: Settings) -> dict[str, Path]:
    """All files that an output is made from, by role."""
    files = {role: Path(path) for role, path in spec.inputs.items()}
    named = {SOUND: ("audio.source", settings.audio.source), RESTORER: ("restore.model", settings.restore.model)}
    files |= {role: Path(value) for role, (key, value) in named.items() if names_file(key, value)}
    return files | dict(zip((OCCLUDER, OCCLUDER_MAPPING), occluder_files(settings.occlusion), strict=False))


def recorded_files(files: Mapping[str, Path], known: Iterable[RecordedFile] = ()) -> tuple[RecordedFile, ...]:
    """The files as they are now. Digests that are known are trusted while size and modification time are the same.

    Raises
    ------
    InputError
        A file is missing or cannot be read.
    """
    by_role = {each.role: each for each in known}
    return tuple(_recorded(role, path, by_role.get(role)) for role, path in files.items())


def sequence_roles(spec: JobSpec) -> frozenset[str]:
    """The roles of the inputs that are image sequences."""
    return frozenset(role for role, text in spec.inputs.items() if is_pattern(Path(text)))


def recorded_sequences(spec: JobSpec) -> tuple[RecordedFile, ...]:
    """The image sequences among the inputs as they are now; an output names only the films that stood in for them.

    Raises
    ------
    InputError
        A picture is missing or cannot be read.
    """
    return recorded_files({role: Path(spec.inputs[role]) for role in sequence_roles(spec)})


def versions_for(settings: Settings) -> dict[str, str]:
    """Versions of what makes an output with these settings."""
    with_model = settings.restore.model != "none" or settings.occlusion.model != "none"
    return {**running_versions(), **({"model runtime": ", ".join(model_runtimes())} if with_model else {})}


@cache
def running_versions() -> dict[str, str]:
    """Versions of the program and its libraries, and a digest of all code, which is read once."""
    return {**library_versions(_LIBRARIES), CODE: code_fingerprint(WHOLE_PACKAGE)}


def model_digests() -> dict[str, str]:
    """SHA-256 of the models that find faces, hands and people, by file name: others are not accepted."""
    return {spec.file_name: spec.sha256 for spec in MODELS.values()}


def _recorded(role: str, path: Path, known: RecordedFile | None) -> RecordedFile:
    try:
        folder, sequence = path.is_dir(), is_pattern(path)
        several = folder or sequence
        files = pictures_in(path).paths if folder else numbered_files(path).paths if sequence else (path,)
        stats = [os.stat(each) for each in files]
        times = [each.st_mtime_ns for each in (*stats, *([os.stat(path)] if folder else []))]
    except InputError as error:
        raise InputError(f"{role}: {error.message}", hint=error.hint) from error
    except OSError as error:
        reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror or error}"
        raise InputError(f"{role} {reason}: {path}", hint="Check the path.") from error
    size, changed = sum(each.st_size for each in stats), max(times)
    if several:  # of each picture, since an older one may have taken the place of one of the same size
        each_one = [[each.name, stat.st_size, stat.st_mtime_ns] for each, stat in zip(files, stats, strict=True)]
        changed = int(digest(each_one)[:15], 16)
    now = RecordedFile(role=role, size=size, mtime_ns=changed, sha256="")
    if known is not None and known.sha256 and known == now.model_copy(update={"sha256": known.sha256}):
        return known
    digests = [sha256_of(each) for each in files]
    whole = hashlib.sha256("".join(digests).encode()).hexdigest() if several else digests[0]  # as that of a matte
    return now.model_copy(update={"sha256": whole})
