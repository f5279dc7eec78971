"""What is said about a headline and its parts, and about missed marks."""

from __future__ import annotations

import dataclasses

from report_stand_ins import changed, evaluation

from lipblend.quality.measures import MEASURES
from lipblend.quality.record import NO_CHANGE, Evaluation, Headline, InputFile, PartResult, Span
from lipblend.quality.report import gate_text
from lipblend.quality.report.wording import (
    headline_text,
    measured_text,
    nothing_to_judge,
    part_text,
    seen_lines,
    sentence_text,
    summary_text,
    visible_parts,
)
from lipblend.quality.visible.visible_parts import PARTS


def part(visibility: float, *seen: tuple[int, int], key: str = "glow") -> PartResult:
    spans = tuple(Span(first, last, first / 25, last / 25, 9.0) for first, last in seen)
    return PartResult(key, visibility, 5.0, 3, spans)


def only_headline(score: float, *parts: PartResult) -> Evaluation:
    """An evaluation as it is by default: the headline alone has a mark."""
    record = evaluation(headline=Headline(score, parts))
    verdicts = tuple(
        dataclasses.replace(each, value=score, passed=score >= 60)
        if each.key == "score"
        else dataclasses.replace(each, mark=None, passed=None, failing=())
        for each in record.verdicts
    )
    return dataclasses.replace(record, verdicts=verdicts)


def test_the_headline_is_a_word_and_a_number() -> None:
    assert headline_text(Headline(91.4, ())) == "invisible, 91 of 100"
    assert headline_text(Headline(12.0, ())) == "obvious, 12 of 100"


def test_the_headline_alone_needs_no_count_of_marks() -> None:
    assert gate_text(only_headline(91.0, part(0.4))) == "Passed: invisible, 91 of 100"
    assert summary_text(only_headline(42.0)) == "Failed: visible, 42 of 100"
    assert gate_text(only_headline(42.0), gated=False) == "Measured: visible, 42 of 100"


def test_a_result_without_a_headline_is_measured_but_not_praised() -> None:
    assert measured_text(evaluation(headline=None)) == "Measured: no part of the picture could be judged"
    assert summary_text(evaluation(headline=None)) == "Failed: 2 of 8 pass marks missed"


def test_what_is_seen_is_listed_with_its_places() -> None:
    record = only_headline(30.0, part(2.14, (5, 9), (40, 40)), part(1.2, (7, 8), key="flicker"), part(0.9))
    assert gate_text(record).partition("\nWhat to do:")[0].splitlines() == [
        "Failed: visible, 30 of 100",
        "  A patch of the skin glows or is stained (2.1 x just visible)",
        "    frames 5 to 9, 0:00.200 to 0:00.360",
        "    frame 40, 0:01.600",
        "  The colour of the patch flickers (1.2 x just visible)",
        "    frames 7 to 8, 0:00.280 to 0:00.320",
    ]


def test_parts_at_most_just_visible_are_not_listed() -> None:
    found = Headline(50.0, (part(3.0), part(1.01), part(1.0), part(0.2)))
    assert [each.visibility for each in visible_parts(found)] == [3.0, 1.01]
    assert [each.visibility for each in visible_parts(found, 1)] == [3.0]


def test_of_many_places_the_longest_are_listed_in_their_order() -> None:
    many = part(2.0, (0, 1), (10, 30), (40, 41), (50, 60), (70, 95))
    assert [line.split(",")[0] for line in seen_lines(many)] == [
        "frames 10 to 30", "frames 50 to 60", "frames 70 to 95", "and 2 more",
    ]  # fmt: skip
    assert len(seen_lines(many, max_count=5)) == 5


def test_every_part_has_a_sentence() -> None:
    for each in PARTS:
        text = part_text(part(1.5, key=each.key))
        assert text == f"{MEASURES[each.key].sentence} (1.5 x just visible)"
        assert text[0].islower()
        assert sentence_text(part(1.5, key=each.key))[0].isupper()
    assert len({each.sentence for each in PARTS}) == len(PARTS)


