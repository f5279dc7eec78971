"""The first pass in a process of its own: the same result, the same errors, and no process left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from instead import program
from patience import HANG_S
from processes_left import gone, is_there
from sameness import same

from lipblend import errors
from lipblend.analysis import apart
from lipblend.analysis.analyse import analyse
from lipblend.analysis.apart import analyse_apart
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.errors import LipblendError, ModelError
from lipblend.faces.models import resolve_model
from lipblend.runtime import child
from lipblend.selfcheck.sample import SamplePair
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo

ROOT = Path(__file__).resolve().parents[2]
MODEL = resolve_model("face_landmarker")
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is about to end is given the time for it, however busy the machine is."""
    monkeypatch.setattr(child, "_END_S", HANG_S)


@pytest.fixture
def run(videos: tuple[VideoInfo, VideoInfo], monkeypatch: pytest.MonkeyPatch) -> object:
    """Runs the process with something instead of the analysis; returns the frames that were reported."""

    def go(instead: str, on_frame: object = None) -> list[int]:
        monkeypatch.setattr(apart, "PROGRAM", program(instead))
        done: list[int] = []
        analyse_apart(*videos, model=MODEL, settings=Settings(), on_frame=on_frame or done.append)
        return done

    return go


@pytest.mark.slow
def test_it_finds_what_the_analysis_finds_here(videos: tuple[VideoInfo, VideoInfo], analysis: ClipAnalysis) -> None:
    done: list[int] = []
    found = analyse_apart(*videos, model=MODEL, settings=Settings(), on_frame=done.append)
    assert same(found, analysis)
    assert len(found.tracks) == 1
    assert done == list(range(1, 7))


@pytest.mark.slow(3)
def test_the_run_itself_never_loads_the_face_models(pair: SamplePair, tmp_path: Path) -> None:
    script = (  # without `if __name__ == "__main__"`, which composite must not need
        "import sys\nfrom pathlib import Path\nfrom lipblend import Settings, composite\n"
        "done = composite(*map(Path, sys.argv[1:]), settings=Settings())\n"
        "print(done.blended, *(name in sys.modules for name in ('mediapipe', 'cv2')))\n"
    )
    path = tmp_path / "script.py"
    path.write_text(script, encoding="utf-8")
    words = [sys.executable, str(path), str(pair.original), str(pair.synced), str(tmp_path / "out.mp4")]
    said = subprocess.run(words, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True)
    assert (said.stdout.split(), said.stderr) == (["6", "False", "True"], "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["SettingsError", "InputError", "InputMismatchError", "NoFaceError", "OutputError", "LipblendError"]
)
def test_errors_come_over_as_they_are(kind: str, run: object) -> None:
    with pytest.raises(LipblendError) as caught:
        run(f"on_frame(1)\nraise errors.{kind}('what is wrong', hint='Do that.', details=('one', 'two'))")
    assert type(caught.value) is getattr(errors, kind)
    assert (caught.value.message, caught.value.hint) == ("what is wrong", "Do that.")
    assert caught.value.details == ("one", "two")
    assert caught.value.exit_code == getattr(errors, kind).exit_code


@pytest.mark.slow
def test_an_error_of_the_analysis_itself_reads_the_same(videos: tuple[VideoInfo, VideoInfo], tmp_path: Path) -> None:
    model = tmp_path / "model.task"
    model.write_bytes(b"no model")
    texts = []
    for how in (analyse, analyse_apart):
        with pytest.raises(ModelError) as caught:
            how(*videos, model=model, settings=Settings(), on_frame=lambda _: None)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
    assert "MediaPipe cannot use the model" in texts[0]


@pytest.mark.slow
def test_what_nobody_expected_comes_over_with_its_traceback(run: object) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run("1 / 0")
    assert "in instead" in "".join(caught.value.__notes__)
    with pytest.raises(RuntimeError, match="Odd: odd"):
        run("class Odd(Exception): pass\nraise Odd('odd')")


@pytest.mark.slow
@posix
@pytest.mark.parametrize(
    ("end", "said", "hint"),
    [
        ("os.kill(os.getpid(), 9)", "was killed by SIGKILL, after 2 of 6 frames", "out of memory"),
        ("os.kill(os.getpid(), 11)", "was killed by SIGSEGV, after 2 of 6 frames", "probably crashed"),
        ("os.abort()", "was killed by SIGABRT, after 2 of 6 frames", "probably crashed"),
        ("os._exit(3)", "ended with exit code 3, after 2 of 6 frames", "probably crashed"),
        ("module.to_file = lambda *_: os._exit(4)", "ended with exit code 4, after 2 of 6 frames", "probably crashed"),
    ],
)
def test_a_process_that_dies_is_one_clear_error(end: str, said: str, hint: str, run: object) -> None:
    with pytest.raises(LipblendError) as caught:
        run(f"on_frame(1)\non_frame(2)\nos.write(2, b'check\\n\\nfailed')\n{end}")
    assert type(caught.value) is LipblendError
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.details == ("check", "failed")


def test_one_that_cannot_even_begin_is_one_clear_error(run: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LipblendError, match="ended with exit code 1, after 0 of 6 frames") as caught:
        run("pass\nthis is no Python")
    assert any("SyntaxError" in line for line in caught.value.details)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(LipblendError, match="cannot be started: No such file") as caught:
        run("pass")
    assert caught.value.details == ("program: /nowhere/python",)


