"""Pruning the cache beside runs that use it."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from lipblend.analysis import cache_folder as caches
from lipblend.analysis.cache_folder import SUFFIX, CacheFolder
from lipblend.errors import OutputError
from lipblend.settings.amount_words import age_seconds, storage_bytes, storage_text

YEAR_S = 365 * 86400.0


def fill(folder: Path, count: int, size: int = 1000) -> list[Path]:
    """Entries, the first one used longest ago."""
    paths = [folder / f"{number:04d}{SUFFIX}" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes(size))
        used_s = time.time() - 10 * (count - number)
        os.utime(path, (used_s, used_s))
    return paths


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    paths = fill(tmp_path, 5)
    os.utime(paths[0])
    removed = CacheFolder(tmp_path).prune(max_bytes=2999, max_unused_s=YEAR_S)
    assert (removed.entries, removed.size_bytes) == (3, 3000)
    assert sorted(tmp_path.iterdir()) == [paths[0], paths[4]]


def test_an_entry_used_after_the_look_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = fill(tmp_path, 2)
    look = CacheFolder.entries

    def slow_look(self: CacheFolder) -> list[caches.CacheEntry]:
        found = list(look(self))
        os.utime(first)  # another run uses it now
        return found

    monkeypatch.setattr(CacheFolder, "entries", slow_look)
    assert CacheFolder(tmp_path).prune(max_bytes=0, max_unused_s=YEAR_S).entries == 1
    assert list(tmp_path.iterdir()) == [first]
    assert not second.exists()


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed there")
def test_a_run_that_reads_an_entry_reads_on(tmp_path: Path) -> None:
    (entry,) = fill(tmp_path, 1)
    with entry.open("rb") as file:
        start = file.read(10)
        assert CacheFolder(tmp_path).prune(max_bytes=0, max_unused_s=YEAR_S).entries == 1
        assert len(start + file.read()) == 1000


def test_several_prunes_at_once_remove_each_entry_once(tmp_path: Path) -> None:
    fill(tmp_path, 400)
    runs = 4
    start = Barrier(runs)

    def prune(_: int) -> caches.CacheState:
        start.wait()
        return CacheFolder(tmp_path).prune(max_bytes=100_000, max_unused_s=YEAR_S)

    with ThreadPoolExecutor(runs) as pool:
        removed = list(pool.map(prune, range(runs)))
    assert sum(state.entries for state in removed) == 300
    assert sum(state.size_bytes for state in removed) == 300_000
    assert CacheFolder(tmp_path).state().entries == 100


def test_what_cannot_be_removed_is_named_and_the_rest_is_removed(tmp_path: Path) -> None:
    paths = fill(tmp_path, 3)
    paths[1].unlink()
    paths[1].mkdir()  # cannot be unlinked
    os.utime(paths[1], (1, 1))
    with pytest.raises(OutputError, match="cannot remove 1 of 3 analyses; 2 were removed") as caught:
        CacheFolder(tmp_path).prune(max_bytes=0, max_unused_s=1e12)
    assert str(paths[1]) in caught.value.details[0]
    assert list(tmp_path.iterdir()) == [paths[1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("1000", 1000), ("500M", 5 * 10**8), ("10g", 10**10), ("1.5 GiB", 3 * 2**29), ("2TB", 2 * 10**12)],
)
def test_sizes(text: str, value: int) -> None:
    assert storage_bytes(text, "--max-size") == value


@pytest.mark.parametrize(
    ("text", "value"), [("90s", 90), ("45m", 2700), ("12h", 43200), ("30d", 2592000), ("2w", 1209600)]
)
def test_ages(text: str, value: float) -> None:
    assert age_seconds(text, "--unused") == value


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (999_960, "1.0 MB"), (2 * 10**9, "2.0 GB")]
)
def test_sizes_as_text(size: int, text: str) -> None:
    assert storage_text(size) == text
