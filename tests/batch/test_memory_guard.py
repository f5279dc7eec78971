"""A job that eats memory is stopped, with all that it started."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from batch_runs import has_ended, wait_for
from patience import HANG_S

from lipblend.batch import memory_guard
from lipblend.batch.memory_guard import MemoryGuard, ProcessTree, free_bytes, memory_limit
from lipblend.errors import SettingsError

# The parent starts a child that takes 300 MB.
_EATS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "x = bytearray(300_000_000); import time; time.sleep(60)"])
print(child.pid, flush=True)
child.wait()
time.sleep(60)
"""


def test_what_a_process_started_counts_and_is_killed_with_it() -> None:
    process = subprocess.Popen([sys.executable, "-c", _EATS], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        told = []
        with MemoryGuard(ProcessTree(process.pid), 200_000_000, lambda: told.append(1)) as guard:
            process.wait(HANG_S)
        assert guard.exceeded
        assert told == [1]
        assert guard.peak > 200_000_000
        wait_for(lambda: has_ended(child))
    finally:
        ProcessTree(process.pid).kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_a_process_within_its_limit_is_left_alone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)"])
    with MemoryGuard(ProcessTree(process.pid), 2_000_000_000) as guard:
        assert process.wait(HANG_S) == 0
    assert not guard.exceeded
    assert guard.peak > 1_000_000


def test_the_guard_of_a_process_that_has_ended_ends_too() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    begun_s = time.monotonic()
    with MemoryGuard(ProcessTree(process.pid), 1):
        pass
    assert time.monotonic() - begun_s < 30
    assert ProcessTree(process.pid).look() == []


def test_what_a_dead_process_started_is_still_known() -> None:
    process = subprocess.Popen([sys.executable, "-c", _EATS], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    known = ProcessTree(process.pid)
    known.look()
    process.kill()
    process.wait()
    process.stdout.close()
    assert [each.pid for each in known.look()] == [child]
    known.kill()
    wait_for(lambda: has_ended(child))


def test_files_in_a_containers_cache_count_as_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory_guard, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("1000000000")
    (tmp_path / "memory.current").write_text("950000000")
    (tmp_path / "memory.stat").write_text("anon 150000000\nfile 800000000\nkernel 3\n")
    assert free_bytes() == 850_000_000
    (tmp_path / "memory.max").write_text("max")
    assert free_bytes() > 1_000_000_000


def test_the_limit_is_a_part_of_what_is_free() -> None:
    assert memory_limit("off", 4) is None
    assert memory_limit("3G", 4) == 3_000_000_000
    with pytest.raises(SettingsError, match="--max-memory must be a size, not 'much'"):
        memory_limit("much", 4)
    one, four = memory_limit("auto", 1), memory_limit("auto", 4)
    assert one is not None
    assert four is not None
    assert four < one <= free_bytes() * 1.1
