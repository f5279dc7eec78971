"""Whether two results are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from lipblend.analysis.face_tracks import COLUMNS, FaceTrack


def same(one: Any, other: Any) -> bool:
    """Whether two things hold the same, to the last bit and the last type."""
    if isinstance(one, FaceTrack):  # whatever the rows of the table
        return isinstance(other, FaceTrack) and same(_content(one), _content(other))
    if is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one)
        )
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Sequence) and not isinstance(one, str):  # some lie in a file
        return isinstance(other, Sequence) and len(one) == len(other) and all(map(same, one, other))
    return bool(type(one) is type(other) and one == other)


def _content(track: FaceTrack) -> list[Any]:
    columns = [[track.has(name), list(track.values(name))] for name in COLUMNS]
    return [track.frames, columns, list(track.measured)]
