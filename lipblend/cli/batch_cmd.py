"""``lipblend batch``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, QuietOption, command_app, path_argument, path_option
from lipblend.cli.console import Console, table_text
from lipblend.cli.exits import handle_errors
from lipblend.cli.shared_options import CacheOption, NoCacheOption, cache_folder
from lipblend.cli.verdict import JunitOption
from lipblend.errors import LipblendError

if TYPE_CHECKING:
    from lipblend.batch.job_process import JobRunOptions
    from lipblend.batch.job_spec import JobSpec
    from lipblend.batch.run_batch import Series

app = command_app()

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
        bool, typer.Option("--retry-failed", help="Only jobs that did not end well in the last run of this list.")
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
    from lipblend.batch.check_jobs import check_jobs
    from lipblend.batch.job_list import read_jobs
    from lipblend.batch.job_process import JobRunOptions
    from lipblend.batch.memory_guard import memory_limit
    from lipblend.batch.results import last_outcomes
    from lipblend.batch.run_batch import chosen, to_make
    from lipblend.composite_options import parse_jobs

    console = Console(quiet=quiet, as_json=as_json)
    files = _Files.of(job_list, results, logs)
    earlier = last_outcomes(files.results) if retry_failed else None
    specs = chosen(_gated(read_jobs(job_list), gate), only or (), earlier)
    count = _workers(workers, len(specs))
    limit = memory_limit(max_memory, count)
    options = JobRunOptions(
        force=force, cache=cache_folder(cache, no_cache), models=models, logs=files.logs, max_memory=limit,
        jobs=parse_jobs(jobs),
    )  # fmt: skip
    check_jobs(specs, remote=False)
    if dry_run:
        _show_plan(to_make(specs, force=force), console)
        return
    series = _run(specs, options, files, workers=count, fail_fast=fail_fast, quiet=quiet)
    _finish(series, specs, console, index=index, junit=junit)


@dataclass(frozen=True)
class _Files:
    """Where a run of a list keeps its results and logs."""

    results: Path
    logs: Path

    @classmethod
    def of(cls, job_list: Path, results: Path | None, logs: Path | None) -> _Files:
        """By default beside the list."""
        stem = job_list.with_suffix("")
        return cls(results or stem.with_name(f"{stem.name}.results.jsonl"), logs or stem.with_name(f"{stem.name}.logs"))


def _gated(specs: Sequence[JobSpec], gate: bool) -> list[JobSpec]:
    from dataclasses import replace

    return [replace(spec, gate=True) for spec in specs] if gate else list(specs)


def _workers(text: str, jobs: int) -> int:
    """Jobs at a time, not more than there are."""
    from lipblend.composite_options import parse_jobs, usable_processors

    count = max(1, usable_processors() // 4) if text.strip().lower() == "auto" else parse_jobs(text)
    return max(1, min(count, jobs))


def _run(
    specs: Sequence[JobSpec], options: JobRunOptions, files: _Files, *, workers: int, fail_fast: bool, quiet: bool
) -> Series:
    """Run the jobs to their end."""
    from lipblend.batch.local_pool import LocalPool
    from lipblend.batch.results import ResultsFile
    from lipblend.batch.run_batch import BatchRun
    from lipblend.cli.batch_table import BatchState, batch_view

    state = BatchState()
    state.total = len(specs)
    with (
        batch_view(state, quiet=quiet) as show,
        BatchRun(
            lambda on_event: LocalPool(workers, options, on_event), ResultsFile(files.results), show,
            fail_fast=fail_fast,
        ) as run,
    ):  # fmt: skip
        run.submit(specs)
        return run.finish()


def _show_plan(planned: Sequence[tuple[JobSpec, str]], console: Console) -> None:
    """What a dry run found."""
    made = [(spec, why) for spec, why in planned if why]
    data = {
        "jobs": [{"name": spec.name, "output": spec.output, "make": bool(why), "reason": why} for spec, why in planned],
        "make": len(made),
    }
    rows = [(spec.name, "make" if why else "up to date", why) for spec, why in planned]
    console.finish(data, f"{table_text(('job', 'plan', 'why'), rows)}\n\n{len(made)} of {len(planned)} to make")


def _finish(
    series: Series, specs: Sequence[JobSpec], console: Console, *, index: Path | None, junit: Path | None
) -> None:
    """The summary, the pages, and the exit code."""
    from lipblend.cli.batch_table import outcome_text

    order = {spec.name: number for number, spec in enumerate(specs)}
    outcomes = sorted(series.outcomes, key=lambda outcome: order.get(outcome.name, len(order)))
    counts = dict(sorted(series.counts.items()))
    lines = [f"{len(outcomes)} jobs: " + ", ".join(f"{count} {key}" for key, count in counts.items())]
    lines += [
        f"  {outcome_text(outcome)}" + (f"  (log: {outcome.log})" if outcome.log else "")
        for outcome in outcomes
        if outcome.status not in ("passed", "skipped")
    ]
    console.finish({"counts": counts, "jobs": [outcome.to_dict() for outcome in outcomes]}, "\n".join(lines))
    try:
        series.raise_for_status(hint=_HINT)
    except LipblendError as error:
        if console.as_json or console.quiet:
            raise typer.Exit(error.exit_code) from error
        raise
