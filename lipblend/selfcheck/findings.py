"""What a check of the installation found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    name : str
        What was looked at.
    state : {"ok", "warning", "problem"}
    message : str
        What was found, in one line.
    mend : str
        What to do about it; empty when nothing is wrong.
    exit_code : int
        Of the command, when this is its first problem; 0 otherwise.
    """

    name: str
    state: State
    message: str
    mend: str = ""
    exit_code: int = 0
