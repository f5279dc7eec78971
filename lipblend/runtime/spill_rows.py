"""Arrays of one shape in a file: rows of a large array that is never held as a whole."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from lipblend.runtime.spill import no_room_is_an_output_error, temporary_file, write_all

Array = npt.NDArray[Any]


class StoredRows(Sequence[Array]):
    """Arrays of one shape and dtype in a temporary file; in memory it takes nothing for each.

    Read like an array: by number, by slice, or by an array of numbers; what comes is a copy. Any thread may ask.
    Pickled, it becomes the array.

    Parameters
    ----------
    row : tuple of int, optional
        Shape of each; the first one's if not given.
    dtype : dtype, optional
        Likewise, where the shape is given.

    Raises
    ------
    OutputError
        On making it and on appending: the file cannot be written.
    ValueError
        On appending an array of another shape or dtype than the first one's.
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
        """As an array's."""
        return self._count, *self._row

    @property
    def dtype(self) -> np.dtype[Any]:
        """As an array's."""
        return self._dtype

    def append(self, row: Array) -> None:
        """Put one more at the end."""
        self.extend(np.asarray(row)[None])

    def extend(self, rows: Array) -> None:
        """Put several more at the end, (n, ...)."""
        if not self._known:
            self._row, self._dtype, self._known = rows.shape[1:], rows.dtype, True
        if rows.shape[1:] != self._row or rows.dtype != self._dtype:
            raise ValueError(f"{rows.shape[1:]} {rows.dtype} among rows of {self._row} {self._dtype}")
        with self._lock, no_room_is_an_output_error():
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
            number = range(self._count)[place]  # counts from the end, and raises IndexError
            return np.asarray(self._read(number, 1)[0])
        numbers = np.arange(self._count)[place]
        out = np.empty((len(numbers), *self._row), self._dtype)
        starts = np.flatnonzero(np.diff(numbers, prepend=-2) != 1)
        for start, stop in itertools.pairwise([*starts.tolist(), len(numbers)]):
            out[start:stop] = self._read(int(numbers[start]), stop - start)
        return out

    def __iter__(self) -> Iterator[Array]:
        for start in range(0, self._count, _TOGETHER):
            yield from self[start : start + _TOGETHER]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self[:] if dtype is None else self[:].astype(dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return np.asarray, (self[:],)

    @property
    def _row_bytes(self) -> int:
        return int(np.prod(self._row, dtype=np.int64)) * self._dtype.itemsize

    def _read(self, first: int, count: int) -> Array:
        out = np.empty((count, *self._row), self._dtype)
        view = out.reshape(-1).view(np.uint8).data
        with self._lock:
            self._file.seek(first * self._row_bytes)
            while view:
                taken = self._file.readinto(view)  # type: ignore[attr-defined]
                if not taken:
                    raise EOFError("a temporary file was cut short")
                view = view[taken:]
        return out


_TOGETHER = 32
