"""Small pictures as rows of pixels, held or read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lipblend.runtime.spill_rows import StoredRows

Thumbs = npt.NDArray[np.uint8]


class Rows(Protocol):
    """What is needed of (n, k) uint8 pixels."""

    @property
    def shape(self) -> tuple[int, ...]:
        """n and k."""

    def __len__(self) -> int:
        """n."""

    def __getitem__(self, place: slice | npt.NDArray[np.integer[Any]], /) -> Thumbs:
        """Some rows."""


class LateRows:
    """Rows of pixels made from pictures when they are asked for.

    Parameters
    ----------
    pictures : (n, h, w) uint8
    made : callable
        Of some pictures, their rows.
    count : int
        Pixels of a row.
    """

    def __init__(self, pictures: Thumbs | StoredRows, made: Callable[[Thumbs], Thumbs], count: int) -> None:
        self._pictures, self._made, self._count = pictures, made, count

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array's."""
        return len(self), self._count

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, place: slice | npt.NDArray[np.integer[Any]], /) -> Thumbs:
        return self._made(self._pictures[place])
