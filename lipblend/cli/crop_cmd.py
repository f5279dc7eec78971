"""``lipblend crop``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from lipblend.cli.console import Console
from lipblend.cli.exits import handle_errors
from lipblend.cli.given_inputs import InputRateOption, takes_sequences
from lipblend.cli.outputs import check_output_name
from lipblend.cli.shared_options import OriginalArgument
from lipblend.errors import SettingsError
from lipblend.settings.face_points import canonical_points

if TYPE_CHECKING:
    from lipblend.cropping.crop_job import CropResult

app = command_app()


class CropMode(enum.Enum):
    """Values of ``--mode``."""

    fixed = "fixed"
    follow = "follow"
    aligned = "aligned"


@app.command("crop")
@handle_errors(stdout_required=False)
@takes_sequences("original", rate="input_rate")
def crop_command(
    original: OriginalArgument,
    output: Annotated[Path, output_option("FILE", "The crop: .mp4, .mov or .mkv.")],
    meta: Annotated[
        Path | None,
        path_option("--meta", "JSON", "Record of where the crop lies, for composite --crop. Default: FILE with .json."),
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
            "seconds or @300f), one for each shot, joined with ;. all: a crop of each face, FILE with -0, -1 ...",
        ),
    ] = "largest",
    min_face: Annotated[int, typer.Option("--min-face", min=20, max=1000, metavar="PX", help="Narrowest face.")] = 40,
    fill: Annotated[
        str, typer.Option("--fill", metavar="R,G,B", help="Colour beyond the border of the picture.")
    ] = "127,127,127",
    upscale: Annotated[
        bool, typer.Option("--upscale", help="Enlarge a small face by Lanczos' kernel, and do not warn.")
    ] = False,
    encoder: Annotated[str, typer.Option("--encoder", metavar="NAME", help="Video encoder of the crop.")] = "libx264",
    crf: Annotated[
        float, typer.Option("--crf", metavar="NUMBER", min=0, max=63, help="Its constant rate factor.")
    ] = 10,
    overwrite: OverwriteOption = True,
    models: ModelsOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cut a steady square crop of a face out of a video, for a generator.

    FILE and then its record appear when they are complete. Give the record to `lipblend composite --crop` with the
    crop that the generator returns. A crop shows the pictures upright, in 8 bits, with the sound of ORIGINAL.
    """
    check_output_name(output, original)
    from lipblend.cropping.crop_job import check_size, crop_all_faces, crop_video
    from lipblend.cropping.crop_options import ENCODE, FACES, CropOptions
    from lipblend.cropping.crop_profiles import profile_with

    base = profile_with(profile, size=size, margin=margin, mode=None if mode is None else mode.value, rate=rate)
    check_size(base.size)
    options = CropOptions(
        profile=base,
        track=FACES.model_copy(update={"face": _face(face), "min_face_px": min_face}),
        encode=ENCODE.model_copy(update={"encoder": encoder, "crf": crf}),
        fill=_fill(fill),
        upscale=upscale,
        models=models,
        overwrite=overwrite,
    )
    console = Console(quiet=quiet, as_json=as_json)
    with console.progress() as on_progress:
        record = meta if meta is not None else output.with_suffix(".json")
        if face == "all":
            results = crop_all_faces(original, output, record, options=options, on_progress=on_progress)
        else:
            results = [crop_video(original, output, record, options=options, on_progress=on_progress)]
    made = [result.to_dict() for result in results]
    console.finish({"crops": made} if face == "all" else made[0], "\n".join(map(_lines, results)))


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
