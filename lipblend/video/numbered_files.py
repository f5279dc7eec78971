"""The files of an image sequence, by a printf pattern such as ``shots/frame_%06d.png``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lipblend.errors import InputError
from lipblend.runtime.stand_ins import pattern_parts
from lipblend.video.numbered_pictures import check_numbers
from lipblend.video.still_picture import SUFFIXES


@dataclass(frozen=True)
class NumberedFiles:
    """The files of a sequence, without a gap.

    Attributes
    ----------
    pattern : Path
    paths : tuple of Path
        By number.
    first : int
        Number of the first.
    """

    pattern: Path
    paths: tuple[Path, ...]
    first: int

    def __len__(self) -> int:
        return len(self.paths)


def matching_numbers(pattern: Path) -> list[int]:
    """The numbers, ascending, of the files in a pattern's folder that it names; empty if there is no such folder.

    ``%06d`` names numbers of six digits or more, without further leading zeros.

    Raises
    ------
    InputError
        The folder cannot be read.
    """
    before, number, after = pattern_parts(pattern)
    name = re.compile(rf"{re.escape(before)}(\d+){re.escape(after)}")
    try:
        with os.scandir(pattern.parent) as entries:
            found = [match for entry in entries if (match := name.fullmatch(entry.name)) and entry.is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"cannot read {pattern.parent}: {error.strerror or error}", hint="Check the path.") from error
    return sorted(int(match[1]) for match in found if match[1].isascii() and number % int(match[1]) == match[1])


def numbered_files(pattern: Path) -> NumberedFiles:
    """Find the files that a pattern names. They begin at any number; only names are read.

    Raises
    ------
    InputError
        There is none, one between the first and the last is missing, or the suffix is not one of pictures.
    """
    if pattern.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{pattern} is a pattern of pictures with the unknown suffix '{pattern.suffix}'",
            hint=f"Use one of {', '.join(SUFFIXES)}.",
        )
    if not pattern.parent.is_dir():
        raise InputError(f"the folder {pattern.parent} of {pattern.name} does not exist", hint="Check the path.")
    numbers = matching_numbers(pattern)
    _, number, _ = pattern_parts(pattern)
    if not numbers:
        raise InputError(
            f"no file in {pattern.parent} is named as {pattern.name}",
            hint=f"{number} stands for numbers such as {number % 1}: write as many digits as the names have.",
        )
    check_numbers(pattern, numbers)
    return NumberedFiles(pattern, tuple(numbered_path(pattern, each) for each in numbers), numbers[0])


def numbered_path(pattern: Path, number: int) -> Path:
    """The file of a pattern with a number."""
    before, digits, after = pattern_parts(pattern)
    return pattern.with_name(f"{before}{digits % number}{after}")
