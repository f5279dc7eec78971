"""Wrong command lines end in one clear message and the right exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from patience import HANG_S
from typer.testing import CliRunner

from lipblend.cli import shared_options as options
from lipblend.cli.app import app
from lipblend.selfcheck.sample import SamplePair, make_sample

ROOT = Path(__file__).resolve().parents[2]
run = CliRunner()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SamplePair:
    return make_sample(tmp_path_factory.mktemp("pair"), frames=2, size=64)


@pytest.fixture
def fails(pair: SamplePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run ``composite`` on the pair with more arguments; it must fail with this code and one line on stderr."""
    monkeypatch.chdir(tmp_path)

    def check(code: int, *arguments: str, output: str = "out.mp4", original: Path | None = None) -> str:
        first = str(original or pair.original)
        done = run.invoke(app, ["composite", first, str(pair.synced), "-o", output, *arguments])
        assert done.exit_code == code, done.output
        assert done.stdout == ""
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
        assert "bug" not in done.stderr
        assert not (tmp_path / "out.mp4").exists()
        return done.stderr

    return check


@pytest.mark.parametrize("value", ["abc", "", "1,5", "nan", "inf", "-1", "64"])
def test_a_wrong_number_of_a_flag(fails: Any, value: str) -> None:
    text = fails(2, "--crf", value)
    assert "encode.crf = " in text
    assert "(--crf) is not allowed: it must be 0 to 63" in text
    assert value in text


@pytest.mark.parametrize("value", ["abc", "2.5", "", "0", "true"])
def test_a_wrong_number_of_set(fails: Any, value: str) -> None:
    text = fails(2, "--set", f"track.max_faces={value}")
    assert f"track.max_faces = '{value}' (--set) is not allowed: it must be a whole number from 1 to 16 faces" in text


def test_numbers_are_parsed() -> None:
    shown = run.invoke(app, ["config", "show", "--set", "encode.crf=18.5", "--json"])
    assert json.loads(shown.stdout)["settings"]["encode"]["crf"] == 18.5
    parse = options.setting_flag("encode.crf").parser
    assert (parse("18.5"), parse("x")) == (18.5, "x")
    assert options.setting_flag("encode.preset").parser is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["composite", "it", "gone", "-o", "out.mp4"],
        ["composite", "gone", "it", "-o", "out.mp4"],
        ["composite", "gone", "gone", "-o", "it"],
        ["composite", "gone", "gone", "-o", "out.mp4", "--config", "it"],
        ["composite", "gone", "gone", "-o", "out.mp4", "--models", "it"],
        ["composite", "gone", "gone", "-o", "out.mp4", "--debug-dir", "it"],
        ["composite", "gone", "gone", "-o", "out.mp4", "--layers", "it"],
        ["composite", "gone", "gone", "-o", "out.mp4", "--matte", "it"],
        ["config", "show", "--config", "it"],
        ["models", "list", "--models", "it"],
        ["probe", "it"],
        ["demo", "it"],
    ],
)
def test_typer_does_not_check_paths_itself(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it").touch()
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    assert "Usage:" not in run.invoke(app, arguments).stderr


@pytest.mark.parametrize("command", ["composite", "probe"])
def test_an_input_without_read_permission(
    fails: Any, pair: SamplePair, monkeypatch: pytest.MonkeyPatch, command: str, tmp_path: Path
) -> None:
    real = os.access
    # As for a file of mode 000, which root may read all the same.
    monkeypatch.setattr(os, "access", lambda path, mode, **more: mode != os.R_OK and real(path, mode, **more))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(av, "open", refuse)
    arguments = [str(pair.original)] if command == "probe" else [str(pair.original), str(pair.synced), "-o", "out.mp4"]
    done = run.invoke(app, [command, *arguments])
    assert done.exit_code == 3, done.output
    assert "permission denied. Change the file's permissions" in done.stderr


def test_an_invalid_input_path(fails: Any, tmp_path: Path) -> None:
    assert "File name too long" in fails(3, original=Path("x" * 300))
    (tmp_path / "file").touch()
    assert "file/x.mp4" in fails(3, original=Path("file/x.mp4"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("orignal", "there is no such file"),
        ("text.mp4", "Invalid data found"),
        ("empty.wav", "is empty"),
        (".", "it is a folder"),
        ("", "it is a folder"),
    ],
)
def test_a_sound_file_without_sound(fails: Any, tmp_path: Path, name: str, part: str) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "empty.wav").touch()
    text = fails(3, "--audio", name)
    assert text.startswith("error: cannot use the sound of '")
    assert part in text
    assert "not a video" not in text
    assert text.endswith("Use auto, original, synced, none, or the path of a file with sound.\n")


