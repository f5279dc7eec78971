"""Write an error as JUnit XML, so that a failed run does not leave an earlier run's passing file behind.

The case is written before the program is loaded, so that it exists however the run ends, and is replaced by the
verdicts. Imports nothing slow.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

OPTION = "--junit"
COMMANDS = ("batch", "composite", "evaluate")
"""Commands that have the option."""
UNFINISHED = "the run ended before its verdicts"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD_BYTES = 400


def junit_of(arguments: Sequence[str]) -> Path | None:
    """The file named by ``--junit`` on a command line, found without parsing it; None if there is none."""
    if not arguments or arguments[0] not in COMMANDS or not {"--help", "-h"}.isdisjoint(arguments):
        return None
    named = None
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if word == "--":
            break
        if word == OPTION and following and not following.startswith("-"):
            named = following
        elif word.startswith(f"{OPTION}="):
            named = word.partition("=")[2] or named
    return Path(named) if named else None


def begin_error_case(arguments: Sequence[str]) -> None:
    """Write the case of an unfinished run, if the command line names a JUnit file."""
    path = junit_of(arguments)
    if path is not None:
        write_error_case(path, "Unfinished", UNFINISHED)


def write_error_case(path: Path, kind: str, message: str) -> bool:
    """Write a JUnit file with one case, an error.

    An existing file that is not a JUnit file is kept: the name may be a mistake, such as that of a video.

    Parameters
    ----------
    path : Path
    kind : str
        Name of the error's class.
    message : str
        Its first line becomes the message of the case.

    Returns
    -------
    bool
        Whether the file was written. If not, the command reports it later.
    """
    try:
        if not _may_replace(path):
            return False
        unfinished = path.absolute().with_name(f".{path.name}.{os.getpid()}.lipblend")
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(_document(kind, message))
            os.replace(unfinished, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished)
            raise
    except (OSError, ValueError):  # ValueError: a name with a zero byte
        return False
    return True


def _may_replace(path: Path) -> bool:
    if not path.exists():
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return not head.strip() or b"<testsuite" in head


def _document(kind: str, message: str) -> str:
    text = _escaped(message)
    first = text.split("\n", 1)[0]
    counts = 'tests="1" failures="0" skipped="0" errors="1" time="0"'
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n"
        f'<testsuites name="lipblend" {counts}>\n'
        f'  <testsuite name="lipblend" {counts}>\n'
        '    <testcase name="The run ends without an error" classname="lipblend" time="0">\n'
        f'      <error type="{_escaped(kind)}" message="{first}">{text}</error>\n'
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n"
    )


def _escaped(text: str) -> str:
    clean = _NOT_XML.sub("\ufffd", text)
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        clean = clean.replace(sign, name)
    return clean
