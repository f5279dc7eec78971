"""Jobs at addresses when something goes wrong: two runs at once, lost locks, broken connections, files that change."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest
from patience import HANG_S
from remote_places import Place, other_machine

from lipblend.batch.job_spec import JobOutcome, JobSpec
from lipblend.batch.remote.remote_files import RemoteFile
from lipblend.batch.remote.remote_job import RemoteJob
from lipblend.batch.remote.store_errors import StoppedError
from lipblend.errors import InputError, OutputError
from lipblend.runtime.output_lock import LockedError
from lipblend.runtime.progress import Progress
from tests.object_store import ObjectStore


def test_two_runs_at_once_on_one_output(bucket: Place, tmp_path: Path) -> None:
    begun, go_on = Event(), Event()
    other = other_machine(bucket, tmp_path)

    def slow(local: JobSpec) -> JobOutcome:
        begun.set()
        assert go_on.wait(HANG_S)
        return bucket.make(local)

    outcomes: list[JobOutcome] = []
    thread = Thread(target=lambda: outcomes.append(bucket.run(bucket.job(), slow)))
    thread.start()
    assert begun.wait(HANG_S)
    with pytest.raises(LockedError, match=r"out/x\.mp4 is being written by another run: process \d+ on "):
        other.run(other.job())
    go_on.set()
    thread.join()
    assert [outcome.status for outcome in outcomes] == ["passed"]
    assert not other.made


def test_whoever_lost_the_lock_publishes_nothing(bucket: Place) -> None:
    def robbed(local: JobSpec) -> JobOutcome:
        bucket.put("out/.x.mp4.lipblend-lock", b"of another run")
        return bucket.make(local)

    with pytest.raises(OutputError, match="another run has taken over its lock"):
        bucket.run(bucket.job(), robbed)
    assert bucket.get("out/x.mp4") is None
    assert bucket.get("out/.x.mp4.lipblend-lock") == b"of another run"


def test_a_connection_that_breaks_off_is_taken_up_again(bucket: Place, store: ObjectStore) -> None:
    data = bytes(range(256)) * 4000
    bucket.put("a.mp4", data)
    store.cut.add("/a.mp4")
    assert bucket.run(bucket.job()).status == "passed"
    assert store.cut == set()
    assert bucket.get("out/x.mp4") == data + b"synced"


def test_an_input_that_is_missing_is_named(place: Place) -> None:
    gone = place.job(original=f"{place.root}/gone.mp4")
    with pytest.raises(InputError, match=r"/gone\.mp4 does not exist"):
        place.run(gone)
    assert not place.made


def test_a_stop_ends_a_transfer(bucket: Place) -> None:
    stopped = Event()

    def stop(_: Progress) -> None:
        stopped.set()

    with pytest.raises(StoppedError):
        RemoteJob(bucket.job(), bucket.options, stopped, stop).run(bucket.make, force=False, lock_wait_s=0)
    assert not bucket.made
    assert bucket.get("out/.x.mp4.lipblend-lock") is None


def test_a_file_that_changes_while_it_is_fetched(bucket: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch, fetched = RemoteFile.fetch, list[str]()

    def changing(self: RemoteFile, target: Path, stopped: Event) -> None:
        fetch(self, target, stopped)
        fetched.append(self.name)
        if fetched == ["a.mp4"]:
            bucket.put("a.mp4", b"newer one ")

    monkeypatch.setattr(RemoteFile, "fetch", changing)
    bucket.run(bucket.job())
    assert bucket.get("out/x.mp4") == b"newer one synced"
    assert bucket.why(bucket.job()) == ""


def test_folders_do_not_become_buckets(store: ObjectStore, bucket: Place) -> None:
    nowhere = bucket.job(output="s3://no-such-bucket/x.mp4")
    with pytest.raises(OutputError, match=r"no-such-bucket/.* cannot be written, its bucket or folder does not exist"):
        bucket.run(nowhere)
    assert not (store.folder / "no-such-bucket").exists()
    assert not bucket.made
