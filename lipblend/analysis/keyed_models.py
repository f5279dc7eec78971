"""The files of the user's own that an analysis depends on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lipblend.errors import ModelError
from lipblend.runtime.identity import content_identity
from lipblend.settings import OcclusionSettings
from lipblend.settings.occluder_mapping import read_occluder_mapping

_RUNTIMES = ("onnxruntime", "onnxruntime-gpu")


def occluder_files(settings: OcclusionSettings) -> tuple[Path, ...]:
    """The occluder model and its mapping file; empty without a model. They need not exist."""
    if settings.model == "none":
        return ()
    path = Path(settings.model)
    return path, path.with_suffix(".yaml")


def model_identity(settings: OcclusionSettings) -> list[str]:
    """What identifies the occluder model, its mapping file and the library that runs it; empty without a model.

    Raises
    ------
    ModelError
        One of the files is missing.
    SettingsError
        The mapping file is not valid.
    InputError
        A file cannot be read.
    """
    if not (files := occluder_files(settings)):
        return []
    model, mapping = files
    for path, what in ((model, "occluder model"), (mapping, "mapping file of the occluder model")):
        if not path.is_file():
            raise ModelError(
                f"the {what}, {path}, is missing",
                hint="See docs/occluder-models.md, or set occlusion.model to none.",
            )
    read_occluder_mapping(mapping)
    return [*map(content_identity, files), *model_runtimes()]


def model_runtimes() -> list[str]:
    """Names and versions of the libraries that run models of the user's own."""
    return list(map(_installed, _RUNTIMES))


def _installed(name: str) -> str:
    """Name and version of a distribution, if it is there: without it the model cannot run, and that is said then."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} -"
