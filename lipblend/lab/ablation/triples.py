"""Triples: two videos to composite, and what a perfect composite would show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lipblend.errors import InputError, SettingsError
from lipblend.runtime.stand_ins import is_pattern
from lipblend.video.numbered_files import matching_numbers
from lipblend.video.still_picture import SUFFIXES

FILES = ("orig", "synced", "truth")


@dataclass(frozen=True)
class Triple:
    """Three videos, or patterns of pictures: ``truth`` is what a perfect composite of the others would show."""

    name: str
    original: Path
    synced: Path
    truth: Path

    @property
    def paths(self) -> tuple[Path, Path, Path]:
        """Original, synced video and truth."""
        return self.original, self.synced, self.truth

    @property
    def has_sequences(self) -> bool:
        """Whether one of the three is an image sequence."""
        return any(map(is_pattern, self.paths))


def find_triples(folder: Path, only: Sequence[str] = (), *, sequences: bool = False) -> tuple[Triple, ...]:
    """Find the triples of a folder, or those named in ``only``: subfolders with orig.mp4, synced.mp4 and truth.mp4.

    Parameters
    ----------
    folder : Path
    only : sequence of str
    sequences : bool
        In the place of a file, also take a folder of that name with pictures that are numbered by six digits:
        ``orig/000001.png`` for ``orig.mp4``. Its pattern is what the triple names.

    Raises
    ------
    InputError
        The folder is missing or contains no triple, or a triple lacks a file.
    SettingsError
        A name in ``only`` is not a triple of the folder.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", hint="Give a folder of NAME/{orig,synced,truth}.mp4.")
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir())
    found = {}
    for path in subfolders:
        films = [path / f"{name}.mp4" for name in FILES]
        files = [(_sequence(film.with_suffix("")) if sequences else None) or film for film in films]
        missing = [film.name for film, file in zip(films, files, strict=True) if file == film and not film.is_file()]
        if len(missing) == len(FILES) or (only and path.name not in only):
            continue
        if missing:
            raise InputError(f"the triple {path.name} lacks {' and '.join(missing)} ({path})")
        found[path.name] = Triple(path.name, *files)
    for name in only:
        if name not in found:
            names = ", ".join(path.name for path in subfolders) or "no subfolders"
            raise SettingsError(f"there is no triple '{name}' in {folder}", hint=f"There are {names}.")
    if not found:
        raise InputError(f"{folder} contains no triples", hint="A triple is a folder NAME/{orig,synced,truth}.mp4.")
    return tuple(found.values())


def _sequence(folder: Path) -> Path | None:
    """The pattern of the pictures in a folder; None if there are none, or a video of its name lies beside it."""
    if not folder.is_dir() or folder.with_suffix(".mp4").is_file():
        return None
    patterns = [folder / f"%06d{suffix}" for suffix in SUFFIXES]
    return next((pattern for pattern in patterns if matching_numbers(pattern)), None)
