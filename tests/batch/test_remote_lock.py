"""Locks of outputs at addresses: on stores with and without conditional requests, after crashes, and in a race."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Event, Thread

import fsspec
import pytest
from patience import HANG_S

from lipblend.batch.remote import remote_lock
from lipblend.batch.remote.remote_files import RemoteFile, RemoteOptions
from lipblend.batch.remote.remote_lock import RemoteLock, holder_of
from lipblend.errors import InputError, OutputError
from lipblend.runtime.lock_holder import identity
from lipblend.runtime.output_lock import LockedError
from tests.object_store import object_store

GONE = 2**22 + 1
"""No process has this id: Linux counts to 2**22."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, RemoteOptions]]]:
    """Where a file may lie, by the kind of store."""
    folder = tmp_path_factory.mktemp("locks") / "objects"
    folder.mkdir()
    with object_store(folder) as strict:
        strict.make_bucket("locks")
        (folder.parent / "weak").mkdir()
        with object_store(folder.parent / "weak") as weak:
            weak.conditional = False
            weak.make_bucket("locks")
            yield {
                "s3": ("s3://locks", strict.options(folder)),
                "weak": ("s3://locks", weak.options(folder)),
                "memory": ("memory://locks", RemoteOptions()),
                "file": (f"file://{folder.parent / 'files'}", RemoteOptions()),
            }
    fsspec.filesystem("memory").store.clear()


@pytest.fixture(params=["s3", "weak", "memory", "file"])
def output(request: pytest.FixtureRequest, stores: dict[str, tuple[str, RemoteOptions]], tmp_path: Path) -> RemoteFile:
    root, options = stores[request.param]
    return RemoteFile(f"{root}/{tmp_path.name.replace('[', '_')}/x.mp4", options)


def lock(output: RemoteFile, **times: float) -> RemoteLock:
    return RemoteLock(output, **({"settle_s": 0.3} | times))


def leave(output: RemoteFile, **more: object) -> RemoteFile:
    """What a run of another machine, or a process of this one, has left."""
    file = output.beside(".lipblend-lock")
    host, machine, started = identity().split(",")
    said = {"token": "x", "host": host, "machine": machine, "started": started, "pid": GONE, "beat": 1}
    file.write(json.dumps({**said, **more}).encode())
    return file


def test_a_lock_is_held_by_one_and_given_back(output: RemoteFile) -> None:
    file = output.beside(".lipblend-lock")
    with lock(output) as held:
        held.check_held()
        with pytest.raises(LockedError, match=r"x\.mp4 is being written by another run: process \d+ on "), lock(output):
            pass
        held.check_held()
    assert file.read() is None
    with lock(output):
        pass


def test_of_many_at_once_one_has_it(output: RemoteFile) -> None:
    count = 6
    start, held, refused, finish = Barrier(count), list[RemoteLock](), list[str](), Event()

    def take() -> None:
        mine = lock(output)
        start.wait()
        try:
            with mine:
                held.append(mine)
                finish.wait(HANG_S)
        except LockedError as error:
            refused.append(error.message)
            if len(refused) == count - 1:
                finish.set()

    threads = [Thread(target=take) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG_S)
    assert (len(held), len(refused)) == (1, count - 1)


def test_a_process_of_this_machine_that_is_gone_holds_nothing(output: RemoteFile) -> None:
    file = leave(output)
    with lock(output) as held:
        held.check_held()
    assert file.read() is None
    assert output.beside(".lipblend-lock-break").read() is None


def test_a_run_elsewhere_holds_until_its_lifetime_is_over(output: RemoteFile) -> None:
    leave(output, machine="elsewhere", host="other")
    with pytest.raises(LockedError, match=f"process {GONE} on other"), lock(output):
        pass
    time.sleep(1.1)
    with lock(output, lifetime_s=1.0) as held:
        held.check_held()


def test_without_a_clock_a_lock_is_watched(output: RemoteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RemoteLock, "_age_s", lambda *_: None)
    file = leave(output, machine="elsewhere")
    stop = Event()

    def refresh() -> None:
        while not stop.wait(0.05):
            leave(output, machine="elsewhere", beat=time.monotonic())

    thread = Thread(target=refresh)
    thread.start()
    with pytest.raises(LockedError), lock(output, lifetime_s=0.6):
        pass
    stop.set()
    thread.join()
    with lock(output, lifetime_s=0.6):
        pass
    assert file.read() is None


def test_a_damaged_lock_ends_by_its_age(output: RemoteFile) -> None:
    output.beside(".lipblend-lock").write(b"{torn")
    with pytest.raises(LockedError, match="a process that the lock does not name"), lock(output):
        pass
    time.sleep(1.1)
    with lock(output, lifetime_s=1.0):
        pass


def test_a_lock_is_refreshed_and_notices_its_loss(output: RemoteFile) -> None:
    file = output.beside(".lipblend-lock")
    with lock(output, refresh_s=0.1) as held:
        first = file.read()
        end_s = time.monotonic() + 20
        while file.read() == first:
            assert time.monotonic() < end_s
            time.sleep(0.05)
        held.check_held()
        file.write(b"of another run")
        with pytest.raises(OutputError, match="another run has taken over its lock"):
            held.check_held()
        while not held.lost:
            assert time.monotonic() < end_s
            time.sleep(0.05)
    assert file.read() == b"of another run"
    file.remove()


def test_an_abandoned_takeover_ends_too(output: RemoteFile) -> None:
    leave(output)
    broken = output.beside(".lipblend-lock-break")
    broken.write(b"of a run that was killed")
    with pytest.raises(LockedError, match="another run is taking over"), lock(output):
        pass
    assert broken.read() is not None
    time.sleep(1.1)
    with pytest.raises(LockedError), lock(output, lifetime_s=1.0):
        pass
    with lock(output):
        pass


def test_a_store_that_fails_is_an_error(output: RemoteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RemoteFile, "read", lambda _: (_ for _ in ()).throw(InputError("the line is dead")))
    with pytest.raises(InputError, match="the line is dead"), lock(output):
        pass


def test_whoever_wrote_the_lock() -> None:
    assert holder_of(b"[]").who == "a process that the lock does not name"
    assert holder_of(b'{"host": "a", "machine": "b", "pid": 7, "started": "c"}').who == "process 7 on a"
    assert remote_lock.SETTLE_S < remote_lock.REFRESH_S
