"""Sequences in temporary files: what they give back, to any thread, and what happens on a full disk."""

from __future__ import annotations

import errno
import os
import pickle
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sameness import same

from lipblend.errors import OutputError
from lipblend.faces.landmarks import Landmarks
from lipblend.runtime import spill
from lipblend.runtime.content_digest import digest
from lipblend.runtime.spill import Joined, NumberedRows, StoredSequence
from tests.retained_memory import retained_bytes


@dataclass(frozen=True)
class Item:
    """Something with arrays."""

    number: int
    values: np.ndarray


def items(count: int = 20) -> list[Item]:
    rng = np.random.default_rng(3)
    return [Item(number, rng.random((number % 5 + 1, 3)).astype(np.float32)) for number in range(count)]


@pytest.fixture
def stored() -> StoredSequence[Item]:
    made = StoredSequence[Item]()
    made.extend(items())
    return made


def test_items_come_back_as_they_were_appended(stored: StoredSequence[Item]) -> None:
    expected = items()
    assert len(stored) == 20
    assert same(list(stored), expected)
    assert same([stored[0], stored[7], stored[-1]], [expected[0], expected[7], expected[-1]])
    stored.append(Item(99, np.zeros(2)))
    assert (len(stored), stored[20].number, stored[19].number) == (21, 99, 19)
    for place in (21, -22):
        with pytest.raises(IndexError):
            stored[place]
    assert len(StoredSequence[Item]()) == 0


@pytest.mark.parametrize(
    "part", [slice(3, 9), slice(None), slice(-4, None), slice(9, 3), slice(1, 18, 4), slice(5, 99)]
)
def test_a_slice_equals_that_of_a_list_and_reads_on_access(
    part: slice, stored: StoredSequence[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read_into = spill._read_into

    def counted(file: Any, start: int, view: memoryview) -> None:
        reads.append(start)
        read_into(file, start, view)

    monkeypatch.setattr(spill, "_read_into", counted)
    expected, found = items()[part], stored[part]
    assert len(found) == len(expected)
    assert reads == []
    assert same(list(found), expected)
    assert len(reads) == len(expected)
    assert same(list(found[1:-1]), expected[1:-1])
    if expected:
        assert same([found[0], found[-1]], [expected[0], expected[-1]])
    with pytest.raises(IndexError):
        found[len(expected)]


def test_joined_parts_are_one_sequence(stored: StoredSequence[Item]) -> None:
    whole = Joined([stored[:4], [], items()[4:9], stored[9:9], stored[9:]])
    assert same(list(whole), items())
    assert same([whole[place] for place in range(-20, 20)], [items()[place] for place in range(-20, 20)])
    assert same(list(whole[2:12:3]), items()[2:12:3])
    assert (len(whole), len(Joined([])), list(Joined([[], []]))) == (20, 0, [])
    with pytest.raises(IndexError):
        whole[20]


def test_pickling_gives_a_tuple_of_the_items(stored: StoredSequence[Item]) -> None:
    for each in (stored, stored[:]):
        assert same(pickle.loads(pickle.dumps(each)), tuple(items()))
    assert digest(stored) == digest(stored[:]) == digest(items()) != digest(items()[1:])


def test_read_only_arrays_stay_read_only(face: Landmarks) -> None:
    stored = StoredSequence[Landmarks]()
    stored.append(face)
    assert np.array_equal(stored[0].points, face.points)
    with pytest.raises(ValueError, match="read-only"):
        stored[0].points[0] = 0


def test_any_thread_may_read(stored: StoredSequence[Item]) -> None:
    start = threading.Barrier(8)

    def read(seed: int) -> bool:
        start.wait()
        return all(stored[int(place)].number == place for place in np.random.default_rng(seed).integers(0, 20, 400))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
def test_the_file_has_no_name_and_is_closed_with_the_sequence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    count = len(os.listdir("/proc/self/fd"))
    stored = StoredSequence[Item]()
    stored.extend(items())
    assert list(tmp_path.iterdir()) == []
    part = stored[:2]
    del stored
    assert part[1].number == 1
    assert len(os.listdir("/proc/self/fd")) == count + 1
    del part
    assert len(os.listdir("/proc/self/fd")) == count


def test_a_full_disk_is_an_output_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def seek(self, _: int) -> None: ...
        def close(self) -> None: ...

    def nowhere(**_: Any) -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Full())
    stored = StoredSequence[int]()
    with pytest.raises(OutputError, match="temporary file: No space left") as caught:
        stored.append(1)
    assert "TMPDIR" in caught.value.hint
    assert len(stored) == 0
    monkeypatch.setattr(tempfile, "TemporaryFile", nowhere)
    with pytest.raises(OutputError, match="No usable temporary directory"):
        StoredSequence[int]()


def test_numbered_rows_are_a_mapping_and_lie_in_a_file() -> None:
    rows = NumberedRows((64, 64), np.uint8)
    rows.update({7: np.full((64, 64), 1, np.uint8), 3: np.full((64, 64), 2, np.uint8)})
    rows[7] = np.full((64, 64), 5)
    assert {number: int(row.max()) for number, row in rows.items()} == {7: 5, 3: 2}
    assert rows[7].dtype == np.uint8
    assert rows.get(4) is None
    for number in range(100):
        rows[number] = np.zeros((64, 64))
    assert retained_bytes(vars(rows)) < 100 * 1000
