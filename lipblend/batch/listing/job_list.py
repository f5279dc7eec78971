"""Reading a list of jobs: from a YAML or CSV file to complete jobs, with all that is wrong in one error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipblend.batch.job_spec import JobSpec
from lipblend.batch.listing.job_names import NameWish, unique_names
from lipblend.batch.listing.job_settings import SettingsResolver, with_own_files
from lipblend.batch.listing.job_templates import FoundPair, fill, find_pairs, has_wildcards
from lipblend.batch.listing.list_entries import REQUIRED, Entry, read_entry
from lipblend.batch.listing.list_format import JobEntry, ListDefaults
from lipblend.batch.listing.list_paths import absolute, is_address, tidy_path
from lipblend.batch.listing.list_problems import ListProblems, on_one_line, raise_problems
from lipblend.batch.listing.list_rows import read_rows
from lipblend.errors import SettingsError
from lipblend.settings.presets import DEFAULT_PRESET

_MATCHED = ("original", "synced")
_FILES = ("crop", "keep", "matte")


def read_jobs(path: Path, *, base: Path | None = None, waiting: list[str] | None = None) -> list[JobSpec]:
    """Read a list of jobs. The videos are not opened (`lipblend.batch.listing.check_jobs`).

    Parameters
    ----------
    path : Path
        A .yaml or .csv file, see ``docs/batch.md``.
    base : Path, optional
        Folder of relative paths; by default the list's own.
    waiting : list of str, optional
        Files come later: patterns that match nothing yet give no jobs, and are no problem. It takes a line for
        each file that is there without its partner.

    Raises
    ------
    SettingsError
        The file cannot be read, or has problems: all of them are details, each with its line.
    """
    jobs, problems = read_jobs_and_problems(path, base=base, waiting=waiting)
    raise_problems(path.name, problems)
    return jobs


def read_jobs_and_problems(
    path: Path, *, base: Path | None = None, waiting: list[str] | None = None
) -> tuple[list[JobSpec], tuple[str, ...]]:
    """The jobs of a list that have no problems, and the problems of the others; see `read_jobs`.

    Raises
    ------
    SettingsError
        The file cannot be read, or is no list of jobs at all.
    """
    problems = ListProblems(path.name)
    rows = read_rows(path, problems)
    defaults = Entry(1) if rows.defaults is None else read_entry(rows.defaults, ListDefaults, problems)
    reader = _Reader((path.absolute().parent if base is None else base.absolute()), problems, waiting)
    drafts: list[_Draft] = []
    for row in rows.jobs:
        entry = read_entry(row, JobEntry, problems)
        if entry.values:  # otherwise its keys are wrong, and told
            drafts += reader.drafts(entry.over(defaults), complete=defaults.sound)
    names, wrong = unique_names(draft.wish for draft in drafts)
    for line, text in wrong:
        problems.add(line, text)
    specs = [reader.spec(draft, name) for draft, name in zip(drafts, names, strict=True)]
    return [spec for spec in specs if spec is not None], problems.lines


@dataclass(frozen=True)
class _Draft:
    """A job with its files, before it has a name; `paths` are absolute but that of the output."""

    entry: Entry
    pair: FoundPair
    paths: dict[str, str]
    settings: dict[str, Any]
    preset: str

    @property
    def wish(self) -> NameWish:
        given = self.entry.text("name")
        line = self.entry.line_of("name")
        return NameWish(None if given is None else fill(given, self.pair.values), self.paths["output"], line)


class _Reader:
    """Makes jobs of entries; what is wrong goes to `problems`.

    Parameters
    ----------
    base : Path
        Folder of relative paths.
    problems : ListProblems
    waiting : list of str or None
        See `read_jobs`.
    """

    def __init__(self, base: Path, problems: ListProblems, waiting: list[str] | None) -> None:
        self._base = base
        self._problems = problems
        self._waiting = waiting
        self._resolver = SettingsResolver()

    def drafts(self, entry: Entry, *, complete: bool) -> list[_Draft]:
        """The jobs of an entry; several with wildcards. `complete`: the defaults could be read."""
        if missing := [key for key in REQUIRED if entry.text(key) is None]:
            if complete:
                self._problems.add(entry.line, f"the job has no {' and no '.join(missing)}")
            return []
        settings, preset = self._settings(entry)
        found, sound = [], entry.sound and settings is not None and self._name_fills(entry)
        for pair in self._pairs(entry):
            keys = ("output", *(key for key in _FILES if entry.given(key) is not None))
            paths = {key: path for key in keys if (path := self._path(entry, key, pair.values)) is not None}
            if len(paths) == len(keys):
                found.append(_Draft(entry, pair, paths, settings or {}, preset))
            else:
                sound = False
        return found if self._outputs_differ(entry, found) and sound else []

    def _pairs(self, entry: Entry) -> list[FoundPair]:
        """The pairs of original and synced video."""
        paths = [self._checked(entry.line_of(key), tidy_path, entry.text(key) or "", key) for key in _MATCHED]
        name = entry.text("name")
        original, synced = paths
        if original is None or synced is None:
            return []
        bound = name if name is not None and "{" not in name else None
        try:
            pairs, wrong = find_pairs(original, synced, self._base, name=bound, waiting=self._waiting)
        except ValueError as error:
            pairs, wrong = [], [str(error)]
        for text in wrong:
            self._problems.add(entry.line, text)
        return pairs

    def _settings(self, entry: Entry) -> tuple[dict[str, Any] | None, str]:
        """The resolved settings of an entry, and the name of its preset; None if they are not allowed."""
        preset = entry.text("preset") or DEFAULT_PRESET
        line = entry.line_of("preset")
        config = None
        if entry.given("config") is not None:
            line = entry.line_of("config")
            text = self._checked(line, tidy_path, entry.text("config") or "", "config")
            if text is None:
                return None, preset
            config = Path(absolute(text, self._base))
        try:
            resolved = self._resolver.resolve(preset, config, entry.settings)
        except SettingsError as error:
            self._problems.add(line, on_one_line(error))
            return None, preset
        if isinstance(resolved, list):
            for place, text in resolved:
                self._problems.add(entry.line if place is None else place, text)
            return None, preset
        return dict(resolved), preset

    def _name_fills(self, entry: Entry) -> bool:
        """Whether the placeholders of a given name are known."""
        name = entry.text("name")
        checked = None if name is None else self._filled(entry, "name", name, {"name": "", "synced": ""})
        return name is None or checked is not None

    def _outputs_differ(self, entry: Entry, drafts: list[_Draft]) -> bool:
        """Whether the matches of an entry have an output each."""
        by_output: dict[str, list[str]] = {}
        for draft in drafts:
            by_output.setdefault(draft.paths["output"], []).append(draft.pair.synced)
        several = {output: found for output, found in by_output.items() if len(found) > 1}
        for output, found in several.items():
            self._problems.add(
                entry.line_of("output"),
                f"{output} would be the output of {len(found)} synced videos ({', '.join(found)}): put {{synced}} into "
                f"output: {entry.text('output')}",
            )
        return not several

    def spec(self, draft: _Draft, name: str) -> JobSpec | None:
        """The complete job; None if one of its paths is wrong."""
        entry, values, paths = draft.entry, draft.pair.values, draft.paths
        report = None
        if entry.given("report") is not None:
            report = self._path(entry, "report", {**values, "name": name})
            if report is None:
                return None
        try:
            settings = with_own_files(draft.settings, lambda text: absolute(tidy_path(fill(text, values)), self._base))
        except ValueError as error:
            self._problems.add(entry.line, str(error))
            return None
        gate = entry.given("gate")
        return JobSpec(
            name=name,
            original=absolute(draft.pair.original, self._base),
            synced=absolute(draft.pair.synced, self._base),
            output=absolute(paths["output"], self._base),
            preset=draft.preset,
            settings=settings,
            crop=paths.get("crop"),
            keep=paths.get("keep"),
            matte=paths.get("matte"),
            report=report,
            rate=entry.text("rate"),
            gate=gate is not None and gate.value is True,
            source=self._problems.place(entry.line),
        )

    def _path(self, entry: Entry, key: str, values: dict[str, str]) -> str | None:
        """A path of an entry, filled in, absolute but for the output; None if something is wrong with it."""
        text = self._filled(entry, key, entry.text(key) or "", values)
        if text is None:
            return None
        tidy = self._checked(entry.line_of(key), tidy_path, text, key)
        if tidy is None:
            return None
        if has_wildcards(entry.text(key) or "") and not is_address(tidy) and not (self._base / tidy).exists():
            self._problems.add(
                entry.line_of(key),
                f"{key}: {entry.text(key)} has wildcards, which only original and synced may have: write {{name}} or "
                "{synced} there",
            )
            return None
        return tidy if key == "output" else absolute(tidy, self._base)

    def _filled(self, entry: Entry, key: str, text: str, values: dict[str, str]) -> str | None:
        return self._checked(entry.line_of(key), lambda given: fill(given, values), text, key)

    def _checked(self, line: int, function: Callable[[str], str], text: str, key: str) -> str | None:
        """The function of a text; None, and a problem, if it raises ValueError."""
        try:
            return function(text)
        except ValueError as error:
            self._problems.add(line, f"{key}: {error}")
            return None
