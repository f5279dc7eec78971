"""The values of one frame in little memory: a film has 200,000 frames."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from functools import lru_cache


class FrameValues(Mapping[str, float]):
    """Numbers by key, read-only; 8 bytes each, since frames with the same keys share these.

    Parameters
    ----------
    values : mapping of str to float
    """

    __slots__ = ("_numbers", "_places")

    def __init__(self, values: Mapping[str, float]) -> None:
        self._places = _places_of(tuple(values))
        self._numbers = array("d", values.values())

    def __getitem__(self, key: str) -> float:
        return self._numbers[self._places[key]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)})"


@lru_cache(maxsize=1024)
def _places_of(keys: tuple[str, ...]) -> Mapping[str, int]:
    return {key: place for place, key in enumerate(keys)}
