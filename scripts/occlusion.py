"""Triples with something before the mouth, and how well composites keep it in front.

    occlusion make OUT FOLDER ... [--kinds KIND ...] [--frames 60] [--seed 1]
    occlusion score OUT [--only WORD ...] [--tune a,b] [--confirm c,d] [--preset natural] [--settings k=v,...]
                    [--results FOLDER] [--csv FILE]
    occlusion alarms FOLDER ... [--preset natural] [--settings k=v,...]

make: for each triple FOLDER (orig.mp4, synced.mp4, truth.mp4) and each kind, OUT/<folder>_<kind> is made. The thing
lies in orig and truth; in synced the generator painted the face over it, and left a ghost. occ.npz says where it is.
Kinds with nothing in front (shadow, flicker, smoke, text that the generator kept, ...) lie in all three: see
occluder_light. They are made when they are named, or all of them with --kinds light.

score: composites every triple of OUT and prints a line for each.

    kept           of the thing's pixels where orig and synced differ by over 15 levels, the share within 8 of orig
    lower          PSNR against the truth, lower face, all frames
    lower_in       the same on frames with the thing over the lower face
    mouth_beside   PSNR of the mouth not under the thing and 4 pixels away from it, on those frames
    mouth_without  the same pixels in the composite of the triple without the thing
    lost           of the lips beside the thing where truth and orig differ by more than 15, the share that shows orig
    edge_flicker   change over time of the error at the thing's outline, over that of the rest of the lower face

alarms: for each FOLDER (orig.mp4, synced.mp4) in which nothing is in front, the frames in which something is found.

--tune and --confirm name triples by folder (kim) or by folder and kind (kim_cup); their means stand at the bottom.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from occluder_light import LIGHTS
from occluders import KINDS
from occlusion_alarms import alarms
from occlusion_score import COLUMNS, score
from occlusion_triples import make_occluded, read_clip, source_of

from lipblend.cli.exits import run_script, unwind_on_sigterm
from lipblend.composite_options import CompositeOptions
from lipblend.compositing import composite
from lipblend.errors import InputError, OutputError, SettingsError
from lipblend.lab.ablation.triples import Triple, find_triples
from lipblend.settings import Settings
from lipblend.settings.resolve import resolve_settings

_ALL_LIGHTS = "light"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "occlusion", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = made.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="make triples")
    make.add_argument("out", type=Path)
    make.add_argument("folders", type=Path, nargs="+")
    make.add_argument("--kinds", nargs="+", choices=[*KINDS, *LIGHTS, _ALL_LIGHTS], default=list(KINDS))
    make.add_argument("--frames", type=int, default=60, metavar="N", help="number of frames at most (60)")
    make.add_argument("--seed", type=int, default=1)
    make.set_defaults(run=_make)
    score_ = commands.add_parser("score", help="composite the triples and measure the results")
    score_.add_argument("out", type=Path)
    score_.add_argument("--only", nargs="+", default=(), metavar="WORD", help="triples with a word in their names")
    score_.add_argument("--tune", type=_words, default=(), metavar="A,B")
    score_.add_argument("--confirm", type=_words, default=(), metavar="C,D")
    score_.add_argument("--results", type=Path, help="keeps the composites and analyses here; else nothing is kept")
    score_.add_argument("--csv", type=Path)
    score_.set_defaults(run=_score)
    alarms_ = commands.add_parser("alarms", help="count frames in which something is found in front")
    alarms_.add_argument("folders", type=Path, nargs="+")
    for each in (score_, alarms_):
        each.add_argument("--preset", default="natural")
        each.add_argument("--settings", type=_words, default=(), metavar="KEY=VALUE,...")
    alarms_.set_defaults(run=_alarms)
    return made


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = parser().parse_args(words)
    return run_script(lambda: given.run(given))


def _make(given: argparse.Namespace) -> None:
    if given.frames < 2 or given.seed < 0:
        raise SettingsError(f"--frames {given.frames}, --seed {given.seed}: at least 2 frames, and no seed below 0")
    for folder in given.folders:
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}", hint="Give folders with orig, synced and truth.mp4.")
        (triple,) = find_triples(folder.resolve().parent, [folder.resolve().name])
        clip = read_clip(triple, frames=given.frames, seed=given.seed)
        kinds = [each for kind in given.kinds for each in (LIGHTS if kind == _ALL_LIGHTS else [kind])]
        for kind in kinds:
            try:
                about = make_occluded(clip, kind, given.out / f"{triple.name}_{kind}")
            except OSError as error:
                raise OutputError(f"cannot write {given.out}: {error.strerror}") from error
            print(f"{triple.name}_{kind}: {about['share']:.1%} of the pixels covered", file=sys.stderr)


def _score(given: argparse.Namespace) -> None:
    settings = resolve_settings(given.preset, overrides=given.settings).settings
    triples = [each for each in find_triples(given.out) if not given.only or any(w in each.name for w in given.only)]
    for word in (*given.tune, *given.confirm):
        if not any(belongs(each.name, word) for each in triples):
            raise InputError(f"no triple belongs to {word}", hint="--tune and --confirm take names of folders.")
    with tempfile.TemporaryDirectory() as scratch:
        work = given.results or Path(scratch)
        rows = _rows(triples, settings, work)
    groups = {"all": list(rows)}
    for title in ("tune", "confirm"):
        if words := getattr(given, title):
            groups[title] = [name for name in rows if any(belongs(name, word) for word in words)]
    for kind in KINDS:
        if own := [name for name in rows if name.endswith(f"_{kind}")]:
            groups[f"all {kind}"] = own
    means = {f"mean {title}": mean_of([rows[name] for name in names]) for title, names in groups.items()}
    print(table({**rows, **means}))
    if given.csv:
        _write_csv(given.csv, {**rows, **means})


def _alarms(given: argparse.Namespace) -> None:
    settings = resolve_settings(given.preset, overrides=given.settings).settings
    width = max(len(folder.name) for folder in given.folders)
    frames = hidden = 0
    for folder in given.folders:
        found = alarms(folder, settings)
        frames, hidden = frames + found.frames, hidden + found.hidden
        print(f"{folder.name:{width}} {found}", flush=True)
    print(f"{hidden} of {frames} frames ({100 * hidden / max(1, frames):.2f} %)")


def belongs(name: str, word: str) -> bool:
    """Whether a triple is named by a word: whole, or up to an underscore."""
    return name == word or name.startswith(f"{word}_")


def _rows(triples: Sequence[Triple], settings: Settings, work: Path) -> dict[str, dict[str, float]]:
    """Composite every triple, and once each of those that they were made from, and measure."""
    work.mkdir(parents=True, exist_ok=True)
    options = CompositeOptions(cache=work / "cache")
    rows: dict[str, dict[str, float]] = {}
    made: set[Path] = set()
    for triple in triples:
        source = source_of(triple.original.parent)
        result, bare = work / f"{triple.name}.mp4", work / f"{source.name}.mp4"
        if bare not in made:
            composite(source / "orig.mp4", source / "synced.mp4", bare, settings=settings, options=options)
            made.add(bare)
        composite(triple.original, triple.synced, result, settings=settings, options=options)
        rows[triple.name] = values = score(triple, result, bare, source / "truth.mp4")
        print(f"{triple.name}: kept {values['kept']:.3f}", file=sys.stderr)
    return rows


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means of the columns, over the rows that have a number there."""
    found = {}
    for name in COLUMNS:
        known = [row[name] for row in rows if np.isfinite(row[name])]
        found[name] = float(np.mean(known)) if known else float("nan")
    return found


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """The rows as text."""
    width = max(map(len, rows)) + 2
    lines = [f"{'':{width}}" + "".join(f"{name:>14}" for name in COLUMNS)]
    for label, row in rows.items():
        digits = {name: 3 if name in ("kept", "lost") else 2 for name in COLUMNS}
        lines.append(f"{label:{width}}" + "".join(f"{row[name]:>14.{digits[name]}f}" for name in COLUMNS))
    return "\n".join(lines)


def _write_csv(path: Path, rows: Mapping[str, Mapping[str, float]]) -> None:
    try:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["triple", *COLUMNS])
            writer.writerows([name, *(f"{row[column]:.5f}" for column in COLUMNS)] for name, row in rows.items())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


if __name__ == "__main__":
    unwind_on_sigterm()
    sys.exit(main())
