"""The table's rows of a face's track in one shot, read on access."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

from lipblend.analysis.face_tracks import FaceTrack

T = TypeVar("T")


class TrackRows:
    """The table's rows of a track in the shot [start, stop), without broken ones."""

    def __init__(self, track: FaceTrack, start: int, stop: int, without: Collection[int] = ()) -> None:
        self.track, self._start, self._stop, self._without = track, start, stop, without

    def column(self, name: str) -> Any:
        """A column of the table."""
        return self.track.table.columns[name]

    def numbers(self, column: str, without: Collection[int] = ()) -> dict[int, int]:
        """The table's row for each row of the shot in which a column has a value."""
        rows = zip(self.track.frames, self.track.rows, self.track.has(column).tolist(), strict=True)
        return {
            frame - self._start: number
            for frame, number, holds in rows
            if holds
            and self._start <= frame < self._stop
            and frame - self._start not in self._without
            and frame - self._start not in without
        }

    def values(self, column: str) -> Iterator[Any]:
        """The values of a column."""
        return (self.column(column)[number] for number in self.numbers(column).values())

    def read(self, column: str, read: Callable[[int], Any], without: Collection[int] = ()) -> Mapping[int, Any]:
        """The values of a column by row of the shot, read on access."""
        return _ByRow(self.numbers(column, without), read)


class _ByRow(Mapping[int, T], Generic[T]):
    """Values of a track's table by row of the shot, read on access."""

    def __init__(self, rows: dict[int, int], read: Callable[[int], Any]) -> None:
        self._rows, self._read = rows, read

    def __getitem__(self, row: int) -> T:
        value: T = self._read(self._rows[row])
        return value

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
