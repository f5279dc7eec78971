"""Sequences in a file: what comes back, from which thread, and what becomes of a full disk."""

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
from lipblend.runtime import spill as stored
from lipblend.runtime.memory import retained_bytes
from lipblend.runtime.spill import Joined, StoredSequence
from lipblend.segments.kept import digest


@dataclass(frozen=True)
class Item:
    """Something with arrays."""

    number: int
    values: np.ndarray


def items(count: int = 20) -> list[Item]:
    rng = np.random.default_rng(3)
    return [Item(number, rng.random((number % 5 + 1, 3)).astype(np.float32)) for number in range(count)]


@pytest.fixture
def kept() -> StoredSequence[Item]:
    made = StoredSequence[Item]()
    made.extend(items())
    return made


def test_what_was_put_in_comes_out(kept: StoredSequence[Item]) -> None:
    wanted = items()
    assert len(kept) == 20
    assert same(list(kept), wanted)
    assert same([kept[0], kept[7], kept[-1]], [wanted[0], wanted[7], wanted[-1]])
    kept.append(Item(99, np.zeros(2)))
    assert (len(kept), kept[20].number, kept[19].number) == (21, 99, 19)
    for place in (21, -22):
        with pytest.raises(IndexError):
            kept[place]
    assert len(StoredSequence[Item]()) == 0


@pytest.mark.parametrize(
    "part", [slice(3, 9), slice(None), slice(-4, None), slice(9, 3), slice(1, 18, 4), slice(5, 99)]
)
def test_a_slice_is_that_of_a_list_and_reads_later(part: slice, kept: StoredSequence[Item]) -> None:
    wanted = items()[part]
    found = kept[part]
    assert same(list(found), wanted)
    assert len(found) == len(wanted)
    assert same(list(found[1:-1]), wanted[1:-1])
    assert retained_bytes([found, kept]) - retained_bytes([kept]) < 500
    if wanted:
        assert same([found[0], found[-1]], [wanted[0], wanted[-1]])
    with pytest.raises(IndexError):
        found[len(wanted)]


def test_joined_parts_are_one_sequence(kept: StoredSequence[Item]) -> None:
    whole = Joined([kept[:4], [], items()[4:9], kept[9:9], kept[9:]])
    assert same(list(whole), items())
    assert same([whole[place] for place in range(-20, 20)], [items()[place] for place in range(-20, 20)])
    assert same(list(whole[2:12:3]), items()[2:12:3])
    assert (len(whole), len(Joined([])), list(Joined([[], []]))) == (20, 0, [])
    with pytest.raises(IndexError):
        whole[20]


def test_it_goes_to_another_process_as_a_tuple_of_its_items(kept: StoredSequence[Item]) -> None:
    for each in (kept, kept[:]):
        assert same(pickle.loads(pickle.dumps(each)), tuple(items()))
    assert digest(kept) == digest(kept[:]) == digest(items()) != digest(items()[1:])


def test_what_may_not_be_changed_still_may_not(face: Landmarks) -> None:
    kept = StoredSequence[Landmarks]()
    kept.append(face)
    assert np.array_equal(kept[0].points, face.points)
    with pytest.raises(ValueError, match="read-only"):
        kept[0].points[0] = 0


def test_any_thread_may_ask(kept: StoredSequence[Item]) -> None:
    start = threading.Barrier(8)

    def read(seed: int) -> bool:
        start.wait()
        return all(kept[int(place)].number == place for place in np.random.default_rng(seed).integers(0, 20, 400))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
def test_the_file_has_no_name_and_goes_with_the_sequence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    kept = StoredSequence[Item]()
    kept.extend(items())
    assert list(tmp_path.iterdir()) == []
    part = kept[:2]
    del kept
    assert part[1].number == 1
    assert len(os.listdir("/proc/self/fd")) == before + 1
    del part
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_full_disk_is_an_error_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def seek(self, _: int) -> None: ...
        def close(self) -> None: ...

    def nowhere(**_: Any) -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(stored.tempfile, "TemporaryFile", lambda **_: Full())
    kept = StoredSequence[int]()
    with pytest.raises(OutputError, match="temporary file: No space left") as caught:
        kept.append(1)
    assert "TMPDIR" in caught.value.hint
    assert len(kept) == 0
    monkeypatch.setattr(stored.tempfile, "TemporaryFile", nowhere)
    with pytest.raises(OutputError, match="No usable temporary directory"):
        StoredSequence[int]()
