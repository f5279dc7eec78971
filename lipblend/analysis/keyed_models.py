"""The files of the user's own that an analysis depends on."""

from __future__ import annotations

from pathlib import Path

from lipblend.errors import ModelError
from lipblend.runtime.identity import content_identity
from lipblend.runtime.versions import library_versions
from lipblend.settings import OcclusionSettings


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
    InputError
        One of them cannot be read.
    """
    files = occluder_files(settings)
    for path, what in zip(files, ("occluder model", "mapping file of the occluder model"), strict=False):
        if not path.is_file():
            raise ModelError(
                f"the {what}, {path}, is missing",
                hint="See docs/occluder-models.md, or set occlusion.model to none.",
            )
    runtime = [f"{name} {number}" for name, number in library_versions(("onnxruntime",)).items()] if files else []
    return [*map(content_identity, files), *runtime]
