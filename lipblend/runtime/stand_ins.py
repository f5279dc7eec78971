"""Temporary videos that stand in for inputs that are no video files: image sequences and standard input.

The path of a stand-in contains what the user gave, so that `as_given` can put it back into any message without knowing
the run: ``TMP/lipblend-given-XXXXXXXX/here/shots/%06d.png.as-given.mp4`` stands for ``shots/%06d.png``.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lipblend.errors import LipblendError
from lipblend.runtime.addresses import address_of
from lipblend.runtime.files import temporary_file_errors

STDIN = Path("-")
"""The path that means standard input or output."""
STDIN_NAME = "standard input"

_PREFIX, _MARK, _SUFFIX = "lipblend-given-", ".as-given", ".mp4"
_HERE, _ROOT = "here", "root"
_FILMS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mxf", ".ts", ".nut"})
"""Names of videos, in which a percent sign is one."""
_PATTERN = re.compile(r"%(?:0\d{1,2})?d")
_NAMED = re.compile(rf"{_PREFIX}\w+[\\/]({_HERE}|{_ROOT})[\\/](.*?){re.escape(_MARK + _SUFFIX)}")


@dataclass(frozen=True)
class GivenFacts:
    """What a stand-in video does not tell about the input that it stands for.

    Attributes
    ----------
    first : int or None
        Number of the first picture of a sequence; None for standard input.
    depth : int or None
        Bits of the sequence's samples: 8, 16, or 32 for floating point; None for standard input.
    notes : tuple of str
        For the summary.
    """

    first: int | None = None
    depth: int | None = None
    notes: tuple[str, ...] = ()


def is_pattern(path: Path) -> bool:
    """Whether a path names an image sequence: ``%06d`` or similar in its name, no video's, and no file of that name."""
    return _PATTERN.search(path.name) is not None and path.suffix.lower() not in _FILMS and not path.is_file()


def check_folders_unnumbered(path: Path, error: type[LipblendError]) -> None:
    """Raise an error of this kind if a folder of a path is named by a pattern, such as ``%03d``, and does not exist."""
    for folder in path.parents:
        number = _PATTERN.search(folder.name)
        if number is not None and not folder.exists() and not address_of(path):
            example = Path(str(folder).replace(number[0], number[0] % 10), "%06d.png")
            raise error(
                f"{path} has {number[0]} in the name of a folder, and there is no folder {folder}",
                hint=f"Pictures are numbered by their file names only, all in one folder, such as {example}.",
            )


def pattern_parts(path: Path) -> tuple[str, str, str]:
    """The name of a pattern before its number, the number's format (``%06d``), and what follows (with the suffix)."""
    found = _PATTERN.search(path.name)
    if found is None:
        raise ValueError(f"{path} is not a pattern")
    return path.name[: found.start()], found[0], path.name[found.end() :]


@contextmanager
def stand_in_folder() -> Iterator[Path]:
    """A temporary folder for stand-ins, removed at the end.

    Raises
    ------
    OutputError
        It cannot be created.
    """
    with temporary_file_errors():
        folder = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
    with folder as name:
        yield Path(name)


def stand_in_path(folder: Path, given: Path) -> Path:
    """Where the video that stands in for ``given`` lies in a folder of `stand_in_folder`; its parents are created."""
    name = Path(STDIN_NAME) if given == STDIN else given
    plain = name if ".." not in name.parts else Path(name.absolute()).resolve()
    base = folder / (_ROOT if plain.is_absolute() else _HERE)
    path = base.joinpath(*[part for part in plain.parts if part != plain.anchor])
    with temporary_file_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(path.name + _MARK + _SUFFIX)


def is_stand_in(path: Path) -> bool:
    """Whether a path is one of `stand_in_path`."""
    return _NAMED.search(str(path)) is not None


def given_path(path: Path) -> Path:
    """What the user gave, for the path of a stand-in; other paths are themselves."""
    return Path(as_given(str(path)))


def given_name(path: Path) -> str:
    """Name of a clip: a file's without suffix; of a sequence what precedes the number, or else its folder's name."""
    given = given_path(path)
    if given == path or not is_pattern(given):
        return given.stem
    return pattern_parts(given)[0].rstrip("._- ") or given.absolute().parent.name


def write_facts(path: Path, facts: GivenFacts) -> None:
    """Store the facts on the input beside its stand-in."""
    with temporary_file_errors():
        _facts_path(path).write_text(json.dumps(asdict(facts)), encoding="utf-8")


def facts_of(path: Path) -> GivenFacts | None:
    """The facts on the input that a video stands in for; None for a video of the user."""
    if not is_stand_in(path):
        return None
    try:
        stored = json.loads(_facts_path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return GivenFacts()
    return GivenFacts(stored["first"], stored["depth"], tuple(stored["notes"]))


def as_given(text: str) -> str:
    """A text in which stand-ins have the names that the user gave."""
    if _MARK not in text:
        return text
    for folder in {tempfile.gettempdir(), str(Path(tempfile.gettempdir()).resolve())}:
        text = text.replace(f"{folder}/{_PREFIX}", _PREFIX)
    text = _NAMED.sub(lambda found: f"{'/' if found[1] == _ROOT else ''}{found[2]}", text)
    return text.replace(_MARK + _SUFFIX, "").replace(_MARK, "")


def data_as_given(value: Any) -> Any:
    """Plain data (mappings, lists, text ...) with `as_given` applied to every text."""
    if isinstance(value, str):
        return as_given(value)
    if isinstance(value, Mapping):
        return {key: data_as_given(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [data_as_given(each) for each in value]
    return value


def _facts_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")
