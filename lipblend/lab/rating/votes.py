"""Read files of votes."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lipblend.errors import InputError
from lipblend.lab.rating.study import ANSWERS, DETAILS, Study, Trial, columns

_HINT = "Use the file as the page saved it. Ask the rater for it again if it was changed."
_SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Vote:
    """One answer.

    Attributes
    ----------
    answer : str
        One of the mode's `ANSWERS`. In an A/B test, ``a`` is `clip_a`.
    clip_a, clip_b : str
        Files shown as A and B; `clip_b` is empty if there is one clip.
    details : mapping of str to tuple of str
        What was chosen after "yes", by the names in the mode's `DETAILS`: where, and in mode ``fault`` when and what.
    seconds : float
        Time spent on the trial.
    plays : int
        Number of times playback started at the beginning, including loops.
    voted_at : datetime
        Time of the vote, by the rater's clock.
    """

    rater: str
    session: str
    trial: str
    answer: str
    clip_a: str
    clip_b: str
    details: Mapping[str, tuple[str, ...]]
    seconds: float
    plays: int
    voted_at: dt.datetime


@dataclass(frozen=True)
class Votes:
    """The votes that count, at most one per rater and trial; notes on votes left out, and on anything suspicious."""

    counted: tuple[Vote, ...]
    notes: tuple[str, ...]


def read_votes(paths: Sequence[Path], study: Study) -> Votes:
    """Read files of votes. If a rater voted several times on a trial, the latest vote counts.

    Raises
    ------
    InputError
        A file is missing, is not a file of votes, belongs to another study, or has a row that does not fit the study.
        The message names file and line.
    """
    trials = {trial.trial: trial for trial in study.trials}
    rows = [vote for path in paths for vote in _read_file(path, study, trials)]
    if not rows:
        raise InputError(
            "the files contain no votes: " + ", ".join(map(str, paths)),
            hint="A rater saves a file at the end of the page; it has one line per vote.",
        )
    latest: dict[tuple[str, str], Vote] = {}
    replaced: Counter[str] = Counter()
    for vote in sorted(rows, key=lambda row: row.voted_at):  # stable: of votes at the same time, the later row counts
        if (vote.rater, vote.trial) in latest:
            replaced[vote.rater] += 1
        latest[vote.rater, vote.trial] = vote
    notes = [f"rater {rater}: {count} vote(s) were replaced by later ones" for rater, count in replaced.items()]
    sessions: dict[str, set[str]] = {}
    for vote in rows:
        sessions.setdefault(vote.rater, set()).add(vote.session)
    notes += [
        f"rater {rater} has {len(ids)} sessions: two people, or one who started again"
        for rater, ids in sessions.items()
        if len(ids) > 1
    ]
    return Votes(tuple(sorted(latest.values(), key=lambda row: (row.rater, row.trial))), tuple(notes))


def _read_file(path: Path, study: Study, trials: dict[str, Trial]) -> Iterable[Vote]:
    text = _read_text(path)
    head = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=head.count)  # a spreadsheet may have saved it with its own
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        found = next(reader, [])
        missing = [name for name in columns(study.mode) if name not in found]
        if missing:
            raise InputError(
                f"{path} line 1: not a file of votes, the column(s) {', '.join(missing)} are missing", hint=_HINT
            )
        for row in reader:
            if not any(row):
                continue
            place = f"{path} line {reader.line_num}"
            if len(row) != len(found):
                raise InputError(f"{place}: {len(row)} fields instead of {len(found)}", hint=_HINT)
            yield _parse_vote(dict(zip(found, row, strict=True)), place, study, trials)
    except csv.Error as error:
        raise InputError(f"{path} line {reader.line_num}: {error}", hint=_HINT) from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist", hint="Check the path.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start})", hint=_HINT) from error


def _parse_vote(row: dict[str, str], place: str, study: Study, trials: dict[str, Trial]) -> Vote:
    if row["study"] != study.study:
        raise InputError(
            f"{place}: the vote belongs to study '{row['study']}', but the key to '{study.study}'",
            hint="Name the key.json that was built together with this page.",
        )
    trial = trials.get(row["trial"])
    if trial is None:
        raise InputError(f"{place}: the study has no trial '{row['trial']}'", hint=_HINT)
    shown = [row["clip_a"], row["clip_b"]]
    files = [clip.file for clip in trial.clips] + [""] * (2 - len(trial.clips))
    if sorted(shown) != sorted(files) or (len(trial.clips) == 1 and shown != files):
        raise InputError(f"{place}: clip_a and clip_b are not the clips of trial {trial.trial}", hint=_HINT)
    if row["answer"] not in ANSWERS[study.mode]:
        raise InputError(
            f"{place}: the answer '{row['answer']}' is not one of {', '.join(ANSWERS[study.mode])}", hint=_HINT
        )
    details = {name: _parse_choices(row, name, choices, place) for name, choices in DETAILS[study.mode].items()}
    rater = row["rater"].strip().lower()
    if not rater:
        raise InputError(f"{place}: the rater is missing", hint=_HINT)
    try:
        seconds, plays = float(row["seconds"].replace(",", ".")), int(row["plays"])
        voted_at = dt.datetime.fromisoformat(row["voted_at"])
        if voted_at.tzinfo is None or not math.isfinite(seconds) or seconds < 0 or plays < 0:
            raise ValueError("out of range, or without a time zone")
    except ValueError as error:
        raise InputError(f"{place}: seconds, plays or voted_at cannot be read: {error}", hint=_HINT) from error
    return Vote(
        rater,
        row["session"],
        trial.trial,
        row["answer"],
        row["clip_a"],
        row["clip_b"],
        details,
        seconds,
        plays,
        voted_at,
    )


def _parse_choices(row: dict[str, str], name: str, choices: Sequence[str], place: str) -> tuple[str, ...]:
    chosen = tuple(filter(None, row[name].split("|")))
    if not set(chosen) <= set(choices):
        raise InputError(
            f"{place}: '{row[name]}' in the column '{name}' is not made of {', '.join(choices)}", hint=_HINT
        )
    return chosen
