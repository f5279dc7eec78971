"""The baseline file, and regressions."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from lipblend.cli.baseline_cmd import load_reports
from lipblend.errors import GateError, InputError, OutputError, SettingsError
from lipblend.lab.baseline.lock import clip_numbers, load_baseline, named_clips, save_baseline
from lipblend.lab.baseline.regression import OFF, TOLERANCES, Tolerance, compare, parse_tolerances
from lipblend.quality.measures import MEASURES
from lipblend.quality.record import Evaluation, InputFile, Verdict
from lipblend.quality.report.report_files import json_bytes


def record(name: str | None = "a.mp4", **values: tuple[float | None, float | None]) -> Evaluation:
    """An evaluation with given verdicts: measure = (value, median)."""
    verdicts = tuple(
        Verdict(key, values.get(key, (None, None))[0], None, None, values.get(key, (None, None))[1], None, None, ())
        for key in MEASURES
    )
    inputs = () if name is None else (InputFile("original", "x.mp4", "00", 1), InputFile("result", name, "00", 1))
    return Evaluation(
        rows=(), shots=(), values={}, headline=None, verdicts=verdicts, matte="settings", settings={}, versions={},
        inputs=inputs, notes=(), width=2, height=2, frame_rate=25.0, seconds=0.0,
    )  # fmt: skip


def check(was: dict[str, Any], now: dict[str, Any], *tolerances: str):
    return compare(was, now, parse_tolerances(tolerances))


def clip(key: str, value: float | None = None, median: float | None = None) -> dict[str, Any]:
    numbers = {name: number for name, number in (("value", value), ("median", median)) if number is not None}
    return {"a.mp4": {key: numbers} if numbers else {}}


def test_measures_that_do_not_describe_quality_have_no_tolerance() -> None:
    assert [key for key, each in TOLERANCES.items() if each == OFF] == [
        "alpha", "opening_original", "opening_synced", "opening_result",
    ]  # fmt: skip
    assert check(clip("opening_result", 0.9), clip("opening_result", 0.1)).numbers == 0
    assert check(clip("gone_measure", 0.9), clip("seam", 0.1)).regressions == ()


def test_value_and_median_of_every_verdict_are_kept_and_nothing_else() -> None:
    found = clip_numbers(record(seam=(0.08, 0.05), ssim_y=(None, 0.97), lip_corr=(0.995, None), grain=(math.nan, 1.0)))
    assert found == {
        "seam": {"value": 0.08, "median": 0.05},
        "ssim_y": {"median": 0.97},
        "lip_corr": {"value": 0.995},
        "grain": {"median": 1.0},
    }


def test_a_file_is_read_as_it_was_saved_and_stays_the_same_text(tmp_path: Path) -> None:
    clips = named_clips([record("b.mp4", seam=(0.1 + 0.2, 1 / 3)), record("a.mp4", psnr=(31.25, 31.5))])
    path = tmp_path / "baseline.json"
    save_baseline(path, clips)
    assert load_baseline(path) == clips
    text = path.read_text()
    save_baseline(path, dict(reversed(clips.items())))
    assert path.read_text() == text
    assert text.index('"a.mp4"') < text.index('"b.mp4"')
    assert [line.strip() for line in text.splitlines() if "31.25" in line] == ['"value": 31.25']
    assert json.loads(text)["schema"] == 1
    assert json.loads(text)["lipblend"]
    assert [item.name for item in tmp_path.iterdir()] == ["baseline.json"]


def test_an_existing_file_is_replaced_unless_that_is_forbidden(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    save_baseline(path, clip("seam", 0.1))
    with pytest.raises(OutputError, match="already exists"):
        save_baseline(path, clip("seam", 0.2), overwrite=False)
    assert load_baseline(path) == clip("seam", 0.1)
    save_baseline(path, clip("seam", 0.2))
    assert load_baseline(path) == clip("seam", 0.2)
    with pytest.raises(OutputError, match="is a folder"):
        save_baseline(tmp_path, {})
    with pytest.raises(OutputError, match="does not exist"):
        save_baseline(tmp_path / "nowhere" / "baseline.json", {})


def test_clips_are_named_by_result_or_user() -> None:
    assert list(named_clips([record("b.mp4"), record("a.mp4")])) == ["b.mp4", "a.mp4"]
    assert list(named_clips([record("a.mp4"), record("a.mp4")], ["one", "two"])) == ["one", "two"]
    with pytest.raises(SettingsError, match=r"both called a\.mp4"):
        named_clips([record("a.mp4"), record("a.mp4")])
    with pytest.raises(SettingsError, match="1 name for 2 reports"):
        named_clips([record("a.mp4"), record("b.mp4")], ["one"])
    with pytest.raises(InputError, match="names no result"):
        named_clips([record(None)])
    assert list(named_clips([record(None)], ["one"])) == ["one"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "not JSON text"),
        ("[1]", "is not a baseline"),
        ('{"clips": {}}', "is not a baseline"),
        ('{"kind": "lipblend baseline", "schema": 2, "clips": {}}', "schema 2"),
        ('{"kind": "lipblend baseline", "schema": 1}', "damaged"),
        ('{"kind": "lipblend baseline", "schema": 1, "clips": {"a": {"seam": 0.1}}}', "damaged"),
        ('{"kind": "lipblend baseline", "schema": 1, "clips": {"a": {"seam": {"value": "0.1"}}}}', "damaged"),
        ('{"kind": "lipblend baseline", "schema": 1, "clips": {"a": {"seam": {"value": NaN}}}}', "damaged"),
        ('{"kind": "lipblend baseline", "schema": 1, "clips": {"a": {"seam": {"worst": 0.1}}}}', "damaged"),
        ("[" * 100_000, "not JSON text"),
    ],
)
def test_a_file_that_is_no_baseline_is_rejected(tmp_path: Path, content: str, part: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(content)
    with pytest.raises(InputError, match=part):
        load_baseline(path)
    with pytest.raises(InputError, match="cannot read the baseline"):
        load_baseline(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("key", "was", "worse", "better"),
    [
        ("seam", 0.08, 0.0851, 0.0749),  # low is better, 0.005 allowed
        ("ssim_y", 0.95, 0.9449, 0.9551),  # high is better, 0.005 allowed
        ("sharpness", 0.9, 0.869, 0.931),  # 1 is better, 0.03 allowed
        ("sharpness", 1.1, 1.131, 1.069),
        ("sharpness", 0.9, 1.131, 1.069),  # from one side to the other
        ("untouched", 1.0, 1.501, 0.499),  # in levels of the finished file
        ("score", 80.0, 77.9, 82.1),
        ("passed_through", 0.5, 0.501, 0.499),
    ],
)
@pytest.mark.parametrize("which", ["value", "median"])
def test_each_measure_has_its_own_direction(key: str, was: float, worse: float, better: float, which: str) -> None:
    kept = clip(key, **{which: was})
    (change,) = check(kept, clip(key, **{which: worse})).regressions
    assert (change.clip, change.key, change.which, change.was, change.now) == ("a.mp4", key, which, was, worse)
    assert change.allowed == TOLERANCES[key].amount
    found = check(kept, clip(key, **{which: better}))
    assert found.regressions == ()
    assert [(each.was, each.now) for each in found.improvements] == [(was, better)]
    same = check(kept, kept)
    assert (same.clips, same.numbers, same.regressions, same.improvements) == (1, 1, (), ())


def test_just_the_tolerance_is_allowed() -> None:
    for was, now in ((0.08, 0.085), (0.085, 0.08)):
        found = check(clip("seam", was), clip("seam", now))
        assert (found.regressions, found.improvements) == ((), ())


def test_a_tolerance_can_be_set_in_the_unit_as_a_share_or_off() -> None:
    kept, now = clip("psnr", 30.0), clip("psnr", 28.0)
    assert len(check(kept, now).regressions) == 1
    assert len(check(kept, now, "psnr=1.9").regressions) == 1
    assert check(kept, now, "psnr=2.0").regressions == ()
    assert len(check(kept, now, "psnr=6%").regressions) == 1
    assert check(kept, now, "psnr = 7%").regressions == ()
    assert check(kept, now, "psnr=off").numbers == 0
    assert parse_tolerances(["seam=1", "seam=2"])["seam"] == Tolerance(2.0)
    assert parse_tolerances([]) == TOLERANCES


@pytest.mark.parametrize("text", ["seam", "seam=", "seam=a", "seam=-1", "seam=nan", "seam=inf", "seam=%", "seam=-5%"])
def test_a_wrong_tolerance_is_rejected(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a tolerance"):
        parse_tolerances([text])


def test_an_unknown_measure_is_rejected_with_a_suggestion() -> None:
    with pytest.raises(SettingsError, match="Did you mean colour_step"):
        parse_tolerances(["color_step=1"])


def test_a_lost_measure_is_a_regression() -> None:
    for now in (clip("seam", None, 0.05), clip("seam")):
        (change, *_) = check(clip("seam", 0.08, 0.05), now, "seam=1000").regressions
        assert (change.which, change.now) == ("value", None)
        assert "is not measured" in str(change)


def test_missing_and_new_clips_and_measures_are_named() -> None:
    was = {**clip("seam", 0.1), "b.mp4": {}}
    now = {"a.mp4": {"seam": {"value": 0.1}, "grain": {"value": 1.0}}, "c.mp4": {}}
    found = check(was, now)
    assert (found.missing, found.new, found.new_measures) == (("b.mp4",), ("c.mp4",), ("a.mp4: grain",))
    found.raise_for_failure(allow_missing=True)
    with pytest.raises(GateError, match=r"1 clip of the baseline missing") as caught:
        found.raise_for_failure(allow_missing=False)
    assert caught.value.details == ("b.mp4: not among the reports",)
    assert caught.value.exit_code == 8


def test_the_error_names_clip_measure_and_numbers() -> None:
    found = check(clip("colour_step", 0.5, 0.4), clip("colour_step", 0.9, 0.4))
    with pytest.raises(GateError, match="1 number of 1 clip became worse") as caught:
        found.raise_for_failure(allow_missing=False)
    assert caught.value.details == ("a.mp4: colour_step (value) was 0.5, is 0.9, allowed 0.1 CIEDE2000",)
    check(clip("seam", 0.1), clip("seam", 0.05)).raise_for_failure(allow_missing=False)


def test_a_check_without_a_clip_in_common_does_not_pass() -> None:
    found = check({"a.mp4": {}}, {"b.mp4": {}})
    with pytest.raises(GateError, match="no clip of the baseline"):
        found.raise_for_failure(allow_missing=True)


def test_numbers_of_a_written_report_are_those_of_the_record(tmp_path: Path) -> None:
    made = record("a.mp4", seam=(0.1 + 0.2, 1 / 3), psnr=(31.25, None))
    (tmp_path / "report.json").write_bytes(json_bytes(made))
    for path in (tmp_path, tmp_path / "report.json"):
        assert named_clips(load_reports([path])) == named_clips([made])
