"""How the throughput of a series grows with the number of workers, from what each part of a clip took with one.

    batch-growth RESULTS --storage MB/S [--link MB/S] [--workers 1 2 10 100 1000] [--check RESULTS_OF_N N]

RESULTS is the file of a run with one worker at a time (`lipblend batch --workers 1 --force --no-cache`), with its
outputs and inputs in their places. Each of its clips is made once more here, to measure its parts (scripts/bench_runs):
decode, analysis, compose, encode; ``start`` is what the job took beside them, and ``rest`` the plan, joining, sound.
A part's share of the time of its pass is its share of that pass's busy time, since threads overlap. All that is a
worker's own. Transfer is not: files are read twice and written once, over the worker's link and the common storage:

    time of a clip     t(N) = start + analysis + decode + compose + encode + rest + bytes / min(link, storage / N)
    throughput         N / t(N), at most storage / bytes

so the storage is the limit from N* = storage * own time / bytes workers on. ``--check`` compares that with a run of N
workers. Files are read twice, since each pass decodes both videos; an operating system's cache is not counted on.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lipblend.batch.job_spec import JobOutcome
from lipblend.batch.results import last_outcomes
from lipblend.cli.exits import run_script
from lipblend.errors import InputError

_MB = 1e6
_READ_TIMES = 2
PARTS = ("start", "analysis", "decode", "compose", "encode", "rest")
_ANALYSIS = ("small pictures", "to RGB", "to reduced RGB", "face model", "measure", "align")
_KINDS = ("cold", "cached")
Measure = Callable[[JobOutcome], tuple[Mapping[str, Any], Mapping[str, Any]]]
"""What runs without and with a cached analysis took (`bench_runs.run`)."""


@dataclass(frozen=True)
class Clip:
    """The mean clip of a series: seconds of each part on one worker (`PARTS`), and bytes moved."""

    parts: Mapping[str, float]
    moved: float

    @property
    def seconds(self) -> float:
        """On one worker, without transfer."""
        return sum(self.parts.values())

    def transfer(self, workers: int, *, storage: float, link: float) -> float:
        """Seconds to move the files of a clip."""
        return self.moved / min(link, storage / workers)

    def throughput(self, workers: int, *, storage: float, link: float) -> float:
        """Clips per second of so many workers; ``storage`` and ``link`` in bytes per second."""
        transfer = self.transfer(workers, storage=storage, link=link)
        return min(workers / (self.seconds + transfer), storage / self.moved)

    def most_workers(self, *, storage: float) -> float:
        """From how many workers on the storage is the limit."""
        return storage * self.seconds / self.moved


def mean_clip(results: Path, measure: Measure) -> Clip:
    """The mean of the jobs that a run made.

    Raises
    ------
    InputError
        It made none, or a file is gone.
    """
    made = [each for each in last_outcomes(results).values() if each.status in ("passed", "gate")]
    if not made:
        raise InputError(f"{results} has no job that was made", hint="Run the list with --force --workers 1 first.")
    moved = [_moved_bytes(Path(each.output), Path(each.log)) for each in made]
    parts = [parts_of(each, *measure(each)) for each in made]
    return Clip({name: _mean([each[name] for each in parts]) for name in PARTS}, _mean(moved))


def parts_of(outcome: JobOutcome, cold: Mapping[str, Any], cached: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of each part of a job, by the shares that two measured runs have of its passes.

    Parameters
    ----------
    outcome : JobOutcome
        Its details hold the seconds of both passes.
    cold, cached : mapping
        ``stages_s`` of a run of both passes, and of one of the second alone.
    """
    first_s, second_s = outcome.details["analyse_seconds"], outcome.details["render_seconds"]
    second = cached["stages_s"]
    read_s = max(0.0, cold["stages_s"]["read"] - second["read"])
    first = {"decode": read_s, "analysis": sum(cold["stages_s"][name] for name in _ANALYSIS)}
    busy = {"decode": second["read"], "compose": second["compose"], "encode": second["encode"], "rest": second["plan"]}
    of_first = _shared(first_s, first, rest="analysis")
    of_second = _shared(second_s, busy, rest="rest")
    found = {name: of_first.get(name, 0.0) + of_second.get(name, 0.0) for name in PARTS}
    return found | {"start": max(0.0, outcome.seconds - first_s - second_s)}


