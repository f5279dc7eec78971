"""Output that nobody reads, a full disk, closed streams, and Ctrl-C before there is anything to interrupt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lipblend.cli.streams import Sink

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from lipblend.cli.entry import main; main()"
# The work replaced by a file that is written: what is left of the command is what it prints.
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
    (MAIN, "config", "show", "--json"), (MAIN, "presets", "show", "natural", "--yaml"), (MAIN, "cache", "show"),
]  # fmt: skip
NOISE = ("Traceback", "bug in lipblend", "Exception ignored", "BrokenPipe")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def shell(redirection: str, program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with its streams redirected; its exit code, not that of what it is piped into."""
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
def test_a_reader_that_leaves_and_closed_streams_change_nothing(
    redirection: str, command: tuple[str, ...], tmp_path: Path
) -> None:
    done = shell(redirection, *command, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    assert (tmp_path / "out.mp4").exists() == ("composite" in command and "--help" not in command)


@pytest.mark.slow
@full
@pytest.mark.parametrize("command", PRINTING[::2], ids=lambda words: " ".join(words[1:4]))
def test_what_is_only_printed_and_cannot_be_is_an_output_error(command: tuple[str, ...], tmp_path: Path) -> None:
    done = shell(">/dev/full", *command, folder=tmp_path)
    assert done.returncode == 7
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


@pytest.mark.slow
@full
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_full_standard_output_does_not_undo_a_video(more: tuple[str, ...], tmp_path: Path) -> None:
    done = shell(">/dev/full", *COMPOSITE, *more, folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("error: standard output cannot be written") == 1
    assert (tmp_path / "out.mp4").read_text() == "a video"


@pytest.mark.slow
@full
def test_a_full_standard_error_does_not_either(tmp_path: Path) -> None:
    done = shell("2>/dev/full", *COMPOSITE, "--json", folder=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["blended"] == 90


@pytest.mark.slow(2)
def test_errors_keep_their_exit_code_when_nobody_reads_them(tmp_path: Path) -> None:
    wrong = (MAIN, "config", "show", "--set", "mask.expansion=9", "--json")
    for redirection in ("| true", ">&-", "2>&-", "2>/dev/full >/dev/full" if Path("/dev/full").exists() else "2>&-"):
        assert shell(redirection, *wrong, folder=tmp_path).returncode == 2, redirection


def test_a_closed_descriptor_is_not_given_to_the_next_file(tmp_path: Path) -> None:
    # What a library prints to descriptor 1 would go into the first file that is opened after it was closed.
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


def test_a_pipe_that_does_not_block_gets_everything(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    words = [sys.executable, "-c", MAIN, "config", "show", "--json"]
    with subprocess.Popen(words, stdout=writer) as process:
        os.close(writer)
        with os.fdopen(reader) as answers:
            shown = json.loads(answers.read())
    assert process.returncode == 0
    assert shown["settings"]["mask"]


def test_a_sink_swallows_after_the_first_fault(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    sink = Sink(writer)
    assert sink.write(b"one") == 3
    assert isinstance(sink.fault, BrokenPipeError)
    os.close(writer)
    assert sink.write(b"two") == 3
    assert isinstance(sink.fault, BrokenPipeError)


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
sys.argv = ["lipblend", *{arguments!r}]
main()
"""


@pytest.mark.parametrize("module", ["typer", "lipblend.cli.app", "lipblend.selfcheck.doctor"])
def test_ctrl_c_while_modules_load_is_one_line(module: str, tmp_path: Path) -> None:
    program = EARLY.format(module=module, arguments=["doctor", "--json"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 130, done.stderr
    assert done.stderr == "error: interrupted; no unfinished output is left\n"


def test_ctrl_c_while_a_command_is_loaded_is_one_line() -> None:
    program = (
        "import os, signal, sys\n"
        "from lipblend.cli.entry import main\n"
        "import lipblend.cli.app as app\n"
        "def interrupted(name):\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "app.load_command = interrupted\n"
        "sys.argv = ['lipblend', 'probe', 'x.mp4']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 130
    assert done.stderr == "error: interrupted; no unfinished output is left\n"


def test_ctrl_c_that_is_ignored_stays_ignored() -> None:
    program = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from lipblend.cli.entry import main\n"
        "sys.argv = ['lipblend', '--version']\n"
        "try:\n    main()\n"
        "finally:\n    print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.endswith("True\n")


def test_unbuffered_output_comes_at_once(tmp_path: Path) -> None:
    """As Python has it with -u: what is printed before a process is killed has been seen."""
    code = (
        "import os; from lipblend.cli.streams import make_tolerant; make_tolerant(); print('seen', end=''); os._exit(0)"
    )
    words = [sys.executable, "-u", "-c", code]
    assert subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=True).stdout == "seen"
