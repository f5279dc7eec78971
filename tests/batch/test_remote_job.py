"""Jobs whose files are at addresses: on a real object store on the loopback address, in memory, and on ``file://``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from remote_places import HEADLINE, Place, other_machine

from lipblend.batch.job_record import write_record
from lipblend.batch.job_spec import JobOutcome, JobSpec
from lipblend.batch.remote.remote_files import RemoteFile
from lipblend.batch.remote.remote_record import has_addresses
from lipblend.errors import OutputError
from tests.object_store import ObjectStore


def test_an_output_is_published_with_its_record_and_made_once(place: Place, tmp_path: Path) -> None:
    done = place.run(place.job())
    assert place.get("out/x.mp4") == b"original synced"
    assert (done.status, done.output) == ("passed", f"{place.root}/out/x.mp4")
    assert done.details == {
        "output": f"{place.root}/out/x.mp4",
        "original": f"{place.root}/a.mp4",
        "notes": [f"read {place.root}/b.mp4"],
    }
    assert place.get("out/.x.mp4.lipblend-lock") is None
    for each in (place, other_machine(place, tmp_path)):
        again = each.run(each.job())
        assert (again.status, again.headline) == ("skipped", HEADLINE)
    assert len(place.made) == 1
    assert not (tmp_path / "other").exists()
    assert not list((tmp_path / "scratch" / "outputs").iterdir())  # nothing is left of what is published


def test_what_is_up_to_date_is_not_fetched(bucket: Place, store: ObjectStore) -> None:
    bucket.run(bucket.job())
    store.requests.clear()
    assert bucket.run(bucket.job()).status == "skipped"
    assert [each for each in store.requests if each.endswith(".mp4") and not each.startswith("HEAD ")] == []
    assert len(store.requests) <= 5


def test_what_changed_is_made_again_with_its_reason(place: Place) -> None:
    job = place.job()
    assert place.why(job) == "no output"
    place.run(job)
    assert place.why(job) == ""
    assert place.why(replace(job, settings={"alpha.gamma": 2.0})) == "setting alpha.gamma: 2, was 1"
    assert place.why(replace(job, matte=f"{place.root}/b.mp4")) == "matte of the mouth is new"
    place.put("a.mp4", b"another ")
    assert place.why(job) == "original changed"
    assert place.run(job).status == "passed"
    assert place.get("out/x.mp4") == b"another synced"
    place.put("out/x.mp4", b"another sync")
    assert "damaged" in place.why(job)
    assert place.run(job).status == "passed"
    assert place.get("out/x.mp4") == b"another synced"
    RemoteFile(f"{place.root}/out/x.mp4", place.options).remove()
    assert place.why(job) == "no output"
    assert place.run(job).status == "passed"
    place.put("out/.x.mp4.lipblend-job.json", b"{torn")
    assert place.why(job) == "the output has no record of how it was made"
    assert place.run(job).status == "passed"
    RemoteFile(f"{place.root}/b.mp4", place.options).remove()
    assert place.why(job) == f"synced video is missing: {place.root}/b.mp4"


def test_force_makes_again(bucket: Place) -> None:
    bucket.run(bucket.job())
    assert bucket.run(bucket.job(), force=True).status == "passed"
    assert len(bucket.made) == 2


def test_reports_are_published_and_missed(place: Place) -> None:
    job = place.job(report=f"{place.root}/reports/x")
    done = place.run(job)
    assert done.report == f"{place.root}/reports/x/report.html"
    assert place.get("reports/x/pictures/1.jpg") == b"picture"
    skipped = place.run(job)
    assert (skipped.status, skipped.report) == ("skipped", done.report)
    RemoteFile(f"{place.root}/reports/x/report.html", place.options).remove()
    assert place.why(job) == "its report is missing"
    place.put("reports/x/report.html", b"another page")
    assert place.why(job) == "its report is of another result"


def test_the_gate_is_remembered_and_asked_for(bucket: Place) -> None:
    job = bucket.job()

    def below(local: JobSpec) -> JobOutcome:
        made = bucket.make(local)
        write_record(local, {"status": "gate", "headline": HEADLINE, "measured": True})
        return replace(made, status="gate", exit_code=8)

    assert bucket.run(replace(job, gate=True), below).status == "gate"
    again = bucket.run(replace(job, gate=True))
    assert (again.status, again.exit_code) == ("gate", 8)
    assert bucket.run(job).status == "skipped"

    def unmeasured(local: JobSpec) -> JobOutcome:
        made = bucket.make(local)
        write_record(local, {"status": "passed"})
        return made

    bucket.run(job, unmeasured, force=True)
    assert bucket.why(replace(job, gate=True)) == "it was not measured"


def test_files_of_this_machine_may_be_mixed_in(bucket: Place, tmp_path: Path) -> None:
    local = tmp_path / "local.mp4"
    local.write_bytes(b"local ")
    here = bucket.job(original=str(local))
    bucket.run(here)
    assert bucket.why(here) == ""
    local.write_bytes(b"changed ")
    assert bucket.why(here) == "original changed"

    output = tmp_path / "out" / "y.mp4"
    there = bucket.job("y", output=str(output), report=f"{bucket.root}/r")
    assert bucket.run(there).output == str(output)
    assert output.read_bytes() == b"original synced"
    assert bucket.get("r/report.html") == b"page"
    assert bucket.run(there).status == "skipped"
    bucket.put("b.mp4", b"other")
    assert bucket.why(there) == "synced video changed"
    bucket.put("b.mp4", b"synced")
    assert bucket.why(there) == ""  # the store's tag depends on content alone
    output.write_bytes(b"torn")
    assert "damaged" in bucket.why(there)
    assert not has_addresses(replace(there, original="a", synced="b", report=None))


def test_a_sound_at_an_address_is_an_input(bucket: Place) -> None:
    job = bucket.job(settings={"audio.source": bucket.put("s.wav", b"sound")})
    bucket.run(job)
    assert Path(bucket.made[0].settings["audio.source"]).read_bytes() == b"sound"
    assert bucket.why(job) == ""
    bucket.put("s.wav", b"music")
    assert bucket.why(job) == "sound changed"


def test_jobs_fetch_a_common_input_once(bucket: Place, store: ObjectStore) -> None:
    threads = [Thread(target=bucket.run, args=(bucket.job(f"x{number}"),)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bucket.made) == 3
    assert store.asked("GET", "/a.mp4") == 1


def test_scratch_keeps_its_limit_and_what_is_in_use(bucket: Place) -> None:
    small = replace(bucket, options=replace(bucket.options, scratch_bytes=10), made=[])
    seen: list[int] = []

    def make(local: JobSpec) -> JobOutcome:
        seen.append(len(Path(local.original).read_bytes()) + len(Path(local.synced).read_bytes()))
        return small.make(local)

    small.run(small.job(), make)
    scratch = small.options.scratch
    assert scratch is not None
    assert seen == [15]  # both were there, though only one fits
    kept = list((scratch / "inputs").rglob("*.mp4"))
    assert sum(path.stat().st_size for path in kept) <= 10
    assert not list(scratch.rglob("*lipblend-lock*"))


def test_what_was_made_but_not_published_is_not_made_again(bucket: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(RemoteFile, "publish", lambda *_: (_ for _ in ()).throw(OutputError("the line is dead")))
        with pytest.raises(OutputError, match="the line is dead"):
            bucket.run(bucket.job())
    assert bucket.get("out/x.mp4") is None
    done = bucket.run(bucket.job())
    assert (done.status, done.headline, len(bucket.made)) == ("passed", HEADLINE, 1)
    assert bucket.get("out/x.mp4") == b"original synced"


def test_what_a_failed_job_leaves_is_there_for_the_next_one(bucket: Place) -> None:
    def fail(local: JobSpec) -> JobOutcome:
        Path(local.output).with_name("segment").write_bytes(b"kept")
        return JobOutcome(local.name, local.output, "failed", f"{local.original} is broken", 3)

    failed = bucket.run(bucket.job(), fail)
    assert (failed.status, failed.reason) == ("failed", f"{bucket.root}/a.mp4 is broken")
    assert bucket.get("out/x.mp4") is None

    def resume(local: JobSpec) -> JobOutcome:
        assert Path(local.output).with_name("segment").read_bytes() == b"kept"
        return bucket.make(local)

    assert bucket.run(bucket.job(), resume).status == "passed"
