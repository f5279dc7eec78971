"""How the throughput of a series grows with the number of workers, from what was measured with one.

    batch-growth RESULTS --storage MB/S [--link MB/S] [--workers 1 2 10 100 1000] [--check RESULTS_OF_N N]

RESULTS is the file of a run with one worker at a time (`lipblend batch --workers 1 --force`), with its outputs and
inputs in their places. A clip takes its measured time on a worker; its files are read twice and written once, over the
worker's own link and over the storage, which all share:

    time of a clip     t(N) = compute + bytes / min(link, storage / N)
    throughput         N / t(N), at most storage / bytes

so the storage is the limit from N* = storage * compute / bytes workers on. ``--check`` compares that with a run of N
workers. Files are read twice, since each pass decodes both videos; an operating system's cache is not counted on.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lipblend.batch.results import last_outcomes
from lipblend.cli.exits import run_script
from lipblend.errors import InputError

_MB = 1e6
_READ_TIMES = 2


@dataclass(frozen=True)
class Clip:
    """The mean clip of a series: seconds on one worker, and bytes moved."""

    seconds: float
    moved: float

    def throughput(self, workers: int, *, storage: float, link: float) -> float:
        """Clips per second of so many workers; ``storage`` and ``link`` in bytes per second."""
        transfer = self.moved / min(link, storage / workers)
        return min(workers / (self.seconds + transfer), storage / self.moved)

    def most_workers(self, *, storage: float) -> float:
        """From how many workers on the storage is the limit."""
        return storage * self.seconds / self.moved


def mean_clip(results: Path) -> Clip:
    """The mean of the jobs that a run made.

    Raises
    ------
    InputError
        It made none, or a file is gone.
    """
    seconds, moved = [], []
    for outcome in last_outcomes(results).values():
        if outcome.status not in ("passed", "gate"):
            continue
        seconds.append(outcome.seconds)
        moved.append(_moved_bytes(Path(outcome.output), Path(outcome.log)))
    if not seconds:
        raise InputError(f"{results} has no job that was made", hint="Run the list with --force --workers 1 first.")
    return Clip(sum(seconds) / len(seconds), sum(moved) / len(moved))


def _moved_bytes(output: Path, log: Path) -> float:
    """Of both inputs, which the first line of a log names, and of the output."""
    import shlex

    try:
        with log.open(encoding="utf-8") as file:
            words = shlex.split(file.readline())
        inputs = [Path(word).stat().st_size for word in words[2:4]]
        return float(_READ_TIMES * sum(inputs) + output.stat().st_size)
    except (OSError, ValueError) as error:
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
    clip = mean_clip(given.results)
    storage, link = given.storage * _MB, given.link * _MB
    print(f"a clip: {clip.seconds:.1f} s on one worker, {clip.moved / _MB:.1f} MB moved")
    print("workers  clips/hour  efficiency")
    alone = clip.throughput(1, storage=storage, link=link)
    for workers in given.workers:
        rate = clip.throughput(workers, storage=storage, link=link)
        print(f"{workers:7d}  {3600 * rate:10.0f}  {rate / (workers * alone):9.0%}")
    print(f"the storage ({given.storage:g} MB/s) is the limit from {clip.most_workers(storage=storage):.0f} workers on")
    if given.check:
        path, workers = Path(given.check[0]), int(given.check[1])
        wanted, found = clip.throughput(workers, storage=storage, link=link), measured_throughput(path)
        values = {"workers": workers, "model": 3600 * wanted, "measured": 3600 * found, "ratio": found / wanted}
        print("check:", json.dumps({key: round(value, 3) for key, value in values.items()}))


if __name__ == "__main__":
    sys.exit(run_script(main))
