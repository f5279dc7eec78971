"""Reading files of votes."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lipblend.errors import InputError
from lipblend.lab.rating.study import ANSWERS, COLUMNS, PLACES, Study, Trial

_HINT = "Votes are scored as the page saved them; ask the rater for the file once more if it was changed."
_SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Vote:
    """One answer.

    Parameters
    ----------
    rater, session : str
        Who, and in which sitting.
    trial : str
        Id of the trial.
    answer : str
        One of the mode's `ANSWERS`. In an A/B test ``a`` is `clip_a`.
    clip_a, clip_b : str
        The files that were shown as A and B; `clip_b` is empty where there is one clip.
    where : tuple of str
        Where a seam was seen; of `PLACES`.
    seconds : float
        Time spent on the trial.
    plays : int
        Times that playback began at the start, loops among them.
    voted_at : datetime
        When, in UTC, by the rater's clock.
    """

    rater: str
    session: str
    trial: str
    answer: str
    clip_a: str
    clip_b: str
    where: tuple[str, ...]
    seconds: float
    plays: int
    voted_at: dt.datetime


@dataclass(frozen=True)
class Votes:
    """All votes of a study.

    Parameters
    ----------
    counted : tuple of Vote
        At most one of each rater for each trial.
    notes : tuple of str
        What was left out, and what looks odd.
    """

    counted: tuple[Vote, ...]
    notes: tuple[str, ...]


def read_votes(paths: Sequence[Path], study: Study) -> Votes:
    """Read files of votes. Of several votes of one rater on one trial the latest counts.

    Raises
    ------
    InputError
        A file is missing, is no file of votes, belongs to another study, or has a row that does not fit the study. The
        message names file and line.
    """
    trials = {trial.trial: trial for trial in study.trials}
    rows = [vote for path in paths for vote in _file_votes(path, study, trials)]
    if not rows:
        raise InputError(
            "the files hold no votes: " + ", ".join(map(str, paths)),
            hint="A rater saves a file at the end of the page; it has one line a vote.",
        )
    latest: dict[tuple[str, str], Vote] = {}
    again: dict[str, int] = {}
    for vote in sorted(rows, key=lambda row: row.voted_at):  # a stable sort: of the same moment, the later row
        if (vote.rater, vote.trial) in latest:
            again[vote.rater] = again.get(vote.rater, 0) + 1
        latest[vote.rater, vote.trial] = vote
    notes = [
        f"rater {rater}: {count} vote(s) on a clip that has a later one are left out" for rater, count in again.items()
    ]
    sessions: dict[str, set[str]] = {}
    for vote in rows:
        sessions.setdefault(vote.rater, set()).add(vote.session)
    notes += [
        f"rater {rater} has {len(found)} sessions: two people, or one who began anew"
        for rater, found in sessions.items()
        if len(found) > 1
    ]
    return Votes(tuple(sorted(latest.values(), key=lambda row: (row.rater, row.trial))), tuple(notes))


def _file_votes(path: Path, study: Study, trials: dict[str, Trial]) -> Iterable[Vote]:
    text = _text(path)
    head = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=head.count)  # a spreadsheet may have saved it with its own
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = next(reader, [])
        missing = [name for name in COLUMNS if name not in columns]
        if missing:
            raise InputError(
                f"{path} line 1: no file of votes, the column(s) {', '.join(missing)} are missing", hint=_HINT
            )
        for row in reader:
            if not any(row):
                continue
            place = f"{path} line {reader.line_num}"
            if len(row) != len(columns):
                raise InputError(f"{place}: {len(row)} fields instead of {len(columns)}", hint=_HINT)
            yield _vote(dict(zip(columns, row, strict=True)), place, study, trials)
    except csv.Error as error:
        raise InputError(f"{path} line {reader.line_num}: {error}", hint=_HINT) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist", hint="Check the path.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8 (byte {error.start})", hint=_HINT) from error


def _vote(row: dict[str, str], place: str, study: Study, trials: dict[str, Trial]) -> Vote:
    if row["study"] != study.study:
        raise InputError(
            f"{place}: a vote of study '{row['study']}', and the key is that of '{study.study}'",
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
            f"{place}: the answer '{row['answer']}' is none of {', '.join(ANSWERS[study.mode])}", hint=_HINT
        )
    where = tuple(filter(None, row["where"].split("|")))
    if not set(where) <= set(PLACES):
        raise InputError(f"{place}: '{row['where']}' has a place that is none of {', '.join(PLACES)}", hint=_HINT)
    rater = row["rater"].strip().lower()
    if not rater:
        raise InputError(f"{place}: no rater is named", hint=_HINT)
    try:
        seconds, plays = float(row["seconds"].replace(",", ".")), int(row["plays"])
        voted_at = dt.datetime.fromisoformat(row["voted_at"])
        if voted_at.tzinfo is None or not math.isfinite(seconds) or seconds < 0 or plays < 0:
            raise ValueError("out of range, or without a time zone")
    except ValueError as error:
        raise InputError(f"{place}: seconds, plays or voted_at cannot be read: {error}", hint=_HINT) from error
    return Vote(
        rater, row["session"], trial.trial, row["answer"], row["clip_a"], row["clip_b"], where, seconds, plays, voted_at
    )
