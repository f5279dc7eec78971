"""What `lipblend batch` does once its options are read: runs a list, or a folder that pairs arrive in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lipblend.batch.job_process import JobRunOptions
from lipblend.batch.job_spec import JobSpec
from lipblend.batch.listing.check_jobs import problem_lines
from lipblend.batch.listing.job_places import place_problems
from lipblend.batch.local_pool import LocalPool, OnEvent, Pool
from lipblend.batch.results import ResultsFile, last_outcomes
from lipblend.batch.run_batch import BatchRun, Series
from lipblend.cli.batch_table import STATUS_WORDS, BatchState, batch_view, outcome_text
from lipblend.cli.console import Console
from lipblend.errors import LipblendError, OutputError

if TYPE_CHECKING:
    from lipblend.batch.watch import FolderWatch


@dataclass(frozen=True)
class BatchFiles:
    """Where a run of a list keeps its results and logs, and what it writes at the end.

    Attributes
    ----------
    results, logs : Path
    index, junit : Path or None
    """

    results: Path
    logs: Path
    index: Path | None
    junit: Path | None

    @classmethod
    def of(
        cls, job_list: Path, *, results: Path | None, logs: Path | None, index: Path | None, junit: Path | None
    ) -> BatchFiles:
        """By default beside the list."""
        stem = job_list.absolute().with_suffix("")
        return cls(
            results or stem.with_name(f"{stem.name}.results.jsonl"),
            (logs or stem.with_name(f"{stem.name}.logs")).absolute(),
            index,
            junit,
        )


def check_own_files(files: BatchFiles, job_list: Path, jobs: Sequence[JobSpec]) -> None:
    """Refuse results and pages that would be written into the list, or into inputs or outputs of its jobs.

    Raises
    ------
    OutputError
    """
    taken = {os.path.realpath(job_list): "the list"}
    for job in jobs:
        taken |= {os.path.realpath(path): f"{role} of job {job.name}" for role, path in job.inputs.items()}
        taken[os.path.realpath(job.output)] = f"the output of job {job.name}"
    index = None if files.index is None else files.index / "index.html"
    for path in filter(None, (files.results, files.junit, index)):
        if what := taken.get(os.path.realpath(path)):
            raise OutputError(f"{path} is {what}", hint="Choose another path for it.")


def make_pool(
    options: JobRunOptions, *, workers: int, scheduler: str | None, split_s: float | None
) -> Callable[[OnEvent], Pool]:
    """What makes the pool: of this machine, or of a Dask cluster.

    Raises
    ------
    SettingsError
        The cluster cannot be used.
    """
    if scheduler is None:
        return lambda on_event: LocalPool(workers, options, on_event)
    from lipblend.batch.cluster import DaskPool, connect

    client = connect(scheduler)
    return lambda on_event: DaskPool(client, options, on_event, split_s if options.cache is not None else None)


def say_once(console: Console) -> Callable[[str], None]:
    """What prints each text the first time only."""
    told: set[str] = set()

    def tell(text: str) -> None:
        if text not in told:
            told.add(text)
            console.say(text)

    return tell


def watched(
    read: Callable[[list[str]], list[JobSpec]], say: Callable[[str], None]
) -> Callable[[list[str]], list[JobSpec]]:
    """``read`` for `FolderWatch`: a list that cannot be read, and jobs that cannot be run, are told and left out."""

    def tell(text: str) -> None:
        say(f"left out: {text}")

    def look(waiting: list[str]) -> list[JobSpec]:
        try:
            jobs = read(waiting)
        except LipblendError as error:
            tell(str(error))
            return []
        wrong = place_problems(jobs, remote=True)
        for text in problem_lines(jobs, wrong):
            tell(text)
        return [job for job in jobs if job.name not in wrong]

    return look


def run_list(
    jobs: Sequence[JobSpec],
    pool: Callable[[OnEvent], Pool],
    files: BatchFiles,
    series: Series,
    *,
    fail_fast: bool,
    quiet: bool,
) -> None:
    """Run all jobs to their end; ``series`` takes the outcomes."""
    state = BatchState()
    state.total = len(jobs)
    with (
        batch_view(state, quiet=quiet) as show,
        BatchRun(pool, ResultsFile(files.results), show, fail_fast=fail_fast, series=series) as run,
    ):
        run.submit(jobs)
        run.finish()


def run_watch(
    watch: FolderWatch,
    pool: Callable[[OnEvent], Pool],
    files: BatchFiles,
    series: Series,
    *,
    every_s: float,
    idle_s: float | None,
    fail_fast: bool,
    quiet: bool,
    say: Callable[[str], None],
) -> None:
    """Run jobs as their pairs arrive, until nothing has come for ``idle_s`` seconds, or Ctrl-C.

    ``say`` is told at every look which files wait for a partner.
    """
    state = BatchState()
    with (
        batch_view(state, quiet=quiet) as show,
        BatchRun(pool, ResultsFile(files.results), show, fail_fast=fail_fast, series=series) as run,
    ):
        busy_s = time.monotonic()
        while True:
            ready = watch.look(run.unfinished)
            for text in watch.waiting:
                say(text)
            state.total += len(ready)
            run.submit(ready)
            next_s = time.monotonic() + every_s
            while (left_s := next_s - time.monotonic()) > 0:
                run.follow(until_s=left_s)
            if ready or run.unfinished:
                busy_s = time.monotonic()
            if idle_s is not None and time.monotonic() - busy_s >= idle_s:
                return
            if run.stopped:
                run.finish()
                return


def finish(
    series: Series, jobs: Sequence[JobSpec], files: BatchFiles, console: Console, waiting: Sequence[str] = ()
) -> None:
    """Print the summary, and write the index page and the JUnit file.

    These show all ``jobs`` of the list: those that were left out this time as they ended last. ``waiting`` says which
    files still wait for a partner.
    """
    order = {job.name: number for number, job in enumerate(jobs)}
    outcomes = sorted(series.outcomes, key=lambda outcome: order.get(outcome.name, len(order)))
    counts = dict(sorted(series.counts.items()))
    parts = ", ".join(f"{count} {STATUS_WORDS[key]}" for key, count in counts.items())
    lines = [f"{len(outcomes)} job{'' if len(outcomes) == 1 else 's'}{': ' if parts else ''}{parts}"]
    lines += [
        f"  {outcome_text(outcome)}" + (f"  (log: {outcome.log})" if outcome.log else "")
        for outcome in outcomes
        if outcome.status not in ("passed", "skipped")
    ]
    lines += [f"without a partner: {text}" for text in waiting]
    written: dict[str, str] = {"results": str(files.results)}
    if files.index is not None or files.junit is not None:
        from lipblend.batch.clip_rows import clip_rows
        from lipblend.quality.report import write_batch_index, write_batch_junit

        earlier = last_outcomes(files.results)
        left = [earlier[job.name] for job in jobs if job.name in earlier and job.name not in series.last]
        rows = clip_rows([*outcomes, *left])
        if files.index is not None:
            written["index"] = str(write_batch_index(files.index, rows))
        if files.junit is not None:
            write_batch_junit(files.junit, rows)
            written["junit"] = str(files.junit)
    lines += [f"written: {path}" for path in written.values()]
    data: dict[str, object] = {
        "counts": counts,
        "jobs": [outcome.to_dict() for outcome in outcomes],
        "written": written,
    }
    if waiting:
        data["waiting"] = list(waiting)
    console.finish(data, "\n".join(lines))
