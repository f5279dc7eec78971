"""Sequences and arrays in temporary files, so that memory does not grow with their length."""

from __future__ import annotations

import itertools
import pickle
import weakref
from abc import abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import Lock
from typing import IO, Any, Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from lipblend.runtime.files import temporary_file, temporary_file_errors, write_all

S = TypeVar("S")
T = TypeVar("T")
Array = npt.NDArray[Any]

_ROWS_PER_READ = 32


class _Lazy(Sequence[T], Generic[T]):
    """A sequence that fetches each item on access; slicing fetches nothing."""

    __slots__ = ()

    @abstractmethod
    def _at(self, number: int) -> T:
        """Return the item at a non-negative index."""

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        places = range(len(self))[place]  # handles negative indices and raises IndexError as a list does
        return _Slice(self, places) if isinstance(places, range) else self._at(places)

    def __iter__(self) -> Iterator[T]:
        return (self._at(number) for number in range(len(self)))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return tuple, (tuple(self),)


class StoredSequence(_Lazy[T], Generic[T]):
    """A growing sequence whose items are pickled into a temporary file; it takes 8 bytes of memory per item.

    Every access reads the item from the file. Thread-safe. Pickling turns it into a tuple of its items.

    Raises
    ------
    OutputError
        On creation and on appending: the file cannot be written.
    """

    def __init__(self) -> None:
        self._file = temporary_file()
        self._starts = array("q", [0])
        self._lock = Lock()
        weakref.finalize(self, self._file.close)

    def append(self, item: T) -> None:
        """Append one item."""
        packed = pickle.dumps(item, protocol=5)
        with self._lock, temporary_file_errors():
            self._file.seek(self._starts[-1])
            write_all(self._file, packed)
            self._starts.append(self._starts[-1] + len(packed))

    def extend(self, items: Iterable[T]) -> None:
        """Append several items, each as it arrives."""
        for item in items:
            self.append(item)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def _at(self, number: int) -> T:
        start, stop = self._starts[number], self._starts[number + 1]
        packed = bytearray(stop - start)
        with self._lock:
            _read_into(self._file, start, memoryview(packed))
        item: T = pickle.loads(packed)
        return item


class _Slice(_Lazy[T], Generic[T]):
    __slots__ = ("_places", "_whole")

    def __init__(self, whole: Sequence[T], places: range) -> None:
        self._whole, self._places = whole, places

    def __len__(self) -> int:
        return len(self._places)

    def _at(self, number: int) -> T:
        return self._whole[self._places[number]]


