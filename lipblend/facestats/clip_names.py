"""Short names that tell clips apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path


def short_names(files: Sequence[Path]) -> list[str]:
    """The name of each file, with as many of its folders as it takes for all to differ."""
    depth = 1
    longest = max((len(file.parts) for file in files), default=1)
    while depth < longest and len({file.parts[-depth:] for file in files}) < len(set(files)):
        depth += 1
    return [str(Path(*file.parts[-depth:])) for file in files]


def plot_names(files: Sequence[Path], reserved: Collection[str] = ()) -> list[str]:
    """Names of plots in one folder: those of the files, numbered where they are equal or reserved, also without case.

    Where several files have one name, that of the folder goes first.
    """
    stems = [file.stem.casefold() for file in files]
    taken = {name.casefold() for name in reserved}
    names: list[str] = []
    for file in files:
        first = file.stem
        if stems.count(first.casefold()) > 1 and file.absolute().parent.name:
            first = f"{file.absolute().parent.name}-{first}"
        name, count = f"{first}.svg", 1
        while name.casefold() in taken:
            count += 1
            name = f"{first}-{count}.svg"
        taken.add(name.casefold())
        names.append(name)
    return names
