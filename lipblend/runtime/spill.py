"""Sequences whose items lie in a file, so that memory does not grow with their number."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from abc import abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, chain
from threading import Lock
from typing import IO, Any, Generic, TypeVar, overload

from lipblend.errors import OutputError

S = TypeVar("S")
T = TypeVar("T")


def temporary_file() -> IO[bytes]:
    """A file of our own, without a name where the system can do that; it is gone when it is closed.

    Raises
    ------
    OutputError
        None can be made.
    """
    with no_room_is_an_output_error():
        # Not buffered: what could not be written would be tried again when it is closed.
        return tempfile.TemporaryFile(prefix="lipblend-", buffering=0)


class _Late(Sequence[T], Generic[T]):
    """A sequence whose items are fetched when they are asked for; a slice fetches nothing yet."""

    __slots__ = ()

    @abstractmethod
    def _at(self, number: int) -> T:
        """The item of a number from 0."""

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        places = range(len(self))[place]  # counts from the end, and raises IndexError, as a list does
        return _Part(self, places) if isinstance(places, range) else self._at(places)

    def __iter__(self) -> Iterator[T]:
        return (self._at(number) for number in range(len(self)))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return tuple, (tuple(self),)


class StoredSequence(_Late[T], Generic[T]):
    """Items in a temporary file, pickled one by one; in memory it takes 8 bytes an item.

    An item is read anew each time it is asked for. Any thread may ask. A slice reads nothing yet. Pickled, it
    becomes a tuple of its items.

    Raises
    ------
    OutputError
        On making it and on appending: the file cannot be written.
    """

    def __init__(self) -> None:
        self._file = temporary_file()
        self._starts = array("q", [0])
        self._lock = Lock()
        weakref.finalize(self, self._file.close)

    def append(self, item: T) -> None:
        """Put one more at the end."""
        packed = pickle.dumps(item, protocol=5)
        with self._lock, no_room_is_an_output_error():
            self._file.seek(self._starts[-1])
            write_all(self._file, packed)
            self._starts.append(self._starts[-1] + len(packed))

    def extend(self, items: Iterable[T]) -> None:
        """Put several more at the end, each as it comes."""
        for item in items:
            self.append(item)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def _at(self, number: int) -> T:
        start, stop = self._starts[number], self._starts[number + 1]
        with self._lock:
            self._file.seek(start)
            packed = _read_all(self._file, stop - start)
        item: T = pickle.loads(packed)
        return item


class _Part(_Late[T], Generic[T]):
    """A slice of another sequence, which it reads from."""

    __slots__ = ("_places", "_whole")

    def __init__(self, whole: Sequence[T], places: range) -> None:
        self._whole, self._places = whole, places

    def __len__(self) -> int:
        return len(self._places)

    def _at(self, number: int) -> T:
        return self._whole[self._places[number]]


class Joined(_Late[T], Generic[T]):
    """Several sequences as one, without a copy."""

    def __init__(self, parts: Sequence[Sequence[T]]) -> None:
        self._parts = parts
        self._ends = list(accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _at(self, number: int) -> T:
        part = bisect_right(self._ends, number)
        return self._parts[part][number - (self._ends[part] - len(self._parts[part]))]

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._parts)


class Picked(_Late[T], Generic[T]):
    """Some items of another sequence, in any order, which it reads from."""

    def __init__(self, whole: Sequence[T], places: Sequence[int]) -> None:
        self._whole, self._places = whole, array("q", places)

    def __len__(self) -> int:
        return len(self._places)

    def _at(self, number: int) -> T:
        return self._whole[self._places[number]]


class Mapped(_Late[T], Generic[S, T]):
    """A function of every item of another sequence, worked out when it is asked for."""

    def __init__(self, whole: Sequence[S], made: Callable[[S], T]) -> None:
        self._whole, self._made = whole, made

    def __len__(self) -> int:
        return len(self._whole)

    def _at(self, number: int) -> T:
        return self._made(self._whole[number])


def write_all(file: IO[bytes], data: bytes | memoryview) -> None:
    """Write all of it to a file that is not buffered, which may take a part at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _read_all(file: IO[bytes], size: int) -> bytes:
    """So many bytes of a file that is not buffered; fewer only where it ends."""
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


@contextmanager
def no_room_is_an_output_error() -> Iterator[None]:
    """What the system says when a temporary file cannot be written, as an `OutputError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"what is needed later cannot be put into a temporary file: {error.strerror or error}",
            hint="Check the free space in the folder for temporary files (TMPDIR), or name another one there.",
        ) from error
