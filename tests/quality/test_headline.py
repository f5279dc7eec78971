"""The headline: parts on one scale, their worst stretches, and how they are added."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipblend.quality.headline import headline, score_of
from lipblend.quality.measure_entry import Visible
from lipblend.quality.measures import MEASURES
from lipblend.quality.pooling import visibility
from lipblend.quality.record import WORDS, FrameRow, Headline, Shot, word_of
from lipblend.quality.visible.visible_parts import PARTS

RATE = 25
WINDOW = 10  # frames of 0.4 s
PLAIN, LASTING = "seam_step", "old_lips"


def level(key: str, visible: float) -> float:
    """The value of a part that is so visible in a short stretch."""
    scale = MEASURES[key].visible
    assert scale is not None
    return scale.unseen + visible * (scale.seen - scale.unseen)


def rows(series: Mapping[str, Sequence[float | None]], rate: float = RATE, start: int = 0) -> list[FrameRow]:
    count = len(next(iter(series.values())))
    return [
        FrameRow(
            start + at, (start + at) / rate, 0, at, at, True, "",
            {key: value for key, values in series.items() if (value := values[at]) is not None}, (),
        )
        for at in range(count)
    ]  # fmt: skip


def judged(frames: Sequence[FrameRow], shots: Sequence[Shot] | None = None) -> Headline:
    found = headline(frames, [Shot(0, len(frames), {})] if shots is None else shots)
    assert found is not None
    return found


def seams(visible: Sequence[float | None], rate: float = RATE) -> Headline:
    values = [None if each is None else level(PLAIN, each) for each in visible]
    return judged(rows({PLAIN: values}, rate))


def spans(found: Headline) -> list[tuple[int, int]]:
    return [(span.first, span.last) for span in found.parts[0].seen]


def test_a_part_that_is_just_visible_gives_sixty() -> None:
    assert score_of([1.0]) == pytest.approx(60)
    for part in PARTS:
        found = judged(rows({part.key: [level(part.key, 1.0)] * WINDOW}))
        if part.visible.lasting is None:
            assert found.score == pytest.approx(60), part.key
            assert found.parts[0].visibility == pytest.approx(1)


def test_what_right_results_have_too_costs_nothing() -> None:
    found = judged(rows({part.key: [0.5 * part.visible.unseen] * 60 for part in PARTS}))
    assert found.score == 100
    assert [part.visibility for part in found.parts] == [0] * len(PARTS)
    assert found.word == "invisible"
    assert score_of([]) == 100


@given(st.lists(st.floats(0, 8), min_size=1, max_size=18), st.integers(0, 17), st.floats(0.01, 4))
def test_more_of_any_part_never_raises_the_score(parts: list[float], which: int, more: float) -> None:
    worse = list(parts)
    worse[which % len(parts)] += more
    assert 0 < score_of(worse) <= score_of(parts) <= 100
    assert score_of([*parts, more]) <= score_of(parts)
    assert score_of(parts) <= score_of([max(parts)])
    assert score_of(parts[::-1]) == pytest.approx(score_of(parts))


def test_several_faint_signs_are_seen_together_but_count_less_than_added() -> None:
    assert score_of([1.0, 1.0]) < 60
    assert score_of([1.0, 1.0]) > score_of([2.0])
    assert 59.5 < score_of([1.0, 0.3]) < 60


def test_only_parts_that_are_seen_at_the_same_time_add_up() -> None:
    other = "glow"
    early, late = [0.9] * 10 + [0.0] * 30, [0.0] * 30 + [0.9] * 10

    def score(first: Sequence[float], second: Sequence[float]) -> float:
        return judged(rows({PLAIN: [level(PLAIN, v) for v in first], other: [level(other, v) for v in second]})).score

    assert score(early, late) == pytest.approx(score(early, [0.0] * 40))
    assert score(early, early) < score(early, late) - 5


def test_a_flash_of_one_frame_is_seen() -> None:
    flash = [0.0] * 40
    flash[20] = 200.0
    assert seams(flash).score < 60


def test_a_face_that_is_there_for_a_moment_is_judged_by_it() -> None:
    short: list[float | None] = [None] * 40
    short[20:23] = [3.0] * 3
    assert seams(short).parts[0].visibility == pytest.approx(3)


def test_a_series_keeps_unknown_frames_and_its_limits() -> None:
    scale = Visible(2.0, 4.0, 3.0)
    found = visibility(np.array([0, 2, 3, 4, 6, 1e9, np.nan, np.inf]), scale)
    np.testing.assert_allclose(found, [0, 0, 0.5, 1, 2, 8, np.nan, 8])
    long = visibility(np.array([3.0, 0.0]), scale, lasting=True)
    np.testing.assert_allclose(long, [1, 0])
    same = Visible(2.0, 4.0)
    np.testing.assert_allclose(visibility(np.array([3.0]), same, lasting=True), [0.5])


def test_three_strong_frames_in_a_clean_clip_are_seen() -> None:
    visible = [0.0] * 50
    visible[20:23] = [6.0] * 3
    found = seams(visible)
    assert found.parts[0].visibility == pytest.approx(1.8)
    assert found.score < 60
    assert spans(found) == [(20, 22)]  # though every stretch of 0.4 s that holds two of them is visible
    assert 20 <= found.parts[0].worst <= 22


def test_what_shows_for_a_moment_is_not_said_to_last() -> None:
    """Parts that are also judged over two seconds are seen where a short stretch shows them, if one does."""
    strong, faint = [0.0] * 100, [0.0] * 100
    strong[40:60] = [5.0] * 20
    faint[20:80] = [0.9] * 60
    found = judged(rows({LASTING: [level(LASTING, v) for v in strong]}))
    assert spans(found) == [(40, 59)]
    found = judged(rows({LASTING: [level(LASTING, v) for v in faint]}))
    assert found.parts[0].visibility > 1
    assert spans(found) == [(20, 79)]


def test_one_faint_frame_is_not_seen() -> None:
    visible = [0.0] * 50
    visible[20] = 2.0
    found = seams(visible)
    assert found.score > 95
    assert spans(found) == []


def test_stretches_are_counted_in_seconds() -> None:
    visible = [0.0] * 100
    visible[40:43] = [6.0] * 3
    fast = seams(visible, rate=2 * RATE)
    assert fast.parts[0].visibility == pytest.approx(0.9)
    assert seams(visible).parts[0].visibility == pytest.approx(1.8)


def test_a_clip_shorter_than_a_stretch_counts_as_a_whole() -> None:
    found = seams([0.0, 3.0, 3.0])
    assert found.parts[0].visibility == pytest.approx(2)
    assert spans(found) == [(1, 2)]
    assert seams([1.5]).parts[0].visibility == pytest.approx(1.5)


def test_where_and_how_strongly_a_part_is_seen() -> None:
    visible = [0.0] * 60
    visible[30:45] = [2.0] * 15
    visible[33] = 3.0
    found = seams(visible)
    (part,) = found.parts
    assert part.key == PLAIN
    assert part.visibility == pytest.approx(2.1)
    assert part.value == pytest.approx(level(PLAIN, 2.1))
    assert part.worst == 33
    (span,) = part.seen
    assert span.first <= 30
    assert span.last >= 44
    assert (span.start_s, span.end_s) == (span.first / RATE, span.last / RATE)
    assert span.worst == pytest.approx(level(PLAIN, 3.0))


def test_stretches_apart_are_spans_of_their_own() -> None:
    visible = [0.0] * 100
    visible[10:20], visible[70:80] = [3.0] * 10, [2.0] * 10
    found = seams(visible)
    assert len(spans(found)) == 2
    assert spans(found)[0][1] < 30 < 60 < spans(found)[1][0]


def test_what_lasts_is_seen_sooner() -> None:
    scale = MEASURES[LASTING].visible
    assert scale.lasting < scale.seen
    between = 0.5 * (scale.lasting + scale.seen)
    short = judged(rows({LASTING: [0.0] * 95 + [between] * WINDOW + [0.0] * 95}))
    long = judged(rows({LASTING: [0.0] * 50 + [between] * 100 + [0.0] * 50}))
    assert short.score > 60 > long.score
    assert judged(rows({LASTING: [between] * 20})).score == pytest.approx(long.score)  # a whole shot


def test_frames_that_were_not_measured_neither_help_nor_hurt() -> None:
    holed = [2.0 if at % 2 else None for at in range(40)]
    assert seams(holed).parts[0].visibility == pytest.approx(2)
    alone = [None] * 40
    alone[20] = 8.0
    assert headline(rows({PLAIN: [None if each is None else level(PLAIN, each) for each in alone]}),
                    [Shot(0, 40, {})]) is None  # fmt: skip
    gap = [0.0] * 20 + [None] * 15 + [0.0] * 20
    assert seams(gap).score == 100
    nan = rows({PLAIN: [math.nan] * 20, "glow": [0.0] * 20})
    assert [part.key for part in judged(nan).parts] == ["glow"]


def test_nothing_measured_gives_no_headline() -> None:
    assert headline([], []) is None
    assert headline(rows({"seam": [0.5] * 20}), [Shot(0, 20, {})]) is None


def test_shots_are_pooled_for_themselves_and_the_worst_counts() -> None:
    visible = [0.0] * 40
    visible[17:23] = [3.0] * 6
    frames = rows({PLAIN: [level(PLAIN, each) for each in visible]})
    whole, cut = judged(frames), judged(frames, [Shot(0, 20, {}), Shot(20, 40, {})])
    assert whole.parts[0].visibility == pytest.approx(1.8)
    assert cut.parts[0].visibility == pytest.approx(0.9)
    worse = judged(frames, [Shot(0, 20, {}), Shot(20, 23, {}), Shot(23, 40, {})])
    assert worse.parts[0].visibility == pytest.approx(3)
    assert spans(worse) == [(20, 22)]


def test_every_shot_says_where_a_part_is_seen() -> None:
    frames = rows({PLAIN: [level(PLAIN, 2.0)] * 20 + [level(PLAIN, 3.0)] * 20})
    found = judged(frames, [Shot(0, 20, {}), Shot(20, 40, {})])
    assert spans(found) == [(0, 19), (20, 39)]
    assert found.parts[0].worst >= 20


def test_rows_that_come_later_are_named_by_their_own_frames() -> None:
    frames = [*rows({"seam": [0.0] * 5}), *rows({PLAIN: [level(PLAIN, 2.0)] * 20}, start=5)]
    found = judged(frames, [Shot(5, 25, {})])
    assert spans(found) == [(5, 24)]
    assert found.parts[0].worst >= 5


def test_parts_are_ordered_by_how_visible_they_are() -> None:
    keys = {"glow": 0.5, PLAIN: 2.0, "flicker": 1.0}
    found = judged(rows({key: [level(key, visible)] * 20 for key, visible in keys.items()}))
    assert [part.key for part in found.parts] == [PLAIN, "flicker", "glow"]
    assert found.score == pytest.approx(score_of(keys.values()))


def test_words_follow_the_score() -> None:
    for least, word in WORDS:
        assert word_of(least) == word
    assert word_of(59.99) == "visible"
    assert (word_of(100), word_of(0)) == ("invisible", "obvious")
