"""The command itself: what it lists, what it imports, and how it ends."""

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
from typer.testing import CliRunner

from lipblend import errors
from lipblend.cli import exits as guard
from lipblend.cli.app import COMMANDS, app, load_command
from lipblend.errors import InputMismatchError, LipblendError

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "numpy", "cv2", "av", "mediapipe", "pydantic", "scipy", "skimage", "yaml", "tqdm", "rich", "matplotlib",
    "onnxruntime", "lipblend.settings", "lipblend.settings.catalogue", "lipblend.media", "lipblend.faces",
    "lipblend.compositing",
)  # fmt: skip
run = CliRunner()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from lipblend.cli.app import main\n"
        f"sys.argv = ['lipblend', *{arguments!r}]\n"
        "try:\n    main()\n"
        f"finally:\n    print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_help_lists_every_command_with_its_summary() -> None:
    shown = run.invoke(app, ["--help"], env={"COLUMNS": "120", "TERMINAL_WIDTH": "120"})
    assert shown.exit_code == 0
    for name in COMMANDS:
        assert name in shown.output
    assert "Exit codes:" in shown.output
    assert run.invoke(app, []).output.startswith("Usage: ")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_the_same_of_itself_as_the_list_does(name: str) -> None:
    assert str(load_command(name).help).splitlines()[0] == COMMANDS[name][1]
    shown = run.invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert f"Usage: lipblend {name}" in shown.output.replace("root", "lipblend")


def test_version() -> None:
    assert run.invoke(app, ["--version"]).output == f"lipblend {importlib.metadata.version('lipblend')}\n"


def test_a_mistyped_command_is_answered_with_the_right_one() -> None:
    done = run.invoke(app, ["compsite"])
    assert done.exit_code == 2
    assert "Did you mean 'composite'" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
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
def test_a_file_instead_of_a_command_is_answered_with_what_was_meant(
    words: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    done = run.invoke(app, words)
    assert done.exit_code == 2
    assert says in done.stderr


@pytest.mark.parametrize("words", [[], ["composite"], ["config"], ["config", "show"], ["doctor"], ["ab", "score"]])
def test_h_is_help_everywhere(words: list[str]) -> None:
    assert run.invoke(app, [*words, "-h"]).stdout == run.invoke(app, [*words, "--help"]).stdout != ""


def test_capital_v_is_version() -> None:
    assert run.invoke(app, ["-V"]).stdout == run.invoke(app, ["--version"]).stdout


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
    @guard.guarded
    def work(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
        if failure is not None:
            raise failure

    return made


def all_errors() -> list[type[LipblendError]]:
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LipblendError)]


@pytest.mark.parametrize("kind", all_errors())
def test_an_error_is_one_line_and_its_exit_code(kind: type[LipblendError]) -> None:
    done = run.invoke(a_command(kind("it does not fit", hint="Make it fit.")))
    assert done.exit_code == kind.exit_code
    assert done.stderr == "error: it does not fit. Make it fit.\n"
    assert done.stdout == ""


def test_the_exit_codes_are_the_documented_ones() -> None:
    codes = {kind.__name__: kind.exit_code for kind in all_errors()}
    assert codes == {
        "LipblendError": 1, "SettingsError": 2, "InputError": 3, "InputMismatchError": 4,
        "NoFaceError": 5, "ModelError": 6, "OutputError": 7, "GateError": 8,
    }  # fmt: skip


def test_with_json_an_error_is_one_object_too() -> None:
    failure = InputMismatchError("they differ", hint="Look.", details=("original 1", "synced 2"))
    done = run.invoke(a_command(failure), ["--json"])
    assert json.loads(done.stdout) == {
        "error": {
            "type": "InputMismatchError", "message": "they differ", "hint": "Look.",
            "details": ["original 1", "synced 2"], "exit_code": 4,
        }
    }  # fmt: skip
    assert done.stderr == "error: they differ\n  original 1\n  synced 2\nLook.\n"


def test_an_unexpected_exception_is_one_line_and_the_way_to_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(guard.DEBUG_VARIABLE, raising=False)
    done = run.invoke(a_command(ZeroDivisionError("two\nlines")))
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: unexpected ZeroDivisionError: two lines.")
    assert "LIPBLEND_DEBUG=1" in done.stderr
    debugged = run.invoke(a_command(ZeroDivisionError("two\nlines")), env={guard.DEBUG_VARIABLE: "1"})
    assert debugged.stderr.startswith("Traceback")
    assert debugged.stderr.endswith(done.stderr)


def test_ctrl_c_and_usage_keep_their_own_exit_codes() -> None:
    done = run.invoke(a_command(KeyboardInterrupt()))
    assert done.exit_code == 130
    assert done.stderr.startswith("error: interrupted")
    assert run.invoke(a_command(typer.Exit(9))).exit_code == 9
    assert run.invoke(a_command(None), ["--what"]).exit_code == 2


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


def test_python_m_runs_the_program() -> None:
    done = subprocess.run([sys.executable, "-m", "lipblend", "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("lipblend ")


def test_the_end_does_not_look_through_all_memory_once_more() -> None:
    program = (
        "import gc, sys\n"
        "from lipblend.cli.app import main\n"
        "sys.argv = ['lipblend', '--version']\n"
        "try:\n    main()\n"
        "finally:\n    print('FROZEN', gc.get_freeze_count() > 1000)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.splitlines()[-1] == "FROZEN True", done.stderr


def test_a_package_that_cannot_be_loaded_is_no_bug_but_a_case_for_the_doctor() -> None:
    done = run.invoke(a_command(ImportError("libGL.so.1: cannot open shared object file")), ["--json"])
    assert done.exit_code == 1
    assert done.stderr == (
        "error: a package cannot be loaded: libGL.so.1: cannot open shared object file. "
        "Run `lipblend doctor` to see how to mend it.\n"
    )
    assert json.loads(done.stdout)["error"]["exit_code"] == 1
