"""Paths as they are written in a list of jobs."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

MAX_NAME_CHARS = 100

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNNAMED = re.compile(r"[^A-Za-z0-9._-]")


def is_address(text: str) -> bool:
    """Whether a text is an address (``s3://bucket/key``) instead of a path."""
    return _ADDRESS.match(text) is not None


def tidy_path(text: str) -> str:
    """A path of a list, its folders separated by ``/``, with the home folder for ``~``; addresses as they are.

    Raises
    ------
    ValueError
        It cannot be a path, with the reason and the next step.
    """
    text = text.strip()
    if _CONTROL.search(text):
        raise ValueError(
            f"{text!r} holds a control character: in double quotes, YAML reads a backslash as an escape; write paths "
            "with / or in single quotes"
        )
    if is_address(text):
        return text
    if text in ("", "-"):
        raise ValueError(f"'{text}' is no path: a series reads and writes files")
    if os.name != "nt" and _DRIVE.match(text):
        raise ValueError(
            f"{text} is a Windows path with a drive or a server: write it relative to the list, which works everywhere"
        )
    text = text.replace("\\", "/")
    if text.startswith("~"):
        home = os.path.expanduser(text)
        if home.startswith("~"):
            raise ValueError(f"{text}: there is no such home folder; write ./{text} for a name that begins with ~")
        text = home.replace("\\", "/")
    return text[:1] + re.sub(r"/(\./|/)+", "/", text[1:])


def absolute(text: str, base: Path) -> str:
    """A tidy path, relative to a folder, as an absolute one; addresses as they are."""
    return text if is_address(text) else str(base / text)


def job_name(text: str) -> str:
    """A text as the name of a job: letters, digits and ``. _ -`` only, not at the start ``.`` or ``-``.

    Accents are dropped, other characters become ``_``.
    """
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    name = _UNNAMED.sub("_", plain)[:MAX_NAME_CHARS]
    return f"_{name}"[:MAX_NAME_CHARS] if name[:1] in ("", ".", "-") else name
