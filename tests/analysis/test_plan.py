"""Plans of made analyses: weights, meshes, colours, cuts, and what passes through."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from planned import COUNT, analysis_of, even_stats
from retracked import retracked

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.measure import FaceMeasure
from lipblend.errors import InputMismatchError, NoFaceError
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.similarity import NOWHERE
from lipblend.plan.frame_plan import BRIEF, NO_FACE, NO_SYNCED, UNCHANGED, FramePlan
from lipblend.plan.make_plan import make_plan, without_faces
from lipblend.runtime.spill import StoredSequence
from lipblend.settings import Settings
from lipblend.stages.colour.membrane import SAMPLE_SHAPE
from lipblend.stages.colour.statistics import ColourStats

Clip = Callable[..., ClipAnalysis]


def stats(cast: float) -> ColourStats:
    return even_stats(120.0, 120.0 + cast)


def weight(row: FramePlan) -> float:
    return row.faces[0].weight if row.faces else 0.0


@pytest.fixture
def clip(face: Landmarks) -> Clip:
    def make(
        *,
        seen: range | list[int] = range(COUNT),
        paired: int = COUNT,
        cuts: tuple[int, ...] = (0,),
        cast: float = 0.0,
        borrowed: bool = False,
    ) -> ClipAnalysis:
        track = FaceTrack.of(
            list(seen),
            [face.points + np.float32(frame) for frame in seen],
            [None if borrowed else face.points + np.float32(frame + 0.5) for frame in seen],
            [FaceMeasure(1.0, stats(cast * (-1) ** frame)) for frame in seen],
        )
        return analysis_of({0: track}, paired=paired, cuts=cuts)

    return make


def test_every_frame_gets_its_smoothed_meshes(clip: Clip, face: Landmarks) -> None:
    plan = make_plan(clip(), Settings())
    assert len(plan.rows) == COUNT
    for frame, row in enumerate(plan.rows):
        assert weight(row) == 1
        np.testing.assert_allclose(row.faces[0].original.points, face.points + frame, atol=0.01)
        np.testing.assert_allclose(row.faces[0].synced.points, face.points + frame + 0.5, atol=0.01)


def test_short_gaps_are_filled_and_long_ones_fade(clip: Clip, face: Landmarks) -> None:
    seen = [f for f in range(COUNT) if f not in (5, 6) and not 15 <= f < 32]
    plan = make_plan(clip(seen=seen), Settings())
    assert weight(plan.rows[5]) == 1
    np.testing.assert_allclose(plan.rows[5].faces[0].original.points, face.points + 5, atol=0.01)
    assert [row.reason for row in plan.rows[15:32]] == [NO_FACE] * 17
    assert 0 < weight(plan.rows[14]) < weight(plan.rows[13]) < 1
    assert 0 < weight(plan.rows[32]) < weight(plan.rows[33]) < 1


def test_a_brief_run_is_left_to_the_original_and_noted(clip: Clip) -> None:
    analysis = clip(seen=[0, 1, *range(16, 24)])  # what begins with the shot is not brief
    plan = make_plan(analysis, Settings())
    assert {row.reason for row in plan.rows[16:24]} == {BRIEF}
    assert [frame for frame, row in enumerate(plan.rows) if row.faces] == [0, 1]
    assert any("8 frames in runs shorter than 0.5 s" in note for note in plan.notes)
    always = make_plan(analysis, Settings.model_validate({"track": {"min_run_s": 0}}))
    assert all(row.faces for row in always.rows[16:24])
    assert not any("runs shorter" in note for note in always.notes)


def test_the_only_run_of_a_shot_is_blended_however_brief(clip: Clip) -> None:
    plan = make_plan(clip(seen=[*range(14, 22)]), Settings())
    assert [frame for frame, row in enumerate(plan.rows) if row.faces] == [*range(14, 22)]


def test_a_synced_frame_made_from_a_neighbour_is_moved_as_the_head_did(clip: Clip, face: Landmarks) -> None:
    analysis = clip()  # the head moves by a pixel a frame, across and down
    slipped = np.maximum(np.arange(COUNT) - 1, 0)
    pairing = replace(analysis.alignment.pairing, source=slipped)
    analysis = replace(analysis, alignment=replace(analysis.alignment, pairing=pairing))
    row = make_plan(analysis, Settings()).rows[20].faces[0]
    np.testing.assert_allclose(row.placement.matrix, [[1, 0, -1], [0, 1, -1]], atol=1e-3)
    np.testing.assert_allclose(row.synced.points, face.points + 20 + 0.5 + 1, atol=0.01)
    assert make_plan(clip(), Settings()).rows[20].faces[0].placement == NOWHERE


def test_rows_know_the_faces_motion_and_the_neighbours_asked_for(clip: Clip, face: Landmarks) -> None:
    calm = make_plan(clip(cuts=(0, 20)), Settings())
    np.testing.assert_allclose([row.faces[0].velocity for row in calm.rows], 1, atol=0.01)
    assert not any(row.faces[0].neighbours for row in calm.rows)
    asked = make_plan(clip(cuts=(0, 20)), Settings.model_validate({"alpha": {"average_frames": 2}})).rows
    assert [len(asked[frame].faces[0].neighbours) for frame in (0, 1, 10, 18, 19, 20, 21, 22)] == [
        0,
        2,
        4,
        2,
        0,
        0,
        2,
        4,
    ]
    for one, two in asked[10].faces[0].neighbours:
        np.testing.assert_allclose(one.points, face.points + 10, atol=0.02)
        np.testing.assert_allclose(two.points, face.points + 10.5, atol=0.02)


def test_nothing_is_smoothed_across_a_cut(clip: Clip) -> None:
    analysis = clip(cuts=(0, 20))
    meshes = list(analysis.tracks[0].original)
    for row in range(20, COUNT):
        meshes[row] = meshes[row] + np.float32(200)
    analysis.tracks[0] = retracked(analysis.tracks[0], original=meshes)
    plan = make_plan(analysis, Settings())
    for frame in (19, 20):
        np.testing.assert_allclose(plan.rows[frame].faces[0].original.points, meshes[frame], atol=0.01)


@pytest.mark.parametrize(("tail", "rows"), [("original", COUNT), ("trim", 30)])
def test_frames_without_a_synced_picture(clip: Clip, tail: str, rows: int) -> None:
    plan = make_plan(clip(paired=30), Settings.model_validate({"pair": {"tail": tail}}))
    assert len(plan.rows) == rows
    assert all(row.reason == NO_SYNCED for row in plan.rows[30:])
    assert any("10 of 40 frames" in note for note in plan.notes)
    if tail == "original":
        assert 0 < weight(plan.rows[29]) < 1  # fades out towards the end of the synced video


def test_missing_tail_can_be_an_error(clip: Clip) -> None:
    with pytest.raises(InputMismatchError, match="10 of 40 frames"):
        make_plan(clip(paired=30), Settings.model_validate({"pair": {"tail": "error"}}))


def test_no_face_anywhere_can_be_copied(clip: Clip) -> None:
    empty = clip()
    empty.tracks.clear()
    plan = make_plan(empty, Settings.model_validate({"track": {"no_face": "copy"}}))
    assert [row.reason for row in plan.rows] == [NO_FACE] * COUNT
    assert any("no face to work on" in note for note in plan.notes)


def test_a_face_number_that_is_not_there_is_an_error(clip: Clip) -> None:
    settings = Settings.model_validate({"track": {"face": 1}})
    with pytest.raises(NoFaceError, match=r"face asked for \(1\): the shot has 1 face, counted from 0"):
        make_plan(clip(), settings)
    with pytest.raises(NoFaceError, match="the 2 shots have 0 to 1 faces each"):
        make_plan(clip(seen=range(20), cuts=(0, 20)), settings)
    assert make_plan(clip(), Settings.model_validate({"track": {"face": 0}})).rows[0].faces


def test_two_painted_faces_are_in_every_row_each_with_its_own_weight(clip: Clip) -> None:
    analysis = clip()
    other = clip(seen=range(20)).tracks[0]
    analysis.tracks[1] = retracked(
        other,
        original=[mesh + np.float32(900) for mesh in other.original],
        synced=[mesh + np.float32(900) for mesh in other.synced],
        table=analysis.tracks[0].table,
    )
    rows = make_plan(analysis, Settings()).rows
    assert [len(row.faces) for row in rows] == [2] * 20 + [1] * 20
    assert rows[10].faces[0].original.points[0, 0] + 500 < rows[10].faces[1].original.points[0, 0]
    assert [face.weight == 1 for face in rows[19].faces] == [True, False]


def test_shift_follows_a_pumping_cast_at_once_unless_smoothed(clip: Clip) -> None:
    follow = make_plan(clip(cast=6.0), Settings())
    np.testing.assert_allclose(
        [row.faces[0].colour.line()[1][0] for row in follow.rows[10:14]], [-6, 6, -6, 6], atol=1e-6
    )
    calm = make_plan(clip(cast=6.0), Settings.model_validate({"colour": {"shift_smooth_s": 0.4}}))
    assert np.abs([row.faces[0].colour.line()[1][0] for row in calm.rows[10:30]]).max() < 0.5
    none = make_plan(clip(cast=6.0), Settings.model_validate({"colour": {"method": "none"}}))
    assert all(row.faces[0].colour.is_identity for row in none.rows)


def test_synced_frames_without_a_face_borrow_the_originals_mesh_and_say_so(clip: Clip) -> None:
    plan = make_plan(clip(borrowed=True), Settings())
    np.testing.assert_array_equal(plan.rows[7].faces[0].synced.points, plan.rows[7].faces[0].original.points)
    assert any("40 synced frames without a face" in note for note in plan.notes)


def test_a_face_that_changes_its_track_id_is_worked_on_throughout(clip: Clip, face: Landmarks) -> None:
    analysis = clip()
    whole = analysis.tracks.pop(0)
    analysis.tracks[3], analysis.tracks[7] = whole.between(0, 17), whole.between(17, COUNT)
    plan = make_plan(analysis, Settings())
    assert all(weight(row) == 1 for row in plan.rows)
    np.testing.assert_allclose(plan.rows[17].faces[0].original.points, face.points + 17, atol=0.01)


def test_a_jumping_mesh_is_dropped_and_bridged(clip: Clip, face: Landmarks) -> None:
    analysis = clip()
    meshes = list(analysis.tracks[0].original)
    meshes[12] = meshes[12] + np.float32(face.face_width_px)
    analysis.tracks[0] = retracked(analysis.tracks[0], original=meshes)
    plan = make_plan(analysis, Settings())
    np.testing.assert_allclose(plan.rows[12].faces[0].original.points, face.points + 12, atol=0.05)


def test_frames_without_statistics_take_their_neighbours_colour_map(clip: Clip) -> None:
    analysis = clip()
    half = even_stats(100, 120, original_std=9)
    measured: list[FaceMeasure | None] = [FaceMeasure(1.0, half)] * COUNT
    analysis.tracks[0] = retracked(analysis.tracks[0], measured=measured)
    whole = make_plan(analysis, Settings()).rows[9].faces[0]
    measured[9:11] = [FaceMeasure(1.0, None), None]
    analysis.tracks[0] = retracked(analysis.tracks[0], measured=measured)
    row = make_plan(analysis, Settings()).rows[9].faces[0]
    np.testing.assert_allclose(row.colour.line(), whole.colour.line())
    assert row.colour.slope[0] == pytest.approx(0.9)


def test_a_jump_that_the_colour_map_does_not_follow_is_not_followed_by_the_membrane(clip: Clip) -> None:
    """Both are read from the same skin, in which something else was taken for skin."""
    analysis = clip()
    measured = []
    for cast in [*[0.0] * 20, 12.0, *[0.0] * (COUNT - 21)]:
        cells = np.zeros(SAMPLE_SHAPE, np.float16)
        cells[..., 0], cells[..., 1:4], cells[..., 4:] = 1, 120, cast
        measured.append(FaceMeasure(5.0, stats(cast), membrane=cells))
    analysis.tracks[0] = retracked(analysis.tracks[0], measured=measured)
    faces = [row.faces[0] for row in make_plan(analysis, Settings()).rows]
    assert np.abs(faces[20].colour.moves).max() < 0.1
    assert all(each.membrane is not None and np.abs(each.membrane).max() < 0.1 for each in faces)


def test_what_was_wrong_with_the_files_is_noted(clip: Clip) -> None:
    assert "a.mp4: 3" in make_plan(analysis_of(clip().tracks, notes=("a.mp4: 3",)), Settings()).notes


@pytest.mark.parametrize("painted", [0.0, 1.0])
def test_equal_videos_are_noted(painted: float, clip: Clip) -> None:
    analysis = clip()
    analysis.tracks[0] = retracked(analysis.tracks[0], measured=[FaceMeasure(painted, None)] * COUNT)
    plan = make_plan(analysis, Settings())
    noted = any("faces are identical" in note for note in plan.notes)
    assert noted == (painted == 0)
    assert plan.unchanged == (painted == 0)
    assert {(row.reason, len(row.faces)) for row in plan.rows} == {("", 1)}
    passing = without_faces(plan, into=StoredSequence[FramePlan]())
    assert {(row.reason, len(row.faces)) for row in passing.rows} == {(UNCHANGED, 0)}
    assert [row.synced_index for row in passing.rows] == [row.synced_index for row in plan.rows]


@pytest.mark.parametrize(("painted", "noted"), [(0.0, False), (0.4, True), (2.5, False)])
def test_videos_that_hardly_differ_are_asked_about(painted: float, noted: bool, clip: Clip) -> None:
    analysis = clip()
    analysis.tracks[0] = retracked(analysis.tracks[0], measured=[FaceMeasure(painted, None, 0.4)] * COUNT)
    plan = make_plan(analysis, Settings())
    assert any("is this the right synced video?" in note for note in plan.notes) == noted
    assert plan.unchanged == (painted == 0)


def test_a_shot_whose_face_the_generator_left_alone_passes_through_and_says_why(clip: Clip) -> None:
    analysis = clip(cuts=(0, 20), seen=[*range(38)])
    measured = [FaceMeasure(5.0, None, 0.5)] * 20 + [FaceMeasure(0.4, None, 0.4)] * 18
    analysis.tracks[0] = retracked(analysis.tracks[0], measured=measured)
    reasons = [row.reason for row in make_plan(analysis, Settings()).rows]
    assert reasons == [""] * 20 + [UNCHANGED] * 18 + [NO_FACE] * 2
    for face in ("all", "largest", 0):
        rows = make_plan(analysis, Settings.model_validate({"track": {"face": face}})).rows
        assert [row.reason for row in rows[:38]] == [""] * 38, "who asks for a face gets it"


def test_planning_holds_few_copies_of_a_shots_meshes(face: Landmarks) -> None:
    meshes = [face.points + np.float32(0.01 * row) for row in range(COUNT)]
    track = FaceTrack.of(range(COUNT), meshes, meshes, [FaceMeasure(5.0, stats(3.0)) for _ in meshes])
    analysis = analysis_of({0: track})
    make_plan(analysis, Settings())  # what is made once
    tracemalloc.start()
    try:
        plan = make_plan(analysis, Settings())
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    one = sum(mesh.nbytes for mesh in meshes)
    assert sum(len(row.faces) for row in plan.rows) == COUNT
    assert 2 * one < held < 3 * one  # both meshes of every frame, and the rest
    assert peak < 4.8 * one  # and what is worked out part by part
