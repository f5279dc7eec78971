"""Triples: two videos to composite, and what a perfect composite would show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lipblend.errors import InputError, SettingsError

FILES = ("orig", "synced", "truth")


@dataclass(frozen=True)
class Triple:
    """Three videos: ``truth`` is what a perfect composite of ``original`` and ``synced`` would show."""

    name: str
    original: Path
    synced: Path
    truth: Path


def find_triples(folder: Path, only: Sequence[str] = ()) -> tuple[Triple, ...]:
    """Find the triples of a folder, or those named in ``only``: subfolders with orig.mp4, synced.mp4 and truth.mp4.

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
        files = [path / f"{name}.mp4" for name in FILES]
        missing = [file.name for file in files if not file.is_file()]
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
