"""Which settings a result is judged with, and what the notes say about them."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from small_videos import Recipe, write_video

from lipblend.errors import SettingsError
from lipblend.output.run_record import PREFIX, RunRecord
from lipblend.quality.evaluation.result_settings import fit_note, settings_for
from lipblend.settings.resolve import resolve_settings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe

RECORD = RunRecord(
    version=version("lipblend"), original="0123456789abcdef", synced="fedcba9876543210", preset="max-concealment",
    settings={"alpha.gamma": "2", "encode.crf": "20"}, frames=10, width=64, height=48,
)  # fmt: skip
RECORDED = resolve_settings("max-concealment", None, {"alpha.gamma": 2, "encode.crf": 20}).settings
SAID = "judged with the settings recorded in the file: preset max-concealment, alpha.gamma=2, encode.crf=20"
DIGESTS = {"original": RECORD.original + 48 * "0", "synced": RECORD.synced + 48 * "0"}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> VideoInfo:
    return probe(write_video(tmp_path_factory.mktemp("results") / "bare.mkv", Recipe(frames=2)))


@pytest.fixture
def result(bare: VideoInfo) -> VideoInfo:
    return with_comment(bare, RECORD.to_text())


def with_comment(info: VideoInfo, comment: str) -> VideoInfo:
    return replace(info, metadata={**info.metadata, "COMMENT": comment})


def test_told_nothing_the_record_counts(result: VideoInfo) -> None:
    found = settings_for(result, assumed="natural")
    assert found.settings == RECORDED
    assert found.notes == (SAID,)


def test_without_a_record_a_preset_is_assumed_and_named(bare: VideoInfo) -> None:
    found = settings_for(bare, assumed="natural")
    assert found.settings == resolve_settings("natural").settings
    assert found.notes == ("no record in the file: assumed preset natural",)
    assert settings_for(bare).notes == ("no record in the file: assumed the default settings",)
    more = settings_for(bare, overrides=["alpha.gamma=0.5"], assumed="natural")
    assert more.settings == resolve_settings("natural", None, ["alpha.gamma=0.5"]).settings
    assert more.notes == ("no record in the file: assumed preset natural and the options given",)


def test_a_damaged_record_counts_as_none_and_is_named(bare: VideoInfo) -> None:
    found = settings_for(with_comment(bare, PREFIX + "{oh"), assumed="natural")
    assert found.settings == resolve_settings("natural").settings
    assert found.notes == ("the record in the file is not read: it is not valid JSON", "assumed preset natural")


def test_options_are_laid_over_the_record_and_differences_are_named(result: VideoInfo, tmp_path: Path) -> None:
    found = settings_for(result, overrides=["alpha.gamma=0.5"], assumed="natural")
    expected = {"alpha.gamma": 0.5, "encode.crf": 20}
    assert found.settings == resolve_settings("max-concealment", None, expected).settings
    assert found.notes == (SAID, "options win over the record in the file: alpha.gamma=0.5 (recorded 2)")
    config = tmp_path / "mine.yaml"
    config.write_text("alpha:\n  gamma: 2\ngate:\n  score_min: 10\n")
    agreeing = settings_for(result, config=config, assumed="natural")
    assert agreeing.settings.gate.score_min == 10
    assert agreeing.notes == (SAID,)


def test_complete_settings_win_over_the_record(result: VideoInfo, bare: VideoInfo) -> None:
    claimed = resolve_settings("natural").settings
    found = settings_for(result, claimed=claimed, assumed="natural")
    assert found.settings is claimed
    assert len(found.notes) == 1
    assert found.notes[0].startswith("the options win over the record in the file (preset max-concealment, ")
    assert "alpha.gamma=1 (recorded 2)" in found.notes[0]
    assert "encode.crf" not in found.notes[0].split("): ", 1)[1]
    assert settings_for(bare, claimed=claimed).notes == ()
    # How it was encoded and what it has to reach contradicts nothing.
    same = resolve_settings("max-concealment", None, {"alpha.gamma": 2, "gate.score_min": 5}).settings
    assert settings_for(result, claimed=same).notes == ()


def test_a_long_list_of_differences_is_cut(result: VideoInfo) -> None:
    many = {f"track.{name}": value for name, value in (("min_face_px", 50), ("max_faces", 2), ("every_s", 0))}
    many |= {"alpha.gamma": 0.5, "detail.grain": 0, "detail.fade": 0, "smooth.method": "none", "mask.rotation": False}
    (_, note) = settings_for(result, overrides=many).notes
    assert note.count("(recorded ") == 6
    assert note.endswith(", 2 more")


def test_a_restoration_model_has_to_be_named(bare: VideoInfo) -> None:
    found = settings_for(with_comment(bare, replace(RECORD, restored=True).to_text()))
    assert found.settings.restore.model == "none"
    assert any("a restoration model was used, but not which" in note for note in found.notes)


def test_a_record_of_another_version_of_the_program_is_used_and_named(bare: VideoInfo) -> None:
    found = settings_for(with_comment(bare, replace(RECORD, version="0.0.9").to_text()))
    assert found.settings == RECORDED
    assert found.notes[1].startswith("the record was written by lipblend 0.0.9, and this is ")


def test_a_note_names_only_some_of_many_settings(bare: VideoInfo) -> None:
    many = {f"alpha.k{n}": "1" for n in range(250)}
    notes = settings_for(with_comment(bare, replace(RECORD, settings=many).to_text())).notes
    assert len(notes) == 2
    assert all(note.endswith(", 238 more") and len(note) < 300 for note in notes)


def test_a_wrong_option_is_an_error_with_a_record_too(result: VideoInfo) -> None:
    with pytest.raises(SettingsError, match=r"alpha\.gamma"):
        settings_for(result, overrides=["alpha.gamma=much"])


def test_a_record_fits_its_own_files() -> None:
    assert fit_note(RECORD, DIGESTS, frames=10, width=64, height=48) == ""
    assert fit_note(replace(RECORD, original="", synced=""), {}, frames=10, width=64, height=48) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"original": "0" * 16}, "it was made from another original (SHA-256 0000000000000000, not 0123456789abcdef)"),
        ({"synced": "0" * 16}, "another synced video (SHA-256 0000000000000000, not fedcba9876543210)"),
        ({"frames": 9}, "it was made of 9 frames, and the file has 10"),
        ({"width": 640}, "it was made at 640x48, and the file has 64x48"),
    ],
)
def test_a_record_of_other_files_does_not_fit(change: dict[str, object], said: str) -> None:
    note = fit_note(replace(RECORD, **change), DIGESTS, frames=10, width=64, height=48)
    assert note.startswith("the record in the file does not fit these files: ")
    assert note.endswith(said)
    assert ";" not in note
