"""A folder of numbered PNG pictures as the frames of a grey film."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.errors import InputError, InputMismatchError

_SUFFIX = ".png"
_SIGNATURE, _END_CHUNK = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_SIZE_AT, _HEADER_BYTES = 16, 24  # of width and height; of all up to their end
_NUMBER = re.compile(r"\d+(?=\D*$)")
_MOST_NAMED = 3


@dataclass(frozen=True)
class NumberedPictures:
    """Pictures of one size in the order of their numbers.

    Attributes
    ----------
    paths : tuple of Path
    size : (int, int)
        Width and height in pixels.
    """

    paths: tuple[Path, ...]
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.paths)

    def planes(self, indices: Sequence[int]) -> Iterator[npt.NDArray[np.float32]]:
        """Luma of some pictures, from black to white as (h, w) float32 in [0, 1].

        Raises
        ------
        InputError
            A picture cannot be read, or is of another size than when it was checked.
        """
        last, plane = -1, np.empty(0, np.float32)
        for index in indices:
            if index != last:
                last, plane = index, self._plane(self.paths[index])
            yield plane

    def chroma(self, index: int) -> tuple[list[npt.NDArray[Any]], int]:
        """Cb and Cr of a picture, none if it is grey, and codes per 8-bit level.

        Raises
        ------
        InputError
            See `planes`.
        """
        codes = self._codes(self.paths[index])
        scale = 1 if codes.dtype == np.uint8 else 256
        if codes.ndim < 3:
            return [], scale
        _, cr, cb = cv2.split(cv2.cvtColor(np.ascontiguousarray(codes[..., :3]), cv2.COLOR_BGR2YCrCb))
        return [cb, cr], scale

    def _plane(self, path: Path) -> npt.NDArray[np.float32]:
        codes = self._codes(path)
        if codes.ndim == 3:
            codes = cv2.cvtColor(np.ascontiguousarray(codes[..., :3]), cv2.COLOR_BGR2GRAY)
        white = np.float32(255 if codes.dtype == np.uint8 else 65535)
        return np.asarray(codes, np.float32) / white

    def _codes(self, path: Path) -> npt.NDArray[Any]:
        try:
            codes = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        except (OSError, cv2.error) as error:
            raise _unreadable(path) from error
        if codes is None or codes.dtype not in (np.uint8, np.uint16) or codes.shape[1::-1] != self.size:
            raise _unreadable(path)
        return codes


def pictures_in(folder: Path) -> NumberedPictures:
    """The PNG pictures of a folder by the last number in their names, which may begin anywhere.

    Hidden files are left out. Only headers and ends of the others are read.

    Raises
    ------
    InputError
        There is none; one has no number, or that of another; a number is missing; one is not a whole PNG file.
    InputMismatchError
        They differ in size.
    """
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() == _SUFFIX and not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror or error}", hint="Check the path.") from error
    if not found:
        raise InputError(
            f"{folder} holds no PNG pictures", hint="Name a video, or a folder of pictures such as 0001.png."
        )
    numbers = {path: _number(path) for path in found}
    paths = sorted(found, key=lambda path: numbers[path])
    check_numbers(folder, [numbers[path] for path in paths])
    size = _size_of(paths[0])
    for path in paths[1:]:
        if (other := _size_of(path)) != size:
            raise InputMismatchError(
                f"{path} is {other[0]}x{other[1]}, and {paths[0].name} beside it is {size[0]}x{size[1]}",
                hint="Export all pictures at the size of the original.",
            )
    return NumberedPictures(tuple(paths), size)


def _number(path: Path) -> int:
    digits = _NUMBER.search(path.stem)
    if digits is None:
        raise InputError(
            f"{path} has no number in its name", hint="Number the pictures, such as 0001.png, or move it elsewhere."
        )
    return int(digits[0])


def check_numbers(folder: Path, numbers: Sequence[int]) -> None:
    """Raise InputError unless every number from the first to the last occurs once.

    Parameters
    ----------
    folder : Path
        Where the pictures are, for the message: a folder or a pattern.
    numbers : sequence of int
        Ascending.
    """
    first, last = numbers[0], numbers[-1]
    if twice := [number for number, times in Counter(numbers).items() if times > 1]:
        raise InputError(
            f"the number {_named(twice)} occurs more than once in {folder}", hint="Keep the pictures of one film only."
        )
    missing = last - first + 1 - len(numbers)
    if missing:
        known = set(numbers)
        holes = (number for number in range(first, last + 1) if number not in known)
        named = [number for number, _ in zip(holes, range(_MOST_NAMED + 1), strict=False)]
        raise InputError(
            f"{missing} of the pictures {first} to {last} in {folder} are missing: {_named(named)}",
            hint="Export them too: each frame of the original needs its picture.",
        )


def _named(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:_MOST_NAMED]))
    return f"{shown} ..." if len(numbers) > _MOST_NAMED else shown


def _size_of(path: Path) -> tuple[int, int]:
    """Width and height by the header of a PNG file that has an end."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            file.seek(-min(len(_END_CHUNK), path.stat().st_size), 2)
            end = file.read()
    except OSError as error:
        raise _unreadable(path) from error
    if len(header) < _HEADER_BYTES or not header.startswith(_SIGNATURE) or end != _END_CHUNK:
        raise _unreadable(path)
    width, height = (int.from_bytes(header[at : at + 4], "big") for at in (_SIZE_AT, _SIZE_AT + 4))
    return width, height


def _unreadable(path: Path) -> InputError:
    return InputError(f"{path} is not a readable PNG picture", hint="Export it again: it may be cut off or damaged.")
