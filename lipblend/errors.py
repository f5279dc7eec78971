"""Every error that lipblend raises on purpose, and the exit code it ends a command with.

    LipblendError                 1   base class; on its own: a stage failed in a way that needs a bug report
    ├── SettingsError             2   an unknown key, a value out of range, a preset that is not a mapping
    ├── InputError                3   a file that is missing, not a video, truncated, not decodable
    ├── InputMismatchError        4   two videos that do not belong together
    ├── NoFaceError               5   no face to work on in the whole clip
    ├── ModelError                6   a model file that is missing or not the one expected
    ├── OutputError               7   an output that cannot be written, an encoder that is not there
    └── GateError                 8   a result that misses a pass mark, or fell behind its baseline

Exit code 0 is success, 2 is also a wrong command line, 130 is Ctrl-C (143 for SIGTERM).
"""

from __future__ import annotations


class LipblendError(Exception):
    """Base class of lipblend's errors.

    Parameters
    ----------
    message : str
        What is wrong, in one line, with the values found. No full stop at the end.
    hint : str
        What to do next, as one or more sentences. May be empty.
    details : tuple of str
        Further lines, shown below the message (for example one line a file).
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
    """An unknown setting, a value out of its range, or a preset that cannot be read."""

    exit_code = 2


class InputError(LipblendError):
    """An input that is missing, unreadable or not what it should be."""

    exit_code = 3


class InputMismatchError(LipblendError):
    """Two videos that do not belong together."""

    exit_code = 4


class NoFaceError(LipblendError):
    """No face to work on was found in the whole clip."""

    exit_code = 5


class ModelError(LipblendError):
    """A model file that is missing, damaged or not the expected one."""

    exit_code = 6


class OutputError(LipblendError):
    """An output that cannot be written as asked."""

    exit_code = 7


class GateError(LipblendError):
    """A result that misses a pass mark, or a clip that fell behind its baseline."""

    exit_code = 8
