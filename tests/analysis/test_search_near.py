"""Looking at frames near faces: once for all that look, and where a model says that something is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lipblend.analysis import analyse
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.near_faces import NearFrames, faces_in_question, look_near
from lipblend.analysis.search_near import check_models, search_near
from lipblend.analysis.segment_near import SegmentLooker, upright_crop
from lipblend.errors import ModelError
from lipblend.faces import models
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.models import resolve_model
from lipblend.picture.picture import Picture
from lipblend.settings import OcclusionSettings, Settings
from lipblend.stages.occlusion.face_look import CELLS
from tests.renders import EIGHT, TAGS

FRAMES, SIDE = 8, 768
STARTS = np.array([0, 5])


class Decoded:
    """Stands for a scan: the frames that were asked for."""

    def __init__(self, bright: tuple[slice, slice]) -> None:
        self.info, self.asked = None, list[int]()
        luma = np.full((SIDE, SIDE), 60, np.uint8)
        luma[bright] = 220
        grey = np.full((SIDE // 2, SIDE // 2), 128, np.uint8)
        self._picture = Picture([luma, grey, grey], EIGHT, TAGS, SIDE)

    def frames(self, indices: Sequence[int]) -> list[Any]:
        self.asked += indices
        return [SimpleNamespace(picture=lambda _: self._picture)] * len(indices)


class Noting:
    """A looker that notes what it sees."""

    def __init__(self, column: str, faces: Any, wanted: Sequence[int]) -> None:
        self.column, self.faces, self._wanted, self.seen = column, faces, wanted, list[int]()

    def wanted(self, frames: Sequence[int]) -> list[int]:
        return [frame for frame in frames if frame in self._wanted]

    def look(self, frame: int, picture: Picture) -> None:
        assert picture.size == (SIDE, SIDE)
        self.seen.append(frame)

    def finished(self, frames: Sequence[int], near: NearFrames) -> Mapping[int, np.ndarray]:
        return {row: np.full((CELLS, CELLS), frame, np.uint8) for frame in frames for _, row in self.faces[frame]}


@pytest.fixture
def face_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A face model where no other model can be found."""
    monkeypatch.delenv(models.MODELS_VARIABLE, raising=False)
    monkeypatch.setattr(models, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(models, "_in_package", lambda _: None)
    return tmp_path / "mine.task"


def test_a_missing_hand_model_is_noticed_before_the_first_pass(
    face_alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyse, "Scan", lambda _: pytest.fail("the work began"))
    with pytest.raises(ModelError, match=r"hand_landmarker\.task was not found") as caught:
        analyse.analyse(None, None, model=face_alone, settings=Settings(), on_frame=lambda _: None)  # type: ignore[arg-type]
    assert caught.value.hint.endswith("To work without it: --set occlusion.hands=off")


def test_only_models_that_may_be_needed_are_missed(face_alone: Path) -> None:
    def chosen(**values: str) -> OcclusionSettings:
        return OcclusionSettings.model_validate(values)

    check_models(chosen(hands="off"), face_alone)
    check_models(chosen(method="off", person="always"), face_alone)
    with pytest.raises(ModelError, match="selfie_segmenter"):
        check_models(chosen(hands="off", person="auto"), face_alone)


def test_models_that_are_there_are_not_missed() -> None:
    check_models(OcclusionSettings.model_validate({"person": "auto"}), resolve_model("face_landmarker"))


@pytest.fixture
def tracks(face: Landmarks) -> dict[int, FaceTrack]:
    """One face in all frames, with departures in frames 2 to 6."""
    count = [None] * FRAMES
    track = FaceTrack.of(range(FRAMES), [face.points] * FRAMES, [face.points] * FRAMES, count)
    track.table.replace("departures", {row: np.zeros((CELLS, CELLS), np.uint8) for row in range(2, 7)})
    return {0: track}


def near(decoded: Decoded) -> NearFrames:
    line = SimpleNamespace(original_index=np.arange(FRAMES) + 100)
    return NearFrames(decoded, line)  # type: ignore[arg-type]


def test_each_frame_is_decoded_once_for_all_that_look(tracks: dict[int, FaceTrack]) -> None:
    decoded, faces = Decoded((slice(0), slice(0))), faces_in_question(tracks, always=False)
    assert list(faces) == [2, 3, 4, 5, 6]
    first, second = (
        Noting("segmented", faces, [2, 3, 5]),
        Noting("person", faces_in_question(tracks, always=True), [3, 7]),
    )
    look_near(near(decoded), tracks, STARTS, [first, second])
    assert decoded.asked == [102, 103, 105, 107]
    assert (first.seen, second.seen) == ([2, 3, 5], [3, 7])
    columns = tracks[0].table.columns
    assert [None if cell is None else int(cell[0, 0]) for cell in columns["segmented"]] == [
        None,
        None,
        2,
        3,
        4,
        5,
        6,
        None,
    ]
    assert [int(cell[0, 0]) for cell in columns["person"]] == list(range(FRAMES))


def test_a_model_sees_the_face_and_what_it_finds_lies_in_its_place(
    tracks: dict[int, FaceTrack], face: Landmarks
) -> None:
    x, y = (int(each) for each in face.mouth_centre)
    bright = slice(y - 15, y + 15), slice(x, x + 60)  # from the middle to the person's left
    sizes = set[tuple[int, ...]]()

    def bright_is_in_front(rgb: np.ndarray) -> np.ndarray:
        sizes.add(rgb.shape)
        return (rgb[::2, ::2, 1] > 150).astype(np.float32)

    faces = faces_in_question(tracks, always=False)
    looker = SegmentLooker("segmented", faces, bright_is_in_front, crop_widths=1.6, beyond=False)
    decoded = Decoded(bright)
    look_near(near(decoded), tracks, STARTS, [looker])
    (size,) = sizes
    assert size[0] == size[1] == pytest.approx(1.6 * face.face_width_px, abs=2)
    column = tracks[0].table.columns["segmented"]
    assert [column.holds(row) for row in range(FRAMES)] == [2 <= row <= 6 for row in range(FRAMES)]
    found = column[3] > 127
    assert found.sum() * (0.02 * face.face_width_px) ** 2 == pytest.approx(30 * 60, rel=0.15)
    assert found[:, : CELLS // 2 - 2].sum() == 0
    away = SegmentLooker(
        "segmented", faces, lambda rgb: np.zeros(rgb.shape[:2], np.float32), crop_widths=2, beyond=True
    )
    look_near(near(decoded), tracks, STARTS, [away])
    assert not tracks[0].table.columns["segmented"].mask.any()


def test_a_crop_at_the_border_is_a_whole_square(face: Landmarks, transformed: Any) -> None:
    picture = Decoded((slice(0), slice(0)))._picture
    at_border = transformed(face, shift=(-float(face.points[:, 0].mean()), 0))
    seen = upright_crop(picture, at_border, 2)
    assert seen is not None
    rgb, box = seen
    assert rgb.shape == (box.height, box.width, 3)
    assert box.x0 < 0
    assert upright_crop(picture, transformed(face, shift=(-4000, 0)), 2) is None


@pytest.mark.parametrize("chosen", [{"hands": "off"}, {"hands": "off", "person": "off", "model_every": "always"}])
def test_nothing_is_decoded_when_nothing_looks(tracks: dict[int, FaceTrack], chosen: dict[str, str]) -> None:
    decoded = Decoded((slice(0), slice(0)))
    line, settings = near(decoded).line, OcclusionSettings.model_validate(chosen)
    search_near(decoded, line, tracks, STARTS, settings, face_model=resolve_model("face_landmarker"))  # type: ignore[arg-type]
    assert decoded.asked == []


@pytest.mark.parametrize(("when", "count"), [("auto", 5), ("always", FRAMES)])
def test_the_segmenter_of_people_takes_a_face_of_nothing_for_background(
    tracks: dict[int, FaceTrack], when: str, count: int
) -> None:
    decoded = Decoded((slice(0), slice(0)))
    line, settings = near(decoded).line, OcclusionSettings.model_validate({"hands": "off", "person": when})
    search_near(decoded, line, tracks, STARTS, settings, face_model=resolve_model("face_landmarker"))  # type: ignore[arg-type]
    assert len(decoded.asked) == count
    column = tracks[0].table.columns["person"]
    assert int(column.mask.sum()) == count
    assert column[3].max() > 200
