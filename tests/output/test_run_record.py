"""The record of a run: written and read, beside a comment of the original's own, and whatever a comment holds."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import av
import pytest
from small_videos import QUICK, SILENT, MakeVideo, write_comment

from lipblend.output.recorded_settings import WrittenPart, describe, describe_run, recorded_values, run_record
from lipblend.output.run_record import (
    PREFIX,
    FoundRecord,
    RunRecord,
    find_record,
    first_original,
    parse,
    tags_with_record,
)
from lipblend.output.writer import VideoWriter
from lipblend.settings import EncodeSettings, Settings
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

RECORD = RunRecord(
    version=version("lipblend"), original="0123456789abcdef", synced="fedcba9876543210", preset="max-concealment",
    settings={"alpha.gamma": "2"}, frames=10, width=64, height=48,
)  # fmt: skip
WHOLE = WrittenPart(range(10), True, 64, 48)
CONTENT = json.loads(RECORD.to_text().removeprefix(PREFIX))


def written(info_path: Path, target: Path, record: str, encode: EncodeSettings = QUICK) -> list[str]:
    """Copy a video with the writer; returns its notes."""
    info = probe(info_path)
    with (
        VideoReader(info) as reader,
        VideoWriter(target, info, encode=encode, audio=SILENT, extras_from=info, record=record) as writer,
    ):
        for frame in reader:
            writer.write(frame)
    return writer.notes


def comment_of(path: Path) -> str:
    found = [text for tag, text in probe(path).metadata.items() if tag.lower() == "comment"]
    assert len(found) == 1
    return found[0]


def changed(**content: object) -> str:
    return PREFIX + json.dumps({**CONTENT, **content})


def recorded(settings: Settings, preset: str | None = None, part: WrittenPart = WHOLE) -> RunRecord:
    return run_record(settings, preset, original="a" * 64, synced="", part=part)


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".webm"])
def test_every_container_keeps_the_record_beside_the_originals_comment_and_tags(
    make_video: MakeVideo, tmp_path: Path, suffix: str
) -> None:
    encode = QUICK
    if suffix == ".webm":
        if "libvpx-vp9" not in av.codecs_available:
            pytest.skip("this FFmpeg lacks libvpx")
        encode = EncodeSettings(encoder="libvpx-vp9", crf=40)
    original = write_comment(make_video("plain.mkv"), tmp_path / "in.mkv", "Take 3, \u00fc\nsecond line", title="Talk")
    target = tmp_path / f"out{suffix}"
    written(original, target, RECORD.to_text(), encode)
    assert find_record(probe(target).metadata) == FoundRecord(RECORD)
    assert comment_of(target) == f"Take 3, \u00fc\nsecond line\n{RECORD.to_text()}"
    assert {tag.lower(): text for tag, text in probe(target).metadata.items()}["title"] == "Talk"


def test_the_record_of_an_earlier_run_does_not_stay(make_video: MakeVideo, tmp_path: Path) -> None:
    first, second, without = (tmp_path / f"{name}.mp4" for name in ("first", "second", "without"))
    older = replace(RECORD, preset="natural")
    written(write_comment(make_video("plain.mkv"), tmp_path / "in.mkv", "Mine"), first, older.to_text())
    written(first, second, RECORD.to_text())
    assert comment_of(second) == f"Mine\n{RECORD.to_text()}"
    written(first, without, "")
    assert comment_of(without) == "Mine"


def test_without_a_record_the_tags_are_the_originals(make_video: MakeVideo, tmp_path: Path) -> None:
    written(make_video("plain.mkv"), tmp_path / "out.mp4", "")
    assert "comment" not in probe(tmp_path / "out.mp4").metadata
    tags = {"COMMENT": "", "title": "lipblend: {", "artist": changed()}
    assert tags_with_record(tags, "") == (tags, [])


def test_a_comment_that_leaves_no_room_stays_and_a_note_says_so(make_video: MakeVideo, tmp_path: Path) -> None:
    long = "\u00fc" * 29_980
    original = write_comment(make_video("plain.mkv"), tmp_path / "in.mp4", long)
    notes = written(original, tmp_path / "out.mov", RECORD.to_text())
    assert comment_of(tmp_path / "out.mov") == long
    assert any("has no record of this run" in note for note in notes)


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        replace(RECORD, original="", synced="", preset="", settings={}),
        replace(RECORD, restored=True, part=(20, 30), proxy="0.5", settings={"mask.shapes": "mouth,box"}),
    ],
)  # fmt: skip
def test_a_record_is_read_as_it_was_written(record: RunRecord) -> None:
    text = record.to_text()
    assert parse(text) == parse(f"before\n{text}\nafter") == FoundRecord(record)
    assert len(text) < 400
    assert text.isascii()
    assert "\n" not in text


def test_a_record_holds_what_differs_from_its_preset_and_gives_the_settings_back() -> None:
    overrides = {"alpha.gamma": 1 / 3, "mask.shapes": ["mouth", "box"], "mask.rotation": False, "track.face": 2}
    settings = resolve_settings("max-concealment", None, overrides).settings
    record = recorded(settings, "max-concealment")
    assert dict(record.settings) == {
        "alpha.gamma": repr(1 / 3), "mask.shapes": "mouth,box", "mask.rotation": "false", "track.face": "2",
    }  # fmt: skip
    assert (record.original, record.synced) == ("a" * 16, "")
    values, notes = recorded_values(parse(record.to_text()).record or RECORD)
    assert resolve_settings(base=(values, "record")).settings == settings
    assert notes == []


@pytest.mark.parametrize("preset", [None, "natural", "max-concealment", "high-motion"])
def test_presets_alone_leave_no_setting_in_the_record(preset: str | None) -> None:
    settings = resolve_settings(preset).settings
    record = recorded(settings, preset)
    assert record.settings == {}
    assert resolve_settings(base=(recorded_values(record)[0], "record")).settings == settings


def test_an_occluder_model_is_recorded_by_its_content_alone() -> None:
    chosen = Settings.model_validate({"occlusion": {"model": "mine.onnx", "model_weight": 0.5}})
    made = run_record(
        chosen, None, original="", synced="", part=WHOLE, occluder=("0123456789abcdef" * 4, "fedcba9876543210" * 4)
    )
    assert made.settings == {"occlusion.model_weight": "0.5"}
    found = parse(made.to_text()).record
    assert found == made
    assert (made.occluder, made.occluder_mapping) == ("0123456789abcdef", "fedcba9876543210")
    assert parse(made.to_text()).note == ""
    values, (note,) = recorded_values(made)
    assert "occlusion.model" not in values
    assert "an occluder model was used (SHA-256 0123456789abcdef..., its mapping file fedcba9876543210...)" in note


def test_no_path_and_no_pass_mark_is_recorded() -> None:
    overrides = {"audio.source": "/home/ann/voice.wav", "restore.model": "/home/ann/m.onnx", "gate.seam_max": 0.5}
    record = recorded(resolve_settings("natural", None, overrides).settings, "natural")
    assert record.settings == {}
    assert record.restored
    assert "ann" not in record.to_text()
    assert recorded(resolve_settings("natural", None, {"audio.source": "none"}).settings, "natural").settings


def test_no_path_and_no_pass_mark_is_taken_from_a_record() -> None:
    hostile = {"audio.source": "voice.wav", "restore.model": "m.onnx", "gate.score_min": "off", "alpha.gamma": "2"}
    values, notes = recorded_values(replace(RECORD, preset="", settings=hostile))
    assert values == {"alpha.gamma": "2"}
    assert notes == ["settings of the record that cannot be used: audio.source, restore.model, gate.score_min"]


def test_settings_that_this_program_does_not_have_are_left_out_with_a_note() -> None:
    foreign = {"alpha.gamma": "2", "alpha.magic": "7", "mask.expansion": "99", "mask.shapes": "cube"}
    values, notes = recorded_values(replace(RECORD, preset="", settings=foreign))
    assert values == {"alpha.gamma": "2"}
    assert notes == ["settings of the record that cannot be used: alpha.magic, mask.expansion, mask.shapes"]
    values, notes = recorded_values(replace(RECORD, preset="future"))
    assert values["alpha.gamma"] == "2"
    assert (
        resolve_settings(base=(values, "")).settings == resolve_settings("natural", None, {"alpha.gamma": 2}).settings
    )
    assert "no preset 'future'" in notes[0]


def test_settings_that_are_allowed_only_together_are_kept() -> None:
    pair = {"blend.ring_min_px": "30", "blend.ring_max_px": "40"}
    values, notes = recorded_values(replace(RECORD, preset="", settings={**pair, "blend.new": "1"}))
    assert values == pair
    assert notes == ["settings of the record that cannot be used: blend.new"]


@pytest.mark.parametrize(
    ("comment", "reason"),
    [
        (PREFIX + "{", "not valid JSON"),
        (PREFIX + "{}", "'record'"),
        (PREFIX + '{"record":' + "[" * 15_000, "not valid JSON"),
        (PREFIX + '{"record":' + "9" * 9_000 + "}", "not valid JSON"),
        (PREFIX + "{" + " " * 1_000_000 + "}", "1000012 characters"),
        (changed(record="1"), "'record'"),
        (changed(record=True), "'record'"),
        (changed(preset=["natural"]), "'preset'"),
        (changed(preset="\x1b[31mnatural"), "'preset'"),
        (changed(preset="../../etc/passwd"), "'preset'"),
        (changed(version="\ud800"), "'version'"),
        (changed(original="0123"), "'original'"),
        (changed(synced="0123456789abcdeg"), "'synced'"),
        (changed(set=[["alpha.gamma", "2"]]), "'set'"),
        (changed(set={"alpha.gamma": 2}), "'set'"),
        (changed(set={"alpha.gamma": "<script>"}), "'set'"),
        (changed(set={"alpha.gamma": "2\n3"}), "'set'"),
        (changed(set={"__class__": "2"}), "'set'"),
        (changed(set={f"alpha.k{n}": "2" for n in range(301)}), "'set'"),
        (changed(restored="no"), "'restored'"),
        (changed(frames=-1), "'frames'"),
        (changed(frames=float("nan")), "'frames'"),
        (changed(size=[64]), "'size'"),
        (changed(size="64x48"), "'size'"),
        (changed(part=[0, None]), "'part'"),
        (changed(proxy={"a": 1}), "'proxy'"),
    ],
)  # fmt: skip
def test_a_hostile_comment_counts_as_no_record_with_one_note(comment: str, reason: str) -> None:
    found = find_record({"title": "x", "COMMENT": f"first\n{comment}"})
    assert found.record is None
    assert found.note.startswith("the record in the file is not read: ")
    assert reason in found.note
    assert len(found.note) < 120
    assert found.note.isprintable()


@pytest.mark.parametrize(
    "comment", ["", "plain", "lipblend: nice program", "a lipblend: {}", "\0\ud800", '{"record":1}']
)
def test_a_comment_without_a_record_gives_no_note(comment: str) -> None:
    assert find_record({"comment": comment}) == FoundRecord(None)
    assert tags_with_record({"comment": comment}, "")[0] == {"comment": comment}


def test_records_of_other_versions_are_used_as_far_as_they_are_known() -> None:
    assert parse(changed(record=2)).record == RECORD
    assert "has version 2, and this program knows version 1" in parse(changed(record=2)).note
    assert parse(changed(news=1, more={})).record == RECORD
    assert "2 entries that this program does not know" in parse(changed(news=1, more={})).note


def test_the_last_of_several_records_counts() -> None:
    older = replace(RECORD, preset="natural").to_text()
    assert parse(f"{older}\n{RECORD.to_text()}").record == RECORD


def test_a_record_in_words() -> None:
    record = replace(
        RECORD, settings={"encode.crf": "20", "alpha.gamma": "2"}, part=(5, 15), proxy="480", restored=True
    )
    assert describe(record) == "preset max-concealment, alpha.gamma=2, encode.crf=20, a restoration model"
    assert describe(record, most=1) == "preset max-concealment, alpha.gamma=2, 1 more, a restoration model"
    text = describe_run(record)
    for part in (
        f"lipblend {RECORD.version}",
        "frames 5 to 14 only",
        "a proxy of size 480",
        "original 0123456789abcdef",
        "64x48",
    ):
        assert part in text
    assert describe(replace(RECORD, preset="", settings={})) == "default settings"


def test_a_chain_of_runs_names_the_video_that_it_began_with() -> None:
    second = replace(RECORD, original="f" * 16, root=RECORD.original)
    assert parse(second.to_text()) == FoundRecord(second)
    assert f"first original {RECORD.original}" in describe_run(second)
    for record, first in (
        (RECORD, RECORD.original), (second, RECORD.original), (replace(second, part=(0, 5)), ""),
        (replace(second, proxy="480"), ""),
    ):  # fmt: skip
        assert first_original({"comment": record.to_text()}) == first
    assert first_original({"comment": "plain"}) == ""
