"""`lipblend batch` on lists of tiny pairs: what it makes, what it leaves, what it says, and its exit codes."""

from __future__ import annotations

import json
import shutil
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from batch_runs import LIST, RESULTS, Series, ended, files_in, wait_for
from runs import composited

from lipblend.selfcheck.sample import SamplePair
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe

ALL = ("a", "b", "c")


def untouched(series: Series, before: dict[str, tuple[int, bytes]], *names: str) -> bool:
    """Whether these outputs are the same files as before."""
    now = files_in(series.folder / "out")
    return all(now[f"{name}.mp4"] == before[f"{name}.mp4"] for name in names)


@pytest.fixture
def made(series: Series) -> Series:
    """A series that has run."""
    done = series.run("--quiet")
    assert done.code == 0, done.stderr
    return series


@pytest.mark.slow(9)
def test_a_run_makes_all_and_says_so(series: Series) -> None:
    done = series.run()
    assert done.code == 0, done.stderr
    assert done.data["counts"] == {"passed": 3}
    assert [line.split("  ")[:2] for line in done.stderr.splitlines()] == [
        [f"[{number}/3] {name}", "done"] for number, name in enumerate(ALL, 1)
    ]
    assert [line["name"] for line in series.results()] == list(ALL)
    for line in series.results():
        assert (line["status"], line["exit_code"], line["frames"], line["reason"]) == ("passed", 0, 10, "no output")
        assert line["started"].endswith("Z")
        assert line["seconds"] > 0
        assert line["host"]
        assert line["details"]["blended"] == 10
        assert line["details"]["peak_memory_bytes"] > 1_000_000
        assert Path(line["output"]) == series.output(line["name"])
        assert probe(series.output(line["name"])).frame_count == 10
        log = Path(line["log"]).read_text(encoding="utf-8")
        assert Path(line["log"]).parent == series.folder / "jobs.logs"
        assert log.startswith("lipblend composite ")
        assert "encode.segment_s=0.5" in log
    left = {path.name for path in (series.folder / "out").iterdir() if not path.name.endswith(".lipblend-job.json")}
    assert left == {"a.mp4", "b.mp4", "c.mp4"}  # no lock, no segments


def test_the_bytes_are_those_of_composite(made: Series, small_pairs: dict[str, SamplePair], tmp_path: Path) -> None:
    text = next(path for path in (made.folder / "jobs.logs").iterdir() if path.name == "a.log").read_text()
    given = dict(word.split("=", 1) for word in text.split() if "=" in word)
    pair, alone = small_pairs["a"], tmp_path / "alone.mp4"
    settings = resolve_settings("natural", overrides=given).settings
    composited(pair.original, pair.synced, alone, settings=settings, preset="natural", cache=made.cache)
    assert alone.read_bytes() == made.output("a").read_bytes()


@pytest.mark.slow(4)
def test_a_second_run_makes_only_what_changed(made: Series, small_pairs: dict[str, SamplePair]) -> None:
    before = files_in(made.folder / "out")
    assert made.run().ends == dict.fromkeys(ALL, "skipped")
    assert files_in(made.folder / "out") == before
    exchanged = made.folder / "exchanged.mp4"
    shutil.copy(small_pairs["b"].synced, exchanged)
    made.write({"a": {"settings": {"alpha.gamma": 1.2}}, "b": {"synced": str(exchanged)}, "c": {}})
    files = files_in(made.folder)
    plan = made.run("--dry-run")
    assert (plan.code, plan.data["make"]) == (0, 1)  # content counts, not the name
    assert files_in(made.folder) == files  # not even the new time of the same content
    assert [job["reason"] for job in plan.data["jobs"]] == ["setting alpha.gamma: 1.2, was 1", "", ""]
    shutil.copy(small_pairs["c"].synced, exchanged)
    made.output("c").write_bytes(made.output("c").read_bytes()[:-9])
    files = files_in(made.folder)
    plan = made.run("--dry-run")
    assert [job["reason"] for job in plan.data["jobs"]] == [
        "setting alpha.gamma: 1.2, was 1",
        "synced video changed",
        "the output is damaged: it is not the file that was written",
    ]
    assert files_in(made.folder) == files  # nothing at all is written
    assert made.run("--only", "[ac]").ends == {"a": "passed", "c": "passed"}
    assert untouched(made, before, "b")
    assert files_in(made.folder / "out")["c.mp4"][1] == before["c.mp4"][1]
    assert files_in(made.folder / "out")["a.mp4"][1] != before["a.mp4"][1]
    assert made.run().ends == {"a": "skipped", "b": "passed", "c": "skipped"}


