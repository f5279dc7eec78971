"""Result of one check of the installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lipblend.errors import LipblendError

State = Literal["ok", "warning", "problem"]

REINSTALL = "Reinstall lipblend with the tested versions: pip install -c constraints.txt . (in a checkout)."


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes
    ----------
    name : str
        What was checked.
    state : {"ok", "warning", "problem"}
    message : str
        What was found, on one line.
    fix : str
        How to fix it; empty if nothing is wrong.
    exit_code : int
        Exit code of the command if this is its first problem; 0 if it is not a problem.
    """

    name: str
    state: State
    message: str
    fix: str = ""
    exit_code: int = 0

    def to_dict(self) -> dict[str, Any]:
        """All fields for JSON (`fix` as ``mend``)."""
        return {
            "name": self.name, "state": self.state, "message": self.message,
            "mend": self.fix, "exit_code": self.exit_code,
        }  # fmt: skip


def problem(name: str, message: str, fix: str, exit_code: int = LipblendError.exit_code) -> Finding:
    """A finding of state "problem"."""
    return Finding(name, "problem", message, fix, exit_code)
