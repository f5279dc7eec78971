"""Give the synced videos of triples lips of other colours, and measure how much of that results keep.

    lip-colour TRIPLES WORK [--only NAME ...] [--remake-only]

For each triple (a folder with orig.mp4, synced.mp4 and truth.mp4) and each damage, the synced video is remade in
WORK/DAMAGE/NAME, composited with and without colour.lips, and compared with the truth: mean CIEDE2000 over the
truth's lips, and over the seam between them, mean over the frames. See docs/lab/mouth.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from lip_damage import DAMAGES, Floats, Rgb, lips_only, seam_weight
from make_triple import Shot, read_shot
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from lipblend.cli.exits import run_script, unwind_on_sigterm
from lipblend.errors import InputError
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.models import resolve_model
from lipblend.output.synth import write_clip
from lipblend.picture.planes import to_rgb
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

CRF = 15.0
WAYS = ("off", "auto")
_MARGIN_PX = 8


def remake(triple: Path, folder: Path, damage: str, model: Path) -> None:
    """A triple whose synced lips have another colour."""
    shot = read_shot(triple / "synced.mp4", 0, frames_of(triple), model)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("orig.mp4", "truth.mp4", "about.json"):
        shutil.copyfile(triple / name, folder / name)
    write_clip(folder / "synced.mp4", damaged(shot, damage), frame_rate=shot.rate, crf=CRF)


def damaged(shot: Shot, damage: str) -> Iterator[Rgb]:
    """The pictures of a shot with damaged lips."""
    for picture, mesh in zip(shot.pictures, shot.meshes, strict=True):
        made = picture.astype(np.float32)
        yield picture if mesh is None else np.clip(np.rint(DAMAGES[damage](made, mesh)), 0, 255).astype(np.uint8)


def frames_of(triple: Path) -> int:
    """How many frames a triple has, by its record."""
    return int(json.loads((triple / "about.json").read_text())["frames"])


def lip_difference(shown: Rgb, truth: Rgb, mesh: Landmarks) -> NDArray[np.float64]:
    """Mean CIEDE2000 of the lips, and of the seam between them, (2,) float64."""
    lips, seam = lips_only(truth.shape, mesh) > 0.5, seam_weight(truth.shape, mesh)[..., 0] > 0.5
    rows, columns = np.nonzero(lips | seam)
    part = slice(rows.min(), rows.max() + _MARGIN_PX), slice(columns.min(), columns.max() + _MARGIN_PX)
    apart = deltaE_ciede2000(*(rgb2lab(picture[part]) for picture in (shown, truth)))
    return np.array([apart[lips[part]].mean(), apart[seam[part]].mean()])


def pictures(path: Path) -> Iterator[Rgb]:
    """Every frame of a video as RGB."""
    info = probe(path)
    with VideoReader(info) as frames:
        for frame in frames:
            yield to_rgb(frame.planes, frame.layout, info.colour)


def measured(result: Path, truth: Shot) -> Floats:
    """Mean over the frames of `lip_difference`."""
    found = [
        lip_difference(shown, picture, mesh)
        for shown, picture, mesh in zip(pictures(result), truth.pictures, truth.meshes, strict=True)
        if mesh is not None
    ]
    return np.asarray(np.mean(found, axis=0), np.float32)


def composite(folder: Path, way: str) -> Path:
    """The result of a pair with one value of ``colour.lips``."""
    out = folder / f"lips-{way}.mp4"
    words = [sys.executable, "-m", "lipblend", "composite", "orig.mp4", "synced.mp4", "-o", out.name, "--overwrite"]
    done = subprocess.run([*words, "--set", f"colour.lips={way}"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"{folder} was not composited: {done.stderr.strip()}", hint="Run it by hand.")
    return out


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="lip-colour", description=__doc__)
    made.add_argument("triples", type=Path, metavar="TRIPLES", help="folder of triples")
    made.add_argument("work", type=Path, metavar="WORK", help="gets the remade triples and the results")
    made.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these triples")
    made.add_argument("--remake-only", action="store_true", help="make the videos, and measure nothing")
    made.add_argument("--models", type=Path, metavar="PATH", help="face model bundle, or its folder")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = parser().parse_args(words)
    return run_script(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    model = resolve_model("face_landmarker", given.models)
    triples = sorted(path.parent for path in given.triples.glob("*/truth.mp4"))
    names = [each.name for each in triples]
    if not triples or set(given.only) - set(names):
        raise InputError(
            f"{given.triples} has the triples {names}, asked for were {given.only}",
            hint="Give a folder of folders with orig.mp4, synced.mp4 and truth.mp4.",
        )
    print(
        "| damage | triple | synced lips | off | auto | synced seam | off | auto |\n|---|---|---|---|---|---|---|---|"
    )
    for triple in [each for each in triples if not given.only or each.name in given.only]:
        truth = read_shot(triple / "truth.mp4", 0, frames_of(triple), model)
        for damage in DAMAGES:
            folder = given.work / damage.replace(" ", "-") / triple.name
            remake(triple, folder, damage, model)
            if given.remake_only:
                continue
            results = [folder / "synced.mp4", *(composite(folder, way) for way in WAYS)]
            values = np.array([measured(result, truth) for result in results])
            cells = " | ".join(f"{value:.2f}" for value in values.T.ravel())
            print(f"| {damage} | {triple.name} | {cells} |", flush=True)


if __name__ == "__main__":
    unwind_on_sigterm()
    sys.exit(main())
