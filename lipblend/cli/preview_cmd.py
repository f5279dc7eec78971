"""``lipblend preview``."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, OverwriteOption, QuietOption, command_app, output_option
from lipblend.cli.console import Console
from lipblend.cli.exits import handle_errors
from lipblend.cli.given_inputs import RateOption, takes_sequences
from lipblend.cli.outputs import refuse_stream
from lipblend.cli.shared_options import (
    CacheOption,
    ConfigOption,
    CropOption,
    FaceOption,
    KeepOption,
    MatteOption,
    NoCacheOption,
    OriginalArgument,
    PresetOption,
    RangesOption,
    SetOption,
    SettingsFromOption,
    SyncedArgument,
    cache_folder,
    face_flags,
    values_of_run,
)
from lipblend.errors import OutputError, SettingsError
from lipblend.runtime.stand_ins import as_given
from lipblend.settings.presets import DEFAULT_PRESET

if TYPE_CHECKING:
    from lipblend.preview.look import Look
    from lipblend.settings import Settings

app = command_app()

SUFFIXES = (".png", ".jpg", ".jpeg")


@app.command("preview")
@handle_errors(stdout_required=False)
@takes_sequences("original", "synced")
def preview_command(
    context: typer.Context,
    original: OriginalArgument,
    synced: SyncedArgument,
    output: Annotated[Path, output_option("FILE", "Output picture: .png or .jpg.")],
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="TIME",
            help="Frame to show: time in the original in seconds (12.5) or as 1:02.5, or frame number (#312). May be "
            "repeated. Default: the middle of the clip.",
            show_default=False,
        ),
    ] = None,
    presets: Annotated[
        str | None,
        typer.Option(
            "--presets",
            metavar="all|NAME,NAME",
            help="Compare several presets side by side; --config and --set apply to each.",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Stop after the first picture, for which each frame is processed on its own."),
    ] = False,
    overwrite: OverwriteOption = True,
    settings_from: SettingsFromOption = None,
    preset: PresetOption = DEFAULT_PRESET,
    config: ConfigOption = None,
    assignments: SetOption = None,
    face: FaceOption = None,
    ranges: RangesOption = None,
    keep: KeepOption = None,
    matte: MatteOption = None,
    crop: CropOption = None,
    rate: RateOption = None,
    models: ModelsOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Render single frames with all intermediate steps as one picture.

    The picture shows original, synced video and result, mask, alpha and seam ring, differences and landmarks. A first
    version appears within about a second, with each frame processed on its own, and is replaced by the final one within
    a few seconds. Only a short stretch around each frame is read, and tracking starts there, so landmarks can differ
    from those of a full run by some pixels.
    """
    began_s = time.perf_counter()
    _check_output(output, (original, synced, *_matte_files(keep), *_matte_files(matte)), overwrite=overwrite)
    analyses = cache_folder(cache, no_cache)
    named = preset if _is_given(context, "preset") else None
    chosen = _choice(settings_from, presets, named, config, assignments or (), face_flags(face, ranges))

    from lipblend.faces.landmarker import BackgroundLandmarker
    from lipblend.faces.models import resolve_model

    about = f"{chosen.about}original {as_given(original.name)}, synced {as_given(synced.name)}"
    console, target = Console(quiet=quiet, as_json=as_json), _Target(output, overwrite=overwrite)
    track, find = next(iter(chosen.settings.values())).track, partial(resolve_model, "face_landmarker", models)
    with BackgroundLandmarker(find, max_faces=track.max_faces, confidence=track.confidence) as finder:
        # Image processing modules are imported while the face model loads.
        from lipblend.preview.frames import preview
        from lipblend.preview.look import Preview
        from lipblend.preview.preview_options import PreviewOptions
        from lipblend.preview.sheet import sheet

        def first(found: Preview) -> None:
            target.save(sheet(found.looks, chosen.differences, about=about))
            if not quiet and sys.stderr is not None:
                took_s = time.perf_counter() - began_s
                print(f"first picture after {took_s:.1f} s: {output}; refining ...", file=sys.stderr, flush=True)

        found = preview(
            original,
            synced,
            at or (),
            chosen.settings,
            options=PreviewOptions(
                models=models,
                cache=analyses,
                keep=keep,
                matte=matte,
                crop=crop,
                quick=quick,
                on_quick=None if quick else first,
            ),
            finder=finder,
        )
    target.save(sheet(found.looks, chosen.differences, about=about))
    notes = [*chosen.notes, *found.notes]
    data = {
        "output": str(output),
        "times_s": [looks[0].time_s for looks in found.looks],
        "frames": [looks[0].number for looks in found.looks],
        "presets": list(chosen.settings),
        "quick": all(look.quick for looks in found.looks for look in looks),
        "reasons": [[look.rendered.reason for look in looks] for looks in found.looks],
        "in_front": [[_in_front(look) for look in looks] for looks in found.looks],
        "whole_clip": [any(look.whole for look in looks) for looks in found.looks],
        "notes": notes,
    }
    console.finish(data, "\n".join([*(f"note: {note}" for note in notes), f"sheet  {output}"]))


