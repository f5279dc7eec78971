"""Crops of several people, and of those that a point names, brought back in turn."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from runs import composited
from studio import LEFT, LOSSLESS, RIGHT, Film, Shown, Studio, at, luma

from lipblend.cropping.crop_job import crop_all_faces, crop_video
from lipblend.cropping.crop_names import numbered
from lipblend.cropping.crop_options import FACES, CropOptions
from lipblend.cropping.crop_profiles import CropProfile
from lipblend.errors import InputMismatchError, NoFaceError, SettingsError
from lipblend.faces.landmarks import Landmarks
from lipblend.output.synth import write_clip
from lipblend.settings import Settings

COUNT, SIDE = 12, 192
SMALL = CropOptions(profile=CropProfile(size=SIDE), upscale=True)


@pytest.fixture(scope="module")
def couple(portrait: np.ndarray, face: Landmarks, tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, Film]:
    """Two people side by side."""
    studio = Studio(portrait, face.points, tmp_path_factory.mktemp("couple"))
    shown = [Shown((at(LEFT, x=130 + n), at(RIGHT, y=135 + n / 2))) for n in range(COUNT)]
    return studio, studio.film(shown)


def named(face: str | int) -> CropOptions:
    return replace(SMALL, track=FACES.model_copy(update={"face": face}))


def middle(record: Path) -> float:
    """Where the face of a record lies in the original, pixels from the left."""
    left, _, right, _ = json.loads(record.read_text())["frames"][0]["box"]
    return (left + right) / 2


@pytest.mark.slow(4)
def test_all_faces_get_a_crop_and_a_record_each_numbered_from_the_left(
    couple: tuple[Studio, Film], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, film = couple
    reads: list[int] = []
    monkeypatch.setattr("lipblend.cropping.crop_job.read_faces", _counted(reads))
    done = crop_all_faces(film.original, tmp_path / "face.mp4", tmp_path / "meta.json", options=SMALL)
    assert reads == [1]
    names = ["face-0.mp4", "face-1.mp4", "meta-0.json", "meta-1.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert [(each.output.name, each.record.name) for each in done] == [(names[0], names[2]), (names[1], names[3])]
    for number, each in enumerate(done):
        alone = crop_video(film.original, tmp_path / "one.mp4", tmp_path / "one.json", options=named(number))
        assert json.loads(each.record.read_text()) == json.loads(alone.record.read_text())
        assert np.array_equal(luma(each.output), luma(alone.output))
    assert middle(done[0].record) < 240 < middle(done[1].record)


@pytest.mark.slow(4)
def test_pictures_of_all_faces_get_a_folder_each(couple: tuple[Studio, Film], tmp_path: Path) -> None:
    _, film = couple
    done = crop_all_faces(film.original, tmp_path / "face" / "%03d.png", tmp_path / "meta.json", options=SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face-0", "face-1", "meta-0.json", "meta-1.json"]
    for number, each in enumerate(done):
        assert each.output == tmp_path / f"face-{number}" / "%03d.png"
        assert len(list(each.output.parent.iterdir())) == COUNT
    assert middle(done[0].record) < 240 < middle(done[1].record)


def _counted(reads: list[int]) -> object:
    from lipblend.analysis.face_reading import read_faces

    def read(*given: object, **more: object) -> object:
        reads.append(1)
        return read_faces(*given, **more)

    return read


@pytest.mark.slow(4)
def test_a_point_names_the_face_of_a_crop(couple: tuple[Studio, Film], tmp_path: Path) -> None:
    _, film = couple
    files = film.original, tmp_path / "a.mp4", tmp_path / "a.json"
    assert middle(crop_video(*files, options=named("350,140@0.2")).record) > 240
    assert middle(crop_video(*files, options=named("130,140@3f")).record) < 240
    for face, error, says in (
        ("240,20@0.2", NoFaceError, "there are 2, x "),
        ("130,140@0.2+350,140@0.3", SettingsError, "name several faces of one shot"),
        ("130,140@2", SettingsError, "beyond the clip"),
        ("all", SettingsError, "one crop cannot show all faces"),
    ):
        (tmp_path / "b.mp4").unlink(missing_ok=True)
        with pytest.raises(error, match=says):
            crop_video(film.original, tmp_path / "b.mp4", tmp_path / "b.json", options=named(face))
        assert not (tmp_path / "b.mp4").exists()
        assert not (tmp_path / "b.json").exists()


@pytest.mark.slow(9)
def test_crops_of_two_faces_come_back_in_turn(couple: tuple[Studio, Film], tmp_path: Path) -> None:
    studio, film = couple
    done = crop_all_faces(film.original, tmp_path / "face.mp4", tmp_path / "face.json", options=SMALL)
    spoken = [studio.picture(Shown((at(LEFT, x=130 + n), at(RIGHT, y=135 + n / 2))), (480, 270), synced=True)
              for n in range(COUNT)]  # fmt: skip
    outputs = [film.original]
    for number, each in enumerate(done):
        rows = json.loads(each.record.read_text())["frames"]
        cut = [
            cv2.warpAffine(spoken[row["source_index"]], np.array(row["matrix"])[:2], (SIDE, SIDE), flags=cv2.INTER_AREA)
            for row in rows
        ]
        write_clip(tmp_path / f"synced-{number}.mp4", cut, frame_rate=Fraction(25), crf=8)
        into = tmp_path / f"out-{number}.mp4"
        settings = Settings.model_validate(LOSSLESS)
        composited(outputs[-1], tmp_path / f"synced-{number}.mp4", into, settings=settings, crop=each.record)
        outputs.append(into)
    first, second, third = (luma(path) for path in outputs)
    assert np.abs(second - first)[:, :, :240].max() > 20
    assert not np.abs(second - first)[:, :, 240:].any()
    assert np.abs(third - second)[:, :, 240:].max() > 20
    assert not np.abs(third - second)[:, :, :240].any()
    with pytest.raises(InputMismatchError, match="is not the original that the record"):
        composited(film.synced, tmp_path / "synced-1.mp4", tmp_path / "no.mp4", crop=done[1].record)


def test_the_names_of_several_crops() -> None:
    assert numbered(Path("a/face.new.mp4"), 2) == Path("a/face.new-2.mp4")
