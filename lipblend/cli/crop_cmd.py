"""``lipblend crop``."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipblend.cli.command_app import (
    JsonOption,
    ModelsOption,
    OverwriteOption,
    QuietOption,
    command_app,
    output_option,
    path_option,
)
from lipblend.cli.composite_targets import DepthOption, FormatOption, check_before_reading, special_output
from lipblend.cli.console import Console
from lipblend.cli.exits import handle_errors
from lipblend.cli.given_inputs import InputRateOption, takes_sequences
from lipblend.cli.outputs import check_output_name
from lipblend.cli.shared_options import OriginalArgument
from lipblend.errors import SettingsError
from lipblend.runtime.stand_ins import STDIN, is_pattern
from lipblend.runtime.standard_output import stream_path
from lipblend.settings import EncodeSettings
from lipblend.settings.face_points import canonical_points

if TYPE_CHECKING:
    from lipblend.cli.composite_targets import SpecialOutput
    from lipblend.cropping.crop_job import CropResult
    from lipblend.cropping.crop_options import CropOptions

app = command_app()


class CropMode(enum.Enum):
    """Values of ``--mode``."""

    fixed = "fixed"
    follow = "follow"
    aligned = "aligned"


def _check_first(given: Mapping[str, Any]) -> None:
    """Check the outputs before pictures or standard input are read."""
    from lipblend.cropping.crop_names import numbered
    from lipblend.cropping.crop_target import check_pictures
    from lipblend.runtime.output_paths import check_file_writable

    output, record = given["output"], _record(given["output"], given["meta"], given["face"])
    if given["face"] == "all":
        output, record = numbered(output, 0), numbered(record, 0)
    check_before_reading({**given, "output": output})
    sources, overwrite = [given["original"]], given["overwrite"]
    if is_pattern(output):
        check_pictures(output, record, sources, overwrite=overwrite)
    else:
        check_file_writable(record, inputs=sources, overwrite=overwrite)


@app.command("crop")
@handle_errors(stdout_required=False)
@takes_sequences("original", rate="input_rate", check=_check_first)
def crop_command(
    original: OriginalArgument,
    output: Annotated[
        Path, output_option("FILE", "The crop: .mp4, .mov, .mkv, pictures (faces/%06d.png), or - (stdout).")
    ],
    meta: Annotated[
        Path | None,
        path_option(
            "--meta",
            "JSON",
            "Record of where the crop lies, for composite --crop. Default: FILE with .json; of "
            "pictures their folder's name with .json.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Size, margin, rate and mode for a generator: wav2lip, latentsync, musetalk, diff2lip, "
            "video-retalking, geneface, liveportrait.",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option("--size", metavar="PX", help="Side of the square crop. Default: 512.", show_default=False),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin",
            min=0,
            max=4,
            metavar="SHARE",
            help="Room on each side of the face, in sizes of the face. Default: 0.3.",
            show_default=False,
        ),
    ] = None,
    mode: Annotated[
        CropMode | None,
        typer.Option(
            "--mode",
            help="fixed: one box for each shot; follow: a box that follows the face; aligned: turned upright with the "
            "face, or on the template of the profile. Default: fixed.",
            show_default=False,
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            "--rate",
            metavar="original|FPS",
            help="Frames per second, such as 25 or 30000/1001. Default: the original's.",
            show_default=False,
        ),
    ] = None,
    input_rate: InputRateOption = None,
    face: Annotated[
        str,
        typer.Option(
            "--face",
            metavar="largest|all|INDEX|X,Y@TIME",
            help="Which face. INDEX counts from the left as `probe` does; X,Y@TIME is a point in the face (pixels, "
            "seconds or @300f), one for each shot, joined with ;. all: a crop of each face, FILE (of pictures: their "
            "folder) with -0, -1 ...",
        ),
    ] = "largest",
    min_face: Annotated[int, typer.Option("--min-face", min=20, max=1000, metavar="PX", help="Narrowest face.")] = 40,
    fill: Annotated[
        str, typer.Option("--fill", metavar="R,G,B", help="Colour beyond the border of the picture.")
    ] = "127,127,127",
    upscale: Annotated[
        bool, typer.Option("--upscale", help="Enlarge a small face by Lanczos' kernel, and do not warn.")
    ] = False,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            metavar="NAME",
            help="Video encoder of the crop. Default: libx264; of nut ffv1.",
            show_default=False,
        ),
    ] = None,
    crf: Annotated[
        float | None,
        typer.Option(
            "--crf",
            metavar="NUMBER",
            min=0,
            max=63,
            help="Its constant rate factor. Default: 10.",
            show_default=False,
        ),
    ] = None,
    depth: DepthOption = None,
    stream_format: FormatOption = None,
    overwrite: OverwriteOption = True,
    models: ModelsOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cut a steady square crop of a face out of a video, for a generator.

    FILE and then its record appear when they are complete. Give the record to `lipblend composite --crop` with the
    crop that the generator returns. A crop shows the pictures upright; a video of it has 8 bits and the sound of
    ORIGINAL.
    """
    target = special_output(output, form=stream_format, depth=depth, excluded={}, as_json=as_json)
    record = _record(output, meta, face)
    if not target.is_stream:
        check_output_name(output, original)
    from lipblend.cropping.crop_job import check_size, crop_all_faces, crop_video
    from lipblend.cropping.crop_options import FACES, CropOptions
    from lipblend.cropping.crop_profiles import profile_with

    base = profile_with(profile, size=size, margin=margin, mode=None if mode is None else mode.value, rate=rate)
    check_size(base.size)
    options = CropOptions(
        profile=base,
        track=FACES.model_copy(update={"face": _face(face), "min_face_px": min_face}),
        depth=depth,
        fill=_fill(fill),
        upscale=upscale,
        models=models,
        overwrite=overwrite,
    )
    options = _encoded(options, target, encoder, crf)
    console = Console(quiet=quiet, as_json=as_json, on_stderr=target.is_stream)
    with console.progress() as on_progress:
        if face == "all":
            results = crop_all_faces(original, output, record, options=options, on_progress=on_progress)
        else:
            place = output if target.form is None else stream_path(target.form)
            made_one = crop_video(original, place, record, options=options, on_progress=on_progress)
            results = [replace(made_one, output=output)]
    made = [result.to_dict() for result in results]
    console.finish({"crops": made} if face == "all" else made[0], "\n".join(map(_lines, results)))