def _shared(seconds: float, busy: Mapping[str, float], *, rest: str) -> dict[str, float]:
    """Wall-clock time by shares of busy time; what nobody was busy in is ``rest``'s."""
    total = sum(busy.values())
    scale = min(1.0, seconds / total) if total else 0.0
    found = {name: value * scale for name, value in busy.items()}
    found[rest] += seconds - sum(found.values())
    return found


def measured_again(outcome: JobOutcome) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """`Measure` that makes the clip of a job twice, with the default preset and the settings in its log.

    Raises
    ------
    InputError
        A run failed.
    """
    words = _command(Path(outcome.log))
    settings = [words[number + 1] for number, word in enumerate(words) if word == "--set"]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in _KINDS:
            script = str(Path(__file__).with_name("bench_runs.py"))
            run = subprocess.run(
                [sys.executable, script, kind, *words[2:4], folder, *settings],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if run.returncode:
                raise InputError(f"{outcome.name} could not be made again: {' '.join(run.stderr.split()[-30:])}")
            found.append(json.loads(run.stdout.splitlines()[-1]))
    return found[0], found[1]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _command(log: Path) -> list[str]:
    """The words of the command in the first line of a log."""
    try:
        with log.open(encoding="utf-8") as file:
            return shlex.split(file.readline())
    except (OSError, ValueError) as error:
        raise InputError(f"{log} cannot be read: {error}", hint="Leave the logs of the run in their place.") from error


def _moved_bytes(output: Path, log: Path) -> float:
    """Of both inputs, which the first line of a log names, and of the output."""
    try:
        inputs = [Path(word).stat().st_size for word in _command(log)[2:4]]
        return float(_READ_TIMES * sum(inputs) + output.stat().st_size)
    except OSError as error:
        raise InputError(f"{output}: its files are not where they were: {error}") from error


def measured_throughput(results: Path) -> float:
    """Clips per second of a run, from its first start to its last end."""
    made = [each for each in last_outcomes(results).values() if each.status in ("passed", "gate")]
    if not made:
        raise InputError(f"{results} has no job that was made")
    times = [[datetime.fromisoformat(text) for text in (each.started, each.finished)] for each in made]
    span_s = (max(end for _, end in times) - min(start for start, _ in times)).total_seconds()
    return len(made) / max(span_s, 1.0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--storage", type=float, required=True, metavar="MB/S", help="What all workers share.")
    parser.add_argument("--link", type=float, default=1000.0, metavar="MB/S", help="Of one worker.")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 10, 100, 1000])
    parser.add_argument("--check", nargs=2, metavar=("RESULTS", "N"), help="Results of a run of N workers.")
    given = parser.parse_args()
    clip = mean_clip(given.results, measured_again)
    storage, link = given.storage * _MB, given.link * _MB
    print(f"a clip: {clip.seconds:.1f} s on one worker, {clip.moved / _MB:.1f} MB moved")
    print("of them", ", ".join(f"{name} {seconds:.2f} s" for name, seconds in clip.parts.items()))
    print("workers  transfer s  clips/hour  efficiency")
    alone = clip.throughput(1, storage=storage, link=link)
    for workers in given.workers:
        rate = clip.throughput(workers, storage=storage, link=link)
        moving = clip.transfer(workers, storage=storage, link=link)
        print(f"{workers:7d}  {moving:10.2f}  {3600 * rate:10.0f}  {rate / (workers * alone):9.0%}")
    print(f"the storage ({given.storage:g} MB/s) is the limit from {clip.most_workers(storage=storage):.0f} workers on")
    if given.check:
        path, workers = Path(given.check[0]), int(given.check[1])
        wanted, found = clip.throughput(workers, storage=storage, link=link), measured_throughput(path)
        values = {"workers": workers, "model": 3600 * wanted, "measured": 3600 * found, "ratio": found / wanted}
        print("check:", json.dumps({key: round(value, 3) for key, value in values.items()}))


if __name__ == "__main__":
    sys.exit(run_script(main))
