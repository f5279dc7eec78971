"""Plans with ``track.ranges``: nothing outside, fades inside, and the frames between as in a whole run."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from planned import COUNT, analysis_of, even_stats

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.measure import FaceMeasure
from lipblend.errors import NoFaceError, SettingsError
from lipblend.faces.landmarks import Landmarks
from lipblend.frame_blender import FrameBlender
from lipblend.plan.frame_plan import BROKEN, NO_FACE, OUTSIDE_RANGES, Plan
from lipblend.plan.make_plan import make_plan
from lipblend.preview.nothing_shown import nothing_to_show
from lipblend.settings import Settings
from lipblend.settings.work_ranges import ClipTimes


def weights(plan: Plan) -> list[float]:
    return [row.faces[0].weight if row.faces else 0.0 for row in plan.rows]


@pytest.fixture
def clip(face: Landmarks) -> ClipAnalysis:
    return clip_of(face)


def clip_of(face: Landmarks, *, cuts: tuple[int, ...] = (0,), seen: range = range(COUNT)) -> ClipAnalysis:
    track = FaceTrack.of(
        list(seen),
        [face.points + np.float32(frame) for frame in seen],
        [face.points + np.float32(frame + 0.5) for frame in seen],
        [FaceMeasure(1.0, even_stats(120.0, 125.0 + 3 * (-1) ** frame)) for frame in seen],
    )
    return analysis_of({0: track}, cuts=cuts)


def ranged(*ranges: str, **track: object) -> Settings:
    return Settings.model_validate({"track": {"ranges": ranges, **track}})


def test_the_patch_fades_inside_a_range_and_nothing_is_blended_outside(clip: ClipAnalysis) -> None:
    plan, whole = make_plan(clip, ranged("10f-30f")), make_plan(clip, Settings())
    shown = weights(plan)
    assert [row.reason for row in plan.rows] == [OUTSIDE_RANGES] * 10 + [""] * 20 + [OUTSIDE_RANGES] * 10
    assert not any(shown[:10] + shown[30:])
    assert 0 < shown[10] < shown[11] < shown[12] < 1
    np.testing.assert_allclose(shown[10:30], shown[10:30][::-1])
    inside = [frame for frame in range(10, 30) if shown[frame] == 1]
    assert len(inside) >= 10
    for frame in inside:  # as in a run without ranges
        ours, theirs = plan.rows[frame].faces[0], whole.rows[frame].faces[0]
        assert np.array_equal(ours.original.points, theirs.original.points)
        assert repr(ours.colour) == repr(theirs.colour)


def test_there_is_no_fade_at_a_cut_nor_at_the_ends_of_the_clip(face: Landmarks) -> None:
    shown = weights(make_plan(clip_of(face, cuts=(0, 15)), ranged("0-15f", "25f-end")))
    assert shown[:15] == [1.0] * 15
    assert not any(shown[15:25])
    assert 0 < shown[25] < 1
    assert shown[-1] == 1


def test_a_brief_range_was_asked_for_and_says_that_it_only_fades(clip: ClipAnalysis) -> None:
    plan = make_plan(clip, ranged("18f-22f"))
    assert [frame for frame, weight in enumerate(weights(plan)) if weight] == [18, 19, 20, 21]
    assert any("frames 18 to 21 is shorter than its two fades" in note for note in plan.notes)
    assert not any("min_run_s" in note for note in plan.notes)
    assert not any("shorter than" in note for note in make_plan(clip, ranged("5f-30f")).notes)


def test_frames_without_a_face_in_a_range_keep_their_own_reason(face: Landmarks) -> None:
    plan = make_plan(clip_of(face, seen=range(20)), ranged("10f-end"))
    assert [row.reason for row in plan.rows[:10]] == [OUTSIDE_RANGES] * 10
    assert {row.reason for row in plan.rows[22:]} == {NO_FACE}


def test_ranges_without_a_face_are_an_error_that_names_them(face: Landmarks) -> None:
    analysis = clip_of(face, seen=range(10))
    with pytest.raises(NoFaceError, match=r"in 10 frames within 30f-end \(track.ranges\)"):
        make_plan(analysis, ranged("30f-end"))
    copied = make_plan(analysis, ranged("30f-end", no_face="copy"))
    assert not any(row.faces for row in copied.rows)


def test_ranges_beyond_the_clip_are_an_error_unless_only_a_part_was_analysed(clip: ClipAnalysis) -> None:
    with pytest.raises(SettingsError, match="the output has 40 frames"):
        make_plan(clip, ranged("1-5"))
    whole = ClipTimes.of((np.arange(200) / 25).tolist())
    assert [row.reason == "" for row in make_plan(clip, ranged("1-5"), clip=whole).rows] == [False] * 25 + [True] * 15


@pytest.mark.parametrize("track", [{"ranges": "0-1"}, {"face": "10,10@0"}])
def test_single_frames_refuse_what_needs_the_times_of_a_clip(track: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="need the times of a clip"):
        FrameBlender(Settings.model_validate({"track": track}))


def test_single_frames_refuse_a_parser() -> None:
    with pytest.raises(SettingsError, match="single frames have no parser"):
        FrameBlender(Settings.model_validate({"mask": {"region_source": "model"}}))


def test_a_preview_outside_the_ranges_names_them() -> None:
    def shown(*reasons: str) -> str:
        looks = [[SimpleNamespace(time_s=1.0, rendered=SimpleNamespace(reason=reason))] for reason in reasons]
        return nothing_to_show(looks, ranged("2-3", "5-end").track).hint  # type: ignore[arg-type]

    assert shown(OUTSIDE_RANGES) == "Choose times within 2-3,5-end (track.ranges), or set it to all."
    assert "track.ranges" not in shown(OUTSIDE_RANGES, BROKEN)
