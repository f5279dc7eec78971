"""Output that nobody reads, a full disk, closed streams, and Ctrl-C while modules load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from python_programs import run_code

from lipblend.cli.streams import Sink

MAIN = "from lipblend.cli.entry import main; main()"
# A stand-in for the work that only writes a file; what remains is the output of the command.
PRETEND = """
import sys
from pathlib import Path
import lipblend.compositing as module
from lipblend.cli.entry import main
from lipblend.composite_result import CompositeResult
from lipblend.runtime.progress import Progress

def pretend(original, synced, output, *, on_progress, **_):
    for stage in ("analyse", "render"):
        for done in range(0, 101, 50):
            on_progress(Progress(stage, done, 100))
    Path(output).write_text("a video")
    return CompositeResult(
        output=output, frames=100, blended=90, passed_through={"no face": 10}, seconds=1.0, analyse_seconds=0.5,
        render_seconds=0.5, audio="original", notes=(), fallbacks={}, width=64, height=64, duration_s=4.0,
        timeline="original", pairing={}, colour={},
    )

module.composite = pretend
main()
"""
COMPOSITE = (PRETEND, "composite", "a.mp4", "b.mp4", "-o", "out.mp4")
PRINTING = [
    (MAIN, "--help"), (MAIN, "--version"), (MAIN, "composite", "--help"), (MAIN, "config", "show"),
    (MAIN, "config", "show", "--json"), (MAIN, "presets", "show", "natural", "--yaml"), (MAIN, "cache", "info"),
]  # fmt: skip
NOISE = ("Traceback", "bug in lipblend", "Exception ignored", "BrokenPipe")
INTERRUPTED = (130, "error: interrupted; no unfinished output is left\n")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def shell(redirection: str, program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program with redirected streams; in a pipe, the exit code is the program's."""
    line = f'"$@" {redirection}' if "|" not in redirection else f'{{ "$@"; echo $? >code; }} {redirection}'
    words = ["bash", "-c", line, "bash", sys.executable, "-c", program, *arguments]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False)
    if "|" in redirection:
        done.returncode = int((folder / "code").read_text())
    assert not any(word in done.stdout + done.stderr for word in NOISE), done.stderr
    return done


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirection", "command"),
    [
        *(("| true", command) for command in PRINTING),
        *((closed, command) for closed in (">&-", "<&- >&- 2>&-") for command in (PRINTING[0], PRINTING[3])),
        ("| true", COMPOSITE),
        ("| head -c 1", (*COMPOSITE, "--json")),
        ("2>&-", COMPOSITE),
        ("<&- >&- 2>&-", COMPOSITE),
    ],
    ids=lambda given: given if isinstance(given, str) else " ".join(given[1:4]),
)
def test_closed_pipes_and_streams_change_nothing(redirection: str, command: tuple[str, ...], tmp_path: Path) -> None:
    done = shell(redirection, *command, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    assert (tmp_path / "out.mp4").exists() == ("composite" in command and "--help" not in command)


@pytest.mark.slow
@full
@pytest.mark.parametrize("command", PRINTING[::2], ids=lambda words: " ".join(words[1:4]))
def test_a_printing_command_fails_if_stdout_is_full(command: tuple[str, ...], tmp_path: Path) -> None:
    done = shell(">/dev/full", *command, folder=tmp_path)
    assert done.returncode == 7
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


@pytest.mark.slow
@full
def test_a_full_stdout_or_stderr_does_not_undo_a_video(tmp_path: Path) -> None:
    for more in ((), ("--json",)):
        done = shell(">/dev/full", *COMPOSITE, *more, folder=tmp_path)
        assert done.returncode == 0
        assert done.stderr.count("error: standard output cannot be written") == 1
        assert (tmp_path / "out.mp4").read_text() == "a video"
    done = shell("2>/dev/full", *COMPOSITE, "--json", folder=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["blended"] == 90


@pytest.mark.slow(2)
def test_errors_keep_their_exit_code_if_nobody_reads_them(tmp_path: Path) -> None:
    wrong = (MAIN, "config", "show", "--set", "mask.expansion=9", "--json")
    for redirection in ("| true", ">&-", "2>&-", "2>/dev/full >/dev/full" if Path("/dev/full").exists() else "2>&-"):
        assert shell(redirection, *wrong, folder=tmp_path).returncode == 2, redirection


def test_a_closed_descriptor_is_not_reused_for_a_file(tmp_path: Path) -> None:
    # Otherwise, what a library prints to descriptor 1 would go into the first file opened.
    program = (
        "import os, sys\n"
        "sys.argv = ['lipblend', '--version']\n"
        "from lipblend.cli.entry import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    open('numbers', 'w').write(str(os.open('numbers', os.O_RDONLY)))\n"
    )
    (tmp_path / "numbers").touch()
    shell("<&- >&- 2>&-", program, folder=tmp_path)
    assert int((tmp_path / "numbers").read_text()) > 2


def test_a_non_blocking_pipe_gets_everything() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    words = [sys.executable, "-c", MAIN, "config", "show", "--json"]
    with subprocess.Popen(words, stdout=writer) as process:
        os.close(writer)
        with os.fdopen(reader) as answers:
            shown = json.loads(answers.read())
    assert process.returncode == 0
    assert shown["settings"]["mask"]


def test_a_sink_discards_everything_after_the_first_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    sink = Sink(writer)
    for data in (b"one", b"two"):
        assert sink.write(data) == 3
        assert isinstance(sink.fault, BrokenPipeError)
    os.close(writer)
    assert sink.write(b"three") == 5


EARLY = """
import builtins, os, signal, sys
real = builtins.__import__
def interrupted(name, *more, **named):
    if name == {module!r}:
        builtins.__import__ = real
        os.kill(os.getpid(), signal.SIGINT)
    return real(name, *more, **named)
from lipblend.cli.entry import main
builtins.__import__ = interrupted
main()
"""
EARLY_COMMAND = """
import os, signal
from lipblend.cli.entry import main
import lipblend.cli.app as app
app.load_command = lambda name: os.kill(os.getpid(), signal.SIGINT)
main()
"""


EARLY_MODULES = ("typer", "lipblend.cli.app", "lipblend.selfcheck.doctor")


@pytest.mark.parametrize("program", [*(EARLY.format(module=name) for name in EARLY_MODULES), EARLY_COMMAND])
def test_ctrl_c_while_modules_load_is_one_line(program: str) -> None:
    done = run_code(program, "doctor", "--json")
    assert (done.returncode, done.stderr) == INTERRUPTED


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    program = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from lipblend.cli.entry import main\n"
        "try:\n    main()\n"
        "finally:\n    print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)\n"
    )
    assert run_code(program, "--version").stdout.endswith("True\n")


def test_unbuffered_output_appears_at_once() -> None:
    code = "import os; from lipblend.cli.streams import make_tolerant as m; m(); print('seen', end=''); os._exit(0)"
    words = [sys.executable, "-u", "-c", code]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "seen"
