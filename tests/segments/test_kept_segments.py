"""Segments kept for --resume: taken up again, rejected, locked, removed; and the key they are kept by."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from segment_runs import SETTINGS, Stop, write

from lipblend.errors import OutputError, SettingsError
from lipblend.plan.frame_plan import FramePlan
from lipblend.segments.kept_segments import (
    KeptSegments,
    digest,
    kept_for_run,
    remove_segments,
    run_key,
    segments_folder,
)
from lipblend.settings import EncodeSettings, Settings


@pytest.fixture(scope="module")
def plain(uneven: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of it."""
    output = tmp_path_factory.mktemp("plain") / "out.mp4"
    assert write(uneven, output).tally.passed_through == {"no face": 40}
    return output


def kept_for(output: Path, **more: str) -> KeptSegments:
    kept = KeptSegments(output, {"settings": "these"})
    kept.open(**more)
    return kept


def test_a_stopped_run_goes_on_from_its_finished_segments(uneven: Path, plain: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        write(uneven, output, kept=kept_for(output, plan="a"), on_progress=Stop(25, KeyboardInterrupt()))
    folder = segments_folder(output)
    assert sorted(path.name for path in folder.iterdir()) == ["000000.segment", "000001.segment", "key.json"]
    assert list(tmp_path.iterdir()) == [folder]
    (folder / "000000.segment").write_bytes(b"damaged")
    seen: list[int] = []
    run = write(uneven, output, kept=kept_for(output, plan="a"), on_progress=lambda p: seen.append(p.done))
    assert run.reused == 10
    assert seen == list(range(10, 41))
    assert run.tally.passed_through == {"no face": 40}
    assert output.read_bytes() == plain.read_bytes()
    remove_segments(output)
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("suffix", [".onnx", ".yaml"])
def test_another_occluder_model_or_mapping_is_noticed_before_the_first_pass(suffix: str, tmp_path: Path) -> None:
    model = tmp_path / "a.onnx"
    for path in (model, model.with_suffix(".yaml")):
        path.write_bytes(b"one")
    chosen = Settings.model_validate({"occlusion": {"model": str(model)}})
    kept = kept_for_run(tmp_path / "out.mp4", {}, chosen)
    kept.open()
    kept.release()
    kept_for_run(tmp_path / "out.mp4", {}, chosen)
    model.with_suffix(suffix).write_bytes(b"two")
    with pytest.raises(SettingsError, match="created with different inputs") as caught:
        kept_for_run(tmp_path / "out.mp4", {}, chosen)
    (detail,) = caught.value.details
    assert "occluder model" in detail


def test_segments_with_a_different_key_are_rejected(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    first = kept_for(output, plan="a")
    first.path(0).write_bytes(b"x")
    first.release()
    with pytest.raises(SettingsError, match="created with different inputs") as caught:
        KeptSegments(output, {"settings": "others"})
    assert caught.value.details == ("settings: these; now others",)
    with pytest.raises(SettingsError, match="created with different inputs"):
        kept_for(output, plan="b")
    (segments_folder(output) / "key.json").write_text("{")
    anew = kept_for(output, plan="b")
    assert anew.finished(0) is None  # without a key nothing in there is of use
    assert json.loads((segments_folder(output) / "key.json").read_text()) == {"settings": "these", "plan": "b"}
    anew.close_empty()
    assert list(tmp_path.iterdir()) == []


def test_segments_with_a_different_key_are_replaced_on_request(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    for number, more in enumerate(({"settings": "others"}, {"settings": "these", "plan": "a"})):
        first = KeptSegments(output, more)
        first.open()
        for index in range(number + 1):
            first.path(index).write_bytes(b"x")
        first.release()
        kept = KeptSegments(output, {"settings": "these"}, replace=True)
        assert first.path(0).exists()  # until it is the turn of `open`, which locks the folder
        kept.open(plan="b")
        assert kept.replaced == number + 1
        assert json.loads((segments_folder(output) / "key.json").read_text()) == {"settings": "these", "plan": "b"}
        kept.close_empty()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no locks on folders there")
def test_what_can_be_used_or_is_in_use_is_not_replaced(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    first = kept_for(output)
    first.path(0).write_bytes(b"x")
    with pytest.raises(OutputError, match="another run is using the kept segments"):
        KeptSegments(output, {"settings": "others"}, replace=True)
    first.release()
    again = KeptSegments(output, {"settings": "these"}, replace=True)
    again.open()
    assert (again.replaced, again.path(0).read_bytes()) == (0, b"x")
    again.release()


@pytest.mark.skipif(sys.platform == "win32", reason="no locks on folders there")
def test_segments_in_use_by_a_run_are_left_alone(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    kept = kept_for(output)
    kept.path(0).write_bytes(b"x")
    with pytest.raises(OutputError, match="another run is using the kept segments"):
        KeptSegments(output, {"settings": "these"})
    remove_segments(output)  # what a run without --resume does when it is done
    assert kept.path(0).read_bytes() == b"x"
    kept.release()
    KeptSegments(output, {"settings": "these"})
    remove_segments(output)
    assert list(tmp_path.iterdir()) == []


def test_names_of_any_length_have_a_folder(tmp_path: Path) -> None:
    long = [tmp_path / f"{letter * 240}.mp4" for letter in "ab"]
    for output in long:
        remove_segments(output)
        kept_for(output).release()
    assert sorted(tmp_path.iterdir()) == sorted(map(segments_folder, long))
    assert segments_folder(Path("a.mp4")).name == ".a.mp4.lipblend-segments"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_kept_segments_are_closed_once_they_are_whole(uneven: Path, tmp_path: Path) -> None:
    open_files: list[int] = []
    output = tmp_path / "out.mp4"
    seen = lambda _: open_files.append(len(os.listdir("/proc/self/fd")))  # noqa: E731
    write(uneven, output, kept=kept_for(output), on_progress=seen)
    assert open_files[-1] <= open_files[0]


def test_the_key_holds_files_and_what_changes_pictures(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"abc")

    def key(settings: Settings = SETTINGS, **more: object) -> dict[str, str]:
        return run_key({"original": file, "no model": Path("none")}, settings, **more)

    assert key() == key()
    assert "no model" not in key()
    before = key()
    os.utime(file, (1, 1))
    assert key() != before
    before = key()
    file.write_bytes(b"abd")
    os.utime(file, (1, 1))
    assert key() != before  # of the same size and time
    assert key(SETTINGS.model_copy(update={"encode": EncodeSettings(crf=3)})) != key()
    muted = SETTINGS.model_copy(update={"audio": SETTINGS.audio.model_copy(update={"source": "none"})})
    assert key(muted) == key()
    assert key(frames="1:2") != key()


def test_the_key_of_a_run_holds_its_output_its_files_and_the_code(tmp_path: Path) -> None:
    file, output = tmp_path / "a.mp4", tmp_path / "out.mp4"
    file.write_bytes(b"abc")
    kept = kept_for_run(output, {"original": file}, SETTINGS, {"frames": "1:2"})
    kept.open(plan="a")
    key = json.loads((segments_folder(output) / "key.json").read_text())
    kept.close_empty()
    assert {"output", "original", "code", "frames", "plan", "encode.crf"} <= set(key)
    assert (key["output"], key["frames"]) == ("out.mp4", "1:2")


def test_digests_go_by_content() -> None:
    row = FramePlan(1, 2, (), "why")
    assert digest([row, np.arange(3.0)]) == digest([replace(row), np.arange(3.0)])
    values = [
        row,
        replace(row, reason="else"),
        [row],
        np.arange(3),
        np.arange(3.0),
        1,
        1.0,
        "1",
        None,
        (1, 2),
        ((1,), 2),
        {},
        {"a": np.arange(3)},
        {"a": np.arange(4)},
        {"b": np.arange(3)},
    ]
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert len({digest(value) for value in values}) == len(values)
    with pytest.raises(TypeError):
        digest(object())
