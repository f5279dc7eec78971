"""``lipblend sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, QuietOption, command_app, output_option, path_option
from lipblend.cli.console import Console, table_text
from lipblend.cli.exits import handle_errors
from lipblend.cli.shared_options import (
    CacheOption,
    ConfigOption,
    NoCacheOption,
    OriginalArgument,
    PresetOption,
    SyncedArgument,
    cache_folder,
)
from lipblend.errors import SettingsError
from lipblend.settings.presets import DEFAULT_PRESET

if TYPE_CHECKING:
    from lipblend.lab.sweep.score import Ranked
    from lipblend.lab.sweep.sweep_result import SweepResult

app = command_app()

_RUNS = 6
_SHOWN = 20
_COLUMNS = ("seam", "ssim_y", "colour_step", "alpha_flicker", "overspill", "sharpness", "psnr")


@app.command("sweep")
@handle_errors(stdout_required=False)
def sweep_command(
    original: OriginalArgument,
    synced: SyncedArgument,
    output: Annotated[
        Path, output_option("FOLDER", "Output folder for sweep.csv, sweep.json, sweep.svg and best.yaml.")
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE,VALUE",
            help="A setting and the values to try. May be repeated. Items of a list are joined with +: "
            "mask.shapes=mouth+ellipse,box.",
        ),
    ] = None,
    preset: PresetOption = DEFAULT_PRESET,
    config: ConfigOption = None,
    frames: Annotated[
        str,
        typer.Option(
            "--frames", metavar="sampled|all", help="sampled: use runs of five frames; all: use the whole clip."
        ),
    ] = "sampled",
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", help="Number of runs of frames, spread over the shots.", min=1)
    ] = _RUNS,
    reference: Annotated[
        Path | None,
        path_option("--reference", "FILE", "Real footage of the synced speech; adds psnr, ssim and temporal."),
    ] = None,
    rank_by: Annotated[
        str, typer.Option("--rank-by", metavar="NAME", help="score, or a measure such as psnr or seam.")
    ] = "score",
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite/--no-overwrite", help="Replace an earlier sweep's files, or stop with an error."),
    ] = True,
    models: ModelsOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Try a grid of settings on one pair and rank them.

    Every combination of values is rendered in memory on the same frames and measured. The score is the mean, over the
    measures with a pass mark, of value / mark (or (1 - value) / (1 - mark) if 1 is perfect): 0 is perfect, 1 is just at
    the marks. best.yaml holds the best settings for `composite --config`.
    """
    from lipblend.lab.sweep.grid import make_grid

    if frames not in ("sampled", "all"):
        raise SettingsError(f"--frames {frames} is not allowed", hint="Use sampled or all.")
    analyses = cache_folder(cache, no_cache)
    grid = make_grid(preset, config, assignments or ())

    from lipblend.lab.sweep.run_sweep import SweepOptions, run_sweep
    from lipblend.lab.sweep.sweep_files import sweep_dict

    console = Console(quiet=quiet, as_json=as_json)
    with console.progress() as on_progress:
        result = run_sweep(
            original,
            synced,
            output,
            grid=grid,
            options=SweepOptions(
                frames="all" if frames == "all" else "sampled",
                runs=samples,
                rank_by=rank_by,
                reference=reference,
                overwrite=overwrite,
                models=models,
                cache=analyses,
            ),
            on_progress=on_progress,
        )
    inputs = {"original": original, "synced": synced} | ({"reference": reference} if reference else {})
    data = {**sweep_dict(result, inputs), "files": {name: str(path) for name, path in result.files.items()}}
    console.finish(data, sweep_text(result))


def sweep_text(result: SweepResult) -> str:
    """The ranking as a table, best first, and the mean effect of each setting."""
    ranking = result.ranking
    shown = [key for key in _COLUMNS if any(key in each.outcome.values for each in ranking.ranked)]
    if ranking.by != "score" and ranking.by not in shown:
        shown.insert(0, ranking.by)
    score = ("score",) if ranking.by == "score" else ()
    head = ("rank", *result.grid.axes, *score, *shown, "blended", "ms/frame", "MB")
    rows = [_row(place, each, result, shown) for place, each in enumerate(ranking.ranked[:_SHOWN], start=1)]
    lines = [table_text(head, rows)]
    if len(ranking.ranked) > _SHOWN:
        lines.append(f"... and {len(ranking.ranked) - _SHOWN} more in {result.files['sweep.csv']}")
    lines += ["", ranking.text]
    for key, effect in ranking.effects.items():
        lines.append(
            f"{key}, mean of each value: " + ", ".join(f"{value} {mean:.4g}" for value, mean in effect.items())
        )
    lines += [
        f"measured on {result.frames} frames in {result.runs} run{'s' * (result.runs != 1)}, with "
        f"{result.analyses} {'analysis' if result.analyses == 1 else 'analyses'} and {result.plans} "
        f"plan{'s' * (result.plans != 1)}, in {result.seconds:.1f} s; ms/frame: plan and render; MB: memory to "
        "render a frame",
        *(f"note: {note}" for note in result.notes),
        "wrote " + ", ".join(str(path) for path in result.files.values()),
    ]
    return "\n".join(lines)


def _row(place: int, each: Ranked, result: SweepResult, shown: list[str]) -> tuple[str, ...]:
    done = each.outcome
    settings = [done.combination.values[key] for key in result.grid.axes]
    score = [_number(each.value)] if result.ranking.by == "score" else []
    measured = [_number(done.values.get(key)) for key in shown]
    if done.failed:
        return (str(place), *settings, *score, *measured, "failed", "-", "-")
    return (
        str(place),
        *settings,
        *score,
        *measured,
        f"{done.blended} of {done.rows}",
        f"{done.ms_a_frame:.1f}",
        f"{done.memory_mb:.1f}",
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
