"""Where segments begin, and which frames and sizes a quick look takes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipblend import composite_options as options
from lipblend.errors import SettingsError
from lipblend.segments.proxy_size import ProxySize
from lipblend.segments.spans import few_segments_note, segment_spans
from lipblend.settings.frame_range import FrameRange


@given(st.integers(0, 5000), st.floats(0.5, 20), st.integers(1, 120))
def test_segments_follow_each_other_and_are_of_one_length(count: int, seconds: float, rate: int) -> None:
    spans = segment_spans(count, Fraction(rate), seconds)
    assert [frame for span in spans for frame in span] == list(range(count))
    length = max(1, round(Fraction(rate) * Fraction(seconds)))
    assert all(len(span) == length for span in spans[:-1])
    if len(spans) > 1:
        assert length / 2 <= len(spans[-1]) <= 1.5 * length


def test_a_clip_without_a_rate_is_taken_for_25() -> None:
    assert segment_spans(60, None, 1) == [range(25), range(25, 60)]


TIMES_S = [5 + 0.04 * frame for frame in range(10)]
END_S = 5.4


def taken(text: str) -> range:
    return FrameRange.parse(text).resolve(TIMES_S, END_S)


@pytest.mark.parametrize(
    "text",
    [
        "3:7",
        ":4",
        "6:",
        "-3:",
        ":-3",
        "2:-2",
        "-5:-1",
        ":",
        "-4:9",
        "0:10",
        "0:999",
        "-999:",
        "8:12",
        "-12:-8",
        " 3 : 7 ",
    ],
)
def test_ranges_count_as_python_does(text: str) -> None:
    ends = [int(part) if part.strip() else None for part in text.split(":")]
    assert list(taken(text)) == list(range(10))[slice(*ends)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0.08s:0.2s", range(2, 5)), (":0.08s", range(2)), ("0.09s:", range(3, 10)), ("-0.08s:", range(8, 10)),
        (":-0.08s", range(8)), ("0.2s:999s", range(5, 10)), ("3:0.2s", range(3, 5)), ("0.2s:-1", range(5, 9)),
        ("0s:1h", range(10)), ("0m0.2s:", range(5, 10)), ("-1m:", range(10)), ("0.0400001s:", range(1, 10)),
    ],
)  # fmt: skip
def test_ranges_of_times_take_the_frames_that_start_in_them(text: str, wanted: range) -> None:
    assert taken(text) == wanted


def test_hours_and_minutes_are_written_with_letters() -> None:
    assert FrameRange.parse("1h2m3.5s:") == FrameRange(Fraction("3723.5"), None)
    assert FrameRange.parse(":-2m") == FrameRange(None, Fraction(-120))
    assert str(FrameRange.parse("1m2.5s:-3")) == "62.5s:-3"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a range"), ("3", "not a range"), ("a:b", "'a' is neither a number nor a time"),
        ("1:2:3", "written 1m02s"),
        ("::2", "every n-th"), ("0:01:02.5", "not a range"), ("1.5:3", "'1.5' is neither"), ("5:5", "empty"),
        ("7:3", "backwards"), ("-2:-5", "backwards"), ("3s:2s", "backwards"), ("2s:2s", "empty"), ("s:", "neither"),
        ("-:", "neither"),
    ],
)  # fmt: skip
def test_bad_ranges_are_refused_before_any_work(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        FrameRange.parse(text)
    assert caught.value.hint


def test_the_hint_on_a_range_of_times_speaks_of_times() -> None:
    with pytest.raises(SettingsError) as times:
        FrameRange.parse("2s:1s")
    assert "from time A" in times.value.hint
    with pytest.raises(SettingsError) as numbers:
        FrameRange.parse("2:1")
    assert "time" not in numbers.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [("10:", "empty"), (":0", "empty"), ("8:-5", "backwards"), ("12:", "empty"), ("1s:", "empty"), (":-1s", "empty")],
)
def test_ranges_without_a_frame_are_refused_with_the_clips_length(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=rf"{says}.*10 frames, 0 to 9, and lasts 0\.400 s"):
        taken(text)


def test_as_many_processes_as_there_are_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options.os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert options.parse_jobs("auto") == 3
    monkeypatch.setattr(options.os, "sched_getaffinity", lambda _: set(range(500)), raising=False)
    assert options.parse_jobs(" AUTO ") == options.MAX_JOBS
    monkeypatch.delattr(options.os, "sched_getaffinity")
    monkeypatch.setattr(options.os, "cpu_count", lambda: None)
    assert options.parse_jobs("auto") == 1
    assert options.parse_jobs("7") == 7
    for wrong in ("0", "65", "-1", "2.5", "many", ""):
        with pytest.raises(SettingsError, match="number of processes"):
            options.parse_jobs(wrong)


@pytest.mark.parametrize(
    ("jobs", "segments", "duration_s", "begins", "advised"),
    [
        (2, 2, 20.0, "", ""),
        (2, 1, 14.0, "one of 2 processes rendered: the output has 1 segment of 10 s", "encode.segment_s = 7 "),
        (4, 1, 9.0, "one of 4 processes rendered", "encode.segment_s = 2 "),
        (3, 2, 20.0, "2 of 3 processes rendered: the output has 2 segments of 10 s", "encode.segment_s = 6.5 "),
        (8, 1, 1.0, "one of 8 processes rendered", ""),
    ],
)
def test_why_a_process_had_nothing_to_do(
    jobs: int, segments: int, duration_s: float, begins: str, advised: str
) -> None:
    note = few_segments_note(jobs, segments, segment_s=10, duration_s=duration_s)
    assert note.startswith(begins)
    assert advised in note
    assert ("gives work" in note) == bool(advised)
    if advised:  # which is true: so many segments there are then
        length_s = float(advised.partition("=")[2])
        assert len(segment_spans(round(25 * duration_s), Fraction(25), length_s)) >= jobs


@pytest.mark.parametrize("text", ["", "half", "0", "1", "1.5", "-480", "480.5", "20000", "1/0", "nan", "inf"])
def test_bad_proxy_sizes_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="proxy size"):
        ProxySize.parse(text)
