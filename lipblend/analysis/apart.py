"""The first pass in a process of its own.

The face models, and what their library keeps once it was used, take more than 100 MB; with the process they are gone
when rendering begins. And where a native library crashes on a file, an error says so instead of nothing at all.

The process is this program's own interpreter with this program's module path. It is told what to do through its
standard input, which then stays open for as long as the parent lives. It answers through a pipe: how many frames are
done, then an error, or None and the analysis as `lipblend.analysis.archive` packs it. Both ends are ours, so the
messages are pickled.
"""

from __future__ import annotations

import io
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from lipblend.analysis.analyse import analyse
from lipblend.analysis.archive import from_file, to_file
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.early import PROGRAM, Started, can_be_started, process_started
from lipblend.errors import LipblendError
from lipblend.faces.landmarker import load_library
from lipblend.pairing.excerpt import Window
from lipblend.runtime.allocator import keep_freed_memory
from lipblend.runtime.prefetch import one_opencv_thread
from lipblend.runtime.processes import STOPPING, killer, sendable
from lipblend.runtime.spill import no_room_is_an_output_error, temporary_file, write_all
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo

_KEY = "apart"  # the content is compared where it is kept, not on this way
_LAST_LINES = 5
_BLOCK = 1 << 20
_END_S = 10.0


@dataclass(frozen=True)
class _Task:
    original: VideoInfo
    synced: VideoInfo
    model: Path
    settings: Settings
    window: Window | None = None


def analyse_apart(
    original: VideoInfo,
    synced: VideoInfo,
    *,
    model: Path,
    settings: Settings,
    on_frame: Callable[[int], None],
    window: Window | None = None,
    process: Started | None = None,
) -> ClipAnalysis:
    """`lipblend.analysis.analyse.analyse` of two clips, in a process of its own; no frames are kept of a window.

    Here, where the program has no interpreter of its own that could be started (frozen, embedded).

    It never gets Ctrl-C, SIGTERM and SIGHUP, which reach this process, and is ended when this function is left, or this
    process ends, in whatever way.

    Parameters
    ----------
    original, synced, model, settings, window
        As there.
    on_frame : callable
        Called here, on the calling thread.
    process : Started, optional
        One that was started early; it can be used once, and who started it ends it.

    Raises
    ------
    LipblendError
        As there; or the process crashed, was killed or could not be started.
    OutputError
        No temporary file can be written.
    """
    if process is None and not can_be_started():
        with one_opencv_thread():
            return analyse(
                original, synced, model=model, settings=settings, on_frame=on_frame, window=window, thorough=True
            )
    with ExitStack() as stack:
        packed = stack.enter_context(temporary_file())
        started = process or stack.enter_context(process_started(PROGRAM))
        process_of, errors = started.process, started.errors
        done = 0
        try:
            answers = _asked(process_of, _Task(original, synced, model, settings, window))
        except OSError as error:
            raise _died(process_of, errors, done, original) from error
        while isinstance(answer := _answer_of(process_of, answers, errors, done, original), int):
            done = answer
            on_frame(done)
        if answer is None:
            with no_room_is_an_output_error():
                while block := answers.read(_BLOCK):
                    write_all(packed, block)
        if process_of.wait():
            raise _died(process_of, errors, done, original)
        _pass_on(errors)
        if answer is not None:
            raise answer
        packed.seek(0)
        with io.BufferedReader(cast(io.RawIOBase, packed)) as whole:
            return from_file(whole, _KEY, original, synced)


def _answer_of(
    process: subprocess.Popen[bytes], answers: IO[bytes], errors: IO[bytes], done: int, original: VideoInfo
) -> int | Exception | None:
    """The next thing that it says: how many frames are done, what went wrong, or None: the analysis follows."""
    try:
        answer = pickle.load(answers)
    except Exception as error:  # a process that is gone, or nonsense, which may fail to be read in any way
        raise _died(process, errors, done, original) from error
    if answer is not None and not isinstance(answer, (int, Exception)):
        raise _died(process, errors, done, original)
    return answer


def _asked(process: subprocess.Popen[bytes], task: _Task) -> IO[bytes]:
    """Say what is wanted; returns where the answers come from."""
    assert process.stdin is not None
    assert process.stdout is not None
    pickle.dump(task, process.stdin)
    process.stdin.flush()
    return process.stdout


def _died(process: subprocess.Popen[bytes], errors: IO[bytes], done: int, original: VideoInfo) -> LipblendError:
    """What to say of a process that ended before it had said all."""
    try:
        code = process.wait(_END_S)
    except subprocess.TimeoutExpired:  # it is there, but what it says makes no sense
        process.kill()
        code = process.wait()
    count = f" of {original.frame_count}" if original.frame_count else ""
    errors.seek(0)
    last = tuple(errors.read().decode(errors="replace").split("\n"))
    details = tuple(line for line in last if line.strip())[-_LAST_LINES:]
    name = killer(code)
    if name in ("SIGKILL", "SIGTERM", "SIGXCPU"):
        hint = "The system may have run out of memory: close other programs, or cut the video into parts."
    else:
        hint = (
            "Most likely a library crashed on one of the videos. Run `lipblend doctor`; if it finds nothing, report it."
        )
    how = f"was killed by {name}" if name else f"ended with exit code {code}"
    return LipblendError(
        f"the process that looks at the videos {how}, after {done}{count} frames", details=details, hint=hint
    )


def _pass_on(errors: IO[bytes]) -> None:
    """Write what the process said on its standard error to ours, where there is one."""
    errors.seek(0)
    if (said := errors.read()) and sys.stderr is not None:
        with suppress(OSError, ValueError):  # closed
            sys.stderr.write(said.decode(errors="replace"))
            sys.stderr.flush()


def work(answers: IO[bytes]) -> NoReturn:
    """What runs in the process; it ends with it."""
    for number in STOPPING:  # for systems where they cannot be held back from the start
        signal.signal(number, signal.SIG_IGN)
    keep_freed_memory()
    with suppress(ImportError):  # said where it is needed
        load_library()  # while the parent still finds out what is wanted
    with suppress(BrokenPipeError):  # the parent is gone, or wants no more
        _answer(answers, sys.stdin.buffer)
        answers.flush()
    sys.stderr.flush()
    # At once: taking libraries down while their threads still work crashes now and then.
    os._exit(0)


def _answer(answers: IO[bytes], questions: IO[bytes]) -> None:
    def say(what: Any) -> None:
        pickle.dump(what, answers)
        answers.flush()

    try:
        task: _Task = pickle.load(questions)
        threading.Thread(target=_end_with_parent, args=(questions.fileno(),), daemon=True).start()
        with one_opencv_thread():
            found = analyse(
                task.original,
                task.synced,
                model=task.model,
                settings=task.settings,
                on_frame=say,
                window=task.window,
                thorough=True,
            )
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - every failure has to reach the parent, which raises it
        say(sendable(error, "In the process that looks at the videos"))
        return
    say(None)
    to_file(found, _KEY, answers)


def _end_with_parent(descriptor: int) -> None:
    """Wait until the parent closes its end, as it does by ending, and end."""
    with suppress(OSError):
        os.read(descriptor, 1)
    os._exit(1)
