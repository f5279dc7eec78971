"""The sub-commands, called in this process."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest
from typer.testing import CliRunner

from lipblend import compositing
from lipblend.cli.app import app, load_command
from lipblend.cli.console import Console, ProgressLines, composite_summary
from lipblend.composite_result import CompositeResult
from lipblend.errors import ModelError
from lipblend.faces import models
from lipblend.runtime.progress import Progress
from lipblend.selfcheck.sample import SamplePair, make_sample
from lipblend.settings import presets
from lipblend.settings.catalogue import setting_specs
from lipblend.settings.resolve import resolve_settings

run = CliRunner()


def a_result(output: Path) -> CompositeResult:
    return CompositeResult(
        output=output, frames=100, blended=90, passed_through={"no face": 10, "turned away": 0}, seconds=12.5,
        analyse_seconds=4.0, render_seconds=8.5, audio="original", notes=("a subtitle stream was dropped",),
        fallbacks={"poisson": 2}, width=640, height=360, duration_s=4.0, timeline="original", pairing={"offset_s": 0.0},
        colour={},
    )  # fmt: skip


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the work by a record of its arguments."""
    seen: list[dict[str, Any]] = []

    def pretend(original: Path, synced: Path, output: Path, **options: Any) -> CompositeResult:
        seen.append({"original": original, "synced": synced, "output": output, **options})
        for stage in ("analyse", "render"):
            for done in (0, 50, 100):
                options["on_progress"](Progress(stage, done, 100))
        return a_result(output)

    monkeypatch.setattr(compositing, "composite", pretend)
    return seen


