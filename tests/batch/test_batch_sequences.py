"""Image sequences as inputs of a series: made, recorded by the content of their pictures, checked before it starts."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from batch_runs import LIST, Series, files_in

from lipblend.selfcheck.sample import SamplePair
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader


def pictures_of(video: Path, folder: Path) -> str:
    """The frames of a video as numbered pictures, from 101 on; returns their pattern."""
    folder.mkdir(parents=True)
    with VideoReader(probe(video)) as frames:
        for frame in frames:
            array = frame.handle.to_ndarray(format="bgr24")
            cv2.imwrite(str(folder / f"shot_{101 + frame.index:05d}.png"), array)
    return str(folder / "shot_%05d.png")


@pytest.fixture
def shots(series: Series, small_pairs: dict[str, SamplePair]) -> Series:
    """One job from two sequences."""
    for role in ("original", "synced"):
        pictures_of(getattr(small_pairs["a"], role), series.folder / role)
    write(series)
    return series


def write(series: Series, **more: object) -> None:
    job = {"original": "original/shot_%05d.png", "synced": "synced/shot_%05d.png", "output": "out/a.mp4", **more}
    settings = {"track.min_face_px": 20, "encode.preset": "veryfast"}
    (series.folder / LIST).write_text(json.dumps([{"name": "a", "settings": settings, **job}]), encoding="utf-8")


def reason(series: Series) -> str:
    return str(series.run("--dry-run").data["jobs"][0]["reason"])


@pytest.mark.slow(10)
def test_sequences_are_made_and_count_by_the_content_of_their_pictures(shots: Series) -> None:
    write(shots, rate=24, report="reports/a")
    done = shots.run()
    assert (done.code, done.ends) == (0, {"a": "passed"}), done.stderr
    info = probe(shots.output("a"))
    assert (info.frame_count, info.frame_rate) == (10, 24)
    assert "lipblend-given" not in (shots.folder / "jobs.results.jsonl").read_text(encoding="utf-8")
    assert "lipblend-given" not in (shots.folder / "jobs.logs" / "a.log").read_text(encoding="utf-8")
    assert shots.run().ends == {"a": "skipped"}
    picture = shots.folder / "synced" / "shot_00104.png"
    data = picture.read_bytes()
    picture.write_bytes(data)  # another time, the same content
    assert reason(shots) == ""
    picture.write_bytes((picture.parent / "shot_00105.png").read_bytes())
    assert reason(shots) == "synced video changed"
    picture.write_bytes(data)
    write(shots, report="reports/a")
    assert reason(shots) == "rate auto, was 24"
    write(shots, rate=24, report="reports/b")
    before = files_in(shots.folder / "out")["a.mp4"]
    assert reason(shots) == "only the report is missing"
    assert shots.run().ends == {"a": "passed"}
    assert files_in(shots.folder / "out")["a.mp4"] == before
    picture.unlink()
    done = shots.run()
    assert done.code == 2  # before anything starts, although there is a record
    assert "1 of the pictures 101 to 110" in done.stderr


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"output": "out/%06d.png"}, "is an image sequence, and a series writes videos"),
        ({"output": "s3://bucket/a.mp4"}, "which a job with addresses cannot read"),
        ({"original": "s3://bucket/%06d.png"}, "an image sequence at an address, which cannot be fetched"),
        ({"original": "nowhere/%06d.png"}, "does not exist"),
        ({"synced": "synced/take_%05d.png"}, "is named as take_%05d.png"),
        ({"rate": "fast"}, "'fast' is not a frame rate"),
        ({"rate": []}, "rate must be a number such as 25"),
    ],
)
def test_what_is_wrong_with_sequences_is_told_before_anything_starts(
    shots: Series, more: dict[str, object], says: str
) -> None:
    write(shots, **more)
    done = shots.run()
    assert done.code == 2
    assert says in done.stderr
    assert not (shots.folder / "out").exists()


def test_a_rate_without_a_sequence_is_told(series: Series) -> None:
    series.write({"a": {"rate": 25}})
    assert "rate: no input is an image sequence" in series.run().stderr
