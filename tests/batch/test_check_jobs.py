"""What is found before any job of a series starts."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipblend.batch.job_spec import JobSpec
from lipblend.batch.listing import check_jobs as checking
from lipblend.batch.listing.check_jobs import check_jobs, job_problems, read_checked_jobs
from lipblend.errors import SettingsError
from tests.small_videos import Recipe, write_video


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two videos, and a folder for outputs."""
    write_video(tmp_path / "a.mp4", Recipe(frames=3))
    write_video(tmp_path / "b.mp4", Recipe(frames=3))
    (tmp_path / "out").mkdir()
    return tmp_path


def job(folder: Path, name: str = "x", **fields: Any) -> JobSpec:
    made = {"original": "a.mp4", "synced": "b.mp4", "output": f"out/{name}.mp4", **fields}
    paths = ("original", "synced", "output", "crop", "keep", "matte", "report")
    full = {key: str(folder / made[key]) if key in paths and "://" not in made[key] else made[key] for key in made}
    return JobSpec(name=name, source="jobs.yaml, line 7", **full)


def wrong(*jobs: JobSpec, remote: bool = False) -> dict[str, list[str]]:
    return job_problems(jobs, remote=remote)


def only(*jobs: JobSpec, remote: bool = False) -> str:
    """The only problem of the last job."""
    (text,) = wrong(*jobs, remote=remote)[jobs[-1].name]
    return text


def test_good_jobs_pass_and_leave_nothing(folder: Path) -> None:
    jobs = [job(folder, "x", report="reports/x"), job(folder, "y", output="new/deep/y.mkv", gate=True)]
    before = sorted(folder.rglob("*"))
    check_jobs(jobs, remote=False)
    assert sorted(folder.rglob("*")) == before
    check_jobs([], remote=False)


def test_all_problems_are_in_one_error_with_their_places(folder: Path) -> None:
    jobs = [job(folder, "x", original="gone.mp4", synced="no.mp4"), job(folder, "y", output="y.avi"), job(folder, "z")]
    with pytest.raises(SettingsError) as caught:
        check_jobs(jobs, remote=False)
    found = caught.value.details
    assert "jobs.yaml has 3 problems" in caught.value.message
    assert [line[: len("jobs.yaml, line 7: job x: ")] for line in found] == [
        f"jobs.yaml, line 7: job {name}: " for name in "xxy"
    ]
    assert "gone.mp4" in found[0]
    assert "no.mp4" in found[1]
    assert "y.avi ends in '.avi'" in found[2]


def test_what_is_no_video_is_told(folder: Path) -> None:
    (folder / "text.mp4").write_text("no video")
    (folder / "cut.mp4").write_bytes((folder / "a.mp4").read_bytes()[:600])
    assert "text.mp4" in only(job(folder, original="text.mp4"))
    assert "cut.mp4" in only(job(folder, synced="cut.mp4"))
    assert "folder" in only(job(folder, synced="out"))
    assert "f of %06d.png does not exist" in wrong(job(folder, original="f/%06d.png"))["x"][0]


def test_each_video_is_opened_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    probe = checking.probe
    monkeypatch.setattr(checking, "probe", lambda path: opened.append(path) or probe(path))
    tried: list[Path] = []
    check = checking.check_encoder
    monkeypatch.setattr(checking, "check_encoder", lambda path, *more: tried.append(path) or check(path, *more))
    check_jobs([job(folder, str(number)) for number in range(20)], remote=False)
    assert sorted(opened) == [str(folder / "a.mp4"), str(folder / "b.mp4")]
    assert len(tried) == 1


def test_of_jobs_that_are_not_opened_the_places_are_checked(folder: Path) -> None:
    jobs = [job(folder, "x", original="gone.mp4"), job(folder, "y", output="out/x.mp4", synced="gone.mp4")]
    found = job_problems(jobs, remote=False, unopened={"x"})
    assert [len(found["x"]), len(found["y"])] == [1, 2]


