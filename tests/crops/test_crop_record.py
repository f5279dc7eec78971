"""The record of a crop: what is written, what is read, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import Shared

from lipblend.crops import crop_record
from lipblend.crops.crop_record import SCHEMA, CropFrame, CropRecord, Source, schema_text
from lipblend.crops.read_places import read_places
from lipblend.errors import InputError, InputMismatchError
from lipblend.runtime.identity import sha256_of
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe

TURNED = ((0.8, 0.2, -31.25), (-0.2, 0.8, 12.5), (0.0, 0.0, 1.0))


def record(*, sha256: str | None = None, size: tuple[int, int] = (320, 320), frames: int = 3) -> CropRecord:
    made = [
        CropFrame(
            matrix=TURNED, source_index=2 * number, time_s=0.08 * number, face=number != 1,
            box=None if number == 1 else (1.5, 2.5, 30, 40), confidence=float(number != 1), visibility=1.0,
        )
        for number in range(frames)
    ]  # fmt: skip
    return CropRecord(
        **{"schema": SCHEMA}, size=(64, 48), rate="25/2", rotation=90, fill=(1, 2, 3),
        source=Source(name="a.mp4", sha256=sha256, size=size), frames=made,
    )  # fmt: skip


@pytest.fixture(scope="module")
def info(shared_material: Shared) -> VideoInfo:
    return probe(shared_material.sample(frames=12, size=320).original)


def saved(folder: Path, content: str | bytes, name: str = "face.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_record_is_read_as_it_was_written(tmp_path: Path, info: VideoInfo) -> None:
    made = record(sha256=sha256_of(info.path))
    path = saved(tmp_path, made.to_text())
    assert CropRecord.parsed(path.read_bytes(), path) == made
    places = read_places(path, info, info)
    assert places.source_index.tolist() == [0, 2, 4]
    assert places.present.tolist() == [True, False, True]
    assert (places.rate, places.size, places.name) == (12.5, (64, 48), "face.json")
    np.testing.assert_array_equal(places.matrices[2], np.array(TURNED)[:2])
    np.testing.assert_allclose(places.scaled_to((128, 24))[0], np.array(TURNED)[:2] * [[2], [0.5]])


def test_a_record_can_be_compared_without_reading_the_original(tmp_path: Path, info: VideoInfo) -> None:
    path = saved(tmp_path, record(sha256="0" * 64).to_text())
    assert read_places(path, info, info, by_content=False).name == "face.json"
    with pytest.raises(InputMismatchError):
        read_places(path, info, info)


def test_the_file_has_one_line_for_each_frame(tmp_path: Path) -> None:
    lines = record(frames=5).to_text().splitlines()
    assert sum('"matrix"' in line for line in lines) == 5
    assert json.loads("\n".join(lines))["schema"] == SCHEMA


def test_the_schema_that_ships_is_that_of_the_code() -> None:
    shipped = Path(crop_record.__file__).with_name("crop-record.schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text()
    asked = json.loads(shipped)["required"]
    assert sorted(asked) == ["fill", "frames", "rate", "rotation", "schema", "size", "source"]


def broken(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        *path, last = key.split(".")
        for part in path:
            data = data[int(part) if part.isdigit() else part]
        data[last] = value

    return change


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("schema", "lipblend-crop-2", "schema"),
        ("size", [0, 48], "size.0"),
        ("rate", "0", "rate"),
        ("rotation", 45, "rotation"),
        ("frames", [], "frames"),
        ("frames.1.source_index", -1, "frames.1.source_index"),
        ("frames.1.matrix", [[1, 0, 0], [0, 1, 0], [0, 0, 2]], "last row"),
        ("frames.2.matrix", [[1, 1, 0], [1, 1, 0], [0, 0, 1]], "invertible"),
        ("frames.0.matrix", [[1, 0], [0, 1], [0, 0]], "frames.0.matrix"),
        ("frames.0.confidence", 1.5, "frames.0.confidence"),
        ("frames.0.speed", 1, "frames.0.speed"),
        ("source.sha256", "abc", "source.sha256"),
        ("frames.0.source_index", 10**20, "frames.0.source_index"),
        ("rate", "1" + "0" * 400, "rate"),
        ("frames.0.matrix", [[1e200, 1e200, 0], [1e200, 1e200, 0], [0, 0, 1]], "invertible"),
    ],
)
def test_a_faulty_record_is_an_error_that_names_the_place(
    key: str, value: Any, said: str, tmp_path: Path, info: VideoInfo
) -> None:
    data = json.loads(record().to_text())
    broken(key, value)(data)
    with pytest.raises(InputError, match="not a valid crop record") as caught:
        read_places(saved(tmp_path, json.dumps(data)), info, info)
    assert said in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[1, 2", '{"schema": 1}', "[[1, 2, 3]]", "[]", "7", '"text"', "NaN"])
def test_what_is_no_record_is_one_error(content: str, tmp_path: Path, info: VideoInfo) -> None:
    with pytest.raises(InputError):
        read_places(saved(tmp_path, content), info, info)


def test_many_faults_are_counted(tmp_path: Path, info: VideoInfo) -> None:
    data = json.loads(record(frames=9).to_text())
    for frame in data["frames"]:
        frame["confidence"] = 2
    with pytest.raises(InputError, match="and 4 more"):
        read_places(saved(tmp_path, json.dumps(data)), info, info)


def test_another_original_is_refused(tmp_path: Path, info: VideoInfo) -> None:
    other = saved(tmp_path, record(sha256="0" * 64).to_text())
    with pytest.raises(InputMismatchError, match=r"is not the original .* \(a\.mp4\)") as caught:
        read_places(other, info, info)
    assert sha256_of(info.path) in str(caught.value)
    large = saved(tmp_path, record(size=(640, 320)).to_text())
    with pytest.raises(InputMismatchError, match=r"has 320x320 pixels, and the record .* 640x320"):
        read_places(large, info, info)
    assert len(read_places(saved(tmp_path, record().to_text()), info, info)) == 3  # of any content, if none is named


def test_a_missing_record_names_the_option(tmp_path: Path, info: VideoInfo) -> None:
    with pytest.raises(InputError, match="--crop"):
        read_places(tmp_path / "none.json", info, info)


def test_a_huge_file_is_not_read(tmp_path: Path, info: VideoInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop_record, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="too large"):
        read_places(saved(tmp_path, record().to_text()), info, info)


def test_places_without_faces_can_be_left_out() -> None:
    places = record().places(b"x", "x")
    assert places.only_present().source_index.tolist() == [0, 4]
    assert replace(places, times_s=None).only_present().times_s is None