def _record(output: Path, meta: Path | None, face: str) -> Path:
    """The record's path, as given or beside the crop."""
    from lipblend.cropping.crop_names import record_beside

    if output == STDIN and face == "all":
        raise SettingsError("standard output holds one crop, and --face all makes several", hint="Name one face.")
    return meta if meta is not None else record_beside(output)


def _encoded(options: CropOptions, target: SpecialOutput, encoder: str | None, crf: float | None) -> CropOptions:
    """Options with the encoding that the output needs or the user asks for."""
    given = {"encode.encoder": encoder, "encode.crf": crf}
    chosen = target.settings({key: value for key, value in given.items() if value is not None})
    update = {key.removeprefix("encode."): value for key, value in chosen.items() if key.startswith("encode.")}
    sound = chosen.get("audio.source") != "none"
    base = EncodeSettings() if target.is_stream and encoder is None else options.encode  # lossless: no crf is meant
    return replace(options, encode=base.model_copy(update=update), sound=sound)


def _lines(result: CropResult) -> str:
    lines = [
        f"{result.output}  {result.size[0]}x{result.size[1]}, {result.frames} frames at {result.rate} frames/s",
        f"  record          {result.record}",
        f"  face            in {result.with_face} frames, {result.face_px:.0f} px wide in the original",
        *(f"  note            {note}" for note in result.notes),
    ]
    return "\n".join(lines)


def _face(text: str) -> str | int:
    if text in ("largest", "all"):
        return text
    if text.isdigit() and int(text) <= 99:
        return int(text)
    try:
        return canonical_points(text)
    except ValueError:
        raise SettingsError(
            f"--face {text} names no face",
            hint="Use largest, all, a number that `lipblend probe` shows, or a point X,Y@TIME in a face.",
        ) from None


def _fill(text: str) -> tuple[int, int, int]:
    try:
        red, green, blue = (int(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(f"--fill {text} is not a colour", hint="Use R,G,B, such as 127,127,127.") from None
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise SettingsError(f"--fill {text} is beyond 0 to 255", hint="Use R,G,B, such as 127,127,127.")
    return red, green, blue