def test_two_jobs_with_one_output(folder: Path) -> None:
    found = wrong(job(folder, "x", output="out/z.mp4"), job(folder, "y", output="out/../out/z.mp4"))
    assert "is also that of job y (jobs.yaml, line 7)" in found["x"][0]
    assert "is also that of job x (jobs.yaml, line 7)" in found["y"][0]
    reports = wrong(job(folder, "x", report="r"), job(folder, "y", report="out/../r"))
    assert [text.partition(": ")[0] for text in reports["y"]] == ["report"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_do_not_hide_that_files_are_the_same(folder: Path) -> None:
    (folder / "linked").symlink_to(folder / "out")
    found = wrong(job(folder, "x", output="out/z.mp4"), job(folder, "y", output="linked/z.mp4"))
    assert sorted(found) == ["x", "y"]
    (folder / "same.mp4").symlink_to(folder / "a.mp4")
    assert "same.mp4 is the original of this job" in only(job(folder, output="same.mp4"))
    os.link(folder / "b.mp4", folder / "hard.mp4")
    assert "hard.mp4 is the synced video of this job" in only(job(folder, output="hard.mp4"))


def test_an_output_that_another_job_reads(folder: Path) -> None:
    first = job(folder, "first", output="b.mp4", synced="a.mp4")
    assert "b.mp4 is the synced video of job x (jobs.yaml, line 7); jobs run in any order" in only(job(folder), first)
    later = job(folder, "later", original="out/x.mp4")
    assert "the original of job later" in wrong(job(folder), later)["x"][0]


def test_report_files_do_not_replace_inputs(folder: Path) -> None:
    (folder / "r").mkdir()
    (folder / "r" / "report.json").write_text("[[0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9]]")
    assert "report.json is the crop record of this job" in only(job(folder, report="r", crop="r/report.json"))


def test_folders_that_cannot_be_written(folder: Path) -> None:
    (folder / "file").write_text("")
    assert "cannot create the folder" in only(job(folder, output="file/x.mp4"))
    assert "report: cannot create the folder" in only(job(folder, report="file/r"))
    (folder / "out" / "x.mp4").mkdir()
    assert "is a folder" in only(job(folder))


def test_encoders_that_do_not_fit(folder: Path) -> None:
    assert "no encoder 'libx2'" in only(job(folder, settings={"encode.encoder": "libx2"}))
    assert ".webm cannot hold the output of libx264" in only(job(folder, output="out/x.webm"))
    assert wrong(job(folder, output="out/x.webm", settings={"encode.encoder": "libvpx-vp9"})) == {}


def test_crops_and_mattes_that_do_not_fit(folder: Path) -> None:
    np.save(folder / "boxes.npy", np.array([[0, 0, 9, 9]] * 3))
    assert wrong(job(folder, crop="boxes.npy")) == {}
    (folder / "bad.json").write_text("{}")
    assert "bad.json" in only(job(folder, crop="bad.json"))
    assert "gone.json (crop) does not exist" in only(job(folder, crop="gone.json"))
    assert "gone.mp4 (keep) does not exist" in only(job(folder, keep="gone.mp4"))
    write_video(folder / "wide.mp4", Recipe(frames=3, size=(96, 48)))
    assert "wide.mp4 is 96x48, and the original is 64x48" in only(job(folder, keep="wide.mp4"))
    assert "wide.mp4 is 96x48" in only(job(folder, matte="wide.mp4", gate=True))  # a given alpha can be measured


def test_sounds_and_models_that_are_missing(folder: Path) -> None:
    gone = str(folder / "gone")
    assert "gone" in only(job(folder, settings={"audio.source": gone}))
    assert "b.mp4 has no sound" in only(job(folder, settings={"audio.source": "synced"}))
    assert f"the model {gone} is missing" in only(job(folder, settings={"restore.model": gone}))


@pytest.mark.parametrize(
    ("address", "remote", "part"),
    [
        ("s3://bucket/a.mp4", True, ""),
        ("s3://bucket/a.mp4", False, "is an address, and this run reads and writes files only"),
        ("s3://bucket", True, "is not a whole address: write it as s3://HOST/PATH"),
        ("s3:///a.mp4", True, "is not a whole address"),
        ("file:///a.mp4", True, ""),
        ("file:///a.mp4", False, "write its path"),
        ("file://a.mp4", True, "write its path"),
        ("nonsense://host/a.mp4", True, "nonsense:// is not a protocol that fsspec knows"),
        ("sftp://me:secret@host/a.mp4", True, "sftp://...@host/a.mp4 holds a password"),
    ],
)
def test_of_addresses_the_form_is_checked(folder: Path, address: str, remote: bool, part: str) -> None:
    found = wrong(job(folder, original=address), remote=remote)
    assert (found == {}) if not part else part in found["x"][0]
    assert "secret" not in str(found)


def test_an_address_on_this_machine_is_the_file_that_it_names(folder: Path) -> None:
    found = wrong(job(folder, output=f"file://{folder}/a.mp4"), remote=True)
    assert any("is the original of this job" in text for text in found["x"])


def test_outputs_at_one_address(folder: Path) -> None:
    jobs = [job(folder, name, output="s3://bucket/x.mp4") for name in "xy"]
    assert sorted(wrong(*jobs, remote=True)) == ["x", "y"]
    assert "ends in '.avi'" in only(replace(jobs[0], output="s3://bucket/x.avi"), remote=True)


def test_problems_of_the_list_and_of_its_files_are_told_together(folder: Path) -> None:
    pair = "original: a.mp4, synced: b.mp4"
    text = (
        f"- {{{pair}, output: out/1.mp4}}\n- {{original: gone.mp4, synced: b.mp4, output: out/2.mp4}}\n- {{{pair}}}\n"
    )
    (folder / "jobs.yaml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_checked_jobs(folder / "jobs.yaml")
    found = "\n".join(caught.value.details)
    assert len(caught.value.details) == 2
    assert "jobs.yaml, line 2: job 2: " in found
    assert "jobs.yaml, line 3: the job has no output" in found
    (folder / "jobs.yaml").write_text(text.splitlines()[0])
    assert [job.name for job in read_checked_jobs(folder / "jobs.yaml")] == ["1"]