@pytest.mark.slow(3)
def test_force_makes_all_again_with_the_same_bytes(made: Series) -> None:
    before = files_in(made.folder / "out")
    assert [job["reason"] for job in made.run("--force", "--dry-run").data["jobs"]] == ["--force"] * 3
    assert made.run("--force", "--workers", "2").ends == dict.fromkeys(ALL, "passed")
    for name in ALL:
        now = files_in(made.folder / "out")[f"{name}.mp4"]
        assert now[0] > before[f"{name}.mp4"][0]
        assert now[1] == before[f"{name}.mp4"][1]


def test_a_dry_run_of_a_new_list_writes_nothing(series: Series) -> None:
    before = files_in(series.folder)
    done = series.run("--dry-run")
    assert [(job["make"], job["reason"]) for job in done.data["jobs"]] == [(True, "no output")] * 3
    assert files_in(series.folder) == before
    assert not (series.folder / "out").exists()


@pytest.mark.slow(4)
def test_one_that_fails_does_not_stop_the_others_and_can_be_retried(
    series: Series, small_pairs: dict[str, SamplePair]
) -> None:
    broken = series.folder / "broken.mp4"
    spoiled = bytearray(small_pairs["b"].original.read_bytes())
    end = spoiled.index(b"moov")
    spoiled[end - 6000 : end - 3000] = bytes(3000)  # it opens, and its first frames can be decoded
    broken.write_bytes(spoiled)
    series.write({"a": {}, "b": {"original": str(broken), "settings": {"read.strict": True}}, "c": {}})
    done = series.run()
    assert done.code == 9
    assert done.ends == {"a": "passed", "b": "failed", "c": "passed"}
    (failed,) = [line for line in series.results() if line["status"] == "failed"]
    assert failed["exit_code"] not in (0, 1)
    assert failed["reason"] in done.stderr
    assert "error: " in Path(failed["log"]).read_text(encoding="utf-8")
    assert not series.output("b").exists()
    before = files_in(series.folder / "out")
    shutil.copy(small_pairs["b"].original, broken)
    again = series.run("--retry-failed")
    assert (again.code, again.ends) == (0, {"b": "passed"})
    assert untouched(series, before, "a", "c")
    nothing = series.run("--retry-failed")
    assert (nothing.code, nothing.ends) == (0, {})
    assert [line["name"] for line in series.results()] == ["a", "b", "c", "b"]


