"""``lipblend preview``."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from lipblend.cli.console import Console
from lipblend.cli.exits import guarded_maker
from lipblend.cli.outputs import check_folder
from lipblend.cli.shared_options import (
    DEFAULT_PRESET,
    CacheOption,
    ConfigOption,
    JsonOption,
    ModelsOption,
    NoCacheOption,
    OriginalArgument,
    PresetOption,
    QuietOption,
    SetOption,
    SyncedArgument,
    chosen_cache,
    command_app,
)
from lipblend.errors import OutputError, SettingsError

app = command_app()

SUFFIXES = (".png", ".jpg", ".jpeg")


@app.command("preview")
@guarded_maker
def preview_command(
    context: typer.Context,
    original: OriginalArgument,
    synced: SyncedArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The sheet: .png or .jpg.", show_default=False, readable=False
        ),
    ],
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="TIME",
            help="Which frame: seconds of the original (12.5), 1:02.5, or its number (#312); may be repeated. "
            "The middle of the clip otherwise.",
            show_default=False,
        ),
    ] = None,
    presets: Annotated[
        str | None,
        typer.Option(
            "--presets",
            metavar="all|NAME,NAME",
            help="Show the same frame by several presets side by side; --config and --set are laid over each.",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Stop at the first picture, which is made of each frame by itself."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite/--no-overwrite", help="Replace FILE if it exists, or stop with an error.")
    ] = True,
    preset: PresetOption = DEFAULT_PRESET,
    config: ConfigOption = None,
    assignments: SetOption = None,
    models: ModelsOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Render single frames, with every step of the way, as a picture.

    A first picture is there within about a second, made of each frame by itself; it is replaced by the final one within
    a few seconds. Only a moment about each frame is read for that, and tracking begins there too, so that a mesh can
    lie some pixels from where a whole run has it. The sheet shows original, synced and result, mask, alpha and seam
    ring, where the pictures differ, and the landmarks.
    """
    began_s = time.perf_counter()
    _check_output(output, (original, synced), overwrite=overwrite)
    if presets is not None and _is_given(context, "preset"):
        raise SettingsError("--preset and --presets both say what to start from", hint="Give one of them.")
    chosen = [preset] if presets is None else _presets(presets)

    from lipblend.settings.presets import find_preset, preset_values, resolve_settings

    analyses = chosen_cache(cache, no_cache)
    settings = {name: resolve_settings(name, config, assignments or ()).settings for name in chosen}
    differences = [_values(preset_values(find_preset(name))) for name in chosen]

    from lipblend.faces.landmarker import BackgroundLandmarker
    from lipblend.faces.models import resolve_model

    about = f"{'' if presets is not None else f'preset {preset}, '}original {original.name}, synced {synced.name}"
    console, target = Console(quiet=quiet, as_json=as_json), _Target(output, overwrite=overwrite)
    track, find = next(iter(settings.values())).track, partial(resolve_model, "face_landmarker", models)
    with BackgroundLandmarker(find, max_faces=track.max_faces, confidence=track.confidence) as finder:
        # What works on pictures is imported while the face model is made.
        from lipblend.preview.frames import PreviewOptions, preview
        from lipblend.preview.look import Preview
        from lipblend.preview.sheet import sheet

        def first(found: Preview) -> None:
            target.save(sheet(found.looks, differences, about=about))
            if not quiet and sys.stderr is not None:
                took_s = time.perf_counter() - began_s
                print(f"first picture after {took_s:.1f} s: {output}; refining ...", file=sys.stderr, flush=True)

        found = preview(
            original,
            synced,
            at or (),
            settings,
            options=PreviewOptions(models=models, cache=analyses, quick=quick, on_quick=None if quick else first),
            finder=finder,
        )
    target.save(sheet(found.looks, differences, about=about))
    data = {
        "output": str(output),
        "times_s": [looks[0].time_s for looks in found.looks],
        "frames": [looks[0].number for looks in found.looks],
        "presets": list(chosen),
        "quick": all(look.quick for looks in found.looks for look in looks),
        "reasons": [[look.rendered.reason for look in looks] for looks in found.looks],
        "whole_clip": [any(look.whole for look in looks) for looks in found.looks],
        "notes": list(found.notes),
    }
    console.finish(data, "\n".join([*(f"note: {note}" for note in found.notes), f"sheet  {output}"]))


def _is_given(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line, be it with its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _presets(several: str) -> list[str]:
    from lipblend.settings.presets import find_preset, list_presets

    if several.strip() == "all":
        # The one that is used without a word comes first.
        return sorted((each.name for each in list_presets()), key=lambda name: name != DEFAULT_PRESET)
    names = [find_preset(name.strip()).name for name in several.split(",") if name.strip()]
    if not names:
        raise SettingsError("--presets names no preset", hint="Write --presets all, or names with commas between.")
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise SettingsError(f"--presets names {twice[0]} twice", hint="Name each preset once.")
    return names


def _values(values: dict[str, Any]) -> str:
    texts = [
        f"{key}={'+'.join(map(str, value)) if isinstance(value, list) else value}" for key, value in values.items()
    ]
    return "  ".join(texts) or "the defaults"


def _check_output(output: Path, inputs: tuple[Path, ...], *, overwrite: bool) -> None:
    if output.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"{output}: the suffix {output.suffix or '(none)'} names no picture that can be written",
            hint=f"Use {' or '.join(SUFFIXES[:2])}.",
        )
    if output.is_dir():
        raise OutputError(f"{output} names a folder", hint=f"Give a file name such as {output / 'sheet.png'}.")
    folder = output.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist", hint="Create it first, or choose another output.")
    check_folder(folder)
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists already", hint="Leave out --no-overwrite to replace it, or name another.")
    if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
        raise OutputError(f"{output} is an input of this run", hint="Choose another name for the output.")


class _Target:
    """The sheet's file. What this run has written itself it may replace."""

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self._path, self._overwrite = path, overwrite

    def save(self, image: Any) -> None:
        """Write a picture; it appears when it is complete."""
        from lipblend.picture.labelled import encoded
        from lipblend.runtime.whole import write_whole

        write_whole(self._path, encoded(image, self._path.suffix.lower()), overwrite=self._overwrite)
        self._overwrite = True
