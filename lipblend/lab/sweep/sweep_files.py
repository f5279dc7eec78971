"""Files of a sweep: the sheet of mouths, a table, JSON, a plot, and the best settings as a preset."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lipblend.lab.sweep.outcome import AGAINST_REFERENCE, Outcome
from lipblend.lab.sweep.plot import sweep_svg
from lipblend.lab.sweep.ranking import Ranked
from lipblend.lab.sweep.sweep_result import SweepResult
from lipblend.picture.labelled import Rgb, encode_image
from lipblend.quality.measures import MEASURES
from lipblend.runtime.files import write_atomically
from lipblend.runtime.output_paths import make_folder
from lipblend.settings import Settings
from lipblend.settings.catalogue import setting_groups, setting_specs
from lipblend.settings.presets import DEFAULT_PRESET, find_preset, preset_values

FILES = ("mouths.png", "sweep.csv", "sweep.json", "sweep.svg", "best.yaml")
SCHEMA = 2
_VERDICT = ("headline", "word", "passed", "worst_part")
_COUNTS = ("frames", "blended", "rows", "fallbacks")
_TIMES = ("plan_ms", "render_ms", "ms_a_frame", "memory_mb")  # and memory; written with three decimals


def write_sweep(folder: Path, result: SweepResult, inputs: Mapping[str, Path], mouths: Rgb) -> dict[str, Path]:
    """Write all files, each complete or not at all. The folder is created if needed. Returns the paths by name.

    Parameters
    ----------
    folder : Path
    result : SweepResult
    inputs : mapping of str to Path
        By role.
    mouths : (h, w, 3) uint8 RGB
        See `lipblend.lab.sweep.mouth_sheet`.

    Raises
    ------
    OutputError
        The folder cannot be created, or a file cannot be written.
    """
    best = result.ranking.best.outcome.combination
    values = ", ".join(f"{key}={value}" for key, value in best.values.items())
    summary = f"Best of {len(result.ranking.ranked)} combinations by {result.ranking.by}: {values}."
    texts = {
        "sweep.csv": csv_text(result),
        "sweep.json": json.dumps(sweep_dict(result, inputs), indent=2, allow_nan=False) + "\n",
        "sweep.svg": sweep_svg(result.ranking, result.grid.axes),
        "best.yaml": preset_text(best.settings, summary, preset=result.grid.preset_of(best), named=result.grid.axes),
    }
    make_folder(folder)
    # Only file names can contain invalid text; YAML reads such an escape back as the same name.
    contents = {name: text.encode("utf-8", errors="backslashreplace") for name, text in texts.items()}
    contents["mouths.png"] = encode_image(mouths, ".png")
    for name in FILES:
        write_atomically(folder / name, contents[name])
    return {name: folder / name for name in FILES}


def csv_text(result: SweepResult) -> str:
    """One row per combination, from best to worst; what a reference says stands in front of the other numbers."""
    measured = measured_keys(result)
    against = [key for key in measured if key in AGAINST_REFERENCE]
    others = [key for key in measured if key not in AGAINST_REFERENCE]
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    head = ("rank", "equals_best", "combination", *result.grid.axes, *against, *_VERDICT, *others, *_COUNTS, *_TIMES)
    table.writerow([*head, "failed"])
    for place, each in enumerate(result.ranking.ranked, start=1):
        outcome = each.outcome
        table.writerow(
            [
                place,
                _yes(each.equals_best),
                outcome.combination.number,
                *(outcome.combination.values[key] for key in result.grid.axes),
                *(_number(outcome.values.get(key)) for key in against),
                *_verdict(outcome),
                *(_number(outcome.values.get(key)) for key in others),
                *(getattr(outcome, name) for name in _COUNTS),
                *("" if outcome.failed else f"{getattr(outcome, name):.3f}" for name in _TIMES),
                outcome.failed,
            ]
        )
    return buffer.getvalue()


def _verdict(outcome: Outcome) -> tuple[str, ...]:
    if outcome.headline is None:
        return ("",) * len(_VERDICT)
    passed = "" if outcome.passed is None else _yes(outcome.passed)
    return _number(outcome.headline.score), outcome.headline.word, passed, outcome.headline.parts[0].key


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.8g}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def sweep_dict(result: SweepResult, inputs: Mapping[str, Path]) -> dict[str, Any]:
    """The whole result, ready for JSON."""
    ranking = result.ranking
    return {
        "schema": SCHEMA,
        "lipblend": version("lipblend"),
        "inputs": {role: path.name for role, path in inputs.items()},
        "axes": {key: list(values) for key, values in result.grid.axes.items()},
        "rank_by": ranking.by,
        "rank_text": ranking.text,
        "noise_text": ranking.noise,
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
    outcome = each.outcome
    return {
        "rank": place,
        "number": outcome.combination.number,
        "settings": dict(outcome.combination.values),
        "value": each.value,
        "equals_best": each.equals_best,
        "headline": _headline_dict(outcome),
        "values": dict(outcome.values),
        "runs": [asdict(run) for run in outcome.runs],
        **{name: getattr(outcome, name) for name in (*_COUNTS, *_TIMES, "failed")},
    }


def _headline_dict(outcome: Outcome) -> dict[str, Any] | None:
    found = outcome.headline
    if found is None:
        return None
    parts = [{name: getattr(part, name) for name in ("key", "visibility", "value", "worst")} for part in found.parts]
    return {"score": found.score, "word": found.word, "passed": outcome.passed, "parts": parts}


def measured_keys(result: SweepResult) -> list[str]:
    """Measures that at least one combination has: those against the reference, then in the order of `MEASURES`."""
    found = {key for each in result.ranking.ranked for key in each.outcome.values}
    return [key for key in dict.fromkeys((*AGAINST_REFERENCE, *MEASURES)) if key in found]


def peak_process_mb() -> float | None:
    """Peak resident memory of this process so far, MB; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


def preset_text(settings: Settings, summary: str, *, preset: str | None = None, named: Collection[str] = ()) -> str:
    """Settings as a file for ``--config``: those that differ from their defaults.

    Such a file is applied on top of a preset. It also names each setting at its default that `DEFAULT_PRESET` or
    ``preset`` changes, so that it gives the same settings on top of either. Settings in ``named`` are always written.
    """
    bases = list(dict.fromkeys(name for name in (DEFAULT_PRESET, preset) if name is not None))
    at_default = {*named, *(key for name in bases for key in preset_values(find_preset(name)))}
    lines = [
        f"# For --config, over the preset {' or '.join(bases)}.",
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
            yield f"  {name}: {_yaml_value(value)}"
        elif key in at_default:
            yield f"  {name}: {_yaml_value(value)}  # the default"


def _yaml_value(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_scalar, value))}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """A YAML scalar: as in JSON, except 1e-05 as 1.0e-05, since YAML reads it as text without the point."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"^(-?\d+)(e)", r"\1.0\2", text) if isinstance(value, float) else text
