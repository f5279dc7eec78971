"""``lipblend demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, QuietOption, command_app
from lipblend.cli.console import Console, composite_summary
from lipblend.cli.exits import handle_errors
from lipblend.cli.shared_options import PresetOption
from lipblend.errors import InputError, OutputError
from lipblend.settings.presets import DEFAULT_PRESET
from lipblend.settings.resolve import resolve_settings

if TYPE_CHECKING:
    from lipblend.picture.labelled import Rgb
    from lipblend.selfcheck.sample import SamplePair

app = command_app()

_DEMO_FOLDER = Path("lipblend-demo")
_FACE_MARGIN = 0.5  # per side, as a share of the generator's box
_SEAM_SHARE = 0.35
_COLUMN_PX = 480


@app.command("demo")
@handle_errors(stdout_required=False)
def demo_command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="[FOLDER]", help="Output folder; files of an earlier demo are replaced.", readable=False
        ),
    ] = _DEMO_FOLDER,
    preset: PresetOption = DEFAULT_PRESET,
    models: ModelsOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Generate a sample pair and composite it.

    The sample is NASA's public-domain portrait of Eileen Collins with a moving head and mouth (it ships with
    scikit-image, so nothing is downloaded), and the same clip after a simulated lip-sync generator: blur, colour cast,
    hard edge.
    """
    settings = resolve_settings(preset).settings

    from lipblend.composite_options import CompositeOptions
    from lipblend.compositing import composite
    from lipblend.picture.labelled import save_png
    from lipblend.runtime.output_paths import check_folder_writable
    from lipblend.selfcheck.sample import make_sample

    check_folder_writable(folder)
    console = Console(quiet=quiet, as_json=as_json)
    console.say(f"generating a sample pair in {folder} ...")
    pair = make_sample(folder)
    output, picture = folder / "result.mp4", folder / "before_after.png"
    with console.progress() as on_progress:
        options = CompositeOptions(models=models)
        result = composite(
            pair.original, pair.synced, output, settings=settings, options=options, on_progress=on_progress
        )
    if not save_png(str(picture), before_after(pair, output)):
        raise OutputError(f"cannot write {picture}", hint="Check the permissions of the folder and the free space.")
    data = {
        "result": result.to_dict(),
        "before_after": str(picture),
        "original": str(pair.original),
        "synced": str(pair.synced),
        "truth": str(pair.truth),
    }
    console.finish(data, f"{composite_summary(result)}\n\n{_guide(pair, output, picture)}")


def before_after(pair: SamplePair, result: Path) -> Rgb:
    """Original, synced and result side by side: the face, and below it an edge of the patch, enlarged."""
    from lipblend.picture.labelled import contact_sheet, labelled_row, resize_to_width

    x0, y0, x1, y1 = pair.patch_boxes[pair.show_frame]
    margin = round(_FACE_MARGIN * (x1 - x0))
    seam = round(_SEAM_SHARE * (x1 - x0))
    shown = [
        (label, _frame(path, pair.show_frame))
        for label, path in (("original", pair.original), ("synced", pair.synced), ("result", result))
    ]
    faces, seams = [], []
    for label, image in shown:
        height, width = image.shape[:2]
        face = image[max(y0 - 2 * margin, 0) : min(y1 + margin, height), max(x0 - margin, 0) : min(x1 + margin, width)]
        faces.append((f"{label}, frame {pair.show_frame}", resize_to_width(face, _COLUMN_PX)))
        corner = image[max(y0 - seam // 2, 0) : y0 + seam, max(x0 - seam // 8, 0) : x0 + 2 * seam]
        seams.append((f"{label}: edge of the patch, enlarged", resize_to_width(corner, _COLUMN_PX)))
    return contact_sheet([labelled_row(faces), labelled_row(seams)])


def _frame(path: Path, index: int) -> Rgb:
    from lipblend.video.probe import probe
    from lipblend.video.reader import VideoReader

    info = probe(path)
    with VideoReader(info, frame_limit=index + 1) as frames:
        for frame in frames:
            if frame.index == index:
                return frame.picture(info).to_rgb()
    raise InputError(f"{path} has no frame {index}")


def _guide(pair: SamplePair, output: Path, picture: Path) -> str:
    return "\n".join(
        [
            f"result        {output}",
            f"before/after  {picture}",
            "",
            f"Look at the picture first, then compare {output} with {pair.synced}: the box around the lower face and",
            "its pulsing yellow cast should be gone, and the mouth should move as in the synced clip. Teeth and tongue",
            f"are as soft as in the synced clip. {pair.truth} shows a perfect result.",
        ]
    )
