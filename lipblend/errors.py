"""Exceptions of lipblend and their exit codes.

    LipblendError                 1   base class; raised directly: a failure that needs a bug report
    ├── SettingsError             2   unknown key, value out of range, preset that is not a mapping
    ├── InputError                3   file missing, not a video, truncated or not decodable
    ├── InputMismatchError        4   two videos that do not belong together
    ├── NoFaceError               5   no face to process in the whole clip
    ├── ModelError                6   model file missing or not the expected one
    ├── OutputError               7   output not writable, encoder not available
    ├── GateError                 8   result misses a pass mark, or is worse than its baseline
    └── BatchError                9   some jobs of a series failed

Exit code 0 is success; 2 is also used for a wrong command line, 130 for Ctrl-C and 143 for SIGTERM.
"""

from __future__ import annotations


class LipblendError(Exception):
    """Base class of all errors that lipblend raises.

    Parameters
    ----------
    message : str
        What is wrong, on one line, with the values found. No full stop at the end.
    hint : str
        The next step, in one or more sentences. May be empty.
    details : tuple of str
        Further lines, shown below the message (for example one line per file).
    """

    exit_code: int = 1

    def __init__(self, message: str, *, hint: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        lines = [self.message, *(f"  {line}" for line in self.details)]
        if self.hint:
            if self.details:
                lines.append(self.hint)
            else:
                lines[0] = f"{self.message}. {self.hint}"
        return "\n".join(lines)


class SettingsError(LipblendError):
    """An unknown setting, a value that is not allowed, or a settings file that cannot be read."""

    exit_code = 2


class InputError(LipblendError):
    """An input that is missing, unreadable or of the wrong kind."""

    exit_code = 3


class InputMismatchError(LipblendError):
    """Two videos that do not belong together."""

    exit_code = 4


class NoFaceError(LipblendError):
    """No face to process in the whole clip."""

    exit_code = 5


class ModelError(LipblendError):
    """A model file that is missing, damaged or not the expected one."""

    exit_code = 6


class OutputError(LipblendError):
    """An output that cannot be written as requested."""

    exit_code = 7


class GateError(LipblendError):
    """A result that misses a pass mark, or a clip that is worse than its baseline."""

    exit_code = 8


class BatchError(LipblendError):
    """Some jobs of a series failed; the others are complete."""

    exit_code = 9
