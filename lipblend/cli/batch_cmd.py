"""``lipblend batch``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, QuietOption, command_app, path_argument, path_option
from lipblend.cli.console import Console, table_text
from lipblend.cli.exit_codes import EXIT_INTERRUPT, EXIT_TERMINATED
from lipblend.cli.exits import handle_errors
from lipblend.cli.remote_options import ScratchOption, ScratchSizeOption, StorageOption, remote_options
from lipblend.cli.shared_options import CacheOption, NoCacheOption, cache_folder
from lipblend.cli.verdict import JunitOption
from lipblend.errors import LipblendError, SettingsError

if TYPE_CHECKING:
    from lipblend.batch.job_spec import JobOutcome, JobSpec, Need, Work

app = command_app()

_EVERY_S, _SPLIT_S = 10.0, 120.0
_PLANS: Mapping[Work, str] = {"nothing": "up to date", "measure": "measure", "render": "make"}
_TERMINATED = "terminated", EXIT_TERMINATED
_GATE_HINT = (
    "Their reports show the worst moments (report in the list, or --index). Other settings may do better "
    "(`lipblend preview --presets all`); gate.score_min changes the mark."
)
_HINT = "Run the same command again to go on; --retry-failed runs only what failed."


@app.command("batch")
@handle_errors(stdout_required=False)
def batch_command(
    job_list: Annotated[Path, path_argument("LIST", "Jobs: a YAML file or a CSV table (docs/batch.md).")],
    workers: Annotated[
        str, typer.Option("--workers", "-w", metavar="N|auto", help="Jobs at a time; auto: one per four processors.")
    ] = "auto",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PATTERN", help="Only jobs whose names match (intro*). May be repeated."),
    ] = None,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Only jobs that did not end well before, or not at all."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also make what is up to date.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which outputs would be made, and why.")] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop all jobs when one does not end well, instead of going on.")
    ] = False,
    gate: Annotated[
        bool, typer.Option("--gate", help="Measure every output; exit with code 8 if one misses a pass mark.")
    ] = False,
    results: Annotated[
        Path | None,
        path_option("--results", "FILE", "A line of JSON for each job as it ends. Default: LIST.results.jsonl."),
    ] = None,
    logs: Annotated[Path | None, path_option("--logs", "FOLDER", "A log of each job. Default: LIST.logs.")] = None,
    index: Annotated[
        Path | None,
        path_option("--index", "FOLDER", "Write index.html over all outputs and reports, the worst clips first."),
    ] = None,
    junit: JunitOption = None,
    max_memory: Annotated[
        str,
        typer.Option(
            "--max-memory",
            metavar="SIZE|auto|off",
            help="Memory of one job (4G); one that takes more is stopped. auto: its part of what is free.",
        ),
    ] = "auto",
    jobs: Annotated[
        str, typer.Option("--jobs", "-j", metavar="N|auto", help="Rendering processes of each job, as in composite.")
    ] = "1",
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="Run the jobs on a Dask cluster (tcp://host:port), on shared paths or at addresses.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="SECONDS|off",
            help=f"With --scheduler: clips longer than this go to several workers. Default: {_SPLIT_S:.0f}.",
        ),
    ] = None,
    watch: Annotated[
        Path | None,
        path_option("--watch", "FOLDER", "Keep looking in this folder, which LIST's paths start from, for new pairs."),
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(
            "--every",
            metavar="SECONDS",
            help=f"Time between two looks of --watch. Default: {_EVERY_S:.0f}.",
            min=0.1,
        ),
    ] = None,
    idle: Annotated[
        float | None,
        typer.Option("--idle", metavar="SECONDS", help="End --watch after so long without a pair.", min=0),
    ] = None,
    scratch: ScratchOption = None,
    scratch_size: ScratchSizeOption = "50G",
    storage_options: StorageOption = None,
    models: ModelsOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Composite a whole list of pairs, and make again only what changed.

    Each job runs in a process of its own: a crash or an error ends that job alone. An output that is complete and was
    made from the same inputs with the same settings is left as it is. After an interruption, the same command goes on
    where it stopped. Exit codes: 0 all is well, 8 some outputs are below their pass marks (--gate), 9 some jobs failed.
    """
    from lipblend.batch.job_process import JobRunOptions, compose_threads
    from lipblend.batch.listing.check_jobs import job_problems, problem_lines
    from lipblend.batch.listing.job_completion import completed
    from lipblend.batch.listing.job_list import read_jobs, read_jobs_and_problems
    from lipblend.batch.listing.list_problems import raise_problems
    from lipblend.batch.memory_guard import memory_limit
    from lipblend.batch.run_batch import Series, chosen, made_before, to_make
    from lipblend.batch.watch import FolderWatch
    from lipblend.cli.batch_session import (
        BatchFiles,
        check_own_files,
        finish,
        make_pool,
        run_list,
        run_watch,
        say_once,
        watched,
    )
    from lipblend.composite_options import parse_jobs

    split_s = _SPLIT_S if split is None else _split_s(split)
    _check_together(watch=watch, retry_failed=retry_failed, dry_run=dry_run, junit=junit)
    _check_partner("--watch FOLDER", watch, {"--idle": idle, "--every": every})
    _check_partner("--scheduler ADDRESS", scheduler, {"--split": split})
    if no_cache and split is not None and split_s is not None:
        raise SettingsError(
            "--split needs the analyses' cache, and --no-cache was given", hint="Leave out one of them."
        )
    console = Console(quiet=quiet, as_json=as_json)
    remote = remote_options(scratch, scratch_size, storage_options)
    files = BatchFiles.of(job_list, results=results, logs=logs, index=index, junit=junit)
    earlier = _earlier(files.results) if retry_failed else None

    def read(waiting: list[str]) -> list[JobSpec]:
        found = read_jobs(job_list, base=watch, waiting=waiting)
        return chosen(completed(found, gate=gate, index=index), only or (), arriving=True)

    if watch is None:
        found, wrong = read_jobs_and_problems(job_list)
        listed = completed(found, gate=gate, index=index)
        specs = chosen(listed, only or (), earlier)
        problems = job_problems(specs, remote=True, unopened=made_before(specs))
        raise_problems(job_list.name, (*wrong, *problem_lines(specs, problems)))
    else:
        listed = specs = read([])
    check_own_files(files, job_list, listed)
    count = _workers(workers, None if watch is not None else len(specs))
    if dry_run:
        _show_plan(to_make(specs, force=force, remote=remote), console)
        return
    on_cluster = scheduler is not None and max_memory == "auto"  # then each worker knows what it has
    options = JobRunOptions(
        force=force, cache=cache_folder(cache, no_cache), models=models, logs=files.logs,
        max_memory=None if on_cluster else memory_limit(max_memory, count),
        jobs=parse_jobs(jobs), threads=compose_threads(count), remote=remote,
    )  # fmt: skip
    pool = make_pool(options, workers=count, scheduler=scheduler, split_s=split_s)
    series, say = Series(), say_once(console)
    folder = FolderWatch(watched(read, say))
    try:
        if watch is None:
            run_list(specs, pool, files, series, fail_fast=fail_fast, quiet=quiet)
        else:
            run_watch(
                folder,
                pool,
                files,
                series,
                every_s=every or _EVERY_S,
                idle_s=idle,
                fail_fast=fail_fast,
                quiet=quiet,
                say=say,
            )
    except (KeyboardInterrupt, SystemExit) as stop:  # Ctrl-C is how --watch usually ends
        finish(series, listed, files, console, folder.waiting)
        word, code = ("interrupted", EXIT_INTERRUPT) if isinstance(stop, KeyboardInterrupt) else _TERMINATED
        print(f"error: {word}; no unfinished output is left, finished segments are kept. {_HINT}", file=sys.stderr)
        raise typer.Exit(code) from stop
    finish(series, listed, files, console, folder.waiting)
    try:
        series.raise_for_status(hint=_HINT, gate_hint=_GATE_HINT)
    except LipblendError as error:  # not raised, as the JUnit file has a case for each clip by now
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from error


