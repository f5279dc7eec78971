"""Shots of a sitter, followed by the measures that need several frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from faceviews import FULL, view_of
from visible_faces import Sitter

from lipblend.quality.visible.over_time import OverTime
from lipblend.quality.visible.person_look import PersonLook

RATE = 25.0
LAG = 4  # frames over which motion is looked at
Pictures = Sequence[np.ndarray]


def followed(
    person: Sitter,
    original: Pictures,
    synced: Pictures,
    result: Pictures,
    places: Sequence[int] | None = None,
    look: PersonLook | None = None,
) -> OverTime:
    """A shot of these pictures, which are its first frames or lie at ``places``."""
    places = range(len(result)) if places is None else places
    seen = OverTime(max(places) + 1, RATE, look)
    for place, first, second, shown in zip(places, original, synced, result, strict=True):
        seen.add(place, view_of(person.mesh, first, shown, person.contour, synced=second, matrix=FULL))
    return seen


def series(
    person: Sitter,
    original: Pictures,
    synced: Pictures,
    result: Pictures,
    places: Sequence[int] | None = None,
    look: PersonLook | None = None,
) -> dict[str, np.ndarray]:
    """What `followed` measures."""
    return followed(person, original, synced, result, places, look).values()


def spoken(person: Sitter, count: int, first_seed: int, levels: float = 40.0) -> list[np.ndarray]:
    """A sitter who speaks: another mouth in every frame."""
    return [person.spoken(first_seed + n, levels) for n in range(count)]


def mixed(old: Pictures, new: Pictures, share: float) -> list[np.ndarray]:
    return [b + np.float32(share) * (a - b) for a, b in zip(old, new, strict=True)]
