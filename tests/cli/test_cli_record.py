"""The record of a run on the command line: left out, shown, and taken as settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_videos import Recipe, write_comment, write_video
from typer.testing import CliRunner

from lipblend import compositing
from lipblend.cli.app import app
from lipblend.cli.shared_options import values_of_run
from lipblend.errors import GateError, InputError
from lipblend.lab.comparison.labels import default_labels, record_notes
from lipblend.output.run_record import PREFIX, RunRecord
from lipblend.preview import frames as preview_frames
from lipblend.quality.evaluation import evaluate as evaluating
from lipblend.settings.resolve import flat_values, resolve_settings
from lipblend.video.probe import probe

run = CliRunner()
RECORD = RunRecord(
    version=version("lipblend"), original="0123456789abcdef", synced="fedcba9876543210", preset="max-concealment",
    settings={"alpha.gamma": "2", "detail.grain": "0.5", "encode.crf": "20"}, frames=2, width=64, height=48,
)  # fmt: skip
RECORDED = resolve_settings("max-concealment", None, dict(RECORD.settings)).settings
PAIR = ("a.mp4", "b.mp4")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("bare") / "bare.mkv", Recipe(frames=2))


@pytest.fixture
def recorded(bare: Path, tmp_path: Path) -> Path:
    return write_comment(bare, tmp_path / "out.mp4", f"Mine\n{RECORD.to_text()}")


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `evaluate` up to its work, and returns what that is given."""
    seen: dict[str, Any] = {}

    def stop(*_: object, **given: Any) -> None:
        seen.update(given)
        raise GateError("seen")

    monkeypatch.setattr(evaluating, "evaluate", stop)

    def judge(result: Path, *options: str) -> Any:
        done = run.invoke(app, ["evaluate", *PAIR, str(result), *options])
        assert done.exit_code == GateError.exit_code, done.output
        return SimpleNamespace(settings=seen["settings"], notes=seen["options"].notes)

    return judge


def test_evaluate_takes_the_settings_of_the_file(judged: Callable[..., Any], recorded: Path, bare: Path) -> None:
    found = judged(recorded)
    assert found.settings == RECORDED
    assert found.notes[0].startswith("judged with the settings recorded in the file: preset max-concealment, ")
    assumed = judged(bare)
    assert assumed.settings == resolve_settings("natural").settings
    assert assumed.notes == ("no record in the file: assumed preset natural",)


def test_options_of_evaluate_win_over_the_file(judged: Callable[..., Any], recorded: Path) -> None:
    marked = judged(recorded, "--set", "gate.score_min=10")
    assert marked.settings == RECORDED.model_copy(update={"gate": marked.settings.gate})
    assert marked.settings.gate.score_min == 10
    natural = judged(recorded, "--preset", "natural")
    assert natural.settings == resolve_settings("natural").settings
    assert "the options win over the record in the file" in natural.notes[0]


def test_evaluate_takes_the_settings_of_another_file(judged: Callable[..., Any], recorded: Path, bare: Path) -> None:
    found = judged(bare, "--settings-from", str(recorded), "--set", "alpha.gamma=0.5")
    assert found.settings == resolve_settings("max-concealment", None, {**RECORD.settings, "alpha.gamma": 0.5}).settings
    assert found.notes == ()


def test_wrong_options_of_evaluate_are_named_before_a_missing_result(tmp_path: Path) -> None:
    done = run.invoke(app, ["evaluate", *PAIR, str(tmp_path / "no.mp4"), "--set", "alpha.gamma=much"])
    assert done.exit_code == 2
    assert "alpha.gamma" in done.output


