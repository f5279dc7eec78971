"""Triples with something before the mouth, and how well composites keep it in front.

    occlusion make OUT FOLDER ... [--kinds KIND ...] [--frames 60] [--seed 1]

For each triple FOLDER (orig.mp4, synced.mp4, truth.mp4) and each kind, OUT/<folder>_<kind> is made: the thing lies in
orig and truth; in synced the generator painted the face over it, and left a ghost.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from occluders import KINDS
from occlusion_triples import make_occluded, read_clip

from lipblend.cli.exits import run_script, unwind_on_sigterm
from lipblend.errors import InputError, OutputError
from lipblend.lab.ablation.triples import find_triples


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "occlusion", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = made.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="make triples")
    make.add_argument("out", type=Path)
    make.add_argument("folders", type=Path, nargs="+")
    make.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    make.add_argument("--frames", type=int, default=60, metavar="N", help="number of frames at most (60)")
    make.add_argument("--seed", type=int, default=1)
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = parser().parse_args(words)
    return run_script(lambda: _make(given))


def _make(given: argparse.Namespace) -> None:
    for folder in given.folders:
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}", hint="Give folders with orig, synced and truth.mp4.")
        (triple,) = find_triples(folder.resolve().parent, [folder.resolve().name])
        clip = read_clip(triple, frames=given.frames, seed=given.seed)
        for kind in given.kinds:
            try:
                about = make_occluded(clip, kind, given.out / f"{triple.name}_{kind}")
            except OSError as error:
                raise OutputError(f"cannot write {given.out}: {error.strerror}") from error
            print(f"{triple.name}_{kind}: {about['share']:.1%} of the pixels covered", file=sys.stderr)


if __name__ == "__main__":
    unwind_on_sigterm()
    sys.exit(main())
