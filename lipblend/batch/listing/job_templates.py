"""Paths with wildcards and ``{name}``: which originals and synced videos exist, and which belong together."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lipblend.batch.listing.list_paths import is_address
from lipblend.runtime.stand_ins import is_pattern, pattern_parts

NAME = "{name}"
_WILD = re.compile(r"[*?[]")
_ESCAPED = re.compile(r"\[([*?[])\]")
_PLACEHOLDER = re.compile(r"\{([A-Za-z]\w*)\}")
_MOST_NAMED = 5


@dataclass(frozen=True)
class FoundPair:
    """An original and a synced video that belong together.

    Attributes
    ----------
    original, synced : str
        As in the list, without wildcards: relative to its folder, or absolute.
    name : str
        What ``{name}`` stands for.
    """

    original: str
    synced: str
    name: str

    @property
    def values(self) -> dict[str, str]:
        """What the placeholders of other paths stand for."""
        return {"name": self.name, "synced": clip_name(self.synced)}


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of ``{name}`` and others; other braces stay.

    Raises
    ------
    ValueError
        A placeholder is unknown.
    """
    for word in _PLACEHOLDER.findall(text):
        if word not in values:
            known = " and ".join(f"{{{each}}}" for each in values)
            raise ValueError(f"{{{word}}} in {text} is unknown: {known} can stand here")
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def clip_name(path: str) -> str:
    """The name of a file without its ending; of an image sequence what precedes the number, or its folder's name."""
    whole = PurePosixPath(path)
    if not is_pattern(Path(path)):
        return whole.stem
    return pattern_parts(Path(path))[0].rstrip("._- ") or whole.parent.name


def has_wildcards(text: str) -> bool:
    """Whether a text holds ``*``, ``?`` or ``[``."""
    return _WILD.search(text) is not None


def find_pairs(
    original: str, synced: str, base: Path, *, name: str | None = None, waiting: list[str] | None = None
) -> tuple[list[FoundPair], list[str]]:
    """Find the pairs that two tidy paths (`lipblend.batch.listing.list_paths.tidy_path`) name.

    Parameters
    ----------
    original, synced : str
        ``{name}`` is the same text in both, not over several folders; without it in the original, the stem of that
        file. A path of an existing file is taken as it is, whatever signs it holds.
    base : Path
        Folder of relative paths.
    name : str, optional
        What ``{name}`` stands for, if that is given.
    waiting : list of str, optional
        Files come later: it is no problem if something is not there yet, and this takes a line for each file without
        its partner, ``a.mp4 waits for a_*.mp4``.

    Returns
    -------
    pairs : list of FoundPair
        Sorted by original and synced video.
    problems : list of str

    Raises
    ------
    ValueError
        A pattern has no meaning.
    """
    for text in (original, synced):
        fill(text, {"name": ""})
        if is_address(text) and ("*" in text or (NAME in text and name is None)):
            return [], [f"{text} is an address, which cannot be searched: write one job for each file"]
    if name is not None:
        original, synced = (_bound(text, name) for text in (original, synced))
    if not _is_pattern(original, base):
        own = clip_name(original) if name is None else name
        return _of_one(_shown(original), own, synced, base, waiting)
    originals, problems = _by_name(original, base, name)
    if not originals and waiting is not None:
        waiting += [f"{path} waits for {_shown(original)}" for path, _ in _files(synced, base)]
        return [], problems
    if not originals:
        return [], problems or [f"original: {_shown(original)} matches no file{_within(original, base)}"]
    if NAME not in synced:
        if len(originals) == 1:
            ((own, found),) = originals.items()
            pairs, more = _of_one(found, own, synced, base, waiting)
            return pairs, [*problems, *more]
        count = f"original: {_shown(original)} matches {len(originals)} files"
        return [], [*problems, f"{count}, but synced: {synced} does not say which belongs to which: put {NAME} into it"]
    pairs, more = _of_many(originals, original, synced, base, waiting)
    return pairs, [*problems, *more]


def _of_one(
    original: str, name: str, synced: str, base: Path, waiting: list[str] | None
) -> tuple[list[FoundPair], list[str]]:
    """The pairs of a single original; ``{name}`` in the synced path is free."""
    if not _is_pattern(synced, base):
        return [FoundPair(original, _shown(synced), name)], []
    found = _files(synced, base)
    if not found and waiting is not None:
        waiting += [f"{original} waits for {_shown(synced)}"] if (base / original).exists() else []
        return [], []
    if not found:
        return [], [f"synced: {_shown(synced)} matches no file{_within(synced, base)}, for {original}"]
    return [FoundPair(original, path, own or name) for path, own in found], []