def _check_together(*, watch: Path | None, retry_failed: bool, dry_run: bool, junit: Path | None) -> None:
    for option, given in (("--retry-failed", retry_failed), ("--dry-run", dry_run)):
        if watch is not None and given:
            raise SettingsError(f"{option} and --watch exclude each other", hint="Leave out one of them.")
    if dry_run and junit is not None:
        raise SettingsError(
            "--dry-run and --junit exclude each other: nothing is run, so there are no verdicts",
            hint="Leave out --junit; --dry-run --json lists the plan for programs.",
        )
    if watch is not None and not watch.is_dir():
        raise SettingsError(f"--watch {watch} is not a folder", hint="Create it, or choose another.")


def _check_partner(partner: str, given: object, options: Mapping[str, object]) -> None:
    """Refuse options that do nothing without another one."""
    for option, value in options.items():
        if value is not None and given is None:
            raise SettingsError(f"{option} was given without {partner.split()[0]}", hint=f"Add {partner}.")


def _earlier(results: Path) -> Mapping[str, JobOutcome]:
    """How the jobs ended last.

    Raises
    ------
    SettingsError
        There was no run.
    """
    from lipblend.batch.results import last_outcomes

    if not results.is_file():
        raise SettingsError(
            f"--retry-failed: {results}, the results of an earlier run, is missing", hint="Leave it out."
        )
    return last_outcomes(results)


def _workers(text: str, jobs: int | None) -> int:
    """Jobs at a time, not more than there are."""
    from lipblend.composite_options import parse_jobs, usable_processors

    count = max(1, usable_processors() // 4) if text.strip().lower() == "auto" else parse_jobs(text)
    return count if jobs is None else max(1, min(count, jobs))


def _split_s(text: str) -> float | None:
    """Seconds of ``--split``; None for off."""
    if text.strip().lower() == "off":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SettingsError(f"--split {text} is no number of seconds", hint="Write it as 120, or off.")
    return seconds


def _show_plan(planned: Sequence[tuple[JobSpec, Need]], console: Console) -> None:
    """What a dry run found."""
    made = sum(need.work == "render" for _, need in planned)
    measured = sum(need.work == "measure" for _, need in planned)
    data = {
        "jobs": [
            {
                "name": spec.name,
                "output": spec.output,
                "make": need.work == "render",
                "measure": need.work == "measure",
                "reason": need.reason,
            }
            for spec, need in planned
        ],
        "make": made,
        "measure": measured,
    }
    rows = [(spec.name, _PLANS[need.work], need.reason) for spec, need in planned]
    counts = f"{made} of {len(planned)} to make" + (f", {measured} to measure" if measured else "")
    console.finish(data, f"{table_text(('job', 'plan', 'why'), rows)}\n\n{counts}")