@pytest.mark.slow
def test_what_it_writes_reaches_the_user_and_not_the_answers(
    videos: tuple[VideoInfo, VideoInfo], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = "print('to the output', flush=True)\nos.write(1, b'more\\n')\nos.write(2, b'a warning\\n')\n"
    work = "from lipblend.analysis.analyse import analyse\nreturn analyse(*_, on_frame=on_frame, **__)"
    monkeypatch.setattr(apart, "PROGRAM", program(noise + work))
    found = analyse_apart(*videos, model=MODEL, settings=Settings(), on_frame=lambda _: None)
    assert len(found.times_s) == 6
    out, err = capfd.readouterr()
    assert (out, err) == ("", "to the output\nmore\na warning\n")


@pytest.mark.slow
def test_the_current_folder_is_no_place_for_modules(
    run: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pickle", "numpy", "lipblend"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the current folder')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyError):
        run("raise KeyError")


@pytest.mark.slow
@posix
@pytest.mark.parametrize("raised", [KeyboardInterrupt, BrokenPipeError, EOFError])
def test_what_stops_this_process_ends_the_other(raised: type[BaseException], run: object) -> None:
    seen: list[int] = []

    def stop(pid: int) -> None:
        seen.append(pid)
        assert is_there(pid)
        raise raised

    with pytest.raises(raised):
        run("on_frame(os.getpid())\nwhile True: time.sleep(1)", stop)
    assert not is_there(seen[0])


@pytest.mark.slow
@posix
def test_signals_that_ask_to_stop_are_the_parents_alone(run: object, tmp_path: Path) -> None:
    """A terminal sends them to both; the process must not end, or complain, before the parent has its say."""
    seen: list[int] = []
    sent = tmp_path / "sent"

    def signalled(what: int) -> None:
        seen.append(what)
        if len(seen) == 1:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(what, number)
            sent.touch()

    wait = f"while not os.path.exists({str(sent)!r}): time.sleep(0.01)"
    with pytest.raises(KeyError):
        run(f"on_frame(os.getpid())\n{wait}\non_frame(2)\nraise KeyError", signalled)
    assert seen[1:] == [2]


@pytest.mark.slow
def test_nonsense_instead_of_an_answer_is_an_error(run: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_END_S", 0.1)
    with pytest.raises(LipblendError, match="the process that analyses the videos sent an answer that cannot be read"):
        run(
            "import lipblend.runtime.child as child\n"
            "child.pickle.dump = lambda what, answers: answers.write(b'nonsense')\n"
            "on_frame(1)\ntime.sleep(100_000)"
        )


PARENT = """
import sys
from pathlib import Path
from lipblend.analysis import apart, early
from lipblend.cli.app import main
apart.PROGRAM = early.PROGRAM = sys.argv.pop(1)
main()
"""


@pytest.mark.slow
@posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("at", ["the parent", "the whole group"])
def test_a_signal_leaves_no_process(number: signal.Signals, at: str, pair: SamplePair, tmp_path: Path) -> None:
    """A terminal's Ctrl-C reaches the whole group; SIGKILL of it needs no test."""
    if at == "the whole group" and number == signal.SIGKILL:
        pytest.skip("it ends all of them by itself")
    note = tmp_path / "pid"
    waits = program(f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} ')\nwhile True: time.sleep(1)")
    words = [sys.executable, "-c", PARENT, waits, "composite", str(pair.original), str(pair.synced)]
    with subprocess.Popen(
        [*words, "-o", str(tmp_path / "out.mp4")],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        limit = time.monotonic() + HANG_S
        while not (note.exists() and note.read_text(encoding="utf-8").endswith(" ")):
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.02)
        pid = int(note.read_text(encoding="utf-8"))
        assert is_there(pid)
        (os.kill if at == "the parent" else os.killpg)(process.pid, number)
        _, said = process.communicate(timeout=HANG_S)
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    assert gone(pid)
    assert "Traceback" not in said
    assert "killed by" not in said


@pytest.mark.parametrize("said", ["INFO: x", "Loading", "hello", "", "gpu found"])
def test_nonsense_for_an_answer_is_one_clear_error(
    videos: tuple[VideoInfo, VideoInfo], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(apart, "PROGRAM", f"print({said!r})")
    with pytest.raises(LipblendError, match="the process that analyses the videos"):
        analyse_apart(*videos, model=MODEL, settings=Settings(), on_frame=lambda _: None)


def test_an_answer_that_is_neither_a_count_nor_an_error(
    videos: tuple[VideoInfo, VideoInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "PROGRAM", "import pickle, sys; pickle.dump('words', sys.stdout.buffer)")
    with pytest.raises(LipblendError, match="the process that analyses the videos"):
        analyse_apart(*videos, model=MODEL, settings=Settings(), on_frame=lambda _: None)


@pytest.mark.slow
def test_without_a_standard_error_an_error_still_comes_home(
    run: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with pytest.raises(ValueError, match="its own"):
        run("os.write(2, b'a warning')\nraise ValueError('its own')")


@pytest.mark.parametrize("executable", ["", None])
def test_without_an_interpreter_it_runs_here(
    videos: tuple[VideoInfo, VideoInfo], monkeypatch: pytest.MonkeyPatch, executable: str | None
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(apart, "analyse", lambda *_, **__: "done here")
    assert analyse_apart(*videos, model=MODEL, settings=Settings(), on_frame=lambda _: None) == "done here"


@pytest.mark.slow
def test_an_error_while_the_analysis_is_sent_is_told(run: Callable[..., object]) -> None:
    with pytest.raises(LipblendError, match="ended with exit code 1, after 0 of 6 frames") as caught:
        run("def fails(*_): raise MemoryError('no memory while packing')\nmodule.to_file = fails")
    assert caught.value.details[-1] == "MemoryError: no memory while packing"
    assert caught.value.hint
