"""Whole runs of `composite` leave a record, always the same one, and `evaluate` judges with it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from runs import composited
from small_videos import write_comment

from lipblend import compositing
from lipblend.composite_options import CompositeOptions
from lipblend.errors import OutputError, SettingsError
from lipblend.output.run_record import RunRecord, find_record
from lipblend.output.writer import VideoWriter
from lipblend.pair import open_pair
from lipblend.quality.evaluation import evaluate as evaluating
from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate
from lipblend.runtime import identity
from lipblend.segments import output_record
from lipblend.segments.proxy_size import ProxySize
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import Settings
from lipblend.settings.frame_range import FrameRange
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe

QUICK = {"encode.preset": "ultrafast", "encode.segment_s": 0.5}
SETTINGS = resolve_settings("max-concealment", None, {**QUICK, "alpha.gamma": 2}).settings


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("sample"), frames=24, size=480)


@pytest.fixture(scope="module")
def made(sample: SamplePair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result of max-concealment."""
    output = tmp_path_factory.mktemp("made") / "out.mp4"
    compositing.composite(
        sample.original, sample.synced, output, settings=SETTINGS, options=CompositeOptions(preset="max-concealment")
    )
    return output


def run(sample: SamplePair, output: Path, **options: object) -> Path:
    composited(sample.original, sample.synced, output, settings=SETTINGS, preset="max-concealment", **options)
    return output


def record_of(path: Path) -> RunRecord:
    found = find_record(probe(path).metadata)
    assert found.note == ""
    assert found.record is not None
    return found.record


def first_digits(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@pytest.mark.slow(3)
def test_the_record_names_what_made_the_output_and_nothing_else(sample: SamplePair, made: Path) -> None:
    record = record_of(made)
    assert record.preset == "max-concealment"
    assert dict(record.settings) == {"alpha.gamma": "2", "encode.preset": "ultrafast", "encode.segment_s": "0.5"}
    assert (record.original, record.synced) == (first_digits(sample.original), first_digits(sample.synced))
    assert (record.frames, record.width, record.height) == (24, 480, 480)
    assert (record.part, record.proxy, record.restored) == (None, "", False)
    text = record.to_text()
    assert len(text) < 300
    for word in (sample.original.stem, sample.synced.stem, made.stem, "tmp", "root"):
        assert word not in text


@pytest.mark.slow(3)
def test_the_same_run_writes_the_same_bytes_in_one_process_or_two(
    sample: SamplePair, made: Path, tmp_path: Path
) -> None:
    assert run(sample, tmp_path / "again.mp4").read_bytes() == made.read_bytes()
    assert run(sample, tmp_path / "two.mp4", jobs=2).read_bytes() == made.read_bytes()


@pytest.mark.slow(3)
def test_a_resumed_run_writes_the_same_bytes(
    sample: SamplePair, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, ended = tmp_path / "out.mp4", []
    end_segment = VideoWriter.end_segment

    def stop_at_the_second(self: VideoWriter, *args: object, **more: object) -> None:
        ended.append(True)
        if len(ended) == 2:
            raise OutputError("stopped")
        end_segment(self, *args, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(VideoWriter, "end_segment", stop_at_the_second)
        with pytest.raises(OutputError):
            run(sample, output, resume=True)
    done = composited(sample.original, sample.synced, output, settings=SETTINGS, preset="max-concealment", resume=True)
    assert any("were taken from an interrupted run" in note for note in done.notes)
    assert output.read_bytes() == made.read_bytes()


@pytest.mark.slow(3)
def test_a_part_and_a_proxy_say_so(sample: SamplePair, tmp_path: Path) -> None:
    part = run(sample, tmp_path / "part.mp4", frames=FrameRange.parse("4:10"), proxy=ProxySize.parse("240"))
    record = record_of(part)
    assert (record.part, record.proxy) == ((4, 10), "240")
    assert (record.frames, record.width, record.height) == (6, 240, 240)
    whole = run(sample, tmp_path / "whole.mp4", frames=FrameRange.parse("0:"))
    assert record_of(whole).part is None


@pytest.mark.slow(2)
def test_a_quick_look_does_not_wait_for_the_digests_of_large_files(
    sample: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_record, "MAX_WHOLE_BYTES", 1)
    record = record_of(run(sample, tmp_path / "out.mkv", frames=FrameRange.parse("4:10")))
    assert (record.original, record.synced) == ("", "")
    whole = output_record.input_digests(open_pair(sample.original, sample.synced), quick=False)
    assert list(whole) == [sample.original, sample.synced]


@pytest.mark.slow(2)
def test_without_a_record_nothing_is_written_and_nothing_is_hashed(
    sample: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_record, "sha256_of", None)
    metadata = probe(run(sample, tmp_path / "out.mp4", record=False)).metadata
    assert "comment" not in metadata
    assert "lipblend" not in str(dict(metadata))


def test_a_preset_that_does_not_exist_is_refused_before_the_work() -> None:
    with pytest.raises(SettingsError, match="there is no preset 'bold'"):
        CompositeOptions(preset="bold").check()


@pytest.mark.slow(3)
def test_measuring_hashes_no_input_twice(
    sample: SamplePair, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def noted(path: Path) -> str:
        read.append(path)
        return identity.sha256_of(path)

    monkeypatch.setattr(output_record, "sha256_of", noted)
    monkeypatch.setattr(evaluating, "sha256_of", noted)
    output = tmp_path / "out.mp4"
    done = composited(sample.original, sample.synced, output, settings=SETTINGS, preset="max-concealment", measure=True)
    assert sorted(read) == sorted([sample.original, sample.synced, output])
    assert done.evaluation is not None
    assert not any("record" in note for note in done.evaluation.record.notes)
    assert done.evaluation.record.inputs[0].sha256[:16] == first_digits(sample.original)
    assert output.read_bytes() == made.read_bytes()


@pytest.mark.thorough
def test_evaluate_judges_with_the_recorded_settings(sample: SamplePair, made: Path, tmp_path: Path) -> None:
    def judge(result: Path, settings: Settings | None = None):
        options = EvaluateOptions(matte="settings", cache=tmp_path / "cache")
        return evaluate(sample.original, sample.synced, result, settings=settings, options=options).record

    known, found = judge(made, SETTINGS), judge(made)
    bare = write_comment(made, tmp_path / "bare.mp4", "")
    assumed = judge(bare)
    assert found.values == known.values
    assert found.settings["alpha"] == SETTINGS.model_dump(mode="json")["alpha"]
    assert found.notes[0].startswith(
        "judged with the settings recorded in the file: preset max-concealment, alpha.gamm"
    )
    assert assumed.settings["alpha"]["gamma"] != 2
    assert [row.values for row in assumed.rows] != [row.values for row in found.rows]
    assert assumed.notes[0] == "no record in the file: assumed the default settings"


@pytest.mark.slow(3)
def test_a_record_of_other_files_is_said_not_to_fit(sample: SamplePair, made: Path, tmp_path: Path) -> None:
    record = replace(record_of(made), original="0" * 16, frames=30, height=481)
    other = write_comment(made, tmp_path / "other.mp4", record.to_text())
    options = EvaluateOptions(cache=tmp_path / "cache")
    notes = evaluate(sample.original, sample.synced, other, options=options).record.notes
    unfit = [note for note in notes if note.startswith("the record in the file does not fit these files: ")]
    assert len(unfit) == 1
    assert "another original (SHA-256 0000000000000000, not " in unfit[0]
    assert "synced" not in unfit[0]
    assert "made of 30 frames, and the file has 24" in unfit[0]
    assert "made at 480x481, and the file has 480x480" in unfit[0]
