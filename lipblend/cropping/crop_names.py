"""Names of the files of crops: for several faces, and of the record beside a crop."""

from __future__ import annotations

from pathlib import Path

from lipblend.errors import SettingsError
from lipblend.runtime.stand_ins import STDIN, is_pattern


def numbered(path: Path, number: int) -> Path:
    """The name for one of several faces: ``face.mp4`` -> ``face-0.mp4``, ``faces/%06d.png`` -> ``faces-0/%06d.png``.

    Raises
    ------
    SettingsError
        A pattern of pictures names no folder.
    """
    if not is_pattern(path):
        return path.with_name(f"{path.stem}-{number}{path.suffix}")
    folder = path.parent
    if _is_nameless(folder):
        raise SettingsError(
            f"each face needs a folder of its own for its pictures, and {path} names none",
            hint=f"Name one, such as faces/{path.name}: the faces go to faces-0, faces-1 ...",
        )
    return folder.with_name(f"{folder.name}-{number}") / path.name


def record_beside(output: Path) -> Path:
    """The record of a crop that is given no name: ``face.mp4`` -> ``face.json``, ``faces/%06d.png`` -> ``faces.json``.

    Raises
    ------
    SettingsError
        The crop is standard output, or a pattern of pictures that names no folder.
    """
    if output != STDIN and not is_pattern(output):
        return output.with_suffix(".json")
    folder = output.parent
    if output == STDIN or _is_nameless(folder):
        what = "standard output" if output == STDIN else str(output)
        raise SettingsError(f"{what} gives the record of the crop no name", hint="Name it: --meta face.json.")
    return folder.with_name(f"{folder.name}.json")


def _is_nameless(folder: Path) -> bool:
    return folder.name in ("", "..")