@pytest.fixture
def preset_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Presets that do not depend on the tuning of the real ones."""
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "natural.yaml").write_text("summary: Nothing.\n")
    (folder / "bold.yaml").write_text("summary: Bold.\nblend:\n  method: multiband\nalpha:\n  gamma: 0.9\n")
    monkeypatch.setattr(presets, "preset_folder", lambda: folder)


def composite(*arguments: str) -> list[str]:
    return ["composite", "a.mp4", "b.mp4", *arguments]


@pytest.mark.usefixtures("preset_files")
def test_composite_passes_its_options_on(calls: list[dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    config = tmp_path / "mine.yaml"
    config.write_text("mask:\n  expansion: 1.3\n")
    done = run.invoke(
        app,
        composite(
            "-o", str(out), "--preset", "bold", "--config", str(config), "--set", "alpha.gamma=0.5",
            "--set", "mask.shapes=mouth,box", "--encoder", "libx265", "--crf", "20", "--encoder-preset", "slow",
            "--audio", "synced", "--tail", "trim", "--models", "m", "--debug-dir", "d", "--pair", "index",
            "--timeline", "synced", "--offset", "-1.5", "--face", "2", "--no-face", "copy", "--strict",
        ),
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    (call,) = calls
    settings = call["settings"]
    assert (call["original"], call["synced"], call["output"]) == (Path("a.mp4"), Path("b.mp4"), out)
    options = call["options"]
    assert (options.models, options.debug.folder, options.debug.form) == (Path("m"), Path("d"), "png")
    assert (settings.mask.expansion, settings.mask.shapes) == (1.3, ("mouth", "box"))
    assert (settings.alpha.gamma, settings.blend.method) == (0.5, "multiband")
    assert (settings.encode.encoder, settings.encode.crf, settings.encode.preset) == ("libx265", 20, "slow")
    assert (settings.audio.source, settings.pair.tail) == ("synced", "trim")
    assert (settings.pair.method, settings.pair.timeline, settings.pair.offset_s) == ("index", "synced", -1.5)
    assert (settings.track.face, settings.track.no_face, settings.read.strict) == (2, "copy", True)
    for words, overwrite in (([], True), (["--overwrite"], True), (["--no-overwrite"], False)):
        assert run.invoke(app, composite("-o", str(out), *words)).exit_code == 0
        options = calls[-1]["options"]
        assert (options.overwrite, options.models, options.debug) == (overwrite, None, None)


@pytest.mark.usefixtures("calls")
def test_the_summary(tmp_path: Path) -> None:
    done = run.invoke(app, composite("-o", str(tmp_path / "out.mp4")))
    for part in ("640x360, 100 frames, 4.00 s", "90 frames", "10 frames (no face 10)", "original", "12.5 s",
                 "poisson: 2 frames", "a subtitle stream was dropped", "0.125 s per frame"):  # fmt: skip
        assert part in done.stdout
    assert "turned away" not in done.stdout
    assert "render: 100 of 100 frames" in done.stderr
    empty = CompositeResult(tmp_path / "o.mp4", 0, 0, {}, {}, 1.0, 0.5, 0.5, "none", "original", {}, {}, (), 2, 2, 0.0)
    assert "passed through  0 frames\n" in composite_summary(empty)


@pytest.mark.usefixtures("calls")
def test_json_is_the_only_output_on_stdout_and_quiet_prints_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    done = run.invoke(app, composite("-o", str(out), "--json"))
    assert json.loads(done.stdout) == json.loads(json.dumps(a_result(out).to_dict()))
    assert "render" in done.stderr
    quiet = run.invoke(app, composite("-o", str(out), "--json", "--quiet"))
    assert (quiet.stdout, quiet.stderr) == (done.stdout, "")
    done = run.invoke(app, composite("-o", str(out), "-q"))
    assert (done.exit_code, done.output) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--crf", "99"], "encode.crf = 99 (--crf) is not allowed: it must be 0 to 63"),
        (["--tail", "cut"], "pair.tail = 'cut' (--tail)"),
        (["--set", "mask.expantion=1"], "Did you mean mask.expansion?"),
        (["--preset", "natrual"], "Did you mean natural?"),
        (["--crf", "9", "--set", "encode.crf=8"], "given twice"),
    ],
)
def test_a_wrong_setting_stops_before_any_work(
    calls: list[dict[str, Any]], tmp_path: Path, arguments: list[str], part: str
) -> None:
    done = run.invoke(app, composite("-o", str(tmp_path / "out.mp4"), *arguments))
    assert done.exit_code == 2
    assert part in done.stderr
    assert calls == []


def test_flags_have_the_help_text_of_their_settings() -> None:
    helps = {option.opts[0]: option.help for option in load_command("composite").params if option.opts}
    for spec in setting_specs().values():
        if spec.flag not in ("", "--strict", "--locate"):
            assert helps[spec.flag] == f"{spec.help} Sets {spec.key} (default {spec.default_text})."
    assert "--tail original|trim|error" in run.invoke(app, ["composite", "--help"]).stdout


@pytest.mark.usefixtures("preset_files")
def test_presets_list_and_show() -> None:
    listed = json.loads(run.invoke(app, ["presets", "list", "--json"]).stdout)
    assert listed["presets"] == [{"name": "bold", "summary": "Bold."}, {"name": "natural", "summary": "Nothing."}]
    assert "natural (default)" in run.invoke(app, ["presets", "list"]).stdout
    shown = run.invoke(app, ["presets", "show", "bold"]).stdout
    assert "blend.method" in shown
    assert "multiband" in shown
    assert "keeps all defaults" in run.invoke(app, ["presets", "show", "natural"]).stdout
    assert run.invoke(app, ["presets", "show", "none"]).exit_code == 2


def test_the_yaml_of_a_preset_is_a_config_file(tmp_path: Path) -> None:
    shown = run.invoke(app, ["presets", "show", "max-concealment", "--yaml"])
    assert shown.exit_code == 0
    (tmp_path / "mine.yaml").write_text(shown.stdout, encoding="utf-8")
    done = run.invoke(app, ["config", "show", "--config", str(tmp_path / "mine.yaml"), "--json"])
    assert done.exit_code == 0
    wanted = resolve_settings("max-concealment").settings.model_dump(mode="json")
    assert json.loads(done.stdout)["settings"] == wanted


@pytest.mark.usefixtures("preset_files")
def test_config_show_lists_values_and_sources(tmp_path: Path) -> None:
    arguments = ["config", "show", "--preset", "bold", "--set", "alpha.gamma=0.5"]
    shown = json.loads(run.invoke(app, [*arguments, "--json"]).stdout)
    assert shown["settings"]["alpha"]["gamma"] == 0.5
    assert shown["sources"]["alpha.gamma"] == "--set"
    assert shown["sources"]["blend.method"] == "preset bold"
    assert shown["sources"]["encode.crf"] == "default"
    lines = run.invoke(app, arguments).stdout.splitlines()
    assert [line.split()[:3] for line in lines if line.startswith("alpha.gamma")] == [["alpha.gamma", "0.5", "--set"]]
    changed = run.invoke(app, [*arguments, "--changed"]).stdout
    assert "alpha.gamma" in changed
    assert "encode.crf" not in changed
    assert "all at their defaults" in run.invoke(app, ["config", "show", "--changed"]).stdout
    (tmp_path / "shown.yaml").write_text(json.dumps(shown["settings"]))
    again = json.loads(run.invoke(app, ["config", "show", "--config", str(tmp_path / "shown.yaml"), "--json"]).stdout)
    assert again["settings"] == shown["settings"]


def test_config_show_of_some_settings() -> None:
    shown = json.loads(run.invoke(app, ["config", "show", "encode.crf", "audio", "--json"]).stdout)
    assert shown["settings"] == {"encode": {"crf": 14}, "audio": {"source": "auto"}}
    assert list(shown["sources"]) == ["encode.crf", "audio.source"]
    one = run.invoke(app, ["config", "show", "mask.expansion", "--set", "mask.expansion=1.2"]).stdout
    assert one.splitlines()[1].split()[:3] == ["mask.expansion", "1.2", "--set"]
    assert setting_specs()["mask.expansion"].help in one
    for typed, meant in (("crf", "encode.crf"), ("msk", "mask"), ("mask.expanson", "mask.expansion")):
        done = run.invoke(app, ["config", "show", typed])
        assert done.exit_code == 2
        assert f"Did you mean {meant}? " in done.stderr


def test_models_list_exits_with_6_if_a_model_cannot_be_used(tmp_path: Path) -> None:
    good = run.invoke(app, ["models", "list", "--json"], env={"LIPBLEND_MODELS": ""})
    assert good.exit_code == 0
    assert {item["name"]: item["state"] for item in json.loads(good.stdout)["models"]} == dict.fromkeys(
        models.MODELS, "ok"
    )
    words = ["models", "list", "--models", str(tmp_path)]
    done, as_json = run.invoke(app, words), run.invoke(app, [*words, "--json"])
    assert done.exit_code == as_json.exit_code == 6
    found = {item["name"]: item for item in json.loads(as_json.stdout)["models"]}
    assert [name for name, item in found.items() if item["state"] == "not usable"] == ["face_landmarker"]
    assert done.stdout.count("not usable") == 1


def test_models_list_shows_an_optional_model_that_is_not_usable_but_does_not_fail(tmp_path: Path) -> None:
    shutil.copy(models.resolve_model("face_landmarker"), tmp_path)
    (tmp_path / models.MODELS["hand_landmarker"].file_name).write_bytes(b"wrong")
    done = run.invoke(app, ["models", "list", "--models", str(tmp_path), "--json"])
    assert done.exit_code == 0
    found = {item["name"]: item["state"] for item in json.loads(done.stdout)["models"]}
    assert found == {"face_landmarker": "ok", "hand_landmarker": "not usable", "selfie_segmenter": "ok"}


def test_models_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "fetch_model", lambda name: Path("cache") / name)
    assert run.invoke(app, ["models", "fetch"]).stdout.count("cache") == len(models.MODELS)

    def broken(name: str) -> Path:
        raise ModelError(f"cannot download {name}", hint="Check the network.")

    monkeypatch.setattr(models, "fetch_model", broken)
    done = run.invoke(app, ["models", "fetch", "face_landmarker", "--json"])
    assert done.exit_code == 6
    assert json.loads(done.stdout)["error"]["message"] == "cannot download face_landmarker"


def test_progress_lines_have_rate_and_time_left() -> None:
    stream, now = io.StringIO(), [100.0]
    lines = ProgressLines(stream, lambda: now[0])
    for done in range(0, 1001, 10):
        lines.show(Progress("analyse", done, 1000))
        now[0] += 0.5
    printed = stream.getvalue().splitlines()
    assert printed[0] == "analyse: started"
    assert printed[1] == "analyse: 200 of 1000 frames, 20.0 frames/s, 0:40 left"
    assert printed[-1] == "analyse: 1000 of 1000 frames, 20.0 frames/s"
    assert len(printed) == 6
    lines.show(Progress("render", 30, None))
    now[0] += 11
    lines.show(Progress("render", 31, None))
    assert stream.getvalue().splitlines()[6:] == ["render: 31 frames, 2.8 frames/s"]


def test_on_a_terminal_there_is_a_bar_per_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    with Console().progress() as show:
        for stage, total in (("analyse", 5), ("render", 5), ("compare", None)):
            for done in range(6):
                show(Progress(stage, done, total))
    text = stream.getvalue()
    for part in ("analyse: 100%", "render: 100%", "5/5", "5/?", "frames/s"):
        assert part in text
    assert "\x1b[?25l" not in text  # a killed run must not leave the cursor hidden


def test_the_demo_checks_its_folder_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("lipblend.selfcheck.sample.make_sample", None)  # would be a bug
    done = run.invoke(app, ["demo", str(tmp_path / "file" / "demo")])
    assert done.exit_code == 7
    assert "cannot create the folder" in done.stderr
    assert "generating" not in done.stderr


@pytest.mark.slow
def test_demo(calls: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(folder: Path) -> SamplePair:
        pair = make_sample(folder, frames=3, size=128)
        (folder / "result.mp4").write_bytes(pair.truth.read_bytes())
        return pair

    monkeypatch.setattr("lipblend.selfcheck.sample.make_sample", small)
    done = run.invoke(app, ["demo", str(tmp_path / "demo")])
    assert done.exit_code == 0, done.stderr
    assert str(tmp_path / "demo" / "result.mp4") in done.stdout
    picture = cv2.imread(str(tmp_path / "demo" / "before_after.png"))
    assert picture is not None
    assert picture.shape[1] > 3 * 480
    assert calls[0]["synced"] == tmp_path / "demo" / "sample_synced.mp4"
    again = run.invoke(app, ["demo", str(tmp_path / "demo"), "--json"])
    data = json.loads(again.stdout)
    assert "generating a sample pair" in again.stderr
    assert data["before_after"] == str(tmp_path / "demo" / "before_after.png")
