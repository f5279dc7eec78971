"""Measure time and memory of lipblend, relative to plain decoding and encoding of the same clips.

Each run is a process of its own. "floor" decodes both videos and encodes the original's frames with the same settings;
"cold" is lipblend with nothing cached, "cached" with a cached analysis; "reference" is the usual script: whole frames
to RGB, cv2.seamlessClone on the lower face, and back.

Memory is resident memory. "peak" is the maximum of a run and its child processes together, "own" that of the run's own
process, "first pass" that of the process that analyses the videos, if any. "peak" is sampled twenty times per second
(Linux; elsewhere it is the larger of the other two), the others are measured by the system. Pages shared by two
processes count twice. CPU seconds are those of all processes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

RUNS = ("floor", "cold", "cached", "reference")
HEIGHTS = (480, 720, 1080, 2160)
FACE_SHARES = (0.5, 1.0)
"""Side of the portrait in synthetic clips, as a share of the picture's height; the face is 0.35 of it wide."""


def run_script(script: str, name: str, *words: object) -> Any:
    """Run a script of this folder in a process of its own, and return the JSON in its last line.

    So this process stays small, which matters where a child inherits the peak memory of its parent.
    """
    command = [sys.executable, str(Path(__file__).resolve().with_name(script)), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(
    name: str, original: Path, synced: Path, folder: Path, assignments: Sequence[str], runs: Sequence[str] = RUNS
) -> dict[str, Any]:
    """Measure all runs on one pair, with ratios to the first run, and what lipblend keeps in memory."""
    pair: dict[str, Any] = {"clip": name, "runs": {}}
    for kind in runs:
        print(f"{name}: {kind} ...", file=sys.stderr, flush=True)
        started = time.perf_counter()
        run = run_script("bench_runs.py", kind, kind, original, synced, folder, *assignments)
        run["process_s"] = time.perf_counter() - started
        pair["runs"][kind] = run
    base = pair["runs"][runs[0]]
    for run in pair["runs"].values():
        run["fps"] = round(run["frames"] / run["seconds"], 1)
        run["wall_ratio"] = round(run["seconds"] / base["seconds"], 2)
        run["cpu_ratio"] = round(run["cpu_s"] / base["cpu_s"], 2)
    if "cold" in runs:
        pair["retained"] = run_script("bench_runs.py", "retained", "retained", original, synced, folder, *assignments)
    return pair


def table(pairs: Sequence[dict[str, Any]]) -> str:
    """A Markdown table of all runs, and one of the stages' times."""
    lines = [
        "| clip | run | frames/s | x floor, time | x floor, CPU | CPU s | peak MB | own MB | first pass MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for pair in pairs:
        for kind, run in pair["runs"].items():
            cells = (run["fps"], run["wall_ratio"], run["cpu_ratio"], round(run["cpu_s"], 1))
            cells += (run["peak_mb"], run["own_mb"], run["first_pass_mb"])
            lines.append(f"| {pair['clip']} | {kind} | " + " | ".join(str(cell) for cell in cells) + " |")
    staged = [(pair["clip"], *each) for pair in pairs for each in pair["runs"].items() if "stages_s" in each[1]]
    if staged:
        stages = list(staged[0][2]["stages_s"])
        lines += ["", "Milliseconds per frame in each part (waiting included; parts run in parallel):", ""]
        lines += ["| clip | run | " + " | ".join(stages) + " |", "|---|---|" + "---|" * len(stages)]
        for clip, kind, run in staged:
            each = (f"{1000 * run['stages_s'][name] / run['frames']:.1f}" for name in stages)
            lines.append(f"| {clip} | {kind} | " + " | ".join(each) + " |")
    held = [f"{pair['clip']}: {pair['retained']}" for pair in pairs if "retained" in pair]
    return "\n".join([*lines, "", *(f"Bytes held per frame, {each}" for each in held)]) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="bench", description=__doc__)
    made.add_argument(
        "--clips", nargs=2, type=Path, metavar=("ORIG", "SYNCED"), help="your own footage instead of synthetic clips"
    )
    made.add_argument("--frames", type=int, default=144, metavar="N", help="frames of the synthetic clips (144)")
    made.add_argument(
        "--heights", type=int, nargs="+", default=HEIGHTS, metavar="PX", help="heights of the synthetic clips"
    )
    made.add_argument(
        "--growth", action="store_true", help="also a face of half the size, and a clip four times as long"
    )
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="assignments", help="one setting")
    made.add_argument("--runs", nargs="+", choices=RUNS, default=RUNS, help="ratios are relative to the first one")
    made.add_argument("--json", type=Path, metavar="OUT", help="write all numbers after every pair")
    return made


def clips(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path, Path, Path]]:
    """Name, original, synced and working folder of every pair."""
    if given.clips:
        yield given.clips[0].name, *given.clips, folder
        return
    plan = [(height, 1.0, given.frames) for height in given.heights]
    if given.growth:
        middle = given.heights[len(given.heights) // 2]
        plan += [(middle, FACE_SHARES[0], given.frames), (middle, FACE_SHARES[1], 4 * given.frames)]
    for height, share, frames in plan:
        place = folder / f"{height}_{share}_{frames}"
        place.mkdir()
        name = f"{height}p, face {0.35 * share:.2f} h, {frames} frames"
        print(f"{name}: making the clips ...", file=sys.stderr, flush=True)
        original, synced = map(Path, run_script("bench_clips.py", "making the clips", place, height, share, frames))
        yield name, original, synced, place


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = parser().parse_args(words)
    pairs = []
    with tempfile.TemporaryDirectory(prefix="lipblend-bench-") as temporary:
        for name, original, synced, folder in clips(given, Path(temporary)):
            pairs.append(measure(name, original, synced, folder, given.assignments, given.runs))
            if given.json:  # now, so that an interrupted run keeps its results
                given.json.write_text(json.dumps({"pairs": pairs}, indent=1) + "\n", encoding="utf-8")
    print(table(pairs), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
