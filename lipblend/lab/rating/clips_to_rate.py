"""Which videos a study is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lipblend.errors import InputError, SettingsError

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
"""Files in a folder that count as videos."""
CONTROL_LABEL = "control"


@dataclass(frozen=True)
class Source:
    """A video and what made it.

    Parameters
    ----------
    path : Path
    name : str
        What the result calls the clip.
    label : str
        The method.
    control : bool
        An untouched original.
    """

    path: Path
    name: str
    label: str
    control: bool = False


def pair_sources(
    paths: Sequence[Path], pairs: Sequence[tuple[Path, Path]], labels: Sequence[str]
) -> list[tuple[Source, ...]]:
    """The pairs of an A/B test.

    Parameters
    ----------
    paths : sequence of Path
        Two folders, whose files go together by name (the suffix may differ), or two files; or nothing.
    pairs : sequence of (Path, Path)
        Further pairs of files.
    labels : sequence of str
        Names of the two methods; empty for the folders' names, or ``first`` and ``second``.

    Raises
    ------
    SettingsError
        Nothing or something else is named, or not two different labels.
    InputError
        A folder or file does not exist, a folder cannot be read, or has a video without its like in the other.
    """
    if paths and len(paths) != 2:
        raise SettingsError(
            f"an A/B test compares two folders or two files, and {len(paths)} are named",
            hint="Name two, or give pairs of files with --pair A B.",
        )
    if not paths and not pairs:
        raise SettingsError("nothing is named to be compared", hint="Name two folders, or use --pair A B.")
    given = list(pairs)
    names = _names([first for first, _ in pairs])
    default = ["first", "second"]
    if paths:
        first, second = paths
        for path in paths:
            if not path.exists():
                raise InputError(f"{path} does not exist", hint="Check the path.")
        if first.is_dir() != second.is_dir():
            raise SettingsError(f"{first} and {second} are not both folders or both files", hint="Name two alike.")
        if first.is_dir():
            matched = _match(first, second)
            given = [*matched.values(), *given]
            names = [*matched, *names]
            default = _folder_labels(paths)
        else:
            given, names = [(first, second), *given], [first.stem, *names]
    two = _labels(labels or default, 2)
    return [
        tuple(Source(path, name, label) for path, label in zip(pair, two, strict=True))
        for pair, name in zip(given, _distinct(names), strict=True)
    ]


def single_sources(paths: Sequence[Path], controls: Sequence[Path], labels: Sequence[str]) -> list[tuple[Source, ...]]:
    """The clips of a seam rating.

    Parameters
    ----------
    paths : sequence of Path
        Folders and files. A folder is a method of its own; files named by themselves are one together.
    controls : sequence of Path
        Untouched originals: folders and files.
    labels : sequence of str
        Names of the methods, in order of the folders, files last; empty for the folders' names and ``clips``.

    Raises
    ------
    SettingsError
        Nothing is named, or not as many labels as methods.
    InputError
        A folder cannot be read, or holds no video.
    """
    if not paths:
        raise SettingsError("nothing is named to be rated", hint="Name folders or files.")
    folders = [path for path in paths if path.is_dir()]
    files = [path for path in paths if not path.is_dir()]
    groups = [_videos(folder) for folder in folders] + ([files] if files else [])
    default = _folder_labels(folders) + (["clips"] if files else [])
    names = _labels(labels or default, len(groups))
    if CONTROL_LABEL in names:
        raise SettingsError(f"'{CONTROL_LABEL}' is the untouched originals' label", hint="Choose another with --label.")
    sources = [(path, label, False) for group, label in zip(groups, names, strict=True) for path in group]
    for path in controls:
        sources += [(file, CONTROL_LABEL, True) for file in (_videos(path) if path.is_dir() else [path])]
    shown = _distinct([f"{label}/{path.stem}" if len(names) > 1 or control else path.stem
                       for path, label, control in sources])  # fmt: skip
    return [(Source(path, name, label, control),) for (path, label, control), name in zip(sources, shown, strict=True)]


def _match(first: Path, second: Path) -> dict[str, tuple[Path, Path]]:
    here, there = _by_stem(first), _by_stem(second)
    alone = [f"{here[stem]} has no like in {second}" for stem in here if stem not in there]
    alone += [f"{there[stem]} has no like in {first}" for stem in there if stem not in here]
    if alone:
        raise InputError(
            f"{len(alone)} file(s) of the two folders have no partner of the same name",
            hint="Rename or remove them, or name the pairs with --pair A B.",
            details=tuple(alone),
        )
    return {stem: (here[stem], there[stem]) for stem in here}


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in _videos(folder):
        if path.stem in found:
            raise InputError(
                f"{found[path.stem]} and {path.name} have the same name but for the suffix",
                hint="Files of two folders go together by that name: rename or remove one.",
            )
        found[path.stem] = path
    return found


def _videos(folder: Path) -> list[Path]:
    try:
        found = sorted(
            path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        )
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror or error}", hint="Check the folder.") from error
    if not found:
        raise InputError(f"{folder} holds no video", hint=f"Files that count: {', '.join(SUFFIXES)}.")
    return found


def _folder_labels(folders: Sequence[Path]) -> list[str]:
    names = [folder.absolute().resolve().name or "root" for folder in folders]
    return _distinct(names)


def _labels(labels: Sequence[str], wanted: int) -> list[str]:
    if len(labels) != wanted:
        raise SettingsError(
            f"{len(labels)} label(s) are given for {wanted} method(s)", hint="Give --label once for each method."
        )
    if len(set(labels)) != wanted or not all(label.strip() for label in labels):
        raise SettingsError(f"the labels {', '.join(map(repr, labels))} are not all different words")
    return list(labels)


def _names(paths: Sequence[Path]) -> list[str]:
    """The files' names without suffix, behind those of their folders where they would be alike."""
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    return [f"{path.absolute().parent.name}/{path.stem}" for path in paths]


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that came before."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return made
