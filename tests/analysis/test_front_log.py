"""What the plan says of what lies in front: in which frames, found how, and how much is hidden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lipblend.composite_result import Hidden
from lipblend.faces.landmarks import Landmarks
from lipblend.plan.frame_plan import FacePlan, FramePlan, HiddenRun
from lipblend.plan.front_log import FrontLog, Hiding, hidden_text, joined_runs, when_text
from lipblend.plan.hidden import Found, InFront
from lipblend.settings import OcclusionSettings
from lipblend.stages.occlusion.face_look import CELLS
from lipblend.stages.occlusion.lower_face import lower_face_cells
from tests.renders import row_of


def cells(mask: np.ndarray) -> np.ndarray:
    return np.where(mask, 255, 0).astype(np.uint8)


@pytest.fixture(scope="module")
def halves(face: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    """The left and the right part of the lower face."""
    left = lower_face_cells([face])
    right = left.copy()
    left[:, CELLS // 2 :], right[:, : CELLS // 2] = False, False
    return left, right


def planned(face: Landmarks, **changes: object) -> FramePlan:
    row = row_of(face, face)
    return replace(row, faces=tuple(replace(each, **changes) for each in row.faces))  # type: ignore[arg-type]


def test_the_share_is_that_of_all_ways_together(face: Landmarks, halves: tuple[np.ndarray, np.ndarray]) -> None:
    left, right = map(cells, halves)
    one = Hiding.of_row(planned(face, ways=(("model", left),)))
    assert one.ways == ("model",)
    assert one.share == pytest.approx(halves[0].sum() / (halves[0] | halves[1]).sum(), abs=1e-4)
    both = Hiding.of_row(planned(face, ways=(("model", left), ("departures", right))))
    assert both == Hiding(("departures", "model"), pytest.approx(1.0))
    assert Hiding.of_row(planned(face, ways=(("model", left), ("departures", left)))).share == one.share


def test_what_does_not_reach_the_lower_face_hides_nothing(face: Landmarks) -> None:
    brow = np.zeros((CELLS, CELLS), bool)
    brow[2:8] = True
    assert Hiding.of_row(planned(face, ways=(("departures", cells(brow)),))) == Hiding()
    far = (np.full((21, 2), -500, np.float32) + np.arange(42, dtype=np.float32).reshape(21, 2),)
    assert Hiding.of_row(planned(face, hands=far)) == Hiding()
    assert Hiding.of_row(planned(face, strands=True)) == Hiding(("strands",), 0.0)
    assert Hiding.of_row(planned(face)) == Hiding()


def test_rows_become_runs_and_runs_are_told_as_spans(face: Landmarks, halves: tuple[np.ndarray, np.ndarray]) -> None:
    left = cells(halves[0])
    log = FrontLog(np.arange(100) / 25)
    for number in range(100):
        ways = (("departures", left),) if 50 <= number < 60 else ()
        log.add(number, planned(face, ways=ways, strands=55 <= number < 63 or number == 90))
    assert [(run.first, run.last, run.ways) for run in log.runs] == [
        (50, 54, ("departures",)), (55, 59, ("departures", "strands")), (60, 62, ("strands",)), (90, 90, ("strands",)),
    ]  # fmt: skip
    assert hidden_text(log.runs) == "14 frames (departures 10, strands 9), 2.0-2.5 s, 3.6 s"
    found = Hidden.of(log.runs)
    assert (found.frames, dict(found.ways)) == (14, {"departures": 10, "strands": 9})
    assert found.share == log.runs[0].share > 0.3


def test_many_spans_are_counted_and_every_gap_is_told() -> None:
    runs = [
        HiddenRun(at, at + 5, at / 25, (at + 5) / 25, ("hands",), 0.1) for at in (0, 10, 50, 100, 150, 200, 250, 256)
    ]
    assert len(joined_runs(runs)) == 6
    assert when_text(runs) == "0.0-0.2 s, 0.4-0.6 s, 2.0-2.2 s, 4.0-4.2 s, 6.0-6.2 s, 8.0-8.2 s and 1 more time"
    assert when_text(runs[:2]) == "0.0-0.2 s, 0.4-0.6 s"
    assert when_text(runs[6:]) == "10.0-10.4 s"
    slow = [HiddenRun(row, row, float(row), float(row), ("hands",), 0.1) for row in (3, 4)]
    assert when_text(slow) == "3.0-4.0 s"


def test_the_ways_are_joined_by_the_most_and_can_be_switched_off(
    face: Landmarks, halves: tuple[np.ndarray, np.ndarray]
) -> None:
    left, right = map(cells, halves)
    found = Found(model=dict.fromkeys(range(3), left), person=dict.fromkeys(range(3), right))
    times_s = np.arange(3) / 25

    def made(**values: object) -> InFront:
        return InFront(found, lambda _: [face], times_s, OcclusionSettings.model_validate(values))

    both = made(model="m.onnx", person="auto")
    assert [way for way, _ in both.ways(1)] == ["model", "person"]
    for (_, found_there), there in zip(both.ways(1), (left, right), strict=True):
        np.testing.assert_array_equal(found_there, there)
    assert both.hiding == {0, 1, 2}
    assert [way for way, _ in made(model="m.onnx").ways(1)] == ["model"]
    assert made().ways(1) == ()
    faint = replace(found, model=dict.fromkeys(range(3), (left * 0.4).astype(np.uint8)))
    assert (
        InFront(faint, lambda _: [face], times_s, OcclusionSettings.model_validate({"model": "m.onnx"})).ways(1) == ()
    )
    lower = OcclusionSettings.model_validate({"model": "m.onnx", "model_confidence": 0.3})
    assert InFront(faint, lambda _: [face], times_s, lower).ways(1)


def test_a_plan_without_anything_in_front_costs_nothing(face: Landmarks) -> None:
    plan: FacePlan = row_of(face, face).faces[0]
    assert (plan.ways, plan.hands, plan.strands) == ((), (), False)
