"""Where segments begin, and which frames and sizes a quick look takes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipblend.errors import SettingsError
from lipblend.segments.proxy import ProxySize
from lipblend.segments.spans import FrameRange, segment_spans


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


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("3:7", range(3, 7)), (":4", range(4)), ("6:", range(6, 10)), ("-3:", range(7, 10)), (":-3", range(7)),
        ("2:-2", range(2, 8)), ("-5:-1", range(5, 9)), (":", range(10)), ("-4:9", range(6, 9)), ("0:10", range(10)),
    ],
)  # fmt: skip
def test_ranges_count_as_python_does(text: str, wanted: range) -> None:
    assert FrameRange.parse(text).of(10) == wanted
    assert list(range(10)[slice(*(int(part) if part else None for part in text.split(":")))]) == list(wanted)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no range"), ("3", "no range"), ("a:b", "no range"), ("1:2:3", "no range"), ("1.5:3", "no range"),
        ("5:5", "empty"), ("7:3", "backwards"), ("-2:-5", "backwards"),
    ],
)  # fmt: skip
def test_bad_ranges_are_refused_before_any_work(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        FrameRange.parse(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0:11", "leaves"),
        ("-11:", "leaves"),
        ("10:", "empty"),
        (":0", "empty"),
        ("8:-5", "backwards"),
        ("12:", "leaves"),
    ],
)
def test_ranges_that_do_not_fit_the_clip_are_refused_with_its_length(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=f"{says}.*10 frames, 0 to 9"):
        FrameRange.parse(text).of(10)


@pytest.mark.parametrize("text", ["", "half", "0", "1", "1.5", "-480", "480.5", "20000", "1/0", "nan", "inf"])
def test_bad_proxy_sizes_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--proxy"):
        ProxySize.parse(text)
