"""`lipblend batch` from an object store into it: real jobs in their processes, the files that a run writes, secrets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from batch_runs import Series

from lipblend.batch.remote.remote_files import RemoteFile, RemoteOptions
from lipblend.selfcheck.sample import SamplePair
from lipblend.video.probe import probe
from tests.object_store import KEY, SECRET, ObjectStore


@pytest.fixture
def options(store: ObjectStore, small_pairs: dict[str, SamplePair], tmp_path: Path) -> RemoteOptions:
    """Two pairs in a bucket, and how it is reached."""
    options = store.options(tmp_path / "scratch")
    for name in "ab":
        for role, path in (("o", small_pairs[name].original), ("s", small_pairs[name].synced)):
            RemoteFile(f"s3://films/{role}/{name}.mp4", options).write(path.read_bytes())
    return options


def arguments(options: RemoteOptions, folder: Path) -> list[str]:
    path = folder / "storage.json"
    path.write_text(json.dumps(options.storage), encoding="utf-8")
    return ["--storage-options", str(path), "--scratch", str(options.scratch)]


@pytest.mark.slow(12)
def test_a_series_in_an_object_store(
    series: Series, options: RemoteOptions, store: ObjectStore, tmp_path: Path
) -> None:
    place = {"original": "s3://films/o/{name}.mp4", "synced": "s3://films/s/{name}.mp4"}
    jobs: dict[str, dict[str, object]] = {name: {**place, "output": f"s3://films/out/{name}.mp4"} for name in "ab"}
    jobs["a"]["report"] = "s3://films/reports/a"
    jobs["gone"] = {**place, "output": "s3://films/out/gone.mp4"}
    series.write(jobs)
    more = [*arguments(options, tmp_path), "--index", str(tmp_path / "index")]
    plan = series.run(*more, "--dry-run")
    assert {job["reason"] for job in plan.data["jobs"]} == {"no output"}
    done = series.run(*more)
    assert done.code == 9
    assert done.ends == {"a": "passed", "b": "passed", "gone": "failed"}
    results = {line["name"]: line for line in series.results()}
    assert results["gone"]["reason"] == "s3://films/o/gone.mp4 does not exist. Check the address."
    assert results["a"]["output"] == "s3://films/out/a.mp4"
    assert results["a"]["report"] == "s3://films/reports/a/report.html"
    assert results["a"]["details"]["output"] == "s3://films/out/a.mp4"
    assert probe(store.folder / "films" / "out" / "b.mp4").frame_count == 10
    page = (tmp_path / "index" / "index.html").read_text(encoding="utf-8")
    assert "s3://films/reports/a/report.html" in page
    written = [path for path in (*series.folder.rglob("*"), *(tmp_path / "index").rglob("*")) if path.is_file()]
    for path in [*written, *(store.folder / "films").rglob("*.json"), *(store.folder / "films").rglob("*.html")]:
        data = path.read_bytes()
        assert KEY.encode() not in data, path
        assert SECRET.encode() not in data, path
    for path in (series.folder / "jobs.results.jsonl", tmp_path / "index" / "index.html"):
        assert str(options.scratch) not in path.read_text(encoding="utf-8"), path
    published = store.folder / "films" / "reports" / "a"
    for path in (published / "report.html", published / "report.json"):
        assert str(options.scratch) not in path.read_text(encoding="utf-8"), path

    store.requests.clear()
    again = series.run(*more, "--only", "[ab]")
    assert again.code == 0, again.stderr
    assert again.ends == {"a": "skipped", "b": "skipped"}
    assert not any(each.startswith("GET") and each.endswith(".mp4") for each in store.requests)
    assert not any(each.startswith("PUT") for each in store.requests)

    RemoteFile("s3://films/s/b.mp4", options).write((store.folder / "films" / "s" / "a.mp4").read_bytes())
    plan = series.run(*more, "--dry-run", "--only", "b")
    assert [job["reason"] for job in plan.data["jobs"]] == ["synced video changed"]


def test_problems_with_addresses_are_told_before_anything_starts(series: Series) -> None:
    series.write({"a": {"original": "nonsense://x/a.mp4"}, "b": {"output": "s3://films"}})
    done = series.run()
    assert done.code == 2
    assert "nonsense:// is not a protocol that fsspec knows" in done.stderr
    assert "s3://films is not a whole address" in done.stderr


def test_a_list_without_addresses_imports_no_fsspec(series: Series) -> None:
    program = (
        "import sys\nfrom lipblend.batch import cluster, job_process; from lipblend.batch.remote import remote_job\n"
        "from lipblend.batch.listing.check_jobs import check_jobs\n"
        "from lipblend.batch.listing.job_list import read_jobs\n"
        "from pathlib import Path\ncheck_jobs(read_jobs(Path(sys.argv[1])), remote=True)\n"
        "assert not {'fsspec', 's3fs'} & set(sys.modules), 'imported'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(series.folder / "jobs.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
