"""What a sweep writes: a table, the same for machines, a plot, and the winner as a preset."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipblend.lab.sweep.plot import sweep_svg
from lipblend.lab.sweep.score import SCORE, Ranked
from lipblend.quality.measures import MEASURES
from lipblend.runtime.files import write_atomically
from lipblend.runtime.output_paths import make_folder
from lipblend.settings import Settings
from lipblend.settings.catalogue import setting_groups, setting_specs
from lipblend.settings.presets import DEFAULT_PRESET, find_preset, preset_values

if TYPE_CHECKING:
    from lipblend.lab.sweep.run_sweep import SweepResult

FILES = ("sweep.csv", "sweep.json", "sweep.svg", "best.yaml")
SCHEMA = 1


def write_sweep(folder: Path, result: SweepResult, inputs: Mapping[str, Path]) -> dict[str, Path]:
    """Write all files, each whole or not at all, into a folder that is made if need be; returns them by name.

    Raises
    ------
    OutputError
        The folder cannot be made, or a file cannot be written.
    """
    best = result.ranking.best
    told = ", ".join(f"{key}={value}" for key, value in best.outcome.combination.values.items())
    summary = f"Best of {len(result.ranking.ranked)} combinations by {result.ranking.by}: {told}."
    contents = {
        "sweep.csv": csv_text(result),
        "sweep.json": json.dumps(sweep_dict(result, inputs), indent=2, allow_nan=False) + "\n",
        "sweep.svg": sweep_svg(result.ranking, result.grid.axes),
        "best.yaml": preset_text(
            best.outcome.combination.settings, summary, preset=result.grid.preset, named=result.grid.axes
        ),
    }
    make_folder(folder)
    for name, text in contents.items():
        # What is no valid text can only be the name of a file: in YAML such an escape means it again.
        write_atomically(folder / name, text.encode("utf-8", errors="backslashreplace"))
    return {name: folder / name for name in contents}


def csv_text(result: SweepResult) -> str:
    """One row a combination, from the best to the worst."""
    measured = measured_keys(result)
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    by = [SCORE] if result.ranking.by == SCORE else []
    table.writerow(
        ["rank", "combination", *result.grid.axes, *by, *measured, "frames", "blended", "rows", "fallbacks", "plan_ms",
         "render_ms", "ms_a_frame", "memory_mb", "failed"]
    )  # fmt: skip
    for place, each in enumerate(result.ranking.ranked, start=1):
        done = each.outcome
        numbers = [done.values.get(key) for key in measured]
        if by:
            numbers.insert(0, each.value)
        times = (done.plan_ms, done.render_ms, done.ms_a_frame, done.memory_mb)
        table.writerow(
            [
                place,
                done.combination.number,
                *(done.combination.values[key] for key in result.grid.axes),
                *("" if number is None else f"{number:.8g}" for number in numbers),
                *(done.frames, done.blended, done.rows, done.fallbacks),
                *("" if done.failed else f"{number:.3f}" for number in times),
                done.failed,
            ]
        )
    return buffer.getvalue()


def sweep_dict(result: SweepResult, inputs: Mapping[str, Path]) -> dict[str, Any]:
    """Everything, ready for JSON."""
    ranking = result.ranking
    return {
        "schema": SCHEMA,
        "lipblend": version("lipblend"),
        "inputs": {role: path.name for role, path in inputs.items()},
        "axes": {key: list(values) for key, values in result.grid.axes.items()},
        "rank_by": ranking.by,
        "rank_text": ranking.text,
        "frames": result.frames,
        "runs": result.runs,
        "analyses": result.analyses,
        "plans": result.plans,
        "seconds": result.seconds,
        "peak_process_mb": peak_process_mb(),
        "combinations": [_ranked_dict(place, each) for place, each in enumerate(ranking.ranked, start=1)],
        "effects": {key: dict(effect) for key, effect in ranking.effects.items()},
        "notes": list(result.notes),
    }


def _ranked_dict(place: int, each: Ranked) -> dict[str, Any]:
    done = each.outcome
    return {
        "rank": place,
        "number": done.combination.number,
        "settings": dict(done.combination.values),
        "value": each.value,
        "values": dict(done.values),
        "frames": done.frames,
        "blended": done.blended,
        "rows": done.rows,
        "fallbacks": done.fallbacks,
        "plan_ms": done.plan_ms,
        "render_ms": done.render_ms,
        "ms_a_frame": done.ms_a_frame,
        "memory_mb": done.memory_mb,
        "failed": done.failed,
    }


def measured_keys(result: SweepResult) -> list[str]:
    """The measures that any combination has, in the order of the catalogue."""
    found = {key for each in result.ranking.ranked for key in each.outcome.values}
    return [key for key in MEASURES if key in found]


def peak_process_mb() -> float | None:
    """The most memory that this process has held so far; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


def preset_text(settings: Settings, summary: str, *, preset: str | None = None, named: Collection[str] = ()) -> str:
    """Settings as a file for ``--config``: what differs from the defaults.

    Such a file is laid over a preset. So that it means the same over `DEFAULT_PRESET` and over ``preset``, what these
    change is named too where it is at its default here.

    Parameters
    ----------
    settings : Settings
    summary : str
        What the file is for.
    preset : str, optional
        Another preset that it will be laid over.
    named : collection of str
        Settings that are written in any case.
    """
    below = list(dict.fromkeys(name for name in (DEFAULT_PRESET, preset) if name is not None))
    at_default = {*named, *(key for name in below for key in preset_values(find_preset(name)))}
    lines = [
        f"# For --config, over the preset {' or '.join(below)}.",
        f"summary: {_scalar(summary)}",
    ]
    for group in setting_groups():
        entries = list(_entries(settings, group, at_default))
        if entries:
            lines += [f"{group}:", *entries]
    return "\n".join(lines) + "\n"


def _entries(settings: Settings, group: str, at_default: Collection[str]) -> Iterator[str]:
    for key, spec in setting_specs().items():
        owner, _, name = key.partition(".")
        if owner != group:
            continue
        value = getattr(getattr(settings, group), name)
        if value != spec.default:
            yield f"  {name}: {_written(value)}"
        elif key in at_default:
            yield f"  {name}: {_written(value)}  # the default"


def _written(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_scalar, value))}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """A number, word or switch in YAML: JSON's notation, but 1e-05 as 1.0e-05, as it is a word without the dot."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"^(-?\d+)(e)", r"\1.0\2", text) if isinstance(value, float) else text
