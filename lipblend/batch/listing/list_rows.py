"""The jobs of a list as they are written in a YAML or CSV file, with their lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lipblend.batch.listing.list_format import KEYS, JobList
from lipblend.batch.listing.list_problems import ListProblems
from lipblend.errors import SettingsError
from lipblend.settings.catalogue import did_you_mean, setting_specs
from lipblend.settings.lined_yaml import LinedValue, read_lined_yaml, read_text

WHAT = "list of jobs"
MAX_BYTES = 64_000_000
"""A job takes about 150 bytes."""

_YAML = (".yaml", ".yml", ".json")  # JSON is YAML too
_CSV = (".csv", ".tsv")
_DELIMITERS = (",", ";", "\t")
_HINT = "A list of jobs is a .yaml file with `jobs:`, or a .csv file with a line of names (original,synced,output)."


@dataclass(frozen=True)
class ListRows:
    """What a list holds; each entry a mapping whose keys are not checked yet."""

    defaults: LinedValue | None
    jobs: list[LinedValue]


def read_rows(path: Path, problems: ListProblems) -> ListRows:
    """Read a list. What is wrong in single places goes to `problems`.

    Raises
    ------
    SettingsError
        The file cannot be read, or is no list of jobs at all.
    """
    suffix = path.suffix.lower()
    if suffix in _YAML:
        rows = _of_yaml(read_lined_yaml(path, what=WHAT, max_bytes=MAX_BYTES), path, problems)
    elif suffix in _CSV:
        rows = ListRows(None, list(_of_csv(read_text(path, what=WHAT, max_bytes=MAX_BYTES), path, problems)))
    else:
        raise SettingsError(f"{path} is not a {WHAT}: its name ends in '{suffix}'", hint=_HINT)
    if not rows.jobs and not problems.lines:
        raise SettingsError(f"{path} holds no jobs", hint=_HINT)
    return rows


def _of_yaml(content: LinedValue, path: Path, problems: ListProblems) -> ListRows:
    value = content.value
    if value is None:
        return ListRows(None, [])
    if isinstance(value, list):
        return ListRows(None, _mappings(value, problems))
    if not isinstance(value, dict):
        raise SettingsError(f"{path} is not a {WHAT}: it holds one value", hint=_HINT)
    known = JobList.model_fields
    for key, item in value.items():
        if key in KEYS:
            problems.add(item.line, f"'{key}' stands outside a job: jobs go under `jobs:`, each beginning with `- `")
        elif key not in known:
            problems.add(item.line, f"unknown key '{key}'. {did_you_mean(key, known)}".rstrip(" "))
    defaults = value.get("defaults")
    if defaults is not None and defaults.value is None:
        defaults = None
    elif defaults is not None and not isinstance(defaults.value, dict):
        problems.add(defaults.line, "`defaults` must hold keys and values, such as `preset: natural`")
        defaults = None
    jobs = value.get("jobs")
    if jobs is None or jobs.value is None:
        return ListRows(defaults, [])
    if not isinstance(jobs.value, list):
        problems.add(jobs.line, "`jobs` must be a list: each job begins with `- `")
        return ListRows(defaults, [])
    return ListRows(defaults, _mappings(jobs.value, problems))


def _mappings(items: list[LinedValue], problems: ListProblems) -> list[LinedValue]:
    """The items that are mappings; the others are problems."""
    for item in items:
        if not isinstance(item.value, dict):
            shown = f"'{item.text}'" if item.text else "a list" if isinstance(item.value, list) else "nothing"
            problems.add(item.line, f"a job must hold keys and values (original, synced, output), not {shown}")
    return [item for item in items if isinstance(item.value, dict)]


def _of_csv(text: str, path: Path, problems: ListProblems) -> Iterator[LinedValue]:
    """One mapping a row; columns with a dot are settings. Empty cells are left out."""
    first, _, rest = text.partition("\n")
    skipped = 0
    if first.strip().lower() in ("sep=,", "sep=;"):  # written by spreadsheets, for themselves
        text, skipped = rest, 1
        first = rest.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    line = skipped + 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and columns is None:
                columns = _columns(cells, line, problems)
            elif any(cells) and columns is not None:
                yield _row(cells, columns, line, problems)
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        raise SettingsError(f"{path} is not valid CSV: line {line}: {error}", hint=_HINT) from error


def _columns(cells: list[str], line: int, problems: ListProblems) -> list[str]:
    names = [cell if "." in cell else cell.lower() for cell in cells]
    if not set(names) & KEYS.keys():
        problems.add(line, f"the first line must name the columns, such as original,synced,output, not '{cells[0]}'")
    for number, name in enumerate(names):
        if name and name in names[:number]:
            problems.add(line, f"the column '{name}' is there twice")
        elif name == "settings":
            problems.add(
                line, "a table has one column for each setting, such as encode.crf, in the place of 'settings'"
            )
        elif "." in name and name not in setting_specs():
            problems.add(line, f"unknown setting '{name}'. {did_you_mean(name, setting_specs())}".rstrip())
        elif name and "." not in name and name not in KEYS:
            meant = did_you_mean(name, KEYS) or f"The columns are {', '.join(KEYS)}, and settings such as encode.crf."
            problems.add(line, f"unknown column '{name}'. {meant}".rstrip())
    return names


def _row(cells: list[str], columns: list[str], line: int, problems: ListProblems) -> LinedValue:
    if any(cells[len(columns) :]) or any(cell and not name for name, cell in zip(columns, cells, strict=False)):
        count = sum(map(bool, columns))
        problems.add(line, f"more cells than the {count} columns that are named: put quotes around a value with commas")
    given = {name: LinedValue(cell, line, cell) for name, cell in zip(columns, cells, strict=False) if name and cell}
    settings = {name: value for name, value in given.items() if name in setting_specs()}
    row = {name: value for name, value in given.items() if name in KEYS and name != "settings"}
    if settings:
        row["settings"] = LinedValue(settings, line)
    return LinedValue(row, line)