def _of_many(
    originals: Mapping[str, str], pattern: str, synced: str, base: Path, waiting: list[str] | None
) -> tuple[list[FoundPair], list[str]]:
    """The pairs of several originals: each synced file goes to the longest name that fits."""
    owner = _Owner(synced, originals)
    pairs, lonely = [], []
    for path, _ in _files(synced, base):
        name = owner.of(path)
        if name is None:
            lonely.append(path)
        else:
            pairs.append(FoundPair(originals[name], path, name))
    pairs.sort(key=lambda pair: (pair.original, pair.synced))
    alone = originals.keys() - {pair.name for pair in pairs}
    if waiting is not None:
        waiting += [f"{originals[name]} waits for {synced.replace(NAME, name)}" for name in sorted(alone)]
        waiting += [f"{path} waits for {_shown(pattern)}" for path in lonely]
        return pairs, []
    problems = [
        f"synced: {synced.replace(NAME, name)} matches no file{_within(synced, base)}, for {originals[name]}"
        for name in alone
    ]
    if lonely:
        problems.append(f"synced: {_several(lonely)}: there is no original {pattern} for it")
    return pairs, sorted(problems)


def _by_name(original: str, base: Path, bound: str | None) -> tuple[dict[str, str], list[str]]:
    """The originals by what ``{name}`` stands for, and problems with names that several have."""
    found: dict[str, list[str]] = {}
    for path, name in _files(original, base):
        found.setdefault(bound or name or clip_name(path), []).append(path)
    problems = [
        f"original: {_shown(original)} matches several files for the name {name}: {_several(paths)}"
        for name, paths in found.items()
        if len(paths) > 1
    ]
    return {name: paths[0] for name, paths in found.items() if len(paths) == 1}, problems


def _is_pattern(text: str, base: Path) -> bool:
    if is_address(text):
        return False
    return NAME in text or (has_wildcards(_ESCAPED.sub("", text)) and not os.path.lexists(base / text))


def _bound(text: str, name: str) -> str:
    """A path with a name in it, whose signs are no wildcards; addresses know none."""
    return text.replace(NAME, name if is_address(text) else glob.escape(name))


def _shown(pattern: str) -> str:
    """As before `glob.escape`."""
    return _ESCAPED.sub(r"\1", pattern)


def _within(pattern: str, base: Path) -> str:
    return "" if os.path.isabs(pattern) else f" in {base}"


def _several(paths: Iterable[str]) -> str:
    names = list(paths)
    more = [f"{len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
    return ", ".join([*names[:_MOST_NAMED], *more])


def _files(pattern: str, base: Path) -> list[tuple[str, str | None]]:
    """The files that match, sorted, each with what ``{name}`` stands for; hidden ones only where the dot is written.

    The pictures of a sequence are one, by its pattern.
    """
    number = pattern_parts(Path(pattern))[1] if is_pattern(Path(pattern)) else None
    regex = _compiled(pattern, "(?P<name>[^/]+)")
    searched = pattern.replace(NAME, "?*")
    if number is not None:
        regex = re.compile(regex.pattern.replace(number, r"(?P<number>[0-9]+)"))
        searched = searched.replace(number, "[0-9]*")
    found = dict[tuple[str, str | None], None]()
    for path in sorted(glob.glob(searched, root_dir=base, recursive=True)):
        posix = path.replace(os.sep, "/")
        match = regex.fullmatch(posix)
        if match is None or os.path.isdir(base / path):
            continue
        if number is not None:
            if number % int(match["number"]) != match["number"]:
                continue
            posix = f"{posix[: match.start('number')]}{number}{posix[match.end('number') :]}"
        found[posix, match.groupdict().get("name")] = None
    return list(found)


def _compiled(pattern: str, name: str) -> re.Pattern[str]:
    try:
        return re.compile(_regex(pattern, name))
    except re.error as error:
        raise ValueError(f"{pattern} has brackets that name no signs ({error.msg}): write [a-z] or [abc]") from error


def _regex(pattern: str, name: str) -> str:
    """A pattern as a regular expression; ``{name}`` as `name`, and later as the same text again."""
    parts = []
    for token in re.findall(r"\{name\}|\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\]|[^*?[{]+|.", pattern):
        if token == NAME:
            parts.append(name)
            name = "(?P=name)" if name.startswith("(?P<name>") else name
        elif token in _TRANSLATED:
            parts.append(_TRANSLATED[token])
        elif token.startswith("[") and token.endswith("]") and len(token) > 2:
            inner = re.sub(r"([\[\\^&~|])", r"\\\1", token[1:-1])
            parts.append(f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]")
        else:
            parts.append(re.escape(token))
    return "".join(parts)


_TRANSLATED = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class _Owner:
    """Which of many names a path that matches a pattern with ``{name}`` belongs to."""

    def __init__(self, pattern: str, names: Collection[str]) -> None:
        self._names = names
        self._left, self._right = pattern.split(NAME, 1)
        self._left_regex = _compiled(self._left, "")
        self._right_regex = None if NAME in self._right else _compiled(self._right, "")

    def of(self, path: str) -> str | None:
        """The longest name that fits; None if none does."""
        starts = range(len(path)) if has_wildcards(self._left) else (len(self._left),)
        best: str | None = None
        for start in starts:
            stop = path.find("/", start)
            for end in range(len(path) if stop < 0 else stop, start + len(best or ""), -1):
                name = path[start:end]
                if name in self._names and self._fits(path, start, end):
                    best = name
                    break
        return best

    def _fits(self, path: str, start: int, end: int) -> bool:
        right = self._right_regex or _compiled(self._right, re.escape(path[start:end]))
        return self._left_regex.fullmatch(path[:start]) is not None and right.fullmatch(path[end:]) is not None
