"""Options shared by several commands; flags of settings take their help from the settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from lipblend.cli.command_app import path_argument, path_option
from lipblend.errors import InputError, SettingsError
from lipblend.runtime.folders import user_cache_folder
from lipblend.settings.catalogue import setting_specs

CACHE_VARIABLE = "LIPBLEND_CACHE"
"""Environment variable that names the cache folder; ``off`` disables the cache."""


def setting_flag(key: str, metavar: str = "") -> Any:
    """Define the command-line flag of a setting (`SettingSpec.flag`)."""
    spec = setting_specs()[key]
    text = f"{spec.help} Sets {key} (default {spec.default_text})."
    # Numbers are validated with all other settings, so that the message names the setting and its range.
    parser = _number_or_text if spec.kind in ("int", "float") else None
    shown = metavar or "|".join(spec.choices) or spec.kind.upper()
    return typer.Option(spec.flag, help=text, metavar=shown, parser=parser, show_default=False)


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def cache_folder(folder: Path | None, no_cache: bool) -> Path | None:
    """The cache folder: `folder` if given, else as `CACHE_VARIABLE` says, else in the user's cache folder.

    Returns
    -------
    Path or None
        None if the cache is disabled by ``--no-cache`` or the variable.

    Raises
    ------
    SettingsError
        Both a folder and ``--no-cache`` are given, or the folder is a file.
    """
    if folder is not None and no_cache:
        raise SettingsError("--cache and --no-cache contradict each other", hint="Remove one of them.")
    if no_cache:
        return None
    variable = os.environ.get(CACHE_VARIABLE, "")
    if folder is None and variable.lower() == "off":
        return None
    chosen = folder if folder is not None else Path(variable) if variable else None
    if chosen is None:
        return user_cache_folder() / "analysis"
    if os.path.exists(chosen) and not os.path.isdir(chosen):  # unlike those of Path, they accept any path
        raise SettingsError(f"the cache {chosen} is a file", hint="Name a folder.")
    return chosen


def face_flags(face: str | None, ranges: str | None) -> dict[str, object]:
    """The settings of `FaceOption` and `RangesOption` that were given, by dotted key."""
    return {key: value for key, value in (("track.face", face), ("track.ranges", ranges)) if value is not None}


def values_of_run(path: Path) -> tuple[dict[str, object], list[str]]:
    """The values of the settings of a run by dotted key: from a report, or from the record in a video; and notes.

    Raises
    ------
    InputError
        The file is neither, or the video has no record that can be used.
    """
    from lipblend.settings.resolve import flat_values

    if not _is_binary(path):
        from lipblend.quality.report import load_report

        return flat_values(load_report(path).settings), []
    from lipblend.output.recorded_settings import recorded_values
    from lipblend.output.run_record import find_record
    from lipblend.video.probe import probe

    found = find_record(probe(path).metadata)
    if found.record is None:
        raise InputError(
            f"{path} does not record its settings{f': {found.note}' if found.note else ''}",
            hint="Name a report.json, or a video that `lipblend composite` wrote without --no-record.",
        )
    values, notes = recorded_values(found.record)
    return values, [*filter(None, [found.note]), *notes]


def _is_binary(path: Path) -> bool:
    """Whether a file is there and holds something else than the text of a report."""
    try:
        with path.open("rb") as file:
            return not file.read(64).lstrip().startswith(b"{")
    except OSError:
        return False  # the reader of reports says why


OriginalArgument = Annotated[Path, path_argument("ORIGINAL", "The original video.")]
SyncedArgument = Annotated[Path, path_argument("SYNCED", "The same video after lip-sync.")]
PresetOption = Annotated[
    str, typer.Option("--preset", metavar="NAME", help="Preset to start from (see `lipblend presets list`).")
]
ConfigOption = Annotated[Path | None, path_option("--config", "FILE", "YAML file of settings; overrides the preset.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set one setting; overrides preset and file. May be repeated."),
]
SettingsFromOption = Annotated[
    Path | None,
    path_option(
        "--settings-from",
        "FILE",
        "Settings of a run: a video that records them, or a report.json of composite --report.",
    ),
]
KeepOption = Annotated[
    Path | None,
    path_option(
        "--keep",
        "MATTE",
        "Matte of what stays the original's, such as a hand before the mouth: a grey video, or a folder of numbered "
        "PNG pictures, with a frame for each of ORIGINAL, of its size. White stays, black is blended.",
    ),
]
MatteOption = Annotated[
    Path | None,
    path_option(
        "--matte",
        "MATTE",
        "Alpha of the new mouth, edited elsewhere, in the place of the computed one: a grey video, or a folder of "
        "numbered PNG pictures, one for each frame of ORIGINAL, of its size. White is the new mouth, black the "
        "original.",
    ),
]
FaceOption = Annotated[str | None, setting_flag("track.face", "changed|largest|all|INDEX|X,Y@TIME")]
RangesOption = Annotated[str | None, setting_flag("track.ranges", "A-B,C-end")]
LayersOption = Annotated[
    Path | None,
    path_option(
        "--layers",
        "FOLDER",
        "For an editor: write the patch with straight alpha (ProRes 4444), the mattes of the mouth and of what is in "
        "front of it, and a timeline (OTIO) to this folder (see docs/editors.md).",
    ),
]
CropOption = Annotated[
    Path | None,
    path_option(
        "--crop",
        "RECORD",
        "SYNCED is a face crop, and this says where it lies in ORIGINAL: the JSON of `lipblend crop`, or what a "
        "generator keeps (see docs/crops.md).",
    ),
]
CacheOption = Annotated[
    Path | None,
    path_option(
        "--cache",
        "FOLDER",
        "Cache folder for analyses, for faster repeated runs on a pair (see `lipblend cache info`).",
    ),
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Do not read or write the cache.")]