class Joined(_Lazy[T], Generic[T]):
    """Several sequences concatenated without a copy."""

    def __init__(self, parts: Sequence[Sequence[T]]) -> None:
        self._parts = parts
        self._ends = list(itertools.accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _at(self, number: int) -> T:
        part = bisect_right(self._ends, number)
        return self._parts[part][number - (self._ends[part] - len(self._parts[part]))]

    def __iter__(self) -> Iterator[T]:
        return itertools.chain.from_iterable(self._parts)


class Picked(_Lazy[T], Generic[T]):
    """Selected items of another sequence, in any order, without a copy."""

    def __init__(self, whole: Sequence[T], places: Sequence[int]) -> None:
        self._whole, self._places = whole, array("q", places)

    def __len__(self) -> int:
        return len(self._places)

    def _at(self, number: int) -> T:
        return self._whole[self._places[number]]


class Mapped(_Lazy[T], Generic[S, T]):
    """A function applied to every item of another sequence, on access."""

    def __init__(self, whole: Sequence[S], function: Callable[[S], T]) -> None:
        self._whole, self._function = whole, function

    def __len__(self) -> int:
        return len(self._whole)

    def _at(self, number: int) -> T:
        return self._function(self._whole[number])


class StoredRows(Sequence[Array]):
    """A growing array in a temporary file, held in memory only for the rows that are read.

    Indexed like an array: by number, by slice, or by an array of numbers, each returning a copy. Thread-safe. Pickling
    turns it into the array.

    Parameters
    ----------
    row : tuple of int, optional
        Shape of a row; by default that of the first row appended.
    dtype : dtype, optional
        Used if `row` is given; otherwise that of the first row appended.

    Raises
    ------
    OutputError
        On creation and on appending: the file cannot be written.
    ValueError
        On appending a row of another shape or dtype.
    """

    def __init__(self, row: tuple[int, ...] | None = None, dtype: npt.DTypeLike = np.uint8) -> None:
        self._file = temporary_file()
        self._known = row is not None
        self._row: tuple[int, ...] = row if row is not None else (0,)
        self._dtype: np.dtype[Any] = np.dtype(dtype)
        self._count = 0
        self._lock = Lock()
        weakref.finalize(self, self._file.close)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self._count, *self._row

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the array."""
        return self._dtype

    def append(self, row: Array) -> None:
        """Append one row."""
        self.extend(np.asarray(row)[None])

    def extend(self, rows: Array) -> None:
        """Append several rows, (n, ...)."""
        if not self._known:
            self._row, self._dtype, self._known = rows.shape[1:], rows.dtype, True
        if rows.shape[1:] != self._row or rows.dtype != self._dtype:
            raise ValueError(
                f"expected rows of shape {self._row} and dtype {self._dtype}, got {rows.shape[1:]} and {rows.dtype}"
            )
        with self._lock, temporary_file_errors():
            self._file.seek(self._count * self._row_bytes)
            write_all(self._file, np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
            self._count += len(rows)

    def __len__(self) -> int:
        return self._count

    @overload  # type: ignore[override]
    def __getitem__(self, place: int) -> Array: ...
    @overload
    def __getitem__(self, place: slice) -> Array: ...
    @overload
    def __getitem__(self, place: npt.NDArray[np.integer[Any]]) -> Array: ...
    def __getitem__(self, place: int | slice | npt.NDArray[np.integer[Any]]) -> Array:
        if isinstance(place, (int, np.integer)):
            number = range(self._count)[place]  # handles negative indices and raises IndexError
            return np.asarray(self._read(number, 1)[0])
        numbers = np.arange(self._count)[place]
        out = np.empty((len(numbers), *self._row), self._dtype)
        starts = np.flatnonzero(np.diff(numbers, prepend=-2) != 1)
        for start, stop in itertools.pairwise([*starts.tolist(), len(numbers)]):
            out[start:stop] = self._read(int(numbers[start]), stop - start)
        return out

    def __iter__(self) -> Iterator[Array]:
        for start in range(0, self._count, _ROWS_PER_READ):
            yield from self[start : start + _ROWS_PER_READ]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self[:] if dtype is None else self[:].astype(dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return np.asarray, (self[:],)

    @property
    def _row_bytes(self) -> int:
        return int(np.prod(self._row, dtype=np.int64)) * self._dtype.itemsize

    def _read(self, first: int, count: int) -> Array:
        out = np.empty((count, *self._row), self._dtype)
        with self._lock:
            _read_into(self._file, first * self._row_bytes, out.reshape(-1).view(np.uint8).data)
        return out


class NumberedRows(Mapping[int, Array]):
    """Arrays of one shape by number, in a temporary file: each takes a hundred bytes of memory, and is read on access.

    Parameters
    ----------
    row : tuple of int
        Shape of an array.
    dtype : dtype
    """

    def __init__(self, row: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._rows = StoredRows(row, dtype)
        self._places: dict[int, int] = {}

    def __setitem__(self, number: int, row: npt.ArrayLike) -> None:
        place = len(self._rows)
        self._rows.append(np.asarray(row, self._rows.dtype))
        self._places[number] = place

    def update(self, found: Mapping[int, Array]) -> None:
        """Take several."""
        for number, row in found.items():
            self[number] = row

    def __getitem__(self, number: int) -> Array:
        return self._rows[self._places[number]]

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _read_into(file: IO[bytes], start: int, view: memoryview) -> None:
    """Fill a buffer from an unbuffered file, which may return only a part at a time."""
    file.seek(start)
    while view:
        count = file.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise EOFError("a temporary file was cut short")
        view = view[count:]
