"""``lipblend compare``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lipblend.cli.console import Console
from lipblend.cli.exits import guarded_maker
from lipblend.cli.outputs import check_name
from lipblend.cli.shared_options import JsonOption, ModelsOption, QuietOption, command_app
from lipblend.errors import SettingsError

if TYPE_CHECKING:
    from lipblend.picture.patch import Box

app = command_app()


class CompareLayout(enum.Enum):
    """What ``--layout`` may be."""

    side = "side"
    split = "split"
    stack = "stack"


@app.command("compare")
@guarded_maker
def compare_command(
    videos: Annotated[
        list[Path],
        typer.Argument(metavar="VIDEO...", help="Two or more videos.", show_default=False, readable=False),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help=".mp4, .mov or .mkv, or .gif.", show_default=False, readable=False
        ),
    ],
    layout: Annotated[
        CompareLayout,
        typer.Option("--layout", help="Beside each other, as strips of one picture, or above each other."),
    ] = CompareLayout.side,
    labels: Annotated[
        str | None,
        typer.Option("--labels", metavar="A,B,...", help="One label for each video; the files' names otherwise."),
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(
            "--crop",
            metavar="face|mouth|X,Y,W,H",
            help="A box about the face or the mouth that stands still, or one in pixels of the first video.",
        ),
    ] = None,
    height: Annotated[
        int | None,
        typer.Option(
            "--height",
            metavar="PX",
            min=32,
            max=4320,
            help="Height of each picture; the smallest video's otherwise, at most 1080 (GIF: 360).",
        ),
    ] = None,
    from_s: Annotated[float, typer.Option("--from", metavar="SECONDS", min=0, help="Begin there.")] = 0.0,
    to_s: Annotated[
        float | None, typer.Option("--to", metavar="SECONDS", min=0, help="End there.", show_default=False)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite/--no-overwrite", help="Replace FILE if it exists, or stop with an error.")
    ] = True,
    models: ModelsOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put several results side by side, as a video or a GIF.

    They are in step by time. The first video gives the frame times and the length, and the first that has sound gives
    that.
    """
    check_name(output, videos[0])
    box = _crop(crop)

    from lipblend.faces.models import resolve_model
    from lipblend.lab.comparison.film import compare
    from lipblend.runtime.progress import Progress

    model = resolve_model("face_landmarker", models) if isinstance(box, str) else None
    console = Console(quiet=quiet, as_json=as_json)
    with console.progress() as on_progress:
        result = compare(
            videos,
            output,
            layout=layout.value,
            labels=[label.strip() for label in labels.split(",")] if labels is not None else None,
            crop=box,
            height_px=height,
            from_s=from_s,
            to_s=to_s,
            model=model,
            overwrite=overwrite,
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
        raise SettingsError(f"--crop {text} is no box", hint="Write face, mouth, or X,Y,W,H in whole pixels.") from None
    return Box(x, y, x + width, y + height)
