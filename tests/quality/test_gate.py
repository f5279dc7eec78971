"""Verdicts on given rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lipblend.quality.gate import NOT_MEASURED, value_met_by, verdicts
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import FrameRow, Headline, PartResult, Shot, Span, Verdict
from lipblend.quality.visible.visible_parts import PARTS
from lipblend.settings import GateSettings

DEFAULT = GateSettings()
GATE = GateSettings.model_validate(
    {
        "seam_max": 0.12, "ring_ssim_min": 0.92, "colour_step_max": 1.0, "alpha_flicker_max": 0.08,
        "overspill_max": 0.001, "lip_corr_min": 0.99, "untouched_max": 0.0,
    }
)  # fmt: skip
"""With marks for the classic numbers, which are not judged by default."""


def rows(
    key: str, values: list[float | None], faults: tuple[int, ...] = (), passed: tuple[int, ...] = ()
) -> list[FrameRow]:
    return [
        FrameRow(
            i, i / 25, 0, i, i, i not in passed, "no face" if i in passed else "",
            {} if value is None else {key: value}, ("blurred",) if i in faults else (),
        )
        for i, value in enumerate(values)
    ]  # fmt: skip


def verdict(
    key: str, frames: list[FrameRow], shots: list[Shot] | None = None, gate: GateSettings = GATE, **clip: float
) -> Verdict:
    found = verdicts(frames, shots or [], clip, gate)
    assert [each.key for each in found] == list(MEASURES)
    return next(each for each in found if each.key == key)


def test_one_frame_in_twenty_may_miss_the_mark() -> None:
    fine = verdict("seam", rows("seam", [0.05] * 19 + [0.5]))
    assert (fine.value, fine.passed, fine.within, fine.worst, fine.median) == (0.05, True, 0.95, 0.5, 0.05)
    assert [(span.first, span.last, span.worst) for span in fine.failing] == [(19, 19, 0.5)]
    bad = verdict("seam", rows("seam", [0.05] * 18 + [0.5, 0.3]))
    assert (bad.value, bad.passed, bad.within) == (0.3, False, 0.9)


def test_a_value_at_the_mark_meets_it() -> None:
    for key, value, passed in (("seam", 0.12, True), ("ssim_y", 0.92, True), ("ssim_y", 0.9199, False)):
        assert verdict(key, rows(key, [value] * 4)).passed is passed


def test_where_high_is_better_the_low_frames_fail() -> None:
    found = verdict("ssim_y", rows("ssim_y", [0.99] * 10 + [0.5, 0.6]))
    assert (found.value, found.worst, found.passed) == (0.5, 0.5, False)
    assert [(span.first, span.last, span.worst) for span in found.failing] == [(10, 11, 0.5)]


def test_some_measures_must_meet_their_mark_in_every_frame() -> None:
    assert verdict("overspill", rows("overspill", [0.0] * 99 + [0.002])).passed is False
    assert verdict("untouched", rows("untouched", [0.0] * 99 + [1.0])).passed is False


def test_failing_frames_are_put_together_in_spans_with_their_times() -> None:
    found = verdict("colour_step", rows("colour_step", [2, 3, 0.5, 2, 0.5, 0.5, 4, 4]))
    assert [(span.first, span.last, span.start_s, span.end_s, span.worst) for span in found.failing] == [
        (0, 1, 0.0, 0.04, 3), (3, 3, 0.12, 0.12, 2), (6, 7, 0.24, 0.28, 4),
    ]  # fmt: skip


def test_frames_that_were_not_measured_do_not_count() -> None:
    found = verdict("seam", rows("seam", [None, 0.05, None, 0.5]))
    assert (found.within, found.worst) == (0.5, 0.5)
    assert [(span.first, span.last) for span in found.failing] == [(3, 3)]
    none = verdict("seam", rows("seam", [None, None]))
    assert (none.value, none.passed, none.mark, none.note) == (None, None, 0.12, NOT_MEASURED)


def test_every_shot_must_meet_the_mark() -> None:
    shots = [Shot(0, 2, {"alpha_flicker": 0.01}), Shot(2, 5, {"alpha_flicker": 0.2}), Shot(5, 6, {})]
    found = verdict("alpha_flicker", rows("seam", [0.0] * 6), shots)
    assert (found.value, found.passed, found.within) == (0.2, False, 0.5)
    assert [(span.first, span.last, span.worst) for span in found.failing] == [(2, 4, 0.2)]


def test_measures_of_the_clip_list_their_frames() -> None:
    gate = GateSettings.model_validate({"faulty_max": 0.1, "passed_through_max": 0.1, "lip_corr_min": 0.99})
    frames = rows("seam", [0.0] * 6, faults=(1, 2), passed=(5,))
    broken = verdict("faulty", frames, gate=gate, faulty=2 / 6)
    assert (broken.passed, [(span.first, span.last) for span in broken.failing]) == (False, [(1, 2)])
    through = verdict("passed_through", frames, gate=gate, passed_through=1 / 6)
    assert [(span.first, span.last) for span in through.failing] == [(5, 5)]
    lips = verdict("lip_corr", frames, gate=gate, lip_corr=0.5)
    assert (lips.passed, [(span.first, span.last) for span in lips.failing]) == (False, [(0, 4)])
    assert verdict("lip_corr", frames, gate=gate, lip_corr=0.99).failing == ()


def test_a_mark_can_be_changed_and_switched_off() -> None:
    frames = rows("seam", [0.2] * 4)
    assert verdict("seam", frames, gate=GateSettings.model_validate({"seam_max": 0.3})).passed is True
    off = verdict("seam", frames, gate=GateSettings.model_validate({"seam_max": "off"}))
    assert (off.value, off.mark, off.passed, off.failing) == (0.2, None, None, ())
    half = GateSettings.model_validate({"seam_max": 0.12, "frame_share": 0.5})
    assert verdict("seam", rows("seam", [0.5, 0.1]), gate=half).passed is True


def test_by_default_the_headline_alone_is_judged() -> None:
    awful = {"seam": 9.0, "ssim_y": -1.0, "colour_step": 99.0, "overspill": 1.0, "untouched": 255.0, "cast": 99.0}
    frames = [replace(row, values=awful) for row in rows("seam", [9.0] * 4)]
    found = verdicts(frames, [Shot(0, 4, {"alpha_flicker": 9.0})], {"score": 60.0, "lip_corr": -1.0}, DEFAULT)
    assert {each.key: each.passed for each in found if each.passed is not None} == {"score": True}
    assert verdict("score", frames, gate=DEFAULT, score=59.99).passed is False


def test_published_marks_are_shown_and_can_be_judged() -> None:
    published = {each.mark: each.published for each in MEASURES.values() if each.published is not None}
    assert published == {
        "seam_max": 0.12, "ring_ssim_min": 0.92, "alpha_flicker_max": 0.08, "overspill_max": 0.001,
    }  # fmt: skip
    gate = GateSettings.model_validate(published)
    assert verdict("ssim_y", rows("ssim_y", [0.91] * 4), gate=gate).passed is False
    assert verdict("ssim_y", rows("ssim_y", [0.93] * 4), gate=gate).passed is True


def test_a_missed_headline_says_where_its_most_visible_part_is_seen() -> None:
    span, other = Span(1, 2, 0.04, 0.08, 7.0), Span(0, 0, 0.0, 0.0, 3.0)
    parts = (PartResult("glow", 3.0, 7.0, 1, (span,)), PartResult("flicker", 1.5, 1.0, 0, (other,)))
    frames = rows("glow", [0.0, 7.0, 7.0])
    for score, failing in ((20.0, (span,)), (90.0, ())):
        judged = verdicts(frames, [], {"score": score}, DEFAULT, Headline(score, parts))
        (found,) = (each for each in judged if each.key == "score")
        assert (found.passed, found.failing) == (score >= 60, failing)


def test_visible_parts_have_no_marks_of_their_own() -> None:
    assert all(not part.mark and part.sentence and part.visible for part in PARTS)
    assert all(MEASURES[part.key] is part for part in PARTS)
    assert all(part.visible.unseen < part.visible.seen for part in PARTS)


@pytest.mark.parametrize(
    ("key", "share", "kept"), [("seam", 0.95, 95), ("seam", 1.0, 100), ("ssim_y", 0.95, 6), ("sharpness", 0.95, 50.5)]
)
def test_the_value_is_met_by_the_share(key: str, share: float, kept: float) -> None:
    assert value_met_by(MEASURES[key], [float(i) for i in range(1, 101)], share) == kept


def test_every_mark_belongs_to_a_measure() -> None:
    marks = {measure.mark for measure in MEASURES.values() if measure.mark}
    assert marks == set(GateSettings.model_fields) - {"frame_share", "against"}


def test_the_docs_list_every_key_and_default() -> None:
    from pathlib import Path

    text = (Path(__file__).resolve().parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")
    for measure in MEASURES.values():
        name = "ssim_y" if measure.key.startswith("ssim_") else measure.key  # the three stand in one row
        assert f"`{name}`" in text, f"add `{measure.key}` to docs/quality.md"
        if measure.mark:
            mark = getattr(DEFAULT, measure.mark)
            shown = mark if mark == "off" else f"{mark:g}"
            assert f"`gate.{measure.mark}` {shown}" in text, measure.mark
