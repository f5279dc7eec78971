"""The result of an ablation as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lipblend.errors import OutputError
from lipblend.lab.ablation.run_ablation import MEASURES, Column
from lipblend.lab.ablation.variants import Variant

BEGIN, END = "<!-- ablation: begin -->", "<!-- ablation: end -->"
_DIGITS = {"psnr": 2, "flicker": 3, "detail": 3, "rag": 3, "overshoot": 3, "lip_corr": 4}
_NAMES = {"psnr": "dB", "flicker": "flicker", "detail": "detail", "rag": "rag", "overshoot": "halo", "lip_corr": "lips"}


@dataclass(frozen=True)
class Row:
    """One variant over all triples.

    Attributes
    ----------
    mean : dict of str to float
        Over the triples with the measure; empty for a variant that failed on one.
    difference : dict of str to float
        Mean over the triples of the difference from the preset.
    min_difference : float or None
        Minimum over the triples of the PSNR difference from the preset, dB.
    over_plain : float or None
        Mean over the triples of the PSNR difference from the best yardstick, dB.
    """

    variant: Variant
    mean: dict[str, float]
    difference: dict[str, float]
    min_difference: float | None
    over_plain: float | None


def summarise(columns: Mapping[str, Column], variants: Sequence[Variant]) -> list[Row]:
    """Means, and differences from the preset, in the order of the variants."""
    base = next(each.name for each in variants if each.kind == "preset")
    plain = [each.name for each in variants if each.kind == "yardstick"]
    rows = []
    for variant in variants:
        mean, difference, psnr_steps, over = {}, {}, [], []
        complete = not any(column[variant.name].failed for column in columns.values())
        for key in MEASURES if complete else ():
            cells = [
                (column[variant.name].values.get(key), column[base].values.get(key)) for column in columns.values()
            ]
            known = [value for value, _ in cells if value is not None]
            steps = [value - of_base for value, of_base in cells if value is not None and of_base is not None]
            if known:
                mean[key] = float(np.mean(known))
            if steps:
                difference[key] = float(np.mean(steps))
            if key == "psnr":
                psnr_steps = steps
        for column in columns.values() if complete else ():
            best = [column[name].values["psnr"] for name in plain if "psnr" in column[name].values]
            if best and "psnr" in column[variant.name].values:
                over.append(column[variant.name].values["psnr"] - max(best))
        over_plain = float(np.mean(over)) if over else None
        rows.append(Row(variant, mean, difference, min(psnr_steps, default=None), over_plain))
    return rows


def markdown(columns: Mapping[str, Column], variants: Sequence[Variant]) -> str:
    """Two tables in Markdown: means with differences from the preset, and every triple."""
    base = next(each for each in variants if each.kind == "preset")
    rows = summarise(columns, variants)
    counts = [cell.frames for column in columns.values() for cell in column.values() if not cell.failed]
    span = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    head = [_NAMES[key] for key in MEASURES]
    lines = [
        f"{len(columns)} triples, {span} frames each; Δ is the difference to {base.name}, mean over the triples.",
        "",
        f"| | {head[0]} | Δ | least Δ | over plain | " + " | ".join(f"{name} | Δ" for name in head[1:]) + " |",
        "|---" * (2 * len(MEASURES) + 3) + "|",
    ]
    for row in rows:
        cells = [_bold(row.variant.name, row.variant), _number(row.mean.get("psnr"), "psnr")]
        cells += [_signed(value, "psnr") for value in (row.difference.get("psnr"), row.min_difference, row.over_plain)]
        for key in MEASURES[1:]:
            cells += [_number(row.mean.get(key), key), _signed(row.difference.get(key), key)]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"Every triple: {' / '.join(head)}.",
        "",
        f"| | {' | '.join(columns)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for variant in variants:
        cells = []
        for column in columns.values():
            cell = column[variant.name]
            texts = [_number(cell.values.get(key), key, short=True) for key in MEASURES]
            cells.append(f"failed: {cell.failed}" if cell.failed else " / ".join(texts))
        lines.append(f"| {_bold(variant.name, variant)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def as_json(columns: Mapping[str, Column], variants: Sequence[Variant]) -> str:
    """The same as JSON, with all digits and the changes of every variant."""
    rows = [
        {
            "name": row.variant.name,
            "kind": row.variant.kind,
            "changes": dict(row.variant.changes),
            "mean": row.mean,
            "difference": row.difference,
            "least_psnr_difference": row.min_difference,
            "psnr_over_plain": row.over_plain,
            "triples": {
                name: {"frames": cell.frames, **cell.values, **({"failed": cell.failed} if cell.failed else {})}
                for name, column in columns.items()
                for cell in [column[row.variant.name]]
            },
        }
        for row in summarise(columns, variants)
    ]
    return json.dumps({"triples": list(columns), "measures": list(MEASURES), "rows": rows}, indent=1) + "\n"


def write_markdown(path: Path, table: str) -> None:
    """Write the table between the lines `BEGIN` and `END` of a file, or as the whole file if it has neither.

    Raises
    ------
    OutputError
        The file cannot be written, or has only one of the two lines.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"cannot read {path}: {error}") from error
    if (BEGIN in text) != (END in text) or text.find(BEGIN) > text.find(END):
        raise OutputError(
            f"{path} needs both '{BEGIN}' and '{END}', in this order", hint="Add them, or give a new file."
        )
    if BEGIN in text:
        head, rest = text.split(BEGIN, 1)
        table = f"{head}{BEGIN}\n{table}{END}{rest.split(END, 1)[1]}"
    write_text(path, table)


def write_text(path: Path, text: str) -> None:
    """Write a text file.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def _bold(name: str, variant: Variant) -> str:
    return f"**{name}**" if variant.kind == "preset" else name


def _number(value: float | None, key: str, *, short: bool = False) -> str:
    return "-" if value is None else f"{value:.{_DIGITS[key] - (short and key != 'psnr')}f}"


def _signed(value: float | None, key: str) -> str:
    if value is None:
        return "-"
    text = f"{value:+.{_DIGITS[key]}f}"
    return text.replace("+", "±").replace("-", "±") if float(text) == 0 else text
