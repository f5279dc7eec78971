"""Files of votes that are not as the page saved them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from rating_material import MakeStudy, WriteVotes

from lipblend.errors import InputError
from lipblend.lab.rating.study import Study
from lipblend.lab.rating.votes import read_votes

GOOD = ("anna", "tnatural0", "natural0.mp4", "", "yes")


@pytest.fixture
def study(seam_study: MakeStudy) -> Study:
    return seam_study(2)


def test_a_vote_is_read_whole(study: Study, write_votes: WriteVotes) -> None:
    (vote,) = read_votes([write_votes(study, [GOOD], where="mouth|colour")], study).counted
    assert (vote.rater, vote.session, vote.trial, vote.answer) == ("anna", "sanna", "tnatural0", "yes")
    assert vote.details == {"where": ("mouth", "colour")}
    assert (vote.seconds, vote.plays, vote.voted_at.year) == (4.2, 2, 2026)


def test_a_fault_vote_has_a_place_a_time_and_a_kind(seam_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = seam_study(1, mode="fault")
    (vote,) = read_votes([write_votes(study, [GOOD], where="lips|neck", when="moment", what="double")], study).counted
    assert vote.details == {"where": ("lips", "neck"), "when": ("moment",), "what": ("double",)}
    for field, value in (("where", "mouth"), ("when", "edge"), ("what", "always")):  # each has choices of its own
        with pytest.raises(InputError, match=f"'{value}' in the column '{field}' is not made of"):
            read_votes([write_votes(study, [GOOD], **{field: value})], study)


def test_fault_votes_need_their_columns(seam_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = seam_study(1, mode="fault")
    path = write_votes(study, [GOOD])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line.rsplit(",", 2)[0] for line in lines))
    with pytest.raises(InputError, match=r"line 1: not a file of votes, the column\(s\) when, what"):
        read_votes([path], study)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("study", "seam-2", "the vote belongs to study 'seam-2', but the key to 'seam-1'"),
        ("trial", "t9", "no trial 't9'"),
        ("clip_a", "natural1.mp4", "not the clips of trial tnatural0"),
        ("clip_b", "natural1.mp4", "not the clips of trial tnatural0"),
        ("answer", "maybe", "the answer 'maybe' is not one of yes, no, unsure"),
        ("answer", "a", "the answer 'a' is not one of"),
        ("where", "ear", "'ear' in the column 'where' is not made of mouth, chin"),
        ("rater", "  ", "the rater is missing"),
        ("seconds", "soon", "cannot be read"),
        ("seconds", "nan", "cannot be read"),
        ("seconds", "-1", "cannot be read"),
        ("plays", "1.5", "cannot be read"),
        ("plays", "-2", "cannot be read"),
        ("voted_at", "yesterday", "cannot be read"),
        ("voted_at", "2026-01-01T10:00:00", "without a time zone"),
    ],
)
def test_a_wrong_field_is_named_with_file_and_line(
    study: Study, write_votes: WriteVotes, field: str, value: str, message: str
) -> None:
    path = write_votes(study, [GOOD, ("anna", "tnatural1", "natural1.mp4", "", "no")])
    rows = list(csv.DictReader(path.read_text().splitlines()))
    rows.insert(1, {**rows[0], field: value})
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    with pytest.raises(InputError, match=message) as raised:
        read_votes([path], study)
    assert raised.value.message.startswith(f"{path} line 3: ")
    assert raised.value.hint


def test_pairs_need_both_clips(pair_study: MakeStudy, write_votes: WriteVotes) -> None:
    study = pair_study(1)
    assert read_votes([write_votes(study, [("r", "t0", "new0.mp4", "old0.mp4", "a")])], study).counted
    for clips in (("new0.mp4", ""), ("new0.mp4", "new0.mp4")):
        with pytest.raises(InputError, match="not the clips"):
            read_votes([write_votes(study, [("r", "t0", *clips, "a")])], study)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "line 1: not a file of votes"),
        (b"a,b,c\n1,2,3\n", "line 1: not a file of votes, the column\\(s\\) study, session"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"{}", "line 1: not a file of votes"),
    ],
)
def test_files_that_are_no_votes(study: Study, tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "votes.csv"
    path.write_bytes(text)
    with pytest.raises(InputError, match=message):
        read_votes([path], study)


def test_rows_that_are_cut_off(study: Study, write_votes: WriteVotes) -> None:
    path = write_votes(study, [GOOD])
    whole = path.read_text()
    path.write_text(whole.rsplit(",", 2)[0])
    with pytest.raises(InputError, match="line 2: 10 fields instead of 12"):
        read_votes([path], study)
    path.write_text(whole + '"never closed')
    with pytest.raises(InputError, match="line 3: "):
        read_votes([path], study)


def test_missing_files_and_folders_and_no_votes(study: Study, write_votes: WriteVotes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_votes([tmp_path / "no.csv"], study)
    with pytest.raises(InputError, match="cannot be read"):
        read_votes([tmp_path], study)
    with pytest.raises(InputError, match="contain no votes"):
        read_votes([write_votes(study, [])], study)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_spreadsheet_may_have_saved_it(study: Study, write_votes: WriteVotes, separator: str) -> None:
    path = write_votes(study, [GOOD])
    text = path.read_text().replace(",", separator).replace("4.2", "4,2")
    path.write_text("\ufeff" + text + separator * 11 + "\n", encoding="utf-8")
    (vote,) = read_votes([path], study).counted
    assert (vote.answer, vote.seconds) == ("yes", 4.2)
