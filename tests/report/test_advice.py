"""What is worth trying after a missed gate, and where it is said."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from xml.etree import ElementTree

import pytest
from report_stand_ins import changed, evaluation

from lipblend.quality.hints import HINTS
from lipblend.quality.record import Evaluation, Headline, PartResult, Span
from lipblend.quality.report import gate_text
from lipblend.quality.report.advice import Advice, advice, advice_lines
from lipblend.quality.report.junit import junit_bytes
from lipblend.quality.report.page_parts import header
from lipblend.quality.report.report_files import json_bytes
from lipblend.settings import Settings
from lipblend.settings.presets import list_presets
from lipblend.settings.resolve import flat_values, resolve_settings

THROUGHOUT, SHORT = Span(0, 119, 0.0, 4.76, 1.0), Span(20, 29, 0.8, 1.16, 1.0)
PRESETS = [preset.name for preset in list_presets()]


def seen(key: str, *spans: Span, visibility: float = 2.0) -> PartResult:
    return PartResult(key, visibility, 1.0, 25, spans)


def failed(*parts: PartResult, preset: str = "natural", matte: str = "settings", **overrides: Any) -> Evaluation:
    values = {key.replace("__", "."): value for key, value in overrides.items()}
    settings = resolve_settings(preset, None, values).settings.model_dump(mode="json")
    return evaluation(headline=Headline(30.0, parts), settings=settings, matte=matte)


def only(record: Evaluation) -> Advice:
    (found,) = advice(record)
    return found


def test_advice_names_the_setting_its_value_and_one_to_try() -> None:
    found = only(failed(seen("seam_step", THROUGHOUT)))
    assert (found.parts, found.setting, found.now, found.value) == (
        ("seam_step",),
        "footprint.margin_frac",
        0.02,
        0.035,
    )
    assert found.option == "--set footprint.margin_frac=0.035"
    what, advised = found.text.split(": ")
    assert what == "An edge shows around the new mouth, throughout"
    assert advised == (
        "try --set footprint.margin_frac=0.035 (now 0.02), it keeps the seam further from the edge of what the "
        "generator painted."
    )
    assert only(failed(seen("seam_step", THROUGHOUT), footprint__margin_frac=0.035)).value == 0.05
    assert only(failed(seen("seam_step", THROUGHOUT), footprint__margin_frac=0.06)).setting == "alpha.feather_ratio"


def test_what_is_switched_off_comes_first() -> None:
    off = failed(seen("skin_cast", THROUGHOUT), colour__method="none", colour__membrane=False)
    assert only(off).option == "--set colour.method=mean_std"
    assert only(failed(seen("skin_cast", THROUGHOUT), colour__membrane=False)).option == "--set colour.membrane=true"
    chosen = failed(seen("mouth_colour", THROUGHOUT), colour__method="histogram")  # also a colour match
    assert not only(chosen).option
    hull = failed(seen("seam_step", THROUGHOUT), mask__shapes=["box", "mouth"])
    assert only(hull).option == "--set mask.shapes=superellipse"
    assert "(now box,mouth)" in only(hull).text


def test_a_short_stretch_asks_for_something_else_than_the_whole_clip() -> None:
    assert only(failed(seen("box_trace", SHORT))).preset == "high-motion"
    found = only(failed(seen("box_trace", THROUGHOUT)))
    assert (found.preset, found.setting, found.option) == ("max-concealment", "", "--preset max-concealment")
    assert "0:00.8 to 0:01.2: try --preset high-motion" in only(failed(seen("box_trace", SHORT))).text
    assert only(failed(seen("box_trace", SHORT), preset="high-motion")).setting == "footprint.margin_frac"
    assert only(failed(seen("box_trace", THROUGHOUT), preset="max-concealment")).value == 0.05


@pytest.mark.parametrize("span", [SHORT, THROUGHOUT])
@pytest.mark.parametrize("key", HINTS)
@pytest.mark.parametrize("preset", PRESETS)
def test_advice_that_is_followed_changes_something_and_comes_to_an_end(preset: str, key: str, span: Span) -> None:
    record = failed(seen(key, span), preset=preset)
    for _ in range(12):
        found = only(record)
        if not found.option:
            assert HINTS[key].otherwise in found.text
            return
        settings = Settings.model_validate(record.settings)
        base = flat_values(settings.model_dump())
        if found.setting:
            assert base[found.setting] == found.now != found.value
        extra = {found.setting: found.value} if found.setting else {}
        resolved = resolve_settings(found.preset or None, None, extra, base=(base, "before")).settings
        assert resolved != settings
        record = dataclasses.replace(record, settings=resolved.model_dump(mode="json"))
    pytest.fail("there is always something else to try")


def test_a_value_that_the_other_settings_do_not_allow_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from lipblend.quality.hints import Hint, Try

    beyond = Try("alpha.feather_floor_px", "is wide", (60.0,), "raise")
    monkeypatch.setitem(HINTS, "glow", Hint((beyond,), "that is all"))
    assert not only(failed(seen("glow", THROUGHOUT))).option  # above alpha.feather_cap_px
    assert only(failed(seen("glow", THROUGHOUT), alpha__feather_cap_px=64)).value == 60


def test_a_result_that_lipblend_did_not_make_is_to_be_composited() -> None:
    found = only(failed(seen("seam_step", THROUGHOUT), seen("glow", SHORT), matte="difference"))
    assert (found.parts, found.option) == (("seam_step", "glow"), "")
    assert "`lipblend composite ORIGINAL SYNCED -o OUT.mp4`" in found.text


def test_broken_synced_frames_are_named_instead_of_a_setting() -> None:
    part = seen("softness", SHORT)
    record = failed(part, footprint__method="none")
    assert only(record).setting == "footprint.method"
    broken = tuple(
        dataclasses.replace(row, faults=("blurred",)) if 20 <= row.index < 28 else row for row in record.rows
    )
    found = only(dataclasses.replace(record, rows=broken))
    assert not found.option
    assert "8 of 10 synced frames there are broken themselves" in found.text
    other = failed(seen("skin_cast", SHORT), colour__method="none")
    assert only(dataclasses.replace(other, rows=broken)).option  # blur has no colour


def test_the_worst_three_parts_count_and_share_what_helps_both() -> None:
    parts = [seen(key, THROUGHOUT) for key in ("seam_step", "uneven", "old_lips", "flicker")]
    first, second = advice(failed(*parts))
    assert first.parts == ("seam_step", "uneven")
    assert "around the new mouth, throughout; light or shadow falls where none was, throughout: try" in first.text
    assert second.parts == ("old_lips",)
    weak = failed(seen("old_lips", visibility=0.9), seen("glow", visibility=0.3))
    assert only(weak).parts == ("old_lips",)  # none is visible by itself
    strong = failed(seen("seam_step", THROUGHOUT), seen("old_lips", visibility=0.9))
    assert only(strong).parts == ("seam_step",)


def test_there_is_no_advice_without_a_missed_headline() -> None:
    record = failed(seen("seam_step", THROUGHOUT))
    assert advice(record)
    for other in (
        changed(record, "score", passed=True),
        changed(record, "score", passed=None, mark=None),
        dataclasses.replace(record, headline=None),
        dataclasses.replace(record, rows=tuple(dataclasses.replace(row, blended=False) for row in record.rows)),
        failed(seen("seam_step", visibility=0.2)),
    ):
        assert advice(other) == ()


def test_advice_is_said_wherever_the_gate_is() -> None:
    record = failed(seen("seam_step", THROUGHOUT), seen("old_lips", THROUGHOUT), seen("mouth_colour", THROUGHOUT))
    lines = advice_lines(record)
    assert len(lines) == 3
    assert gate_text(record).endswith("\n".join(["What to do:", *(f"  {line}" for line in lines)]))
    assert "What to do:" not in gate_text(record, gated=False)
    assert header(record, gated=True)["advice"] == lines
    assert header(record, gated=False)["advice"] == []
    written = json.loads(json_bytes(record))["advice"]
    assert [each["text"] for each in written] == lines
    assert list(written[0]) == ["parts", "setting", "now", "value", "preset", "text"]
    assert (written[0]["now"], written[0]["value"], written[0]["preset"]) == (0.02, 0.035, None)
    assert (written[2]["parts"], written[2]["setting"]) == (["mouth_colour"], None)
    fine = changed(record, "score", passed=True)
    assert json.loads(json_bytes(fine))["advice"] == []
    (suite,) = ElementTree.fromstring(junit_bytes([("clip", record)]))
    failure = next(case for case in suite if case.get("name") == "Headline").find("failure")
    assert failure is not None
    assert failure.get("message", "").endswith(
        "; worth trying: --set footprint.margin_frac=0.035, --set reuse.lips_tolerance_levels=1.8"
    )
    assert (failure.text or "").splitlines()[-3:] == lines


def test_no_advice_shapes_an_alpha_that_was_given() -> None:
    parts = [seen(key, THROUGHOUT) for key in HINTS]
    for part in parts:
        (found,) = advice(failed(part, matte="given"))
        assert not found.setting.startswith(("mask.", "alpha.", "footprint."))
    assert {advice(failed(part))[0].setting.partition(".")[0] for part in parts} & {"mask", "alpha", "footprint"}
    assert only(failed(seen("flicker", THROUGHOUT), matte="given")).option
