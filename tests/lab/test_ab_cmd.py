"""``lipblend ab`` as a user calls it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rating_material import METHODS, ORIGINALS, WriteVotes, write_report
from typer.testing import CliRunner

from lipblend.cli.app import app
from lipblend.lab import rating
from lipblend.lab.rating.study import Study, read_key

run = CliRunner()


def called(*arguments: object, code: int = 0) -> Any:
    done = run.invoke(app, ["ab", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def seams(material: Path, tmp_path: Path) -> tuple[Study, Path]:
    key = tmp_path / "study" / "key.json"
    folders = [material / name for name in METHODS]
    called("build", *folders, "-o", key.parent, "--mode", "seam", "--control", material / ORIGINALS)
    return read_key(key), key


def rows(study: Study, seen: dict[str, str], raters: int = 5) -> list[tuple[str, str, str, str, str]]:
    return [
        (f"r{number}", trial.trial, trial.clips[0].file, "", seen.get(trial.clips[0].label, "no"))
        for trial in study.trials
        for number in range(raters)
    ]


def test_build_says_what_to_hand_out_and_what_to_keep(material: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    shown = called("build", *(material / name for name in METHODS), "-o", out, "--title", "Which one?").output
    assert f"{out / 'page'}  5 trial(s)" in shown
    assert f"{out / 'key.json'}  keep this file private" in shown
    assert "sizes" in shown
    study = read_key(out / "key.json")
    assert (study.seed, study.title, study.labels) == (7, "Which one?", METHODS)
    assert sorted(path.name for path in out.iterdir()) == ["key.json", "page"]


def test_build_with_json_and_pairs(material: Path, tmp_path: Path) -> None:
    first, second = (sorted((material / name).iterdir()) for name in METHODS)
    shown = called(
        "build", "--pair", first[0], second[0], "--pair", first[1], second[1], "--label", "x", "--label", "y",
        "-o", tmp_path / "study", "--seed", "3", "--json",
    ).stdout  # fmt: skip
    data = json.loads(shown)
    assert (data["trials"], data["controls"], data["labels"], data["seed"]) == (2, 0, ["x", "y"], 3)
    for trial in read_key(Path(data["key"])).trials:
        sources = {clip.label: clip.source for clip in trial.clips}
        index = first.index(Path(sources["x"]))
        assert sources["y"] == str(second[index])


def test_wrong_calls(material: Path, tmp_path: Path) -> None:
    first, second = (sorted((material / name).iterdir()) for name in METHODS)
    folder, missing, full = material / METHODS[0], tmp_path / "missing", tmp_path / "full"
    full.mkdir()
    (full / "x").touch()
    for words, code, part in (
        ((first[0], second[0], "--control", first[0]), 2, "--control requires --mode seam"),
        (("--pair", first[0], second[0], "--mode", "seam"), 2, "--pair requires --mode ab"),
        (("--pair", first[0]), 2, "--pair takes two files"),
        ((material, "--pair", first[0]), 2, "--pair takes two files"),
        ((first[0], tmp_path / "no.mp4"), 3, "does not exist"),
        ((folder, missing), 3, f"{missing} does not exist"),
        ((folder, folder, "--label", "x", "--label", "y"), 3, "both files of every pair are the same"),
    ):
        assert part in called("build", *words, "-o", tmp_path / "study", code=code).stderr
    assert "is not empty" in called("build", first[0], second[0], "-o", full, code=7).stderr
    assert not (tmp_path / "study").exists()


def test_a_seam_rating_that_passes(seams: tuple[Study, Path], write_votes: WriteVotes) -> None:
    study, key = seams
    shown = called("score", write_votes(study, rows(study, {})), "--key", key).output
    assert shown.count(": PASS") == 2
    assert "5 of 5 clips" in shown
    assert "Votes of one rater are not independent" in shown
    assert (
        "controls: a seam was seen in 0 of 25 votes = 0 % (95 %: Wilson 0.0 to 13.3 %, over raters 0.0 to 0.0 %)"
        in shown
    )


@pytest.mark.slow
def test_a_seam_rating_that_fails(seams: tuple[Study, Path], write_votes: WriteVotes) -> None:
    study, key = seams
    votes = write_votes(study, rows(study, {METHODS[1]: "yes"}))
    failed = called("score", votes, "--key", key, code=8)
    assert "error: the target of 90 % unnoticeable clips is missed\n  quaggamethod: fail\n" in failed.stderr
    assert "zebramethod: fail" not in failed.stderr
    done = called("score", votes, "--key", key, "--json", code=8)
    data = json.loads(done.stdout)
    assert data["passed"] is False
    assert [method["verdict"] for method in data["methods"]] == ["pass", "fail"]
    assert data["false_alarms"]["count"] == 0
    assert "is missed" in done.stderr
    called("score", votes, "--key", key, "--method", METHODS[0])
    called("score", votes, "--key", key, "--target", "0")
    assert "no method 'other'" in called("score", votes, "--key", key, "--method", "other", code=2).stderr
    called("score", votes, "--key", key, "--target", "1.5", code=2)


@pytest.mark.slow
def test_too_few_raters_do_not_pass(seams: tuple[Study, Path], write_votes: WriteVotes) -> None:
    study, key = seams
    votes = write_votes(study, rows(study, {}, raters=4))
    failed = called("score", votes, "--key", key, code=8)
    assert "error: too few votes to say whether the target of 90 % unnoticeable clips is met" in failed.stderr
    assert "zebramethod: not enough votes" in failed.stderr
    assert "too few raters  5 clip(s): quaggamethod/giraffe_take0" in failed.stdout
    called("score", votes, "--key", key, "--raters", "4")


@pytest.mark.slow
def test_not_sure_counts_as_asked(seams: tuple[Study, Path], write_votes: WriteVotes) -> None:
    study, key = seams
    votes = write_votes(study, rows(study, {METHODS[0]: "unsure"}))
    called("score", votes, "--key", key)
    called("score", votes, "--key", key, "--unsure", "seen", code=8)


def test_an_ab_test_is_scored_without_a_verdict(material: Path, tmp_path: Path, write_votes: WriteVotes) -> None:
    out = tmp_path / "study"
    called("build", *(material / name for name in METHODS), "-o", out)
    study = read_key(out / "key.json")
    votes = []
    for trial in study.trials:
        for number in range(5):
            clip_a, clip_b = trial.clips[:: 1 - 2 * (number % 2)]
            answer = "a" if clip_a.label == METHODS[1] else "b"
            votes.append((f"r{number}", trial.trial, clip_a.file, clip_b.file, answer))
    path = write_votes(study, votes)
    shown = called("score", path, "--key", out / "key.json").output
    assert "quaggamethod preferred in 25 of 25 votes = 100 %" in shown
    assert "finding: quaggamethod is preferred" in shown
    data = json.loads(called("score", path, "--key", out / "key.json", "--json").stdout)
    assert data["preferred"][METHODS[0]]["count"] == 0
    assert "A/B test" in called("score", path, "--key", out / "key.json", "--target", "0.9", code=2).stderr


def test_a_fault_rating_from_build_to_score(material: Path, tmp_path: Path, write_votes: WriteVotes) -> None:
    key = tmp_path / "study" / "key.json"
    controls = ("--control", material / ORIGINALS)
    called("build", material / METHODS[0], "-o", key.parent, "--mode", "fault", *controls)
    study = read_key(key)
    votes = write_votes(study, rows(study, {METHODS[0]: "yes"}), where="lips|neck", when="moment", what="double")
    done = called("score", votes, "--key", key, code=8)
    assert re.search(r"saw a fault .* where +when +what\n", done.stdout)
    assert re.search(r"giraffe_take0 +5 +5 .* lips 5, neck 5 +moment 5 +double 5\n", done.stdout)
    assert "seam" not in done.stdout + done.stderr
    data = json.loads(called("score", votes, "--key", key, "--target", "0", "--json").stdout)
    assert (data["mode"], data["passed"], data["methods"][0]["seen"]["count"]) == ("fault", True, 25)


def test_a_rating_against_reports(seams: tuple[Study, Path], tmp_path: Path, write_votes: WriteVotes) -> None:
    """The first method's clips pass and are not seen, the second's fail and are; the controls have no report."""
    study, key = seams
    votes = write_votes(study, rows(study, {METHODS[1]: "yes"}))
    reports = []
    for trial in study.trials:
        if not trial.control:
            digest = hashlib.sha256(Path(trial.clips[0].source).read_bytes()).hexdigest()
            folder = tmp_path / "reports" / trial.trial
            reports.append(write_report(folder, digest, 90.0 if trial.clips[0].label == METHODS[0] else 20.0))
    words = ("score", votes, "--key", key, "--target", "0")
    data = json.loads(called(*words, "--against", tmp_path / "reports", "--json").stdout)
    found = data["agreement"]
    assert (found["area"]["value"], found["correlation"]["value"], found["gate"]["value"]) == (1, pytest.approx(-1), 1)
    assert (found["gate"]["clips"], len(found["clips"]), found["most"]) == (10, 10, [])
    assert len(found["left_out"]["no_headline"]) == 5
    assert json.loads(called(*words, "--against", *reports, "--json").stdout) == data
    shown = called(*words, "--against", *reports).stdout
    assert "agreement of the headline with the votes, 10 clip(s):" in shown
    assert re.search(r"zebramethod/giraffe_take0 +90 +pass +0 % +unseen +0", shown)
    assert re.search(r"quaggamethod/giraffe_take0 +20 +fail +100 % +seen +0", shown)
    assert json.loads(called(*words, "--json").stdout)["agreement"] is None
    assert "no file of votes" in called("score", "--key", key, "--against", *reports, code=2).stderr
    stray = write_report(tmp_path / "stray", "00", 50.0)
    failed = called(*words, "--against", *reports, stray, code=3)
    assert f"{stray} is about stray.mp4" in failed.stderr
    assert (
        "does not exist" in called(*words[:1], *words[2:], "--against", reports[0], tmp_path / "no.csv", code=3).stderr
    )


def test_pairs_against_reports(material: Path, tmp_path: Path, write_votes: WriteVotes) -> None:
    out = tmp_path / "study"
    called("build", *(material / name for name in METHODS), "-o", out)
    study = read_key(out / "key.json")
    votes, reports = [], []
    for trial in study.trials:
        first, second = trial.clips
        votes += [(f"r{number}", trial.trial, first.file, second.file, "a") for number in range(5)]
        for clip, headline in ((first, 70.0), (second, 30.0)):
            reports.append(write_report(tmp_path / clip.file, clip.sha256, headline))
    words = ("score", write_votes(study, votes), "--key", out / "key.json", "--against", *reports)
    assert "has the higher headline in 100 % of 5" in called(*words).stdout
    found = json.loads(called(*words, "--json").stdout)["agreement"]
    assert (found["higher"]["value"], found["higher"]["clips"], found["most"]) == (1, 5, [])


def test_bad_files_end_with_3(seams: tuple[Study, Path], tmp_path: Path, write_votes: WriteVotes) -> None:
    study, key = seams
    bad = tmp_path / "bad.csv"
    bad.write_text("nothing")
    assert f"error: {bad} line 1:" in called("score", bad, "--key", key, code=3).stderr
    assert "does not exist" in called("score", bad, "--key", tmp_path / "no.json", code=3).stderr
    other = write_votes(study, rows(study, {})[:1])
    other.write_text(other.read_text().replace(study.study, "seam-0000000000"))
    assert "the vote belongs to study 'seam-0000000000'" in called("score", other, "--key", key, code=3).stderr


def test_a_name_cannot_steer_the_terminal() -> None:
    assert rating.printable("a\x1b[31m\u202eb") == "a?[31m?b"
