"""Faces named by points in frames."""

from __future__ import annotations

import numpy as np
import pytest
from planned import COUNT, analysis_of
from retracked import retracked

from lipblend.analysis.face_tracks import FaceTable, FaceTrack
from lipblend.analysis.measure import FaceMeasure
from lipblend.errors import NoFaceError, SettingsError
from lipblend.faces.landmarks import Landmarks
from lipblend.plan.choose import choose_faces, count_people
from lipblend.plan.frame_plan import NOT_NAMED
from lipblend.plan.make_plan import make_plan
from lipblend.settings import Settings

TIMES_S = 1.0 + np.arange(100) / 25


def track(frames: range, *, at: float, width: float = 100.0) -> FaceTrack:
    mesh = np.stack([np.linspace(0, width, 478) + at, np.linspace(0, width, 478)], 1).astype(np.float32)
    n = len(frames)
    return FaceTrack.of(frames, [mesh] * n, [mesh] * n, [FaceMeasure(5.0, None, None)] * n)


def clip(*tracks: FaceTrack) -> dict[int, FaceTrack]:
    table = FaceTable()
    return {number: retracked(each, table=table) for number, each in enumerate(tracks)}


def places(face: str, *tracks: FaceTrack, start: int = 0, stop: int = 100) -> list[tuple[float, int]]:
    """Left border and first frame of the chosen faces."""
    chosen = choose_faces(clip(*tracks), TIMES_S, start, stop, max_gap_s=0.4, face=face)
    return [(float(each.original[0][0, 0]), each.first_frame) for each in chosen]


def test_a_point_names_the_face_that_holds_it_in_its_shot_only() -> None:
    people = track(range(100), at=0), track(range(100), at=300)
    assert places("350,50@1", *people) == [(300, 0)]
    assert places("50,50@1", *people) == [(0, 0)]
    assert places("350,50@10f;20,20@20f", *people, stop=50) == [(0, 0), (300, 0)]
    assert places("350,50@1", *people, start=50) == []
    assert places("350,50@1;50,50@60f", *people, start=50) == [(0, 50)]


def test_a_later_piece_of_the_same_person_belongs_to_it() -> None:
    assert sorted(places("50,50@0.1", track(range(30), at=0), track(range(60, 100), at=10))) == [(0, 0), (10, 60)]


def test_of_faces_that_overlap_the_one_whose_middle_is_nearest_is_named() -> None:
    people = track(range(100), at=0), track(range(100), at=60)
    assert places("70,50@1", *people) == [(0, 0)]
    assert places("95,50@1", *people) == [(60, 0)]


def test_a_face_seen_within_half_a_second_counts() -> None:
    assert places("50,50@0", track(range(12, 100), at=0)) == [(0, 12)]
    with pytest.raises(NoFaceError, match=r"at 0\.00 s \(frame 0\): there is none"):
        places("50,50@0", track(range(13, 100), at=0))


def test_where_no_face_holds_the_point_the_error_names_those_that_are_there() -> None:
    people = track(range(100), at=300), track(range(100), at=0)
    with pytest.raises(NoFaceError, match=r"the point 200,50@25f .* at 1\.00 s \(frame 25\): there are 2") as caught:
        places("200,50@25f", *people)
    assert "x 0 to 100, y 0 to 100; x 300 to 400, y 0 to 100" in caught.value.message


@pytest.mark.parametrize("point", ["1,1@4", "1,1@100f", "1,1@9"])
def test_a_point_beyond_the_clip_is_an_error(point: str) -> None:
    with pytest.raises(SettingsError, match=r"100 frames, 0 to 99, and lasts 4\.000 s"):
        places(point, track(range(100), at=0))


def test_lasting_faces_are_counted_apart() -> None:
    tracks = clip(track(range(100), at=0), track(range(100), at=300), track(range(50, 54), at=600))
    for lasting, count in ((False, 3), (True, 2)):
        assert count_people(tracks, TIMES_S, 0, 100, max_gap_s=0.4, lasting=lasting) == count


def test_shots_without_a_point_pass_through_and_are_counted(face: Landmarks) -> None:
    meshes = [face.points] * COUNT
    one = FaceTrack.of(list(range(COUNT)), meshes, meshes, [FaceMeasure(5.0, None)] * COUNT)
    x, y = face.points.mean(0)
    analysis = analysis_of({0: one}, cuts=(0, 20))
    plan = make_plan(analysis, Settings.model_validate({"track": {"face": f"{x:.0f},{y:.0f}@5f"}}))
    assert all(row.faces for row in plan.rows[:20])
    assert {row.reason for row in plan.rows[20:]} == {NOT_NAMED}
    assert any(note.startswith("1 shot has no point of track.face") for note in plan.notes)
    both = f"{x:.0f},{y:.0f}@5f;{x:.0f},{y:.0f}@1"
    named = make_plan(analysis, Settings.model_validate({"track": {"face": both}}))
    assert all(row.faces for row in named.rows)
    assert not any("no point" in note for note in named.notes)
