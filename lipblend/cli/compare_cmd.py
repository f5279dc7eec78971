"""``lipblend compare``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lipblend.cli.command_app import (
    JsonOption,
    ModelsOption,
    OverwriteOption,
    QuietOption,
    command_app,
    output_option,
    path_argument,
)
from lipblend.cli.console import Console
from lipblend.cli.exits import handle_errors
from lipblend.cli.given_inputs import RateOption, takes_sequences
from lipblend.cli.outputs import check_output_name
from lipblend.errors import SettingsError

if TYPE_CHECKING:
    from lipblend.picture.patch import Box

app = command_app()


class CompareLayout(enum.Enum):
    """Values of ``--layout``."""

    side = "side"
    split = "split"
    stack = "stack"


@app.command("compare")
@handle_errors(stdout_required=False)
@takes_sequences("videos")
def compare_command(
    videos: Annotated[list[Path], path_argument("VIDEO...", "Two or more videos.")],
    output: Annotated[Path, output_option("FILE", "Output: .mp4, .mov, .mkv or .gif.")],
    layout: Annotated[
        CompareLayout,
        typer.Option("--layout", help="side: side by side; split: strips of one picture; stack: one above the other."),
    ] = CompareLayout.side,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="A,B,...",
            help="One label per video. Default: file names, and the settings that lipblend recorded in them.",
        ),
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(
            "--crop",
            metavar="face|mouth|X,Y,W,H",
            help="Fixed crop around the face or the mouth, or a box in pixels of the first video.",
        ),
    ] = None,
    height: Annotated[
        int | None,
        typer.Option(
            "--height",
            metavar="PX",
            min=32,
            max=4320,
            help="Height of each picture. Default: that of the smallest video, at most 1080 (GIF: 360).",
        ),
    ] = None,
    from_s: Annotated[float, typer.Option("--from", metavar="SECONDS", min=0, help="Start time.")] = 0.0,
    to_s: Annotated[
        float | None, typer.Option("--to", metavar="SECONDS", min=0, help="End time.", show_default=False)
    ] = None,
    overwrite: OverwriteOption = True,
    rate: RateOption = None,
    models: ModelsOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show several results side by side, as a video or a GIF.

    Videos are synchronised by time. The first one determines frame times and length; sound comes from the first one
    that has sound.
    """
    check_output_name(output, videos[0])
    box = _crop(crop)

    from lipblend.faces.models import resolve_model
    from lipblend.lab.comparison.film import CompareOptions, compare
    from lipblend.runtime.progress import Progress

    model = resolve_model("face_landmarker", models) if isinstance(box, str) else None
    console = Console(quiet=quiet, as_json=as_json)
    with console.progress() as on_progress:
        result = compare(
            videos,
            output,
            options=CompareOptions(
                layout=layout.value,
                labels=[label.strip() for label in labels.split(",")] if labels is not None else None,
                crop=box,
                height_px=height,
                from_s=from_s,
                to_s=to_s,
                model=model,
                overwrite=overwrite,
            ),
            on_frame=lambda done: on_progress(Progress("compare", done, None)),
        )
    text = f"{result.frames} frames of {result.width}x{result.height}, {result.duration_s:.2f} s  {output}"
    console.finish(result.to_dict(), "\n".join([*(f"note: {note}" for note in result.notes), text]))


def _crop(text: str | None) -> Box | Literal["face", "mouth"] | None:
    if text is None:
        return None
    if text.strip() == "face":
        return "face"
    if text.strip() == "mouth":
        return "mouth"

    from lipblend.picture.patch import Box

    try:
        x, y, width, height = (int(number) for number in text.split(","))
    except ValueError:
        raise SettingsError(
            f"--crop {text} is not a box", hint="Use face, mouth, or X,Y,W,H in whole pixels."
        ) from None
    return Box(x, y, x + width, y + height)