def _in_front(look: Look) -> dict[str, Any]:
    from lipblend.plan.front_log import Hiding

    hiding = Hiding.of_row(look.row)
    return {"ways": list(hiding.ways), "share": hiding.share}


@dataclass(frozen=True)
class _Choice:
    """Settings by the name of their column, how each differs from the defaults, and words on them."""

    settings: dict[str, Settings]
    differences: list[str]
    about: str
    notes: list[str]


def _choice(
    settings_from: Path | None,
    presets: str | None,
    preset: str | None,
    config: Path | None,
    assignments: list[str] | tuple[()],
    flags: dict[str, object],
) -> _Choice:
    """The settings to show; ``preset`` is None if it was not given."""
    from lipblend.settings.presets import find_preset, preset_values
    from lipblend.settings.resolve import resolve_settings

    options = {"--settings-from": settings_from, "--preset": preset, "--presets": presets}
    both = [option for option, value in options.items() if value is not None]
    if len(both) > 1:
        raise SettingsError(f"{both[0]} and {both[1]} contradict each other", hint="Remove one of them.")
    if settings_from is not None:
        values, notes = values_of_run(settings_from)
        name = f"settings of {settings_from.name}"
        settings = resolve_settings(None, config, assignments, flags=flags, base=(values, name)).settings
        return _Choice({name: settings}, [_values(values)], f"{name}, ", notes)
    chosen = [preset or DEFAULT_PRESET] if presets is None else _presets(presets)
    return _Choice(
        {name: resolve_settings(name, config, assignments, flags=flags).settings for name in chosen},
        [_values(preset_values(find_preset(name))) for name in chosen],
        f"preset {chosen[0]}, " if presets is None else "",
        [],
    )


def _is_given(context: typer.Context, name: str) -> bool:
    """Whether an option was given on the command line, even with its default value."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _presets(names: str) -> list[str]:
    from lipblend.settings.presets import find_preset, list_presets

    if names.strip() == "all":
        # The default preset comes first.
        return sorted((each.name for each in list_presets()), key=lambda name: name != DEFAULT_PRESET)
    found = [find_preset(name.strip()).name for name in names.split(",") if name.strip()]
    if not found:
        raise SettingsError("--presets names no preset", hint="Use --presets all, or names separated by commas.")
    if twice := [name for place, name in enumerate(found) if name in found[:place]]:
        raise SettingsError(f"--presets names {twice[0]} twice", hint="Name each preset once.")
    return found


def _values(values: dict[str, Any]) -> str:
    texts = [
        f"{key}={'+'.join(map(str, value)) if isinstance(value, list) else value}" for key, value in values.items()
    ]
    return "  ".join(texts) or "the defaults"


def _matte_files(keep: Path | None) -> tuple[Path, ...]:
    if keep is None:
        return ()
    from lipblend.video.keep_matte import matte_files  # slow to load

    return matte_files(keep)


def _check_output(output: Path, inputs: tuple[Path, ...], *, overwrite: bool) -> None:
    refuse_stream(output, example="sheet.png")
    if output.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"{output}: the suffix {output.suffix or '(none)'} is not a supported picture format",
            hint=f"Use {' or '.join(SUFFIXES[:2])}.",
        )
    from lipblend.runtime.output_paths import check_file_writable

    check_file_writable(output, inputs=inputs, overwrite=overwrite, example="sheet.png")


class _Target:
    """The output file. A run may always replace its own first version."""

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self._path, self._overwrite = path, overwrite

    def save(self, image: Any) -> None:
        """Write the picture; the file is replaced only when complete."""
        from lipblend.picture.labelled import encode_image
        from lipblend.runtime.files import write_atomically

        write_atomically(self._path, encode_image(image, self._path.suffix.lower()), overwrite=self._overwrite)
        self._overwrite = True
