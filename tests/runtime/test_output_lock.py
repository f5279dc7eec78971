"""Locks of outputs: one holder at a time, dead holders, other machines, clocks, file systems without links."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flufl.lock import SEP
from lock_child import OVERLAP

from lipblend.errors import OutputError
from lipblend.runtime import lock_holder, output_lock
from lipblend.runtime.lock_holder import LockHolder, identity, look_at, machine_digest, start_of
from lipblend.runtime.output_lock import LockedError, OutputLock

CHILD = Path(__file__).with_name("lock_child.py")
SHORT = {"lifetime_s": 0.6, "refresh_s": 0.15}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.mp4"


def start(*words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(CHILD), *map(str, words)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@contextmanager
def holding(output: Path) -> Iterator[subprocess.Popen[bytes]]:
    with start("hold", output) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == b"held"
            yield process
        finally:
            process.kill()


def leave_lock(output: Path, *, machine: str = "0123456789ab", pid: int = 1, started: str = "1", age_s: float) -> Path:
    """A lock file as another run would leave it, with its claim; refreshed so long ago."""
    lock = OutputLock(output).path
    claim = lock.with_name(SEP.join((lock.name, f"elsewhere,{machine},{started}", str(pid), "5")))
    claim.write_text(str(claim))
    os.link(claim, lock)
    os.utime(lock, (time.time() - age_s,) * 2)
    return lock


@pytest.mark.slow(3)
def test_two_processes_never_hold_it_together(output: Path) -> None:
    both = [start("contend", output, 20) for _ in range(2)]
    assert [process.communicate() and process.returncode for process in both] == [0, 0]
    assert list(output.parent.iterdir()) == []


@pytest.mark.slow(5)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_locks_of_killed_processes_are_taken_over_by_one_at_a_time(output: Path) -> None:
    three = [start("crash", output, 20) for _ in range(3)]
    codes = [process.communicate() and process.returncode for process in three]
    assert OVERLAP not in codes
    assert codes == [0, 0, 0]
    with OutputLock(output) as lock:
        assert not lock.lost
    assert list(output.parent.iterdir()) == []


def test_it_is_refused_while_another_process_runs_and_taken_over_when_that_is_killed(output: Path) -> None:
    with holding(output) as process:
        with pytest.raises(LockedError, match=rf"out\.mp4 is being written by another run: process {process.pid} on"):
            OutputLock(output).acquire()
        os.utime(OutputLock(output).path, (1, 1))  # stopped for long, but it runs
        with pytest.raises(LockedError):
            OutputLock(output).acquire()
        process.kill()
        deadline = time.monotonic() + 10
        while start_of(process.pid) is not None:  # not reaped yet: a zombie counts as gone
            assert time.monotonic() < deadline
        begun = time.monotonic()
        with OutputLock(output):
            assert time.monotonic() - begun < 2
    assert list(output.parent.iterdir()) == []


def test_one_process_cannot_hold_it_twice_and_gets_it_back_after_release(output: Path) -> None:
    with OutputLock(output):
        with pytest.raises(LockedError):
            OutputLock(output).acquire()
        with OutputLock(output.with_name("other.mp4")):
            pass
    lock = OutputLock(output)
    lock.acquire()
    lock.release()
    lock.release()
    with lock:
        pass
    assert list(output.parent.iterdir()) == []


def test_the_id_of_a_process_that_was_given_again_does_not_hold_it(output: Path) -> None:
    leave_lock(output, machine=machine_digest(), pid=os.getpid(), started="1", age_s=0)
    with OutputLock(output):
        pass
    assert list(output.parent.iterdir()) == []


def test_a_machine_that_refreshes_its_lock_keeps_it(output: Path) -> None:
    lock = leave_lock(output, age_s=0)
    with pytest.raises(LockedError, match="process 1 on elsewhere"):
        OutputLock(output, **SHORT).acquire()
    os.utime(lock, (1, 1))  # its clock is wrong by decades, but it refreshes
    ended = threading.Event()

    def refresh() -> None:
        while not ended.wait(0.15):
            os.utime(lock, (lock.stat().st_mtime + 1,) * 2)

    thread = threading.Thread(target=refresh)
    thread.start()
    try:
        with pytest.raises(LockedError, match="process 1 on elsewhere"):
            OutputLock(output, **SHORT).acquire()
    finally:
        ended.set()
        thread.join()
    assert lock.exists()


@pytest.mark.parametrize(("age_s", "least_s"), [(1.0, 0.2), (1e6, 0.2), (-1e6, 0.6)])
def test_a_machine_that_does_not_is_taken_over_after_a_while(output: Path, age_s: float, least_s: float) -> None:
    leave_lock(output, age_s=age_s)
    begun = time.monotonic()
    with OutputLock(output, **SHORT):
        assert time.monotonic() - begun >= least_s
    assert list(output.parent.iterdir()) == []


def test_a_holder_refreshes_by_the_clock_of_the_file_system(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_lock._Claim, "_now", lambda lock: output_lock.Lock._now(lock).replace(year=2000))
    with OutputLock(output, **SHORT) as lock:
        assert abs(lock.path.stat().st_mtime - time.time()) < 60
        os.utime(lock.path, (1, 1))
        deadline = time.monotonic() + 10
        while lock.path.stat().st_mtime == 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_what_was_taken_over_is_noticed_and_not_released(output: Path) -> None:
    with OutputLock(output, **SHORT) as lock:
        lock.path.unlink()
        theirs = leave_lock(output, age_s=0)
        deadline = time.monotonic() + 10
        while not lock.lost:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert look_at(theirs) == LockHolder(
        theirs.read_text(), theirs.stat().st_mtime_ns, "elsewhere", "0123456789ab", 1, "1"
    )


def test_a_lock_cut_short_by_a_crash_ends_with_time(output: Path) -> None:
    lock = OutputLock(output).path
    lock.write_text("")
    with pytest.raises(LockedError, match="a process that the lock does not name"):
        OutputLock(output).acquire()
    os.utime(lock, (1, 1))
    with OutputLock(output, **SHORT):
        pass
    assert list(output.parent.iterdir()) == []


def test_a_lock_removes_no_file_that_its_content_names(output: Path, tmp_path: Path) -> None:
    precious = tmp_path / SEP.join(("precious", f"h,{machine_digest()},1", str(os.getpid()), "5"))
    precious.write_text("x")
    OutputLock(output).path.write_text(str(precious))
    with OutputLock(output):
        pass
    assert precious.exists()


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_without_hard_links_the_file_is_created_exclusively(
    output: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refused)
    with OutputLock(output, **SHORT) as lock:
        assert [path.name for path in output.parent.iterdir()] == [lock.path.name]
        with pytest.raises(LockedError, match=f"process {os.getpid()}"):
            OutputLock(output).acquire()
        time.sleep(0.4)
        assert not lock.lost
    assert list(output.parent.iterdir()) == []
    lock.path.write_text(f"{lock.path}{SEP}h,{machine_digest()},1{SEP}{os.getpid()}{SEP}5")
    with lock:
        pass
    assert list(output.parent.iterdir()) == []


def test_two_do_not_remove_one_dead_lock_together(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = leave_lock(output, machine=machine_digest(), pid=os.getpid(), age_s=0)
    guard = lock.with_name(f"{lock.name}-break")
    guard.write_text("")
    monkeypatch.setattr(output_lock, "_BREAK_WAIT_S", 0.1)
    with pytest.raises(LockedError, match="is taking over the lock") as caught:
        OutputLock(output).acquire()
    assert str(guard) in caught.value.hint
    os.utime(guard, (1, 1))  # of a run that was killed meanwhile
    with OutputLock(output):
        pass
    assert list(output.parent.iterdir()) == []


def test_full_disks_and_missing_folders_are_errors(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match=r"cannot write the lock .*No such file"):
        OutputLock(output.parent / "missing" / "out.mp4").acquire()

    def full(claim: object) -> None:
        Path(claim.claimfile).write_text("")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(output_lock._Claim, "_write", full)
    with pytest.raises(OutputError, match="No space left") as caught:
        OutputLock(output).acquire()
    assert not isinstance(caught.value, LockedError)
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["a|b|c.mp4", "a b 'c'.mp4", f"{'n' * 240}.mp4", "größe.mp4"])
def test_names_of_all_kinds_can_be_locked(name: str, tmp_path: Path) -> None:
    with OutputLock(tmp_path / name) as lock, pytest.raises(LockedError, match=f"process {os.getpid()}"):
        OutputLock(tmp_path / name).acquire()
    assert lock.path.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_lock_costs_no_look_up_in_the_network(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getfqdn", lambda *_: pytest.fail("the name of the host was looked up"))
    begun = time.perf_counter()
    for _ in range(20):
        with OutputLock(output):
            pass
    assert (time.perf_counter() - begun) / 20 < 0.02


def test_processes_are_told_apart_by_their_start() -> None:
    assert identity() == identity()
    assert identity().count(",") == 2
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert start_of(process.pid) not in (None, "")
        assert start_of(process.pid) == start_of(process.pid)
        process.kill()
    assert start_of(process.pid) is None
    assert start_of(os.getpid()) != start_of(1)


def test_other_systems_ask_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_holder.sys, "platform", "darwin")
    own = start_of(os.getpid())
    assert own is not None
    assert abs(float(own) - lock_holder.psutil.Process().create_time()) < 1
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert start_of(process.pid) is None
