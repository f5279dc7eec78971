"""Agreement of headlines and votes, by hand. All votes and reports are made up, for tests only."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rating_material import MakeStudy, WriteVotes, write_report
from scipy.stats import spearmanr

from lipblend.errors import InputError
from lipblend.lab.rating.headline_agreement import PairAgreement, SingleAgreement, agree_pairs, agree_single
from lipblend.lab.rating.rank_statistics import rank_correlation, roc_area
from lipblend.lab.rating.rated_reports import read_judgements
from lipblend.lab.rating.scoring import score_pairs, score_single
from lipblend.lab.rating.study import Study
from lipblend.lab.rating.summary import pair_agreement_text, single_agreement_text
from lipblend.lab.rating.votes import read_votes

Agree = Callable[..., SingleAgreement]


def with_digests(study: Study) -> Study:
    """The study, with the names of the files for digests."""
    trials = (
        replace(trial, clips=tuple(replace(clip, sha256=clip.file) for clip in trial.clips)) for trial in study.trials
    )
    return replace(study, trials=tuple(trials))


@pytest.fixture
def singles(seam_study: MakeStudy, write_votes: WriteVotes, tmp_path: Path) -> Agree:
    """Agreement of made-up headlines (None: no report) with made-up answers: y, n, u, or a blank for none."""

    def agree(
        headlines: Sequence[float | None], answers: Sequence[str], mark: float | None = 60.0, controls: int = 0
    ) -> SingleAgreement:
        study = with_digests(seam_study(len(headlines) - controls, controls, mode="fault"))
        words = {"y": "yes", "n": "no", "u": "unsure"}
        rows = [
            (f"r{number}", trial.trial, trial.clips[0].file, "", words[letter])
            for trial, letters in zip(study.trials, answers, strict=True)
            for number, letter in enumerate(letters)
            if letter != " "
        ]
        reports = [
            write_report(tmp_path / f"report{k}", trial.clips[0].sha256, headline, mark=mark)
            for k, (trial, headline) in enumerate(zip(study.trials, headlines, strict=True))
            if headline is not None
        ]
        score = score_single(study, read_votes([write_votes(study, rows)], study))
        return agree_single(study, score, read_judgements(reports, study))

    return agree


def test_single_clips_by_hand(singles: Agree) -> None:
    found = singles((90, 80, 70, 40, 20), ("nnnnn", "ynnnn", "yyyyn", "yynnu", "yyyyy"))
    # Seen: 70 and 20. Of the six pairs with 90, 80 and 40 only (70, 40) is the wrong way round.
    assert found.area.value == pytest.approx(5 / 6)
    # Shares 0, 0.2, 0.8, 0.4, 1: ranks 5 4 3 2 1 against 1 2 4 3 5, so 1 - 6 (16 + 4 + 1 + 1 + 16) / (5 * 24).
    assert found.correlation.value == pytest.approx(-0.9)
    assert (found.gate.value, found.gate.clips) == (pytest.approx(3 / 5), 5)
    assert (found.passed_but_seen, found.failed_but_unseen) == (1, 1)
    assert found.most == ("natural/m2", "natural/m3")
    gaps = {clip.name: clip.gap for clip in found.clips}
    assert gaps == {"natural/m0": 0, "natural/m1": 0, "natural/m2": 0.25, "natural/m3": -0.25, "natural/m4": 0}
    text = "\n".join(single_agreement_text(found))
    assert "area under ROC  0.83 (95 %" in text
    assert "agrees with the majority in 60 % of 5 (95 %" in text
    assert "1 passed but seen, 1 failed but unseen" in text
    assert "natural/m2 (headline 70, seen by 80 %), natural/m3 (headline 40, seen by 40 %)" in text


def test_the_intervals_resample_clips(singles: Agree) -> None:
    found = singles((90, 20, 80), ("nnnnn", "yyyyy", "yyyyy"))
    assert found.area.interval == (1.0, 1.0)  # draws of one class only do not count
    assert found.gate.interval == (0.0, 1.0)  # 80 alone is drawn in 1 of 27 draws, and never in 8 of 27
    assert found.correlation.interval is not None
    low, high = found.correlation.interval
    assert -1 <= low < high <= 1


def test_half_of_the_raters_and_equal_headlines(singles: Agree) -> None:
    found = singles((50, 50), ("yyynnn", "nnnnnn"))
    assert found.area.value == 0.5
    assert found.correlation.value is None
    assert [clip.seen for clip in found.clips] == [True, False]  # half is seen, as in the score


def test_one_class_only_has_no_area(singles: Agree) -> None:
    found = singles((90, 80), ("nnnnn", "ynnnn"))
    assert (found.area.value, found.area.interval) == (None, None)
    assert found.area.why == "none of the clips were seen"
    assert found.gate.value == 1.0
    assert "area under ROC  undefined (none of the clips were seen)" in "\n".join(single_agreement_text(found))


def test_all_seen_and_no_mark(singles: Agree) -> None:
    found = singles((90, 80), ("yyyyy", "yyyyy"), mark=None)
    assert found.area.why == "all of the clips were seen"
    assert found.correlation.why == "all headlines, or all shares that saw it, are equal"
    assert (found.gate.value, found.gate.why) == (None, "no report has a mark for the headline")


def test_what_is_left_out_is_named(singles: Agree) -> None:
    found = singles((90, None, 20, 10, None), ("nnnnn", "nnnnn", "yyyyy", "yyyy ", "nnnnn"), controls=1)
    assert [clip.name for clip in found.clips] == ["natural/m0", "natural/m2"]
    assert found.left_out.no_headline == ("natural/m1", "k0")
    assert found.left_out.too_few_raters == ("natural/m3",)
    text = "\n".join(single_agreement_text(found))
    assert "note: 2 clip(s) without a report that has a headline left out: natural/m1, k0" in text
    assert "note: 1 clip(s) with too few raters left out: natural/m3" in text


def test_nothing_to_compare_is_said(singles: Agree) -> None:
    found = singles((90,), ("nnnn",))
    assert {found.area.why, found.correlation.why, found.gate.why} == {"no clip has a headline and enough votes"}
    assert found.clips == ()


def pair_agreement(
    study: Study, headlines: dict[str, float], answers: Sequence[str], write_votes: WriteVotes, folder: Path
) -> PairAgreement:
    """``answers[k][r]``: o prefers old, n new, s neither."""
    study = with_digests(study)
    rows = [
        (f"r{number}", f"t{k}", f"old{k}.mp4", f"new{k}.mp4", {"o": "a", "n": "b", "s": "same"}[letter])
        for k, letters in enumerate(answers)
        for number, letter in enumerate(letters)
    ]
    reports = [write_report(folder / name, f"{name}.mp4", value) for name, value in headlines.items()]
    score = score_pairs(study, read_votes([write_votes(study, rows)], study))
    return agree_pairs(study, score, read_judgements(reports, study))


def test_pairs_by_hand(pair_study: MakeStudy, write_votes: WriteVotes, tmp_path: Path) -> None:
    headlines = {
        "old0": 40.0, "new0": 80.0, "old1": 70.0, "new1": 50.0, "old2": 60.0, "new2": 60.0, "old3": 1.0, "new3": 2.0,
        "old4": 1.0, "new4": 2.0, "old5": 1.0,
    }  # fmt: skip
    answers = ("nnnso", "nnnnn", "ooooo", "nnoos", "nnnn", "nnnnn")
    found = pair_agreement(pair_study(6), headlines, answers, write_votes, tmp_path)
    # Right, wrong, equal; then an undecided pair, one with four raters, and one without a report.
    assert (found.higher.value, found.higher.clips) == (pytest.approx(1.5 / 3), 3)
    assert found.higher.interval == (0.0, 1.0)
    assert [(pair.name, pair.preferred, pair.lead) for pair in found.clips] == [
        ("pair1", "new", -20), ("pair2", "old", 0), ("pair0", "new", 40),
    ]  # fmt: skip
    assert found.most == ("pair1",)
    assert found.left_out.undecided == ("pair3",)
    assert found.left_out.too_few_raters == ("pair4",)
    assert found.left_out.no_headline == ("pair5",)
    text = "\n".join(pair_agreement_text(found))
    assert "has the higher headline in 50 % of 3 (95 %, over clips: 0 % to 100 %)" in text
    assert "note: 1 pair(s) without a preference left out: pair3" in text


def test_no_pair_to_compare(pair_study: MakeStudy, write_votes: WriteVotes, tmp_path: Path) -> None:
    found = pair_agreement(pair_study(1), {"old0": 1.0, "new0": 2.0}, ["nnoos"], write_votes, tmp_path)
    assert (found.higher.value, found.higher.why) == (None, "no pair has two headlines and a preference")


def test_a_weight_is_a_repeated_clip() -> None:
    rng = np.random.default_rng(5)
    values, others = rng.integers(0, 6, 12).astype(float), rng.integers(0, 4, 12).astype(float)
    low = rng.random(12) < 0.5
    weights = rng.multinomial(12, np.full(12, 1 / 12), size=20)
    for number, (area, correlation) in enumerate(
        zip(
            roc_area(weights.astype(float), values, low),
            rank_correlation(weights.astype(float), values, others),
            strict=True,
        )
    ):
        drawn = np.repeat(np.arange(12), weights[number])
        pairs = [(values[a], values[b]) for a in drawn if not low[a] for b in drawn if low[b]]
        assert area == pytest.approx(np.mean([(a > b) + (a == b) / 2 for a, b in pairs]))
        assert correlation == pytest.approx(spearmanr(values[drawn], others[drawn]).statistic)


def test_undefined_statistics_are_nan() -> None:
    ones = np.ones((1, 3))
    assert np.isnan(roc_area(ones, np.array([1.0, 2, 3]), np.array([True, True, True])))
    assert np.isnan(rank_correlation(ones, np.array([1.0, 2, 3]), np.array([0.1, 0.1, 0.1])))


@pytest.fixture
def study(seam_study: MakeStudy) -> Study:
    return with_digests(seam_study(3))


def test_folders_of_reports_are_searched(study: Study, tmp_path: Path) -> None:
    paths = [write_report(tmp_path / "all" / f"r{k}", f"natural{k}.mp4", 10.0 * k) for k in range(3)]
    (tmp_path / "all" / "notes").mkdir()
    expected = read_judgements(paths, study)
    assert {digest: each.headline for digest, each in expected.by_digest.items()} == {
        "natural0.mp4": 0.0, "natural1.mp4": 10.0, "natural2.mp4": 20.0,
    }  # fmt: skip
    assert read_judgements([tmp_path / "all"], study) == expected
    assert read_judgements([path.parent for path in paths], study) == expected
    with pytest.raises(InputError, match=r"contains no report\.json"):
        read_judgements([tmp_path / "all" / "notes"], study)


def test_a_report_on_another_file_is_an_error_that_names_it(study: Study, tmp_path: Path) -> None:
    good = write_report(tmp_path / "good", "natural0.mp4", 50.0)
    stray = write_report(tmp_path / "stray", "other", 50.0)
    with pytest.raises(
        InputError, match="1 report\\(s\\) are about files that are not clips of study seam-1"
    ) as raised:
        read_judgements([good, stray], study)
    assert raised.value.details == (f"{stray} is about stray.mp4",)
    assert "SHA-256" in (raised.value.hint or "")


def test_two_reports_on_one_file_must_agree(study: Study, tmp_path: Path) -> None:
    first = write_report(tmp_path / "a", "natural0.mp4", 50.0)
    same = write_report(tmp_path / "b", "natural0.mp4", 50.0)
    other = write_report(tmp_path / "c", "natural0.mp4", 51.0)
    assert len(read_judgements([first, same], study).by_digest) == 1
    with pytest.raises(InputError, match="judge the same file differently"):
        read_judgements([first, other], study)


def test_a_report_without_a_headline_and_other_versions_are_noted(study: Study, tmp_path: Path) -> None:
    empty = write_report(tmp_path / "a", "natural0.mp4", None)
    other = write_report(tmp_path / "b", "natural1.mp4", 50.0, version="2")
    notes = read_judgements([empty, other], study).notes
    assert notes == (f"{empty} has no headline", "the reports are by different versions of lipblend (1, 2)")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"schema": 1}, "has schema 1; this version reads 2"), ({"inputs": []}, "does not say which file it is about"),
     ({"headline": {}}, "not a complete report")],
)  # fmt: skip
def test_old_and_damaged_reports(study: Study, tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = write_report(tmp_path / "a", "natural0.mp4", 50.0)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message) as raised:
        read_judgements([path], study)
    assert str(path) in raised.value.message
    assert raised.value.hint
