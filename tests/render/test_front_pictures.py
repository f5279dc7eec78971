"""What a rendered face carries of what stays in front of it, and the pictures of that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from renders import picture, row_of, settings

from lipblend.errors import OutputError
from lipblend.faces.landmarks import Landmarks
from lipblend.plan.frame_plan import FramePlan
from lipblend.render.debug_export import DebugExport
from lipblend.render.debug_frame import DebugFrame
from lipblend.render.debug_front import FRONT_FOLDER, check_beside_mattes
from lipblend.render.frame import FrameResult, render_frame
from lipblend.render.front_drawing import WAY_RGB, front_of_frame, planes_by_way, shown_ways, ways_picture
from lipblend.selfcheck.sample import make_sample
from lipblend.stages.occlusion.lower_face import lower_face_cells
from lipblend.video.numbered_pictures import pictures_in
from lipblend.video.probe import probe

SIDE = 768


@pytest.fixture(scope="module")
def half(face: Landmarks) -> np.ndarray:
    """The left half of the lower face is hidden."""
    cells = np.where(lower_face_cells([face]), 255, 0).astype(np.uint8)
    cells[:, 32:] = 0
    return cells


def rendered(row: FramePlan, keep: np.ndarray | None = None, **occlusion: object) -> FrameResult:
    return render_frame(picture(1), picture(2), row, settings(occlusion=occlusion), keep=keep)


def found(face: Landmarks, *ways: tuple[str, np.ndarray], **more: object) -> FramePlan:
    row = row_of(face, face)
    return replace(row, faces=(replace(row.faces[0], ways=ways, **more),))  # type: ignore[arg-type]


def hand(face: Landmarks) -> np.ndarray:
    """A palm over the chin, pixels."""
    width, (x, y) = face.face_width_px, face.mouth_centre
    points = np.tile(np.float32([x, y + 0.3 * width]), (21, 1))
    points[0] += np.float32([0, 0.3 * width])
    points[[5, 9, 13, 17]] += np.float32([[across * width, -0.1 * width] for across in (-0.1, 0, 0.05, 0.1)])
    return points


def test_a_face_without_anything_in_front_carries_nothing(face: Landmarks) -> None:
    (patch,) = rendered(found(face)).patches
    assert patch.front is None
    assert list(planes_by_way(patch)) == []
    assert not front_of_frame(rendered(found(face)), (SIDE, SIDE)).any()


@pytest.mark.parametrize("way", ["departures", "model", "person"])
def test_only_the_weight_of_a_way_says_how_much_of_it_stays(face: Landmarks, half: np.ndarray, way: str) -> None:
    (patch,) = rendered(found(face, (way, half)), model_weight=0.5, hands_weight=0.25).patches
    assert patch.front is not None
    assert patch.front.share.max() == (0.5 if way == "model" else 1)
    assert shown_ways(patch) == (way,)


def test_a_hand_stays_by_its_own_weight(face: Landmarks) -> None:
    (patch,) = rendered(found(face, hands=(hand(face),)), model_weight=0.5, hands_weight=0.75).patches
    assert patch.front is not None
    assert patch.front.share.max() == 0.75
    assert shown_ways(patch) == ("hands",)


def test_of_several_ways_the_most_stays(face: Landmarks, half: np.ndarray) -> None:
    row = found(face, ("departures", half), ("model", half[:, ::-1].copy()), hands=(hand(face),))
    (patch,) = rendered(row, model_weight=0.5, hands_weight=0.75).patches
    assert patch.front is not None
    assert patch.front.share.max() == 1
    assert shown_ways(patch) == ("departures", "model", "hands")


def test_every_way_has_its_colour(face: Landmarks, half: np.ndarray) -> None:
    keep = np.zeros((SIDE, SIDE), np.float32)
    x, y = (int(each) for each in face.mouth_centre)
    keep[y - 10 : y + 10, x + 20 : x + 50] = 1
    (patch,) = rendered(found(face, ("departures", half)), keep).patches
    box = patch.matte.box
    plain, shown = picture(1).to_rgb(box).astype(float), ways_picture(picture(1), patch).astype(float)
    planes = dict(planes_by_way(patch))
    assert list(planes) == ["departures", "matte"]
    assert patch.front is not None
    for way, plane in planes.items():
        inside = plane == 1
        expected = plain[inside] + 0.45 * (np.array(WAY_RGB[way]) - plain[inside])
        assert np.median(np.abs(shown[inside] - expected)) <= 0.5  # but for the outline
    beside = (np.maximum.reduce(list(planes.values())) == 0) & (patch.front.share == 0)
    assert (shown[beside] == plain[beside]).all(axis=1).mean() > 0.98
    assert ((shown == 255).all(axis=2)).sum() > 50


def test_the_exported_matte_has_a_picture_for_every_frame_and_all_that_the_user_keeps(
    face: Landmarks, half: np.ndarray, tmp_path: Path
) -> None:
    info = probe(make_sample(tmp_path, frames=1, size=64).original)
    folder = tmp_path / "debug" / FRONT_FOLDER
    folder.mkdir(parents=True)
    for name in ("000009.png", "mine.txt"):
        (folder / name).write_bytes(b"old")
    whole = np.ones((SIDE, SIDE), np.float32)
    results = {
        2: rendered(found(face, ("departures", half))), 3: rendered(found(face)), 4: rendered(found(face), whole),
    }  # fmt: skip
    with DebugExport(tmp_path / "debug", info, frames=6) as export:
        for index, (number, result) in enumerate(results.items()):
            row = replace(found(face), original_index=number)
            export.save(DebugFrame(index, index, 1, index / 25, row, picture(1), result))
    (folder / "mine.txt").unlink()  # was left alone
    planes = list(pictures_in(folder).planes(range(6)))
    assert [float(plane.max()) for plane in planes] == [0, 0, 1, 0, 1, 0]
    np.testing.assert_allclose(planes[2], front_of_frame(results[2], (SIDE, SIDE)), atol=0.5 / 255 + 1e-6)
    assert planes[4].min() == 1
    assert not results[4].patches
    assert sorted(path.name for path in (tmp_path / "debug").glob("*_ways.png")) == ["000000_ways.png"]


@pytest.mark.parametrize("matte", [".", "in_front", "in_front/mine", "in_front.mkv", "elsewhere/../in_front"])
def test_nothing_is_written_over_the_matte(matte: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(OutputError, match="would be written over the matte"):
        check_beside_mattes(tmp_path, [tmp_path / matte])


@pytest.mark.parametrize("matte", ["..", "mine", "in_front_mended", "mine.mkv", "elsewhere/in_front"])
def test_a_matte_may_lie_beside_what_is_written(matte: str, tmp_path: Path) -> None:
    check_beside_mattes(tmp_path, [tmp_path / matte])


def test_a_link_to_the_matte_is_the_matte(tmp_path: Path) -> None:
    (tmp_path / "matte").mkdir()
    (tmp_path / "debug").mkdir()
    (tmp_path / "debug" / FRONT_FOLDER).symlink_to(tmp_path / "matte")
    with pytest.raises(OutputError, match="would be written over"):
        check_beside_mattes(tmp_path / "debug", [tmp_path / "matte"])
