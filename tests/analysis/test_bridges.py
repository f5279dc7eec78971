"""Which broken frames are bridged, by which good ones, and what a bridged face looks like."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import pytest
from planned import COUNT, analysis_of, even_stats

from lipblend.analysis.face_tracks import FaceTrack
from lipblend.analysis.measure import FaceMeasure
from lipblend.faces.landmarks import LIPS_INNER, Landmarks
from lipblend.plan import face_plan
from lipblend.plan.bridges import bridged_rows, share_of_second
from lipblend.plan.broken_frames import Broken
from lipblend.plan.fault_log import many_broken
from lipblend.plan.frame_plan import BROKEN, FaultRun, Plan
from lipblend.plan.make_plan import make_plan
from lipblend.settings import Settings

TIMES_S = np.arange(COUNT) / 25
MAX_S = 0.2
FAULT = Broken("noise", 0.8)
Planned = Callable[..., Plan]


def bridged(broken: Collection[int], *, without: Collection[int] = (), max_s: float = MAX_S) -> dict[int, tuple]:
    good = np.ones(COUNT, bool)
    good[[*broken, *without]] = False
    return dict(bridged_rows(broken, good, TIMES_S, max_s=max_s))


def test_a_run_is_bridged_by_the_good_rows_on_both_sides() -> None:
    assert bridged([12, 10, 11]) == dict.fromkeys((10, 11, 12), (9, 13))


def test_runs_are_bridged_each_by_its_own_neighbours() -> None:
    assert bridged([5, 7, 8]) == {5: (4, 6), 7: (6, 9), 8: (6, 9)}


@pytest.mark.parametrize(("length", "expected"), [(5, 5), (6, 0)])
def test_a_run_is_bridged_up_to_the_limit(length: int, expected: int) -> None:
    assert len(bridged(range(10, 10 + length))) == expected


def test_without_a_limit_of_time_nothing_is_bridged() -> None:
    assert bridged([10], max_s=0.0) == {}


def test_at_an_end_of_the_shot_one_neighbour_is_enough() -> None:
    assert bridged([0, 1, COUNT - 1]) == {0: (2,), 1: (2,), COUNT - 1: (COUNT - 2,)}


def test_beside_rows_without_a_face_one_neighbour_is_enough_and_none_is_not() -> None:
    assert bridged([10, 11], without=[12]) == {10: (9,), 11: (9,)}
    assert bridged([10, 11], without=[9, 12]) == {}


def test_the_share_follows_the_time_and_one_end_takes_all() -> None:
    uneven = np.array([0.0, 0.1, 0.4])
    assert share_of_second(1, (0, 2), uneven) == pytest.approx(0.25)
    assert share_of_second(1, (2,), uneven) == 0


@pytest.fixture
def planned(face: Landmarks, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """The plan of a head that moves a pixel a frame, and whose synced mouth opens by 0.2 pixels a frame."""

    def make(broken: Collection[int], cuts: tuple[int, ...] = (0,), **faults: object) -> Plan:
        def found(_track: object, _times_s: object, start: int, stop: int) -> dict[int, Broken]:
            return {row - start: FAULT for row in broken if start <= row < stop}

        monkeypatch.setattr(face_plan, "broken_rows", found)
        meshes = [face.points + np.float32(frame) for frame in range(COUNT)]
        synced = [spoken(face, frame) + np.float32(90 * (frame in broken)) for frame in range(COUNT)]
        measured = [FaceMeasure(1.0, even_stats(120, 130)) for _ in range(COUNT)]
        track = FaceTrack.of(list(range(COUNT)), meshes, synced, measured)
        values = {"faults": faults, "smooth": {"method": "none"}}
        return make_plan(analysis_of({0: track}, cuts=cuts), Settings.model_validate(values))

    return make


def spoken(face: Landmarks, frame: int) -> np.ndarray:
    points = face.points + np.float32(frame)
    points[list(LIPS_INNER[1:10]), 1] += np.float32(0.2 * frame)
    return points


def test_a_bridged_face_keeps_its_weight_and_so_do_those_beside_it(planned: Planned) -> None:
    plan = planned([10, 11, 12])
    assert [row.faces[0].weight for row in plan.rows] == [1.0] * COUNT
    assert [i for i, row in enumerate(plan.rows) if row.is_bridged] == [10, 11, 12]
    assert [row.bridging_indices for row in plan.rows[9:14]] == [(), (9, 13), (9, 13), (9, 13), ()]
    assert [row.synced_indices for row in plan.rows[9:11]] == [(9,), (9, 13)]


def test_the_mesh_of_a_bridged_face_lies_between_those_of_its_ends(planned: Planned, face: Landmarks) -> None:
    plan = planned([10, 11, 12])
    shares = []
    for row in (10, 11, 12):
        (made,) = plan.rows[row].faces
        assert made.bridge is not None
        shares.append(made.bridge.share)
        for end, at in zip(made.bridge.ends, (9, 13), strict=True):
            np.testing.assert_allclose(end.synced.points, spoken(face, at) - (at - row), atol=0.01)
            here = made.original.mouth_centre
            np.testing.assert_allclose(end.placement.apply(here), here + (at - row), atol=0.01)
        np.testing.assert_allclose(made.synced.points, spoken(face, row), atol=0.01)
    assert shares == pytest.approx([0.25, 0.5, 0.75])


def test_good_frames_are_planned_as_if_there_were_no_broken_ones(planned: Planned) -> None:
    with_burst, without = planned([10, 11, 12]), planned([])
    for row in (9, 13, 20):
        first, second = with_burst.rows[row].faces[0], without.rows[row].faces[0]
        np.testing.assert_allclose(first.synced.points, second.synced.points, atol=0.01)
        np.testing.assert_allclose(first.colour.line(), second.colour.line())
        assert first.bridge is None


def test_a_burst_at_the_end_of_a_shot_is_not_bridged_over_the_cut(planned: Planned) -> None:
    plan = planned([18, 19, 20], cuts=(0, 20))
    assert [plan.rows[row].bridging_indices for row in (18, 19, 20)] == [(17,), (17,), (21,)]


@pytest.mark.parametrize("faults", [{"action": "original"}, {"action": "bridge", "bridge_s": 0.0}])
def test_frames_that_are_not_bridged_are_the_originals_and_the_patch_fades_beside_them(
    planned: Planned, faults: dict[str, object]
) -> None:
    plan = planned([20, 21], **faults)
    assert [(row.reason, row.faces) for row in plan.rows[20:22]] == [(BROKEN, ())] * 2
    weights = [row.faces[0].weight for row in plan.rows[15:20]]
    assert weights == sorted(weights, reverse=True)
    assert 0 < weights[-1] < 0.5
    assert plan.faults == (FaultRun(20, 21, 0.8, "noise", 0.8, bridged=False),)
    assert "2 left to the original" in plan.notes[0]


def test_broken_frames_are_blended_like_others_if_asked_for(planned: Planned) -> None:
    plan = planned([20, 21], action="blend")
    assert plan.faults == ()
    assert all(len(row.faces) == 1 and not row.broken and not row.is_bridged for row in plan.rows)


def test_runs_are_told_with_what_was_done(planned: Planned) -> None:
    plan = planned([3, 20, 21, *range(26, 36)])
    assert [(run.first, run.last, run.bridged) for run in plan.faults] == [
        (3, 3, True),
        (20, 21, True),
        (26, 35, False),
    ]
    assert plan.notes[0].startswith(f"13 of {COUNT} synced frames are broken (noise 13): 3 bridged")


@pytest.mark.parametrize(("frames", "many"), [(20, False), (19, True)])
def test_more_than_a_tenth_is_many(frames: int, many: bool) -> None:
    runs = [FaultRun(3, 3, 0.12, "noise", 0.8, True), FaultRun(9, 9, 0.36, "hole", 0.9, False)]
    text = many_broken(runs, frames)
    assert text.startswith("many frames are broken: 2 of 19 synced frames") is many
    assert ("1 bridged from the frames beside them and 1 left to the original" in text) is many
