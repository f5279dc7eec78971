"""A neutral mesh where the generator changed a part of the picture and no face is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lipblend.analysis import first_reading
from lipblend.analysis.analyse import analyse
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.faces.models import resolve_model
from lipblend.faces.neutral_face import neutral_face
from lipblend.plan.make_plan import make_plan
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from tests.made import Shared

FRAMES = 25


@pytest.fixture(scope="module")
def sample_videos(shared_material: Shared) -> tuple[VideoInfo, VideoInfo]:
    pair = shared_material.sample(frames=FRAMES, size=320)
    return probe(pair.original), probe(pair.synced)


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Leave all faces out of both videos, before a frame."""

    def hidden(before: int = FRAMES) -> None:
        follow = first_reading.follow

        def found(*args: Any, **options: Any) -> Iterator[Any]:
            for seen in follow(*args, **options):
                yield replace(seen, faces=()) if seen.frame.index < before else seen

        monkeypatch.setattr(first_reading, "follow", found)

    return hidden


def analysed(original: VideoInfo, synced: VideoInfo, **track: object) -> ClipAnalysis:
    settings = Settings.model_validate({"track": track})
    model = resolve_model("face_landmarker")
    return analyse(original, synced, model=model, settings=settings, on_frame=lambda _: None)


def test_the_neutral_face_is_a_frontal_face_about_its_mouth() -> None:
    face = Landmarks(neutral_face())
    assert face.face_width_px == pytest.approx(1, abs=0.005)
    assert np.abs(face.points[list(LIPS_OUTER)].mean(0)).max() < 0.005
    assert face.points[152, 1] > 0.25 > 0 > -0.25 > face.points[1, 1] - 0.1
    assert np.abs(face.points[[1, 10, 152], 0]).max() < 0.01


@pytest.mark.slow(seconds=12)
def test_a_neutral_mesh_lies_near_the_true_one_in_every_frame(
    sample_videos: tuple[VideoInfo, VideoInfo], hide: Callable[..., None]
) -> None:
    (true,) = analysed(*sample_videos).tracks.values()
    assert not true.is_stand_in
    hide()
    assert not analysed(*sample_videos, stand_in=False).tracks
    analysis = analysed(*sample_videos)
    (track,) = analysis.tracks.values()
    assert track.is_stand_in
    assert track.frames == true.frames
    assert not track.has("synced").any()
    assert not track.has("placement").any()
    for mesh, found in zip(map(Landmarks, track.original), map(Landmarks, true.original), strict=True):
        apart = np.hypot(*(mesh.mouth_centre - found.mouth_centre))
        assert apart < 0.3 * found.face_width_px
        assert 0.7 < mesh.face_width_px / found.face_width_px < 1.5
    plan = make_plan(analysis, Settings())
    assert all(row.faces for row in plan.rows)
    assert any(note.startswith(f"{FRAMES} frames in which no face was found: the part") for note in plan.notes)
    assert not any("mesh was used" in note or "its texture" in note for note in plan.notes)


@pytest.mark.slow(seconds=4)
def test_nothing_stands_in_where_nothing_was_changed(
    sample_videos: tuple[VideoInfo, VideoInfo], hide: Callable[..., None]
) -> None:
    hide()
    assert not analysed(sample_videos[0], sample_videos[0]).tracks


@pytest.mark.slow(seconds=4)
def test_a_face_too_small_to_be_asked_for_is_left_alone(
    sample_videos: tuple[VideoInfo, VideoInfo], hide: Callable[..., None]
) -> None:
    hide()
    assert not analysed(*sample_videos, min_face_px=300).tracks


@pytest.mark.slow(seconds=12)
def test_found_meshes_beside_neutral_ones_are_what_they_are_without_them(
    sample_videos: tuple[VideoInfo, VideoInfo], hide: Callable[..., None]
) -> None:
    hide(FRAMES - 8)
    alone, beside = (
        list(make_plan(analysed(*sample_videos, stand_in=stand_in, carry_s=0.0), Settings()).rows)
        for stand_in in (False, True)
    )
    plan = make_plan(analysed(*sample_videos, carry_s=0.0), Settings())
    assert any(note.startswith(f"{FRAMES - 8} frames in which no face was found: the part") for note in plan.notes)
    assert not any("its texture" in note for note in plan.notes)
    for row, (one, both) in enumerate(zip(alone, beside, strict=True)):
        (face,) = both.faces
        assert face.weight == 1
        if row < FRAMES - 8:
            assert not one.faces
        else:
            np.testing.assert_array_equal(face.original.points, one.faces[0].original.points)