def test_settings_come_from_a_report_or_a_video_only(recorded: Path, bare: Path, tmp_path: Path) -> None:
    values, notes = values_of_run(recorded)
    assert resolve_settings(base=(values, "record")).settings == RECORDED
    assert notes == []
    with pytest.raises(InputError, match="does not record its settings") as caught:
        values_of_run(bare)
    assert "--no-record" in caught.value.hint
    damaged = write_comment(bare, tmp_path / "damaged.mp4", PREFIX + "{")
    with pytest.raises(InputError, match="not valid JSON"):
        values_of_run(damaged)
    report = tmp_path / "report.json"
    report.write_text("{}")
    with pytest.raises(InputError, match="is not a report of lipblend"):
        values_of_run(report)
    with pytest.raises(InputError, match="cannot read"):
        values_of_run(tmp_path / "none.mp4")


def test_preview_takes_the_settings_of_a_file(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def stop(_original: object, _synced: object, _times: object, settings: dict[str, Any], **_: object) -> None:
        seen.update(settings)
        raise GateError("seen")

    monkeypatch.setattr(preview_frames, "preview", stop)
    words = ["preview", *PAIR, "-o", str(tmp_path / "sheet.png"), "--settings-from", str(recorded)]
    assert run.invoke(app, words).exit_code == GateError.exit_code
    assert seen == {"settings of out.mp4": RECORDED}
    for option in (["--preset", "natural"], ["--presets", "all"]):
        done = run.invoke(app, [*words, *option])
        assert done.exit_code == 2
        assert f"--settings-from and {option[0]} contradict each other" in done.output


@pytest.mark.parametrize(("words", "kept"), [([], True), (["--record"], True), (["--no-record"], False)])
def test_composite_passes_the_record_and_the_preset_on(
    words: list[str], kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def stop(*_: object, **given: Any) -> None:
        seen.update(given)
        raise GateError("seen")

    monkeypatch.setattr(compositing, "composite", stop)
    command = ["composite", *PAIR, "-o", str(tmp_path / "out.mp4"), "--preset", "high-motion", *words]
    assert run.invoke(app, command).exit_code == GateError.exit_code
    assert (seen["options"].record, seen["options"].preset) == (kept, "high-motion")


def test_probe_shows_the_record(recorded: Path, bare: Path, tmp_path: Path) -> None:
    text = run.invoke(app, ["probe", "--no-faces", str(recorded)]).output
    assert "made by" in text
    assert f"lipblend {RECORD.version}; preset max-concealment, alpha.gamma=2, detail.grain=0.5, encode" in text
    assert "original 0123456789abcdef, synced fedcba9876543210" in text
    data = json.loads(run.invoke(app, ["probe", "--no-faces", "--json", str(recorded)]).output)
    assert data["record"]["settings"] == dict(RECORD.settings)
    assert "made by" not in run.invoke(app, ["probe", "--no-faces", str(bare)]).output
    damaged = write_comment(bare, tmp_path / "damaged.mp4", PREFIX + "{")
    assert "the record in the file is not read" in run.invoke(app, ["probe", "--no-faces", str(damaged)]).output


def test_compare_names_the_settings_of_each_file(recorded: Path, bare: Path, tmp_path: Path) -> None:
    other = write_comment(bare, tmp_path / "other.mkv", replace(RECORD, preset="natural", settings={}).to_text())
    infos = [probe(path) for path in (bare, recorded, other)]
    assert default_labels(infos) == [
        "bare", "out (max-concealment, alpha.gamma=2, detail.grain=0.5, 1 more)", "other (natural)",
    ]  # fmt: skip
    assert record_notes(infos)[1:] == ["other.mkv was made with preset natural"]
    output = tmp_path / "comparison.mp4"
    done = run.invoke(app, ["compare", str(bare), str(recorded), "-o", str(output), "--height", "64"])
    assert done.exit_code == 0, done.output
    assert "note: out.mp4 was made with preset max-concealment, alpha.gamma=2" in done.output
    assert "comment" not in probe(output).metadata


def test_values_of_a_record_are_complete(recorded: Path) -> None:
    values, _ = values_of_run(recorded)
    default, wanted = (flat_values(each.model_dump()) for each in (resolve_settings().settings, RECORDED))
    assert set(values) >= {key for key in wanted if wanted[key] != default[key]}
