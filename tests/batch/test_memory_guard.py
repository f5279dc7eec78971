"""A job that eats memory is stopped, with all that it started."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from batch_runs import has_ended, wait_for

from lipblend.batch.memory_guard import MemoryGuard, free_bytes, kill, memory_limit, tree
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
        with MemoryGuard(process.pid, 200_000_000, lambda: told.append(1)) as guard:
            process.wait(30)
        assert guard.exceeded
        assert told == [1]
        assert guard.peak > 200_000_000
        wait_for(lambda: has_ended(child))
    finally:
        kill(tree(process.pid))
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_a_process_within_its_limit_is_left_alone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)"])
    with MemoryGuard(process.pid, 2_000_000_000) as guard:
        assert process.wait(30) == 0
    assert not guard.exceeded
    assert guard.peak > 1_000_000


def test_the_guard_of_a_process_that_has_ended_ends_too() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    begun_s = time.monotonic()
    with MemoryGuard(process.pid, 1):
        pass
    assert time.monotonic() - begun_s < 30
    assert tree(process.pid) == []


def test_the_limit_is_a_part_of_what_is_free() -> None:
    assert memory_limit("off", 4) is None
    assert memory_limit("3G", 4) == 3_000_000_000
    with pytest.raises(SettingsError, match="--max-memory must be a size, not 'much'"):
        memory_limit("much", 4)
    one, four = memory_limit("auto", 1), memory_limit("auto", 4)
    assert one is not None
    assert four is not None
    assert four < one <= free_bytes() * 1.1
