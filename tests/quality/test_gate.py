"""Verdicts on given rows."""

from __future__ import annotations

import pytest

from lipblend.quality.gate import NOT_MEASURED, value_met_by, verdicts
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import FrameRow, Shot, Verdict
from lipblend.settings import GateSettings

GATE = GateSettings()


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
    gate = GateSettings.model_validate({"faulty_max": 0.1, "passed_through_max": 0.1})
    frames = rows("seam", [0.0] * 6, faults=(1, 2), passed=(5,))
    broken = verdict("faulty", frames, gate=gate, faulty=2 / 6)
    assert (broken.passed, [(span.first, span.last) for span in broken.failing]) == (False, [(1, 2)])
    through = verdict("passed_through", frames, gate=gate, passed_through=1 / 6)
    assert [(span.first, span.last) for span in through.failing] == [(5, 5)]
    lips = verdict("lip_corr", frames, lip_corr=0.5)
    assert (lips.passed, [(span.first, span.last) for span in lips.failing]) == (False, [(0, 4)])
    assert verdict("lip_corr", frames, lip_corr=0.99).failing == ()


def test_a_mark_can_be_changed_and_switched_off() -> None:
    frames = rows("seam", [0.2] * 4)
    assert verdict("seam", frames, gate=GateSettings.model_validate({"seam_max": 0.3})).passed is True
    off = verdict("seam", frames, gate=GateSettings.model_validate({"seam_max": "off"}))
    assert (off.value, off.mark, off.passed, off.failing) == (0.2, None, None, ())
    assert (
        verdict("seam", rows("seam", [0.5, 0.1]), gate=GateSettings.model_validate({"frame_share": 0.5})).passed is True
    )


@pytest.mark.parametrize(
    ("key", "share", "kept"), [("seam", 0.95, 95), ("seam", 1.0, 100), ("ssim_y", 0.95, 6), ("sharpness", 0.95, 50.5)]
)
def test_the_value_is_met_by_the_share(key: str, share: float, kept: float) -> None:
    assert value_met_by(MEASURES[key], [float(i) for i in range(1, 101)], share) == kept


def test_every_mark_belongs_to_a_measure() -> None:
    marks = {measure.mark for measure in MEASURES.values() if measure.mark}
    assert marks == set(GateSettings.model_fields) - {"frame_share"}


def test_the_docs_list_every_key_and_default() -> None:
    from pathlib import Path

    text = (Path(__file__).resolve().parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")
    for measure in MEASURES.values():
        name = "ssim_y" if measure.key.startswith("ssim_") else measure.key  # the three stand in one row
        assert f"`{name}`" in text, f"add `{measure.key}` to docs/quality.md"
        if measure.mark:
            mark = getattr(GATE, measure.mark)
            shown = mark if mark == "off" else f"{mark:g}"
            assert f"`gate.{measure.mark}` {shown}" in text, measure.mark
