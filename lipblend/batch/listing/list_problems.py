"""What is wrong with a list of jobs, all of it in one error."""

from __future__ import annotations

from collections.abc import Sequence

from lipblend.errors import LipblendError, SettingsError


class ListProblems:
    """Problems of a list, with their lines; each is kept once.

    Parameters
    ----------
    file : str
        Name of the list.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[tuple[int, str], None] = {}

    def add(self, line: int, text: str) -> None:
        """Keep a problem, at a line counted from 1."""
        self._found[line, text] = None

    def place(self, line: int) -> str:
        """``jobs.yaml, line 12``."""
        return f"{self.file}, line {line}"

    @property
    def lines(self) -> tuple[str, ...]:
        """``jobs.yaml, line 12: ...``, in the order of the file."""
        found = sorted(self._found, key=lambda item: item[0])
        return tuple(f"{self.place(line)}: {text}" for line, text in found)


def raise_problems(file: str, lines: Sequence[str]) -> None:
    """Raise one error for all problems, if there are any.

    Raises
    ------
    SettingsError
    """
    if lines:
        raise SettingsError(
            f"{file} has {len(lines)} {'problem' if len(lines) == 1 else 'problems'}",
            details=tuple(lines),
            hint="Nothing was started. Correct the list, and run the same command again.",
        )


def on_one_line(error: LipblendError) -> str:
    """What an error says, with its details and its hint."""
    details = f": {'; '.join(error.details)}" if error.details else ""
    return f"{error.message}{details}{f'. {error.hint}' if error.hint else ''}"
