"""Choose the videos of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lipblend.errors import InputError, SettingsError
from lipblend.runtime.stand_ins import given_name, given_path

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
"""Files in a folder that count as videos."""
CONTROL_LABEL = "control"


@dataclass(frozen=True)
class Source:
    """A video, its name in the results, the method (label) that made it, and whether it is an untouched original."""

    path: Path
    name: str
    label: str
    control: bool = False


def pair_sources(
    paths: Sequence[Path], pairs: Sequence[tuple[Path, Path]], labels: Sequence[str]
) -> list[tuple[Source, ...]]:
    """Pairs for an A/B test.

    Parameters
    ----------
    paths : sequence of Path
        Two folders whose files match by name without suffix, or two files, or nothing.
    pairs : sequence of (Path, Path)
        Further pairs of files.
    labels : sequence of str
        Names of the two methods. Default: the folders' names, or ``first`` and ``second``.

    Raises
    ------
    SettingsError
        Not two paths, no paths and no pairs, or not two different labels.
    InputError
        A folder or file does not exist or cannot be read, or a video has no counterpart.
    """
    if paths and len(paths) != 2:
        raise SettingsError(
            f"an A/B test compares two folders or two files, but {len(paths)} are named",
            hint="Name two, or give pairs of files with --pair A B.",
        )
    if not paths and not pairs:
        raise SettingsError("no videos to compare are named", hint="Name two folders, or use --pair A B.")
    chosen = list(pairs)
    names = _clip_names([first for first, _ in pairs])
    default = ["first", "second"]
    if paths:
        first, second = paths
        for path in paths:
            if not path.exists():
                raise InputError(f"{path} does not exist", hint="Check the path.")
        if first.is_dir() != second.is_dir():
            raise SettingsError(
                f"{first} and {second} are not both folders or both files", hint="Name two folders or two files."
            )
        if first.is_dir():
            matched = _match_folders(first, second)
            chosen = [*matched.values(), *chosen]
            names = [*matched, *names]
            default = _folder_labels(paths)
        else:
            chosen, names = [(first, second), *chosen], [given_name(first), *names]
    two = _check_labels(labels or default, 2)
    return [
        tuple(Source(path, name, label) for path, label in zip(pair, two, strict=True))
        for pair, name in zip(chosen, _make_distinct(names), strict=True)
    ]


def single_sources(paths: Sequence[Path], controls: Sequence[Path], labels: Sequence[str]) -> list[tuple[Source, ...]]:
    """Clips for a seam or fault rating.

    Parameters
    ----------
    paths : sequence of Path
        Folders and files. Each folder is one method; all single files together are another.
    controls : sequence of Path
        Untouched originals: folders and files.
    labels : sequence of str
        Names of the methods in the order of the folders, single files last. Default: the folders' names and ``clips``.

    Raises
    ------
    SettingsError
        No paths, or the number of labels is not the number of methods.
    InputError
        A folder cannot be read, or contains no video.
    """
    if not paths:
        raise SettingsError("no videos to rate are named", hint="Name folders or files.")
    folders = [path for path in paths if path.is_dir()]
    files = [path for path in paths if not path.is_dir()]
    groups = [_list_videos(folder) for folder in folders] + ([files] if files else [])
    default = _folder_labels(folders) + (["clips"] if files else [])
    methods = _check_labels(labels or default, len(groups))
    if CONTROL_LABEL in methods:
        raise SettingsError(f"'{CONTROL_LABEL}' is the untouched originals' label", hint="Choose another with --label.")
    sources = [(path, label, False) for group, label in zip(groups, methods, strict=True) for path in group]
    for path in controls:
        sources += [(file, CONTROL_LABEL, True) for file in (_list_videos(path) if path.is_dir() else [path])]
    names = _make_distinct([f"{label}/{given_name(path)}" if len(methods) > 1 or control else given_name(path)
                            for path, label, control in sources])  # fmt: skip
    return [(Source(path, name, label, control),) for (path, label, control), name in zip(sources, names, strict=True)]


def _match_folders(first: Path, second: Path) -> dict[str, tuple[Path, Path]]:
    firsts, seconds = _videos_by_stem(first), _videos_by_stem(second)
    unmatched = [f"{firsts[stem]} has no counterpart in {second}" for stem in firsts if stem not in seconds]
    unmatched += [f"{seconds[stem]} has no counterpart in {first}" for stem in seconds if stem not in firsts]
    if unmatched:
        raise InputError(
            f"{len(unmatched)} file(s) of the two folders have no counterpart of the same name",
            hint="Rename or remove them, or name the pairs with --pair A B.",
            details=tuple(unmatched),
        )
    return {stem: (firsts[stem], seconds[stem]) for stem in firsts}


def _videos_by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in _list_videos(folder):
        if path.stem in found:
            raise InputError(
                f"{found[path.stem]} and {path.name} differ only in their suffix",
                hint="Files of two folders are matched by name without suffix: rename or remove one.",
            )
        found[path.stem] = path
    return found


def _list_videos(folder: Path) -> list[Path]:
    try:
        found = sorted(
            path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        )
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror or error}", hint="Check the folder.") from error
    if not found:
        raise InputError(f"{folder} contains no video", hint=f"Video files end in {', '.join(SUFFIXES)}.")
    return found


def _folder_labels(folders: Sequence[Path]) -> list[str]:
    return _make_distinct([folder.absolute().resolve().name or "root" for folder in folders])


def _check_labels(labels: Sequence[str], wanted: int) -> list[str]:
    if len(labels) != wanted:
        raise SettingsError(
            f"{len(labels)} label(s) are given for {wanted} method(s)", hint="Give --label once for each method."
        )
    if len(set(labels)) != wanted or not all(label.strip() for label in labels):
        raise SettingsError(
            f"the labels {', '.join(map(repr, labels))} are not all different words",
            hint="Give each method a name of its own.",
        )
    return list(labels)


def _clip_names(paths: Sequence[Path]) -> list[str]:
    """File names without suffix, with their folders if two would be alike."""
    names = [given_name(path) for path in paths]
    if len(set(names)) == len(names):
        return names
    return [f"{given_path(path).absolute().parent.name}/{name}" for path, name in zip(paths, names, strict=True)]


def _make_distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number appended to repeated ones."""
    counts: dict[str, int] = {}
    distinct = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        distinct.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return distinct
