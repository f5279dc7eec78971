"""Choice of the worst moments, and what the page says about them."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
from report_stand_ins import FAILING, evaluation

from lipblend.quality.measures import MEASURES
from lipblend.quality.pooling import visibility_over_time
from lipblend.quality.record import Evaluation, FrameRow, Headline, PartResult, Shot, Span
from lipblend.quality.report.page_parts import header, page_title, part_table
from lipblend.quality.report.page_plots import plots
from lipblend.quality.report.picks import Moment, missed_frames, worst_moments
from lipblend.quality.report.sentences import clock_text, moment_title, viewer_sentence, when_text
from lipblend.quality.report.wording import visibility_text

COUNT, RATE = 150, 25.0
OLD_LIPS = MEASURES["old_lips"].visible
assert OLD_LIPS is not None
assert OLD_LIPS.lasting is not None
EDGE = Span(20, 35, 0.8, 1.4, 1.2)
THROUGHOUT = Span(0, COUNT - 1, 0.0, (COUNT - 1) / RATE, 1.0)


def part(key: str, visibility: float, worst: int, *seen: Span) -> PartResult:
    return PartResult(key, visibility, 1.0, worst, seen)


def judged(score: float, *parts: PartResult, values: dict[str, dict[int, float]] | None = None) -> Evaluation:
    """An evaluation with these parts; their values are 0 but in some frames."""
    values = values or {}
    rows = tuple(
        FrameRow(
            index, index / RATE, 0, index, index, True, "",
            {each.key: values.get(each.key, {}).get(index, 0.0) for each in parts}, (),
        )
        for index in range(COUNT)
    )  # fmt: skip
    found = Headline(score, parts)
    return dataclasses.replace(evaluation(), rows=rows, shots=(Shot(0, COUNT, {}),), headline=found, frame_rate=RATE)


def picked(record: Evaluation) -> list[tuple[int, str]]:
    return [(moment.index, moment.key) for moment in worst_moments(record, max_count=3)]


def test_the_worst_moments_are_those_of_the_most_visible_parts() -> None:
    record = judged(
        20, part("skin_cast", 4.0, 90), part("glow", 3.0, 93), part("seam_step", 2.0, 30), part("flicker", 1.5, 60)
    )
    assert picked(record) == [(90, "skin_cast"), (30, "seam_step"), (60, "flicker")]
    first, *others = worst_moments(record, max_count=3)
    assert [each.key for each in first.others] == ["glow"]  # three frames later: the same moment
    assert [each.others for each in others] == [(), ()]


def test_a_part_at_a_moment_that_is_taken_shows_elsewhere() -> None:
    glowing = dict.fromkeys(range(110, 121), 8.0) | {115: 8.1}
    record = judged(20, part("skin_cast", 4.0, 90), part("glow", 3.0, 93), values={"glow": glowing})
    assert picked(record) == [(90, "skin_cast"), (115, "glow")]


def test_the_same_fault_is_shown_again_only_a_second_away() -> None:
    edge = dict.fromkeys(range(20, 40), 1.05) | {30: 1.2} | dict.fromkeys(range(60, 71), 0.9) | {65: 0.95}
    record = judged(40, part("seam_step", 2.5, 30), part("glow", 0.4, 5), values={"seam_step": edge, "glow": {5: 3.0}})
    assert picked(record)[:2] == [(30, "seam_step"), (65, "seam_step")]
    assert picked(record)[2] == (5, "glow")  # the next of what is left, though not visible
    assert [moment.visibility > 1 for moment in worst_moments(record, max_count=3)] == [True, True, False]


def test_without_a_visible_part_the_weakest_moments_are_chosen() -> None:
    record = judged(
        90, part("doubled", 0.4, 35), part("glow", 0.3, 36), part("seam_step", 0.1, 4), part("flicker", 0.0, 9)
    )
    assert [index for index, _ in picked(record)][:2] == [35, 4]
    assert all(moment.visibility < 1 and not moment.others for moment in worst_moments(record, max_count=3))
    times = sorted(index / RATE for index, _ in picked(record))
    assert min(later - sooner for sooner, later in itertools.pairwise(times)) > 0.19
    assert worst_moments(dataclasses.replace(record, headline=None), max_count=3) == ()


def test_visibility_over_time_knows_shots_and_what_lasts() -> None:
    record = judged(50, part("old_lips", 1.2, 3), values={"old_lips": dict.fromkeys(range(75), 0.24)})
    record = dataclasses.replace(record, shots=(Shot(0, 75, {}), Shot(75, COUNT, {})))
    levels = visibility_over_time("old_lips", OLD_LIPS, record.rows, record.shots)
    assert levels[30] == pytest.approx(
        (0.24 - 0.6 * OLD_LIPS.unseen) / (OLD_LIPS.lasting - 0.6 * OLD_LIPS.unseen)
    )  # seen because it lasts
    assert levels[74] == pytest.approx(levels[30])
    assert levels[75] == 0  # of the next shot
    unmeasured = visibility_over_time("unknown", OLD_LIPS, record.rows, record.shots)
    assert all(math.isnan(value) for value in unmeasured)


def test_a_part_that_this_version_does_not_know_is_shown_at_its_worst_moment_only() -> None:
    assert picked(judged(20, part("of_the_future", 4.0, 90))) == [(90, "of_the_future")]


def test_frames_that_miss_marks_are_found() -> None:
    (pick,) = missed_frames(evaluation(), max_count=3)
    assert (pick.index, pick.key, pick.value) == (FAILING.stop - 1, "seam", pytest.approx(0.42))
    met = tuple(dataclasses.replace(each, passed=True) for each in evaluation().verdicts)
    assert missed_frames(dataclasses.replace(evaluation(), verdicts=met), max_count=3) == ()


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (judged(91, part("glow", 0.4, 3)), "Nothing that a viewer would notice was found."),
        (
            judged(50, part("seam_step", 1.4, 30, EDGE)),
            "A viewer would notice: an edge shows around the new mouth, 0:00.8 to 0:01.4.",
        ),
        (
            judged(9, part("flicker", 3, 30, THROUGHOUT), part("seam_step", 1.4, 30, EDGE), part("glow", 1.2, 3, EDGE)),
            "A viewer would notice: the colour of the patch flickers, throughout; an edge shows around the new mouth, "
            "0:00.8 to 0:01.4; and 1 more thing.",
        ),
        (
            judged(70, part("seam_step", 0.8, 30)),
            "Most viewers would notice nothing. Who looks closely may notice: an edge shows around the new mouth, at "
            "0:01.2.",
        ),
        (
            judged(58, part("seam_step", 0.9, 30), part("flicker", 0.9, 50)),
            "No fault is clear by itself, but together a viewer would notice them: an edge shows around the new mouth, "
            "at 0:01.2; the colour of the patch flickers, at 0:02.0.",
        ),
        (dataclasses.replace(evaluation(), headline=None), "No part of the picture could be judged."),
    ],
)  # fmt: skip
def test_one_sentence_says_what_a_viewer_would_notice(record: Evaluation, sentence: str) -> None:
    assert viewer_sentence(record) == sentence
    assert header(record, gated=False)["sentence"] == sentence


def test_times_of_a_part() -> None:
    other = Span(60, 60, 2.4, 2.4, 1.1)
    assert when_text(judged(50), part("glow", 2, 30, EDGE, other)) == "0:00.8 to 0:01.4 and 1 more time"
    assert when_text(judged(50), part("glow", 2, 60, EDGE, other, other)) == "at 0:02.4 and 2 more times"
    assert clock_text(3723.46) == "1:02:03.5"
    assert clock_text(59.96) == "1:00.0"


def test_what_is_not_visible_is_not_called_a_fault() -> None:
    assert moment_title(Moment(3, "seam_step", 1.4)) == "An edge shows around the new mouth"
    assert moment_title(Moment(3, "seam_step", 0.9)) == "Edge around the mouth: would not be noticed"
    assert [visibility_text(value) for value in (0.0, 2.14, 8.0)] == [
        "0.0 x just visible", "2.1 x just visible", "at least 8 x just visible",
    ]  # fmt: skip


def test_the_table_lists_every_part() -> None:
    record = judged(50, part("seam_step", 4.0, 30, EDGE), part("old_lips", 0.5, 2))
    table = part_table(record)
    edge, lips = table.rows
    assert (edge.text, edge.visible, edge.bar, edge.value, edge.when) == (
        "An edge shows around the new mouth", True, 100, "1 JND", "0:00.8 to 0:01.4",
    )  # fmt: skip
    assert (edge.worst.text, edge.worst.frame) == ("frame 30, 0:01.2", 30)
    assert (lips.text, lips.visible, lips.bar, lips.when) == ("Old lips shining through", False, 12.5, "")
    assert lips.seen == f"{OLD_LIPS.seen:.0%}, or {OLD_LIPS.lasting:.0%} if it lasts".replace("%", " %")
    assert table.just_visible == 25
    assert "Flicker" in table.missing
    assert "Edge around the mouth" not in table.missing
    assert part_table(dataclasses.replace(record, headline=None)).rows == ()
    assert part_table(judged(99, part("glow", 0.1, 2))).just_visible == 50  # a short bar stays short


def test_the_title_says_what_was_found() -> None:
    assert page_title(evaluation(), gated=False) == "Visible, 34 of 100: result.mp4"
    assert page_title(evaluation(), gated=True) == "Failed: Visible, 34 of 100: result.mp4"
    assert page_title(dataclasses.replace(evaluation(), headline=None), gated=False) == "Not judged: result.mp4"


def test_plots_of_parts_show_where_they_become_visible() -> None:
    record = judged(50, part("old_lips", 1.2, 3, EDGE), values={"old_lips": {3: 0.84}})
    verdicts = [dataclasses.replace(evaluation().verdicts[0], key=key) for key in ("old_lips", "score")]
    record = dataclasses.replace(record, verdicts=tuple(verdicts))
    (drawn,) = plots(record, ("old_lips",), gated=False)["parts"]
    top = 0.84 * 1.06
    assert drawn.mark_y == pytest.approx(100 * (1 - OLD_LIPS.seen / top), abs=0.02)
    assert drawn.lasting_y == pytest.approx(100 * (1 - OLD_LIPS.lasting / top), abs=0.02)
    assert 'x="133.33"' in drawn.bands  # frame 20 of 150
    assert [text for _, text, is_line in drawn.labels if is_line] == [
        f"{value * 100:.0f} %" for value in (OLD_LIPS.seen, OLD_LIPS.lasting)
    ]
