"""``lipblend faces``."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import Annotated

import typer

from lipblend.cli.command_app import (
    JsonOption,
    ModelsOption,
    OverwriteOption,
    QuietOption,
    command_app,
    path_argument,
    path_option,
)
from lipblend.cli.console import Console
from lipblend.cli.exits import handle_errors
from lipblend.errors import NoFaceError, SettingsError
from lipblend.faces.landmarks import MESH_POINTS
from lipblend.settings import TrackSettings

app = command_app()


class AlignFit(enum.Enum):
    """Values of ``--align``."""

    rigid = "rigid"
    similarity = "similarity"
    affine = "affine"


@app.command("faces")
@handle_errors(stdout_required=True)
def faces_command(
    files: Annotated[list[Path], path_argument("VIDEO...", "One or more video files.")],
    plot: Annotated[Path | None, path_option("--plot", "FILE", "Plot of one video over time, SVG.")] = None,
    folder: Annotated[
        Path | None,
        path_option("--out", "FOLDER", "Folder for a plot of each video, faces.csv and faces.json."),
    ] = None,
    csv: Annotated[Path | None, path_option("--csv", "FILE", "Values of each face in each frame.")] = None,
    landmarks: Annotated[
        Path | None, path_option("--landmarks", "FILE", "Landmarks of one video: .npz, .csv or .json.")
    ] = None,
    points: Annotated[
        int, typer.Option("--points", metavar="478|68", help="Landmarks per face: the mesh, or the 68-point view.")
    ] = MESH_POINTS,
    reference: Annotated[
        Path | None,
        path_option(
            "--align-reference",
            "REF",
            "Bring the landmarks onto those of a picture, a video, or a JSON file, by the points that hardly move "
            "during speech.",
        ),
    ] = None,
    align: Annotated[
        AlignFit | None,
        typer.Option(
            "--align",
            help="rigid: turn and shift; similarity: with a scale; affine: any linear map. Default: similarity.",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Detect as composite does, and interpolate between; less jitter can be measured."),
    ] = False,
    min_face: Annotated[
        int | None,
        typer.Option("--min-face", min=20, max=1000, metavar="PX", help="Narrowest face.", show_default=False),
    ] = None,
    overwrite: OverwriteOption = True,
    models: ModelsOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show size, pose, gaps and jitter of faces, and which videos differ.

    Faces are searched for in every frame, and told apart in each shot: numbers count from the left, from 0, as for
    composite --face. With four or more videos, their main faces are compared by robust scores. See docs/faces.md.

    A file that cannot be read does not stop the others; the exit code is that of the first such file. It is 5 if no
    video shows a face; then no file is written.
    """
    if align is not None and reference is None:
        raise SettingsError("--align was given without --align-reference", hint="Add --align-reference REF.")
    from lipblend.cli.faces_text import faces_text
    from lipblend.facestats.faces_job import EVERY_FRAME, FacesOptions, face_statistics

    track = EVERY_FRAME
    if quick:
        track = track.model_copy(update={"every_s": TrackSettings().every_s})
    if min_face is not None:
        track = track.model_copy(update={"min_face_px": min_face})
    fit = FacesOptions().fit if align is None else align.value
    options = FacesOptions(
        track=track,
        models=models,
        csv=csv,
        plot=plot,
        folder=folder,
        landmarks=landmarks,
        points=points,
        reference=reference,
        fit=fit,
        overwrite=overwrite,
    )
    console = Console(quiet=quiet, as_json=as_json)
    with console.progress() as on_progress:
        result = face_statistics(files, options, on_progress=on_progress)
    for _, error in result.failures:
        print(f"error: {error}", file=sys.stderr)
    console.finish(result.to_dict(), faces_text(result))
    if result.failures:
        raise typer.Exit(result.failures[0][1].exit_code)
    if not result.has_faces:
        none = NoFaceError(
            f"no face was found in {len(files)} videos" if len(files) > 1 else f"no face was found in {files[0]}",
            hint=f"Faces narrower than {track.min_face_px} px are not searched for; --min-face sets this.",
        )
        print(f"error: {none}", file=sys.stderr)
        raise typer.Exit(none.exit_code)