def test_problems_are_told_at_once_and_nothing_is_made(series: Series) -> None:
    series.write({"a": {"original": "gone.mp4"}, "b": {"output": "out/same.mp4"}, "c": {"output": "out/same.mp4"}})
    before = files_in(series.folder)
    done = series.run()
    assert done.code == 2
    assert "gone.mp4" in done.stderr
    assert "same.mp4" in done.stderr
    assert len(done.data["error"]["details"]) == 3  # two with one output are told at both
    assert files_in(series.folder) == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--only", "x*"), "--only x* matches no job"),
        (("--workers", "none"), "'none' is not a number of processes"),
        (("--max-memory", "much"), "--max-memory"),
        (("--scheduler", "tcp://x:1", "--split", "nan"), "--split nan is no number of seconds"),
        (("--split", "60"), "--split was given without --scheduler"),
        (("--scheduler", "tcp://x:1", "--split", "60", "--no-cache"), "--split needs the analyses' cache"),
        (("--idle", "3"), "--idle was given without --watch"),
        (("--every", "3"), "--every was given without --watch"),
        (("--dry-run", "--junit", "junit.xml"), "--dry-run and --junit exclude each other"),
        (("--watch", "nowhere"), "--watch nowhere is not a folder"),
        (("--watch", ".", "--dry-run"), "--dry-run and --watch exclude each other"),
        (("--watch", ".", "--retry-failed"), "--retry-failed and --watch exclude each other"),
    ],
)
def test_wrong_options(series: Series, options: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(series.folder)
    done = series.run(*options)
    assert done.code == 2
    assert says in done.stderr
    assert done.data["error"]["hint"]
    assert not (series.folder / "out").exists()


@pytest.mark.slow(10)
def test_gate_index_and_junit(series: Series) -> None:
    series.write({"a": {"settings": {"gate.score_min": 0}}, "b": {"settings": {"gate.score_min": 100}}})
    given = ("--index", str(series.folder / "site"), "--junit", str(series.folder / "junit.xml"), "--gate")
    done = series.run(*given)
    assert done.code == 8, done.stderr
    assert done.ends == {"a": "passed", "b": "gate"}
    assert done.data["written"] == {
        "results": str(series.folder / RESULTS),
        "index": str(series.folder / "site" / "index.html"),
        "junit": str(series.folder / "junit.xml"),
    }
    page = (series.folder / "site" / "index.html").read_text(encoding="utf-8")
    for name in "ab":
        assert f"{name}/report.html" in page
        assert (series.folder / "site" / name / "report.html").is_file()
    assert page.index("b/report.html") < page.index("a/report.html")  # the worst first
    suite = ET.parse(series.folder / "junit.xml").getroot()
    cases = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert "failure" in cases["b"]
    assert "failure" not in cases["a"]
    assert all(line["headline"]["score"] is not None for line in series.results())
    before = files_in(series.folder / "out")
    again = series.run(*given)
    assert (again.code, again.ends) == (8, {"a": "skipped", "b": "gate"})  # a gate does not open by itself
    assert files_in(series.folder / "out") == before
    assert series.run(*given, "--only", "a").code == 0
    (error,) = series.run(*given, "--quiet").stderr.splitlines()
    assert error.startswith("error: 1 of 2 outputs are below their pass marks")


@pytest.mark.slow(6)
def test_pairs_that_arrive_are_made_once_they_are_whole(series: Series, small_pairs: dict[str, SamplePair]) -> None:
    arriving = series.folder / "arriving"
    arriving.mkdir()
    jobs = [{"original": "{name}_o.mp4", "synced": "{name}_s.mp4", "output": str(series.folder / "out/{name}.mp4")}]
    (series.folder / LIST).write_text(json.dumps(jobs), encoding="utf-8")
    process = series.start("--watch", str(arriving), "--every", "0.4", "--idle", "4")
    try:
        shutil.copy(small_pairs["a"].original, arriving / "a_o.mp4")
        with open(arriving / "a_s.mp4", "wb", buffering=0) as slow:
            content = small_pairs["a"].synced.read_bytes()
            for start in range(0, len(content), -(-len(content) // 10)):
                slow.write(content[start : start + -(-len(content) // 10)])
                assert not series.output("a").exists()
                time.sleep(0.2)
        wait_for(lambda: series.output("a").exists() or process.poll() is not None)
        for part, file in (("s", small_pairs["b"].synced), ("o", small_pairs["b"].original)):
            shutil.copy(file, arriving / f"b_{part}.mp4")
        (arriving / "lost_s.mp4").write_bytes(b"x")
        done = ended(process)
    finally:
        process.kill()
        process.wait()
    assert done.code == 0, done.stderr
    lost = "lost_s.mp4 waits for {name}_o.mp4"
    assert done.stdout.splitlines().count(lost) == 1
    assert done.stdout.splitlines().count(f"without a partner: {lost}") == 1
    assert [(line["name"], line["status"]) for line in series.results()] == [("a", "passed"), ("b", "passed")]
    assert probe(series.output("a")).frame_count == probe(series.output("b")).frame_count == 10
