"""The command line as a whole: help, imports, exit codes and signals."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer
from patience import HANG_S
from python_programs import ROOT, run_code
from typer.testing import CliRunner

from lipblend import errors
from lipblend.cli import exits
from lipblend.cli.app import COMMANDS, app, load_command
from lipblend.errors import InputMismatchError, LipblendError
from lipblend.settings.catalogue import setting_specs

HEAVY = (
    "numpy", "cv2", "av", "mediapipe", "pydantic", "scipy", "skimage", "yaml", "rich", "matplotlib", "onnxruntime",
    "lipblend.settings", "lipblend.settings.catalogue", "lipblend.video", "lipblend.faces", "lipblend.compositing",
)  # fmt: skip
run = CliRunner()


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(argument: str) -> None:
    code = (
        "import gc, sys\n"
        "from lipblend.cli.app import main\n"
        "try:\n    main()\n"
        f"finally:\n    print([name for name in {HEAVY!r} if name in sys.modules], gc.get_freeze_count() > 1000)\n"
    )
    done = run_code(code, argument)
    assert done.returncode == 0, done.stderr
    # Objects are frozen, so the final garbage collection has nothing to do.
    assert done.stdout.splitlines()[-1] == "[] True"


def test_help_lists_every_command_with_its_summary() -> None:
    shown = run.invoke(app, ["--help"], env={"COLUMNS": "120", "TERMINAL_WIDTH": "120"})
    assert shown.exit_code == 0
    for name in COMMANDS:
        assert name in shown.output
    assert "Exit codes:" in shown.output
    assert run.invoke(app, []).output.startswith("Usage: ")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_the_same_summary_as_in_the_list(name: str) -> None:
    assert str(load_command(name).help).splitlines()[0] == COMMANDS[name][1]
    shown = run.invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert f"Usage: lipblend {name}" in shown.output.replace("root", "lipblend")


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (["compsite"], "Did you mean 'composite'"),
        (["a.mp4", "b.mp4", "-o", "c.mp4"], "Did you mean: lipblend composite a.mp4 b.mp4 -o c.mp4 ?"),
        (["-o", "c.mp4", "a b.mp4", "b.mp4"], "Did you mean: lipblend composite -o c.mp4 'a b.mp4' b.mp4 ?"),
        (["a.MOV", "b.mkv"], "Did you mean: lipblend composite a.MOV b.mkv -o out.mp4 ?"),
        (["a.mp4", "b.mp4", "--output=c.mp4"], "Did you mean: lipblend composite a.mp4 b.mp4 --output=c.mp4 ?"),
        (["a.mp4"], "Did you mean: lipblend probe a.mp4 ?"),
        (["pyproject.toml"], "Did you mean: lipblend probe pyproject.toml ?"),
        (["help", "sweep"], "Did you mean: lipblend sweep --help ?"),
        (["version"], "Did you mean: lipblend --version ?"),
    ],
)
def test_a_missing_or_mistyped_command(words: list[str], suggestion: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = run.invoke(app, words)
    assert done.exit_code == 2
    assert suggestion in done.stderr


@pytest.mark.parametrize("words", [[], ["composite"], ["config"], ["config", "show"], ["doctor"], ["ab", "score"]])
def test_h_is_help_everywhere(words: list[str]) -> None:
    assert run.invoke(app, [*words, "-h"]).stdout == run.invoke(app, [*words, "--help"]).stdout != ""


def test_version() -> None:
    text = f"lipblend {importlib.metadata.version('lipblend')}\n"
    assert [run.invoke(app, [flag]).output for flag in ("--version", "-V")] == [text] * 2
    done = subprocess.run([sys.executable, "-m", "lipblend", "-V"], capture_output=True, text=True, check=True)
    assert done.stdout == text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "line", "wanted"),
    [
        ("bash", "lipblend comp", "composite"),
        ("bash", "lipblend composite --enc", "--encoder"),
        ("zsh", "lipblend do", "doctor"),
    ],
)
def test_the_shell_completes_commands_and_options(shell: str, line: str, wanted: str) -> None:
    words = {"_LIPBLEND_COMPLETE": f"complete_{shell}", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    environment = {**os.environ, **words, "_TYPER_COMPLETE_ARGS": line}
    done = subprocess.run(
        [sys.executable, "-m", "lipblend"], capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )
    assert wanted in done.stdout
    assert done.stderr == ""


def a_command(failure: BaseException | None) -> typer.Typer:
    made = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @made.command()
    @exits.handle_errors(stdout_required=True)
    def work(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
        if failure is not None:
            raise failure

    return made


CODES = {
    "LipblendError": 1, "SettingsError": 2, "InputError": 3, "InputMismatchError": 4,
    "NoFaceError": 5, "ModelError": 6, "OutputError": 7, "GateError": 8,
    "BatchError": 9,
}  # fmt: skip


def test_an_error_is_one_line_and_its_documented_exit_code() -> None:
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, LipblendError)]
    assert {kind.__name__: kind.exit_code for kind in kinds} == CODES
    for kind in kinds:
        done = run.invoke(a_command(kind("it does not fit", hint="Make it fit.")))
        assert done.exit_code == kind.exit_code
        assert done.stderr == "error: it does not fit. Make it fit.\n"
        assert done.stdout == ""


def test_with_json_an_error_is_also_an_object() -> None:
    failure = InputMismatchError("they differ", hint="Look.", details=("original 1", "synced 2"))
    done = run.invoke(a_command(failure), ["--json"])
    assert json.loads(done.stdout) == {
        "error": {
            "type": "InputMismatchError", "message": "they differ", "hint": "Look.",
            "details": ["original 1", "synced 2"], "exit_code": 4,
        }
    }  # fmt: skip
    assert done.stderr == "error: they differ\n  original 1\n  synced 2\nLook.\n"


@pytest.mark.parametrize(
    ("message", "hint", "shown"),
    [
        ("too short", "Set pair.tail to original.", "too short. Set pair.tail to original. --tail sets pair.tail."),
        ("too short", "Use --tail (pair.tail).", "too short. Use --tail (pair.tail)."),
        ("--tail is odd", "Set pair.tail.", "--tail is odd. Set pair.tail."),
        ("too dark", "Set colour.interpret, see report.json.", "too dark. Set colour.interpret, see report.json."),
    ],
)
def test_hints_name_the_flags_of_settings(message: str, hint: str, shown: str) -> None:
    assert run.invoke(a_command(errors.InputError(message, hint=hint))).stderr == f"error: {shown}\n"


def test_every_flag_of_a_setting_is_an_option_of_composite() -> None:
    options = {name for option in load_command("composite").params for name in option.opts}
    flags = {spec.flag for spec in setting_specs().values()} - {""}
    assert flags <= options
    assert len(flags) == 15


def test_an_unexpected_exception_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(exits.DEBUG_VARIABLE, raising=False)
    done = run.invoke(a_command(ZeroDivisionError("two\nlines")))
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: unexpected ZeroDivisionError: two lines.")
    assert "LIPBLEND_DEBUG=1" in done.stderr
    debugged = run.invoke(a_command(ZeroDivisionError("two\nlines")), env={exits.DEBUG_VARIABLE: "1"})
    assert debugged.stderr.startswith("Traceback")
    assert debugged.stderr.endswith(done.stderr)


def test_ctrl_c_and_usage_errors_keep_their_exit_codes() -> None:
    done = run.invoke(a_command(KeyboardInterrupt()))
    assert done.exit_code == 130
    assert done.stderr.startswith("error: interrupted")
    assert run.invoke(a_command(typer.Exit(9))).exit_code == 9
    assert run.invoke(a_command(None), ["--what"]).exit_code == 2


def test_a_package_that_cannot_be_loaded_points_to_the_doctor() -> None:
    done = run.invoke(a_command(ImportError("libGL.so.1: cannot open shared object file")), ["--json"])
    assert done.exit_code == 1
    assert done.stderr == (
        "error: a package cannot be loaded: libGL.so.1: cannot open shared object file. "
        "Run `lipblend doctor` to see how to fix it.\n"
    )
    assert json.loads(done.stdout)["error"]["exit_code"] == 1


SLOW_COMPOSITE = """
import atexit, sys, time
from pathlib import Path
import lipblend.compositing as module
from lipblend.cli.app import main

def slow(original, synced, output, **_):
    half = Path(output).with_name("half-written")
    half.touch()
    try:
        print("working", flush=True)
        while True:
            time.sleep(0.02)
    finally:
        half.unlink()

atexit.register(print, "shut down")
module.composite = slow
sys.argv = ["lipblend", "composite", "a.mp4", "b.mp4", "-o", sys.argv[1]]
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_unwinds_and_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, code: int) -> None:
    arguments = [sys.executable, "-c", SLOW_COMPOSITE, str(tmp_path / "out.mp4")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        assert [path.name for path in tmp_path.iterdir()] == ["half-written"]
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=HANG_S)
    assert process.returncode == code
    assert "shut down" not in stdout  # libraries whose threads still work crash there
    assert stderr.count("error: ") == 1
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []
