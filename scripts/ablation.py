"""Try lipblend with one stage changed at a time, against the truth of some triples. See docs/lab/ablation.md."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lipblend.cli.exits import run_script, unwind_on_sigterm
from lipblend.lab.ablation.ablation_table import as_json, markdown, write_markdown, write_text
from lipblend.lab.ablation.run_ablation import run_ablation
from lipblend.lab.ablation.triples import find_triples
from lipblend.lab.ablation.variants import read_variants
from lipblend.settings.presets import DEFAULT_PRESET

VARIANTS = Path(__file__).resolve().with_name("ablation.yaml")


def say(line: str) -> None:
    """Print progress; worker processes call it too."""
    print(line, file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="ablation", description=__doc__)
    made.add_argument(
        "folder", type=Path, help="contains NAME/{orig,synced,truth}.mp4, or folders of pictures (orig/000001.png)"
    )
    made.add_argument("--preset", default=DEFAULT_PRESET, help=f"preset to change ({DEFAULT_PRESET})")
    made.add_argument("--only", nargs="+", action="extend", default=[], metavar="NAME", help="only these triples")
    made.add_argument("--variants", type=Path, default=VARIANTS, metavar="FILE", help="YAML (scripts/ablation.yaml)")
    made.add_argument("--frames", type=int, metavar="N", help="only N frames from the middle of each triple")
    made.add_argument("--rate", metavar="FPS", help="pictures per second of folders of pictures (the videos', else 25)")
    made.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="triples at once (cores)")
    made.add_argument("--json", type=Path, metavar="OUT", help="write all numbers")
    made.add_argument("--markdown", type=Path, metavar="OUT", help="put the table into docs/lab/ablation.md")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = parser().parse_args(words)
    return run_script(lambda: _run(given))


def _run(given: argparse.Namespace) -> None:
    variants = read_variants(given.variants, given.preset)
    triples = find_triples(given.folder, given.only, sequences=True)
    columns = run_ablation(triples, variants, frames=given.frames, jobs=given.jobs, rate=given.rate, say=say)
    table = markdown(columns, variants)
    print(table, end="")
    if given.json is not None:
        write_text(given.json, as_json(columns, variants))
    if given.markdown is not None:
        write_markdown(given.markdown, table)


if __name__ == "__main__":
    unwind_on_sigterm()
    sys.exit(main())
