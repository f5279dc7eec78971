"""Faces carried through stretches in which none is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lipblend.analysis import first_reading
from lipblend.analysis.analyse import analyse
from lipblend.analysis.carried_faces import CarriedFace
from lipblend.analysis.carry import _ends, _merged
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.models import resolve_model
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from tests.made import Shared

FRAMES, HIDDEN = 30, range(8, 22)


@pytest.fixture(scope="module")
def long_videos(shared_material: Shared) -> tuple[VideoInfo, VideoInfo]:
    pair = shared_material.sample(frames=FRAMES, size=320)
    return probe(pair.original), probe(pair.synced)


def analysed(original: VideoInfo, synced: VideoInfo, **track: object) -> ClipAnalysis:
    settings = Settings.model_validate({"track": {"stand_in": False, **track}})
    model = resolve_model("face_landmarker")
    return analyse(original, synced, model=model, settings=settings, on_frame=lambda _: None)


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Callable[[range], None]:
    """Leave the faces of some frames out of both videos."""
    follow = first_reading.follow

    def hidden(frames: range) -> None:
        def found(*args: Any, **options: Any) -> Iterator[Any]:
            for seen in follow(*args, **options):
                yield replace(seen, faces=()) if seen.frame.index in frames else seen

        monkeypatch.setattr(first_reading, "follow", found)

    return hidden


@pytest.mark.slow
def test_a_gap_is_bridged(long_videos: tuple[VideoInfo, VideoInfo], hide: Callable[[range], None]) -> None:
    (whole,) = analysed(*long_videos).tracks.values()
    assert not whole.has("carried").any()
    hide(HIDDEN)
    (track,) = analysed(*long_videos).tracks.values()
    assert track.frames == list(range(FRAMES))
    assert np.flatnonzero(track.has("carried")).tolist() == list(HIDDEN)
    assert track.has("painted").all()
    for mesh, true in zip(track.original, whole.original, strict=True):
        assert np.abs(mesh - true).mean() < 0.03 * Landmarks(true).face_width_px
    (track,) = analysed(*long_videos, carry_s=0).tracks.values()
    assert not set(HIDDEN) & set(track.frames)


@pytest.mark.slow
def test_a_face_lost_until_the_end_is_carried_as_long_as_allowed(
    long_videos: tuple[VideoInfo, VideoInfo], hide: Callable[[range], None]
) -> None:
    hide(range(10, FRAMES))
    (track,) = analysed(*long_videos, carry_s=0.4).tracks.values()
    assert track.frames == list(range(20))


@pytest.mark.slow
def test_a_stretch_that_the_generator_left_as_it_was_is_not_blended(
    long_videos: tuple[VideoInfo, VideoInfo], hide: Callable[[range], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(HIDDEN)
    measure = first_reading.PairReading.measure

    def unpainted(*given: Any, **options: Any) -> Any:
        measured = measure(*given, **options)
        if given[1].index in HIDDEN:
            return {number: replace(each, painted=0.1 * each.painted) for number, each in measured.items()}
        return measured

    monkeypatch.setattr(first_reading.PairReading, "measure", unpainted)
    (track,) = analysed(*long_videos).tracks.values()
    assert not set(HIDDEN) & set(track.frames)


def track_of(frames: list[int], face: Landmarks) -> FaceTrack:
    return FaceTrack.of(frames, [face.points] * len(frames), [None] * len(frames), [None] * len(frames))


def reaches(frames: list[int], face: Landmarks, limits: list[int], max_s: float = 9.0) -> list[tuple[int, int]]:
    times_s = np.arange(limits[-1]) / 25
    return [(end.row, end.stop) for end in _ends(0, track_of(frames, face), limits, times_s, max_s)]


def test_both_ends_of_a_gap_are_carried(face: Landmarks) -> None:
    frames = [*range(10), *range(30, 40)]
    assert reaches(frames, face, [0, 40]) == [(9, 30), (30, 9)]
    assert reaches(frames, face, [0, 40], max_s=0.2) == [(9, 15), (30, 24)]


def test_short_gaps_are_left_to_interpolation(face: Landmarks) -> None:
    assert reaches([*range(10), *range(18, 40)], face, [0, 40]) == []


def test_nothing_is_carried_over_a_cut(face: Landmarks) -> None:
    assert reaches(list(range(20, 30)), face, [0, 20, 60]) == [(29, 60)]
    assert reaches(list(range(20, 30)), face, [0, 60]) == [(20, -1), (29, 60)]


def test_meshes_from_both_ends_are_dissolved(face: Landmarks) -> None:
    first = CarriedFace(1, face.points, 0.9, age=1)
    second = CarriedFace(2, face.points + np.float32(8), 0.8, age=3)
    (merged,) = _merged([second, first])
    assert np.allclose(merged.mesh, face.points + 2, atol=1e-3)
    assert (merged.track_id, merged.fit) == (1, 0.8)


def test_meshes_that_disagree_are_not_used(face: Landmarks) -> None:
    width = face.face_width_px
    near, apart, elsewhere = (face.points + np.float32(share * width) for share in (0.0, 0.4, 3.0))
    assert _merged([CarriedFace(1, near, 0.9, 2), CarriedFace(1, apart, 0.9, 2)]) == []
    assert _merged([CarriedFace(1, near, 0.9, 2), CarriedFace(1, elsewhere, 0.9, 2)]) == []
    assert len(_merged([CarriedFace(1, near, 0.9, 2), CarriedFace(2, elsewhere, 0.9, 2)])) == 2
