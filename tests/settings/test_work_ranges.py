"""Ranges of time and points in frames, as users write them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipblend.errors import SettingsError
from lipblend.output.recorded_settings import WrittenPart, recorded_values, run_record
from lipblend.settings import Settings
from lipblend.settings.face_points import FacePoint, canonical_points, parse_points
from lipblend.settings.resolve import resolve_settings
from lipblend.settings.time_words import moment, moment_text
from lipblend.settings.work_ranges import ClipTimes, canonical_ranges, frames_within, spans_of

TIMES_S = 3.0 + np.arange(100) / 25  # a clip that begins at 3 s and lasts 4 s
CLIP = ClipTimes.of(TIMES_S.tolist())


def frames(text: str) -> list[range]:
    return spans_of(canonical_ranges(text.split(",")), CLIP)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("12.5", Fraction(25, 2)), ("12.5s", Fraction(25, 2)), ("1:02.5", Fraction(125, 2)), ("1m30s", 90),
        ("1:00:02", 3602), ("2m", 120), ("0", 0), (".5", Fraction(1, 2)),
    ],
)  # fmt: skip
def test_times_are_read_in_every_notation_and_written_in_one(word: str, value: Fraction) -> None:
    assert moment(word) == Fraction(value)
    assert isinstance(moment(word), Fraction)
    assert moment(moment_text(Fraction(value))) == value


def test_frame_numbers_and_other_words() -> None:
    assert moment("120f") == 120
    assert type(moment("120f")) is int
    assert moment_text(120) == "120f"
    assert [moment(word) for word in ("", "1:60", "-2", "f", "1e3", "nan", "1:2:3:4", "s", "1.5f")] == [None] * 9


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0.4-0.8", [range(10, 20)]), ("0:00.4-800f", None), ("10f-20f", [range(10, 20)]), ("3-end", [range(75, 100)]),
        ("3-", [range(75, 100)]), ("-0.4", [range(10)]), ("3-4", [range(75, 100)]), ("3-4.04", [range(75, 100)]),
        ("all", [range(100)]), ("2-3,1-2.5", [range(25, 75)]), ("1-2,2-3", [range(25, 75)]),
        ("3-end,0.4-20f,90f-95f", [range(10, 20), range(75, 100)]), ("0.41-0.8", [range(11, 20)]),
    ],
)  # fmt: skip
def test_ranges_take_the_frames_that_start_in_them_and_are_merged(text: str, wanted: list[range] | None) -> None:
    if wanted is None:
        with pytest.raises(SettingsError, match=r"0\.4-800f .*beyond the clip: the output has 100 frames, 0 to 99"):
            frames(text)
    else:
        assert frames(text) == wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("4-5", "beyond the clip.*lasts 4.000 s"), ("3-4.1", "beyond the clip"), ("100f-end", "beyond the clip"),
        ("2-25f", "holds no frame"), ("3.97-3.98", "holds no frame"),
    ],
)  # fmt: skip
def test_ranges_beyond_the_clip_are_refused_with_its_length(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        frames(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("8-2.5", "the range 8-2.5 runs backwards"), ("2-2", "is empty"), ("30f-20f", "runs backwards"),
        ("soon", "must be all, or ranges"), ("2:5", "must be all, or ranges"), ("-", "must be all, or ranges"),
        ("end-5", "must be all, or ranges"), ("1-2,all", "cannot be given beside"), ("", "must be all, or ranges"),
    ],
)  # fmt: skip
def test_bad_ranges_are_refused_before_any_work_by_flag_and_config(text: str, says: str, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"track:\n  ranges: '{text}'\n")
    for given in ({"flags": {"track.ranges": text}}, {"config": config}, {"overrides": [f"track.ranges={text}"]}):
        with pytest.raises(SettingsError, match=says):
            resolve_settings(**given)


def test_flag_config_and_set_mean_the_same(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("track:\n  ranges: [0:02.5-8, 12-]\n")
    same = [
        resolve_settings(config=config), resolve_settings(overrides=["track.ranges=2.5-8,12-end"]),
        resolve_settings(flags={"track.ranges": "2.5s-8s, 12-"}),
    ]  # fmt: skip
    assert {each.settings.track.ranges for each in same} == {("2.5-8", "12-end")}


def test_a_part_of_a_clip_counts_from_the_start_of_the_whole() -> None:
    part = TIMES_S[40:60]
    inside = frames_within(("2-55f",), part, CLIP)
    assert np.flatnonzero(inside).tolist() == list(range(10, 15))
    assert frames_within(("all",), part).all()


def test_points_are_read_and_written_in_one_notation() -> None:
    points = parse_points("812,340@12.5;400.5,300@300f")
    assert points == (FacePoint(812, 340, Fraction(25, 2)), FacePoint(400.5, 300, 300))
    assert canonical_points("812,340@0:12.5; 400.5,300@300f") == "812,340@12.5+400.5,300@300f"
    assert parse_points(canonical_points("1,2@1m30s")) == parse_points("1,2@90")
    for wrong in ("812,340", "812@3", "a,b@3", "1,2@soon", "1,2@3;", "", "-1,2@3"):
        with pytest.raises(SettingsError, match=r"points X,Y@TIME.*got"):
            Settings.model_validate({"track": {"face": wrong}})


def test_numbers_and_words_still_name_faces() -> None:
    for given, read in (("2", 2), (2, 2), ("all", "all"), ("changed", "changed")):
        assert Settings.model_validate({"track": {"face": given}}).track.face == read


def test_the_record_of_a_run_holds_ranges_and_points() -> None:
    settings = resolve_settings(
        flags={"track.ranges": "0:02.5-8,12-", "track.face": "812,340@12.5;400,300@300f"}
    ).settings
    record = run_record(settings, None, original="", synced="", part=WrittenPart(range(9), True, 64, 48))
    values, notes = recorded_values(record)
    assert resolve_settings(None, None, values).settings == settings
    assert not notes