def test_a_part_of_another_version_is_named_by_its_key() -> None:
    assert part_text(part(2.0, key="of_the_future")) == "of_the_future (2.0 x just visible)"


def said(record: Evaluation) -> list[str]:
    """Lines of a gate's text up to its advice."""
    lines = gate_text(record).splitlines()
    return lines[: lines.index("What to do:")]


def test_the_gate_lists_failures_with_places_and_amounts() -> None:
    assert said(evaluation()) == [
        "Failed: visible, 34 of 100, 2 of 8 pass marks missed",
        "  An edge shows around the new mouth (1.7 x just visible)",
        "    frames 40 to 51, 0:01.600 to 0:02.040",
        "  Seam discontinuity: 0.36 instead of at most 0.12: 0.24 above the mark (200 %)",
        "    89.1 % of the measured frames meet the mark",
        "    frames 40 to 51, 0:01.600 to 0:02.040: worst 0.42",
    ]


def test_the_gate_names_passed_and_unmeasured_marks() -> None:
    fine = dataclasses.replace(changed(changed(evaluation(), "seam", passed=True), "score", passed=True), headline=None)
    assert gate_text(fine) == "Passed: 8 of 8 pass marks met"
    record = changed(evaluation(), "lip_corr", value=None, passed=None, note="no mesh was found in the result")
    assert said(record)[-1] == "  Lip-sync kept: not measured, no mesh was found in the result"
    assert gate_text(record).startswith("Failed: visible, 34 of 100, 2 of 7 ")
    record = changed(evaluation(), "lip_corr", value=None, passed=None, note="not measured")
    assert said(record)[-1] == "  Lip-sync kept: not measured"


def test_a_near_miss_has_enough_digits() -> None:
    assert (
        said(changed(evaluation(), "lip_corr", value=0.9899996, passed=False))[-1]
        == "  Lip-sync kept: 0.9899996 instead of at least 0.99: 4e-07 below the mark"
    )
    for key, value, unit in (("ssim_y", 0.91996, ""), ("colour_step", 1.0004, " CIEDE2000")):
        span = Span(3, 3, 0.12, 0.12, value)
        lines = gate_text(changed(evaluation(), key, value=value, passed=False, failing=(span,))).splitlines()
        assert any(f"{value} instead of at " in line for line in lines)
        assert any(line.endswith(f"worst {value}{unit}") for line in lines)


def test_the_gate_shows_the_worst_places_and_counts_the_rest() -> None:
    spans = tuple(Span(10 * n, 10 * n, 0.4 * n, 0.4 * n, 0.2 + 0.01 * (n % 7)) for n in range(9))
    lines = gate_text(changed(evaluation(), "seam", failing=spans)).splitlines()
    assert [line.split(",")[0].strip() for line in lines[5:10]] == [f"frame {n}" for n in (20, 30, 40, 50, 60)]
    assert lines[10].strip() == "and 4 more"


def test_a_result_that_shows_nothing_new_is_not_judged_and_the_next_step_is_said() -> None:
    rows = tuple(
        dataclasses.replace(row, blended=False, reason=NO_CHANGE if row.blended else "no face")
        for row in evaluation().rows
    )
    for digests, said in (
        ("aaa", "original and synced are the same file. Give what the lip-sync generator made as the synced video."),
        ("aab", "original and synced are the same file. "),
        ("aba", "the result is the original file. The order of the files is ORIGINAL SYNCED RESULT."),
        ("abc", "no frame of 120 shows anything of the synced picture. The order of the files is ORIGINAL SYNCED"),
    ):
        roles = zip(("original", "synced", "result"), digests, strict=True)
        record = evaluation(rows=rows, inputs=tuple(InputFile(role, role, digest, 1) for role, digest in roles))
        assert nothing_to_judge(record).startswith(f"the gate has nothing to judge: {said}")
        assert summary_text(record) == f"Not judged: {said.partition('.')[0]}"