def test_a_video_file_without_sound(fails: Any, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "mute.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        out.mux([*stream.encode(av.VideoFrame(32, 32, "yuv420p")), *stream.encode(None)])
    assert "mute.mkv has no sound. Use auto, original, synced, none, or" in fails(3, "--audio", "mute.mkv")


def test_a_folder_as_output(fails: Any, tmp_path: Path, pair: SamplePair) -> None:
    (tmp_path / "folder").mkdir()
    name = f"{pair.original.stem}_lipblend.mp4"
    for given in ("folder", "folder/"):
        assert fails(7, output=given) == f"error: folder names a folder. Give a file name such as folder/{name}.\n"
    for given in (".", ""):
        assert fails(7, output=given) == f"error: . names a folder. Give a file name such as {name}.\n"
    assert "new has no suffix" in fails(7, output="new/")
    assert f"new.mp4, or new/{name} for" in fails(7, output="new/")
    assert "File name too long" in fails(7, output="x" * 300 + ".mp4")
    assert f"{os.devnull} is a device, a pipe or a socket, not a file. An output" in fails(7, output=os.devnull)
    assert "'.avi' is not a supported video container" in fails(7, output="out.avi")


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libsvtav1"])
@pytest.mark.parametrize("preset", ["nonsense", "", "14"])
def test_an_unknown_speed_preset(fails: Any, capfd: Any, encoder: str, preset: str) -> None:
    text = fails(2, "--encoder", encoder, "--encoder-preset", preset)
    assert f"{encoder} has no preset '{preset}'. Use one of ultrafast, " in text
    assert ("a number from -1 to 13" in text) == (encoder == "libsvtav1")
    assert capfd.readouterr().err == ""


def test_an_unknown_encoder_or_crf(fails: Any) -> None:
    assert "this FFmpeg has no encoder ''" in fails(2, "--encoder", "")
    assert "this FFmpeg has no encoder 'nope'" in fails(2, "--encoder", "nope")
    assert "this FFmpeg has no encoder 'x264'. Did you mean libx264? " in fails(2, "--encoder", "x264")
    assert "aac encodes audio, not video" in fails(2, "--encoder", "aac")
    assert "libx264 takes crf 0 to 51, not 60" in fails(2, "--crf", "60")


def test_an_address_is_shown_as_it_was_typed(fails: Any) -> None:
    address = "https://example.org/a/talk.mp4"
    assert f"error: {address} is an address, not a file. Download" in fails(3, original=Path(address))
    assert f"error: {address} is an address, not a file. Name" in fails(7, output=address)
    assert f"of '{address}': it is an address" in fails(3, "--audio", address)
    assert f"file {address}: it is an address" in fails(2, "--config", address)


def test_an_error_in_a_settings_file_has_its_position(fails: Any, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("mask:\n  expansion: 1.2\n bad: [\n")
    text = fails(2, "--config", "c.yaml")
    assert "c.yaml is not valid YAML: line 3, column 2: " in text
    assert "unicode string" not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("- a\n", "must hold a mapping of settings, but holds a list"),
        ("hello\n", "must hold a mapping of settings, but holds only text. "),
        ("42\n", "but holds only a number. "),
        ("2024-01-02\n", "but holds one value. "),
        ("mask: !!python/object:os.system x\n", "is not valid YAML"),
        ("mask: [1\n", "is not valid YAML"),
        ("? [a, b]\n: 1\n", "a list or a mapping as a key (line 1)"),
        ("a0: &a [x]\na1: &b [*a, *a]\n", "uses a YAML alias (*a)"),
        ("mask: &m\n  expansion: *m\n", "uses a YAML alias (*m)"),
        ("a: " + "[" * 5000 + "]" * 5000, "is nested too deeply"),
        ("#" * 1_000_001, "is too large for a settings file (more than 1000 kB)"),
        ("mask: {expansion: .nan}\n", "mask.expansion = nan"),
        ("1: 2\n", "unknown setting '1'"),
        ("\x00", "is not valid YAML"),
    ],
)
def test_invalid_settings_files(fails: Any, tmp_path: Path, content: str, part: str) -> None:
    (tmp_path / "c.yaml").write_text(content)
    assert part in fails(2, "--config", "c.yaml")


def in_a_terminal(encoding: str, *arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "lipblend", *arguments]
    return subprocess.run(command, capture_output=True, env=environment, check=False, timeout=HANG_S)


@pytest.mark.slow(2)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows names that are not UTF-8")
@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_file_names_that_the_terminal_cannot_show(pair: SamplePair, tmp_path: Path, encoding: str) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9 100% a:b.mp4"
    Path(os.fsdecode(name)).write_bytes(pair.original.read_bytes())
    shown = in_a_terminal(encoding, "probe", "--no-faces", name)
    assert shown.returncode == 0, shown.stderr
    assert b"caf\\udce9 100% a:b.mp4\n" in shown.stdout
    as_json = in_a_terminal(encoding, "probe", "--no-faces", "--json", name)
    assert os.fsencode(json.loads(as_json.stdout)["path"]) == name
    missing = in_a_terminal(encoding, "probe", "--json", name + b".gone")
    assert missing.returncode == 3
    assert b"caf\xe9" in os.fsencode(json.loads(missing.stdout)["error"]["message"])


@pytest.mark.slow
def test_an_encoder_does_not_write_to_the_terminal(pair: SamplePair, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from lipblend.cli import app; import lipblend.compositing as c\n"
        "from lipblend.video.info import VideoInfo; from lipblend.output.encoding import check_output\n"
        "from lipblend.video.probe import probe; from lipblend.settings import EncodeSettings\n"
        "def only_check(original, synced, output, *, settings, **_):\n"
        "    check_output(output, probe(original), encode=settings.encode, inputs=())\n"
        "    raise SystemExit(0)\n"
        "c.composite = only_check\n"
        "app.main()\n"
    )
    command = [sys.executable, "-c", program, "composite", str(pair.original), str(pair.synced)]
    command += ["-o", str(tmp_path / "out.mkv"), "--encoder", "libsvtav1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG_S, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_typer_still_says_what_is_missing() -> None:
    done = run.invoke(app, ["composite", "a.mp4"])
    assert done.exit_code == 2
    assert "Missing argument 'SYNCED'" in done.stderr
