"""The names of jobs: given ones as they are, the others after their outputs, all of them different."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from lipblend.batch.listing.list_paths import job_name

_DIGEST_DIGITS = 6


@dataclass(frozen=True)
class NameWish:
    """What a job is to be called.

    Attributes
    ----------
    given : str or None
        Name in the list.
    output : str
        As in the list.
    line : int
    """

    given: str | None
    output: str
    line: int


def unique_names(wishes: Iterable[NameWish]) -> tuple[list[str], list[tuple[int, str]]]:
    """A name for each job, and what is wrong with those that the list gives: line and problem.

    A job without a name gets the stem of its output; if several would have it, with the folder in front; if that is
    not enough, with a digest of the output's path behind. Names that differ by case only count as equal.
    """
    wishes = list(wishes)
    problems: list[tuple[int, str]] = []
    taken: dict[str, NameWish] = {}
    for wish in wishes:
        if wish.given is None:
            continue
        name = job_name(wish.given)
        if other := taken.get(name.casefold()):
            both = f"'{wish.given}'" if wish.given == other.given else f"'{other.given}' and '{wish.given}'"
            where = f"line {other.line}" if other.line != wish.line else "several matches of this line"
            problems.append((wish.line, f"the name {name} is that of another job ({where}), from {both}"))
        taken[name.casefold()] = wish
    plain = [wish for wish in wishes if wish.given is None]
    found: dict[int, str] = {}
    for make in (_stem, _with_folder, _with_digest):
        left = [wish for wish in plain if id(wish) not in found]
        made = {id(wish): make(wish) for wish in left}
        counts = Counter(name.casefold() for name in made.values())
        used = taken.keys() | {name.casefold() for name in found.values()}
        found |= {
            key: name for key, name in made.items() if counts[name.casefold()] == 1 and name.casefold() not in used
        }
    for number, wish in enumerate(
        wishes, start=1
    ):  # those left have one output with another job, which is told as such
        if wish.given is None and id(wish) not in found:
            found[id(wish)] = f"{_with_digest(wish)}-{number}"
    names = [found[id(wish)] if wish.given is None else job_name(wish.given) for wish in wishes]
    return names, problems


def _stem(wish: NameWish) -> str:
    return job_name(PurePosixPath(wish.output).stem)


def _with_folder(wish: NameWish) -> str:
    path = PurePosixPath(wish.output)
    return job_name(f"{path.parent.name}-{path.stem}") if path.parent.name else _stem(wish)


def _with_digest(wish: NameWish) -> str:
    return f"{_stem(wish)}-{hashlib.sha256(wish.output.encode()).hexdigest()[:_DIGEST_DIGITS]}"
