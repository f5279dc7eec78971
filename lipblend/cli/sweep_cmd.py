"""``lipblend sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipblend.cli.command_app import JsonOption, ModelsOption, QuietOption, command_app, output_option, path_option
from lipblend.cli.console import Console, table_text
from lipblend.cli.exits import handle_errors
from lipblend.cli.given_inputs import RateOption, takes_sequences
from lipblend.cli.shared_options import (
    CacheOption,
    ConfigOption,
    CropOption,
    FaceOption,
    KeepOption,
    NoCacheOption,
    OriginalArgument,
    PresetOption,
    RangesOption,
    SyncedArgument,
    cache_folder,
    face_flags,
)
from lipblend.errors import SettingsError
from lipblend.settings.presets import DEFAULT_PRESET

if TYPE_CHECKING:
    from lipblend.lab.sweep.ranking import Ranked
    from lipblend.lab.sweep.sweep_result import SweepResult

app = command_app()

_RUNS = 3
_SHOWN = 20
_HEADLINE = "headline"


@app.command("sweep")
@handle_errors(stdout_required=False)
@takes_sequences("original", "synced", "reference")
def sweep_command(
    original: OriginalArgument,
    synced: SyncedArgument,
    output: Annotated[
        Path, output_option("FOLDER", "Output folder for mouths.png, sweep.csv, sweep.json, sweep.svg and best.yaml.")
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE,VALUE",
            help="A setting and the values to try, or presets: preset=natural,max-concealment. May be repeated. Items "
            "of a list are joined with +: mask.shapes=mouth+ellipse,box.",
        ),
    ] = None,
    preset: PresetOption = DEFAULT_PRESET,
    config: ConfigOption = None,
    face: FaceOption = None,
    ranges: RangesOption = None,
    frames: Annotated[
        str,
        typer.Option(
            "--frames",
            metavar="sampled|all",
            help="sampled: use runs of 0.4 s; all: use the whole clip. Frames are measured before they are encoded.",
        ),
    ] = "sampled",
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", help="Number of runs of frames, spread over the shots.", min=1)
    ] = _RUNS,
    reference: Annotated[
        Path | None,
        path_option(
            "--reference",
            "FILE",
            "Real footage of the synced speech; adds psnr, ssim, temporal, rag, overshoot and a row of mouths.",
        ),
    ] = None,
    keep: KeepOption = None,
    crop: CropOption = None,
    rank_by: Annotated[
        str, typer.Option("--rank-by", metavar="NAME", help="headline, or a measure such as psnr, doubled or seam.")
    ] = _HEADLINE,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite/--no-overwrite", help="Replace an earlier sweep's files, or stop with an error."),
    ] = True,
    rate: RateOption = None,
    models: ModelsOption = None,
    cache: CacheOption = None,
    no_cache: NoCacheOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Try a grid of settings or presets on one pair and rank them.

    Every combination is rendered in memory on the same frames and judged as by `evaluate`, but before it is encoded:
    the headline is 100 where nothing shows. "=" marks combinations that are not clearly worse than the best.
    mouths.png shows the mouths of all, best.yaml holds the best settings for `composite --config`.
    """
    from lipblend.lab.sweep.grid import make_grid

    if frames not in ("sampled", "all"):
        raise SettingsError(f"--frames {frames} is not allowed", hint="Use sampled or all.")
    analyses = cache_folder(cache, no_cache)
    grid = make_grid(preset, config, assignments or (), flags=face_flags(face, ranges))

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
                keep=keep,
                crop=crop,
                overwrite=overwrite,
                models=models,
                cache=analyses,
            ),
            on_progress=on_progress,
        )
    inputs = {"original": original, "synced": synced} | ({"reference": reference} if reference else {})
    inputs |= {"keep": keep} if keep else {}
    inputs |= {"crop": crop} if crop else {}
    data = {**sweep_dict(result, inputs), "files": {name: str(path) for name, path in result.files.items()}}
    console.finish(data, sweep_text(result))


def sweep_text(result: SweepResult) -> str:
    """The ranking as a table, best first, and the mean effect of each setting."""
    from lipblend.lab.sweep.outcome import AGAINST_REFERENCE
    from lipblend.lab.sweep.outcome_text import mark_text

    ranking = result.ranking
    against = [key for key in AGAINST_REFERENCE if any(key in each.outcome.values for each in ranking.ranked)]
    by = [] if ranking.by in (_HEADLINE, *against) else [ranking.by]
    shown = [*against, *by]
    verdict = (_HEADLINE, "word", "verdict", "most visible")
    head = ("rank", *result.grid.axes, *shown, *verdict, "blended", "ms/frame", "MB")
    rows = [_row(place, each, result, shown) for place, each in enumerate(ranking.ranked[:_SHOWN], start=1)]
    lines = [table_text(head, rows)]
    if len(ranking.ranked) > _SHOWN:
        lines.append(f"... and {len(ranking.ranked) - _SHOWN} more in {result.files['sweep.csv']}")
    lines += ["", ranking.text, ranking.noise, mark_text(ranking.best.outcome.combination.settings.gate)]
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
    from lipblend.lab.sweep.outcome_text import passed_text, worst_part_text

    done, found = each.outcome, each.outcome.headline
    rank = f"{place} =" if place > 1 and each.equals_best else str(place)
    settings = [done.combination.values[key] for key in result.grid.axes]
    measured = [_number(done.values.get(key)) for key in shown]
    score, word = ("-", "-") if found is None else (f"{found.score:.0f}", found.word)
    verdict = (score, word, passed_text(done), worst_part_text(done))
    times = ("failed", "-", "-")
    if not done.failed:
        times = (f"{done.blended} of {done.rows}", f"{done.ms_a_frame:.1f}", f"{done.memory_mb:.1f}")
    return (rank, *settings, *measured, *verdict, *times)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
