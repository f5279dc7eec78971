"""The first pass in a process of its own.

The face models, and what their library keeps once it was used, take more than 100 MB; they are gone with the process
when rendering begins. And if a native library crashes on a file, there is an error message instead of nothing at all.

The process answers with the number of frames done, as often as it changes, then with an error, or with None followed by
the analysis as `lipblend.analysis.archive` writes it.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from lipblend.analysis.analyse import analyse
from lipblend.analysis.archive import from_file, to_file
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.early import PROGRAM
from lipblend.errors import LipblendError
from lipblend.faces.vision_task import load_library
from lipblend.pairing.excerpt import Window
from lipblend.runtime.allocator import keep_freed_memory
from lipblend.runtime.child import Channel, Child, can_start_child, child_process
from lipblend.runtime.files import temporary_file, temporary_file_errors, write_all
from lipblend.runtime.prefetch import one_opencv_thread
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo

_KEY = "apart"  # the content is compared where it is cached, not on this way
_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Task:
    original_info: VideoInfo
    synced_info: VideoInfo
    model: Path
    settings: Settings
    window: Window | None = None


def analyse_apart(
    original_info: VideoInfo,
    synced_info: VideoInfo,
    *,
    model: Path,
    settings: Settings,
    on_frame: Callable[[int], None],
    window: Window | None = None,
    process: Child | None = None,
) -> ClipAnalysis:
    """`lipblend.analysis.analyse.analyse` in a process of its own; no frames of an excerpt are cached.

    It runs in this process if the program has no interpreter that could be started (frozen, embedded).

    Parameters
    ----------
    original_info, synced_info, model, settings, window
        See there.
    on_frame : callable
        Called on the calling thread.
    process : Child, optional
        One that was started early; it can be used once, and whoever started it ends it.

    Raises
    ------
    LipblendError
        See there; or the process crashed, was killed or could not be started.
    OutputError
        No temporary file can be written.
    """
    if process is None and not can_start_child():
        with one_opencv_thread():
            return analyse(
                original_info,
                synced_info,
                model=model,
                settings=settings,
                on_frame=on_frame,
                window=window,
                thorough=True,
            )
    with ExitStack() as stack:
        packed = stack.enter_context(temporary_file())
        child = process or stack.enter_context(child_process(PROGRAM))
        done = 0
        try:
            child.send(_Task(original_info, synced_info, model, settings, window))
        except OSError as error:
            raise _died(child, done, original_info) from error
        while isinstance(answer := _answer_of(child, done, original_info), int):
            done = answer
            on_frame(done)
        if answer is None:
            with temporary_file_errors():
                while block := child.answers.read(_BLOCK):
                    write_all(packed, block)
        if child.process.wait():
            raise _died(child, done, original_info)
        child.pass_errors_on()
        if answer is not None:
            raise answer
        packed.seek(0)
        with io.BufferedReader(cast(io.RawIOBase, packed)) as whole:
            return from_file(whole, _KEY, original_info, synced_info)


def _answer_of(child: Child, done: int, original_info: VideoInfo) -> int | Exception | None:
    """The next answer: the number of frames done, an error, or None: the analysis follows."""
    try:
        answer = child.receive()
    except Exception as error:  # a process that has ended, or nonsense, which may fail to be read in any way
        raise _died(child, done, original_info) from error
    if answer is not None and not isinstance(answer, (int, Exception)):
        raise _died(child, done, original_info)
    return answer


def _died(child: Child, done: int, original_info: VideoInfo) -> LipblendError:
    """The error for a process that ended before it had finished."""
    how, name = child.how_it_ended()
    if name in ("SIGKILL", "SIGTERM", "SIGXCPU"):
        hint = "The system may have run out of memory: close other programs, or cut the video into parts."
    else:
        hint = "A library probably crashed on one of the videos. Run `lipblend doctor`; if it finds nothing, report it."
    count = f" of {original_info.frame_count}" if original_info.frame_count else ""
    return LipblendError(
        f"the process that analyses the videos {how}, after {done}{count} frames", details=child.last_lines(), hint=hint
    )


def work(channel: Channel) -> None:
    """What runs in the process."""
    keep_freed_memory()
    with suppress(ImportError):  # reported where it is needed
        load_library()  # while the parent finds out what to analyse
    task: _Task = channel.receive()
    threading.Thread(target=_end_with_parent, args=(channel.questions.fileno(),), daemon=True).start()
    with one_opencv_thread():
        analysis = analyse(
            task.original_info,
            task.synced_info,
            model=task.model,
            settings=task.settings,
            on_frame=channel.send,
            window=task.window,
            thorough=True,
        )
    with channel.last_answer(None) as sink:
        to_file(analysis, _KEY, sink)


def _end_with_parent(descriptor: int) -> None:
    """Wait until the parent closes its end, as it does by ending, and end."""
    with suppress(OSError):
        os.read(descriptor, 1)
    os._exit(1)
