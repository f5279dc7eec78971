"""The results of a series: one line of JSON for each job, written as it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from lipblend.batch.job_spec import JobOutcome
from lipblend.errors import OutputError


class ResultsFile:
    """Appends to a results file; lines of earlier runs stay. Thread-safe.

    Raises
    ------
    OutputError
        On creation: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, Lock()
        self.lost: list[str] = []
        """Names of jobs whose line could not be written (the disk is full)."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab"):
                pass
        except OSError as error:
            raise OutputError(
                f"cannot write the results to {path}: {error.strerror or error}", hint="Choose another --results FILE."
            ) from error

    def add(self, outcome: JobOutcome) -> None:
        """Write one line, in one piece, and flush it to disk."""
        line = json.dumps(outcome.to_dict(), separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                with self.path.open("ab") as file:
                    if _ends_torn(self.path):
                        line = b"\n" + line
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                self.lost.append(outcome.name)


def last_outcomes(path: Path) -> Mapping[str, JobOutcome]:
    """How each job ended last, by name; a line that a crash cut short is left out.

    Raises
    ------
    OutputError
        The file cannot be read.
    """
    found: dict[str, JobOutcome] = {}
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                outcome = _outcome(line)
                if outcome is not None:
                    found[outcome.name] = outcome
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OutputError(f"cannot read the results in {path}: {error.strerror or error}") from error
    return found


def _outcome(line: str) -> JobOutcome | None:
    try:
        return JobOutcome.from_dict(json.loads(line))
    except (ValueError, TypeError, AttributeError):
        return None


def _ends_torn(path: Path) -> bool:
    """Whether the last line has no end."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
