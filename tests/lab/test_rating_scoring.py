"""Scores of votes whose outcome is known by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from rating_material import MakeStudy, WriteVotes

from lipblend.lab.rating.intervals import wilson
from lipblend.lab.rating.scoring import score_pairs, score_single, verdict
from lipblend.lab.rating.study import Study
from lipblend.lab.rating.summary import pair_text, single_text
from lipblend.lab.rating.votes import read_votes

RATERS = ("r1", "r2", "r3", "r4", "r5")


def seam_rows(study: Study, answers: Sequence[str]) -> list[tuple[str, str, str, str, str]]:
    """``answers[k][r]`` is rater r's answer on trial k: y, n, u, or a blank for none."""
    words = {"y": "yes", "n": "no", "u": "unsure"}
    return [
        (f"r{number}", trial.trial, trial.clips[0].file, "", words[letter])
        for trial, letters in zip(study.trials, answers, strict=True)
        for number, letter in enumerate(letters, 1)
        if letter != " "
    ]


def test_seam_shares_by_hand(seam_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = seam_study(4, controls=1)
    answers = ["nnnnn", "yynnn", "yyynn", "uuuyn", "ynnnn"]
    score = score_single(study, read_votes([write_votes(study, seam_rows(study, answers))], study))
    (method,) = score.methods
    clips = {clip.name: clip for clip in score.clips}
    assert [clips[f"natural/m{k}"].seen for k in range(4)] == [0, 2, 3, 1]
    assert [clips[f"natural/m{k}"].unnoticeable for k in range(4)] == [True, True, False, True]
    assert clips["natural/m3"].unsure == 3
    assert (method.unnoticeable.count, method.unnoticeable.of, method.unnoticeable.share) == (3, 4, 0.75)
    assert method.unnoticeable.wilson == wilson(3, 4)
    assert (method.seen.count, method.seen.of) == (6, 20)
    assert method.verdict == "fail"
    assert score.false_alarms is not None
    assert (score.false_alarms.count, score.false_alarms.of) == (1, 5)
    assert (score.raters, score.votes) == (5, 25)
    strict = score_single(
        study, read_votes([write_votes(study, seam_rows(study, answers))], study), unsure_is_seen=True
    ).methods[0]
    assert (strict.unnoticeable.count, strict.seen.count) == (2, 9)


def test_a_fault_study_counts_places_times_and_kinds(seam_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = seam_study(1, controls=1, mode="fault")
    seen = seam_rows(study, ["yyy", "   "])
    files = [
        write_votes(study, seen[:2], "a.csv", where="lips|chin", when="always", what="edge"),
        write_votes(study, seen[2:], "b.csv", where="lips", when="moment"),
        write_votes(study, seam_rows(study, ["   nn", "nnnnn"]), "c.csv"),
    ]
    score = score_single(study, read_votes(files, study))
    clip, control = score.clips
    assert (score.mode, clip.seen, clip.raters, clip.unnoticeable) == ("fault", 3, 5, False)
    assert (clip.where, clip.when, clip.what) == ({"lips": 3, "chin": 2}, {"always": 2, "moment": 1}, {"edge": 2})
    assert (control.seen, control.where) == (0, {})
    text = "\n".join(single_text(score))
    assert "fault rating fault-1: 5 rater(s), 10 votes" in text
    assert "  fault seen      3 of 5 votes" in text
    assert "controls: a fault was seen in 0 of 5 votes" in text
    assert "seam" not in text


def test_exactly_half_is_not_unnoticeable(seam_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = seam_study(1)
    votes = read_votes([write_votes(study, seam_rows(study, ["yyynnn"]))], study)
    assert score_single(study, votes).clips[0].unnoticeable is False


def test_ninety_percent_of_ten_clips_is_nine(seam_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = seam_study(10)
    for seen, expected in ((1, "pass"), (2, "fail")):
        answers = ["yyyyy"] * seen + ["nnnnn"] * (10 - seen)
        votes = read_votes([write_votes(study, seam_rows(study, answers))], study)
        assert score_single(study, votes).methods[0].verdict == expected


def test_clips_with_four_raters_are_named_and_do_not_pass(seam_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = seam_study(10)
    answers = ["nnnnn"] * 8 + ["nnnn "] * 2
    votes = read_votes([write_votes(study, seam_rows(study, answers))], study)
    (method,) = score_single(study, votes).methods
    assert method.verdict == "not enough votes"
    assert method.too_few_raters == ("natural/m8", "natural/m9")
    assert (method.unnoticeable.count, method.unnoticeable.of) == (8, 8)
    assert score_single(study, votes, min_raters=4).methods[0].verdict == "pass"
    assert score_single(study, votes, target=0.8).methods[0].verdict == "pass"


def test_methods_are_judged_apart(seam_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = seam_study(2, labels=("good", "bad"), controls=1)
    votes = read_votes([write_votes(study, seam_rows(study, ["nnnnn", "nnnnn", "yyyyy", "yyyyy", "nnnnn"]))], study)
    good, bad = score_single(study, votes).methods
    assert (good.label, good.verdict, bad.label, bad.verdict) == ("good", "pass", "bad", "fail")
    assert good.d_prime == pytest.approx(-1.6906 + 1.3830, abs=1e-3)  # z(0.5/11) - z(0.5/6)
    assert bad.d_prime is not None
    assert bad.d_prime > 2.5


def test_the_interval_over_raters_of_the_clip_share(seam_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = seam_study(4)
    alike = read_votes([write_votes(study, seam_rows(study, ["yyyyy", "nnnnn", "nnnnn", "nnnnn"]))], study)
    assert score_single(study, alike).methods[0].unnoticeable.by_rater == (0.75, 0.75)
    # One of five raters saw each seam: drawn three times or more of five in 5.8 % of the draws.
    split = read_votes([write_votes(study, seam_rows(study, ["ynnnn"] * 4))], study)
    assert score_single(study, split).methods[0].unnoticeable.by_rater == (0.0, 1.0)


@pytest.mark.parametrize(
    ("unnoticeable", "not_judged", "clips", "expected"),
    [(9, 0, 10, "pass"), (9, 1, 10, "pass"), (8, 0, 10, "fail"), (8, 1, 10, "not enough votes"), (7, 1, 10, "fail"),
     (0, 3, 3, "not enough votes"), (0, 0, 0, "not enough votes"), (1, 0, 1, "pass")],
)  # fmt: skip
def test_verdicts(unnoticeable: int, not_judged: int, clips: int, expected: str) -> None:
    assert verdict(unnoticeable, not_judged, clips, 0.9) == expected


def test_rounding_fails_nothing() -> None:
    assert 0.56 * 25 > 14
    assert verdict(14, 0, 25, 0.56) == "pass"


def pair_rows(answers: Sequence[str]) -> list[tuple[str, str, str, str, str]]:
    """``answers[k][r]``: o prefers old, n new, s neither. Even raters see old as A, odd ones new."""
    rows = []
    for k, letters in enumerate(answers):
        for number, letter in enumerate(letters):
            first, second = ("old", "new") if number % 2 == 0 else ("new", "old")
            answer = {"s": "same", first[0]: "a", second[0]: "b"}[letter]
            rows.append((f"r{number}", f"t{k}", f"{first}{k}.mp4", f"{second}{k}.mp4", answer))
    return rows


def test_preferences_by_hand(pair_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = pair_study(3)
    votes = read_votes([write_votes(study, pair_rows(["nnnns", "nnnno", "nnsss"]))], study)
    score = score_pairs(study, votes)
    assert (score.preferred["new"].count, score.preferred["new"].of) == (10, 11)
    assert score.preferred["new"].wilson == wilson(10, 11)
    assert score.preferred["old"].count == 1
    assert (score.same.count, score.same.of) == (4, 15)
    assert score.p_value == pytest.approx(2 * 12 / 2**11)
    assert score.finding == "new"
    by_name = {clip.name: clip for clip in score.clips}
    assert by_name["pair1"].preferred == {"old": 1, "new": 4}
    assert (by_name["pair2"].same, by_name["pair2"].raters) == (3, 5)
    assert score.too_few_raters == ()
    # new is A for raters 1 and 3: five of its ten votes (2 + 2 + 1); the vote for old, by rater 4, is A as well.
    assert (score.shown_as_a.count, score.shown_as_a.of) == (6, 11)


def test_no_preference_and_not_enough(pair_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = pair_study(2)
    even = score_pairs(study, read_votes([write_votes(study, pair_rows(["nnoos", "onons"]))], study))
    assert (even.finding, even.p_value) == ("no preference shown", pytest.approx(1.0))
    few = score_pairs(study, read_votes([write_votes(study, pair_rows(["nnnn", "nnnn"]))], study))
    assert (few.finding, few.too_few_raters) == ("not enough votes", ("pair0", "pair1"))
    ties = score_pairs(study, read_votes([write_votes(study, pair_rows(["sssss", "sssss"]))], study))
    assert (ties.finding, ties.p_value, ties.preferred["new"].share) == ("not enough votes", None, None)


def test_one_busy_rater_shows_no_preference(pair_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = pair_study(31)
    # One rater prefers new in 30 pairs; on the only pair with five raters the votes are even but for that one.
    votes = read_votes([write_votes(study, pair_rows(["n"] * 30 + ["noons"]))], study)
    score = score_pairs(study, votes)
    assert score.p_value is not None
    assert score.p_value < 0.001
    assert score.preferred["new"].by_rater is not None
    assert score.preferred["new"].by_rater[0] < 0.5
    assert score.finding == "no preference shown"
    assert "but few raters decide it" in "".join(pair_text(score))
    alone = read_votes([write_votes(study, pair_rows(["n"] * 31))], study)
    assert score_pairs(study, alone, min_raters=1).finding == "no preference shown"


def test_of_a_raters_votes_on_a_clip_the_latest_counts(
    seam_study: MakeStudy, write_votes: WriteVotes, tmp_path: Path
) -> None:
    study = seam_study(1)
    new = write_votes(
        study, [("anna", "tnatural0", "natural0.mp4", "", "no")], "new.csv", voted_at="2026-01-02T00:00:00Z"
    )
    old = write_votes(
        study, [("Anna ", "tnatural0", "natural0.mp4", "", "yes")], "old.csv", voted_at="2026-01-01T00:00:00Z"
    )
    for order in ([new, old], [old, new]):
        votes = read_votes(order, study)
        assert [vote.answer for vote in votes.counted] == ["no"]
        assert "rater anna: 1 vote(s) were replaced by later ones" in votes.notes
        assert any("2 sessions" in note for note in votes.notes)
    both = write_votes(
        study,
        [("ben", "tnatural0", "natural0.mp4", "", "yes"), ("ben", "tnatural0", "natural0.mp4", "", "unsure")],
        voted_at="2026-01-01T00:00:00Z",
    )
    assert [vote.answer for vote in read_votes([both], study).counted] == ["unsure"]
