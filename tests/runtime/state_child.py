"""Start native libraries in a child process and report what each changed in it.

``python -m tests.runtime.state_child WHAT FOLDER`` prints a line of JSON per step: ``[step, result, changes]``. The
state is read by other means than `lipblend.runtime.native` uses.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from lipblend.errors import LipblendError
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

STATUS = ("Umask", "SigBlk", "SigIgn", "SigCgt", "CapEff", "CapPrm")
SIZE, FRAMES = (320, 240), 2
FORMATS = ("yuv420p", "yuv422p10le", "yuv444p", "gray", "yuv422p", "yuv444p10le")
REAL_TIME = (1, 2, 6)  # SCHED_FIFO, SCHED_RR, SCHED_DEADLINE
OF_CHILD = """
import json, os, sys
from pathlib import Path
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([
    os.sched_getscheduler(0), os.sched_getparam(0).sched_priority, os.nice(0), sorted(os.sched_getaffinity(0)),
    os.getcwd(), Path("/proc/self/limits").read_text(), sorted(os.environb.items()).__repr__(),
    *(status[name] for name in sys.argv[1:]),
]))
"""
LIBC, LIBM = ctypes.CDLL(None), ctypes.CDLL("libm.so.6")
LIBC.setlocale.restype = ctypes.c_char_p
LIBC.signal.restype, LIBC.signal.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)


def of_threads() -> dict[str, tuple[Any, ...]]:
    found = {}
    for name in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):
            number = int(name)
            nice = os.getpriority(os.PRIO_PROCESS, number)
            priority = os.sched_getparam(number).sched_priority
            found[name] = (os.sched_getscheduler(number), priority, nice, sorted(os.sched_getaffinity(number)))
    return found


def tiny_numbers() -> list[str]:
    """Sums that change with the rounding mode, or if denormals are flushed to zero."""
    third = np.float32(1) / np.float32(3)
    tiny = np.full(9, 1e-38, np.float32) * np.float32(0.1)
    return [third.tobytes().hex(), (-third * np.float32(7)).tobytes().hex(), tiny.tobytes().hex(), str(tiny + tiny)]


def state() -> dict[str, Any]:
    """All state of this process that must not change."""
    status = dict(line.split(":", 1) for line in Path("/proc/thread-self/status").read_text().splitlines())
    return {
        "folder": os.getcwd(),
        "limits": Path("/proc/self/limits").read_text(),
        "locale": repr(LIBC.setlocale(6, None)),  # LC_ALL
        "rounding": LIBM.fegetround(),
        "traps": LIBM.fegetexcept(),
        "numbers": tiny_numbers(),
        **{name: status[name] for name in STATUS},
    }


def of_child() -> dict[str, Any]:
    """The state that a child process inherits."""
    words = [sys.executable, "-S", "-c", OF_CHILD, *STATUS]
    return {"a child": json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)}


def changes(before: dict[str, Any], threads: dict[str, tuple[Any, ...]]) -> list[str]:
    now, running = state() | (of_child() if "a child" in before else {}), of_threads()
    own = threads[str(threading.get_native_id())]
    found = [f"{name}: {before[name]} -> {now[name]}" for name in before if before[name] != now[name]]
    for name, how in running.items():
        if name in threads and how != threads[name]:
            found.append(f"thread {name}: {threads[name]} -> {how}")
        elif name not in threads and (how[0] in REAL_TIME or how[2] < own[2] or not set(how[3]) <= set(own[3])):
            found.append(f"new thread: {how}, started by {own}")
    return found


def source(folder: Path, pix_fmt: str) -> Path:
    path = folder / f"{pix_fmt}.mkv"
    if not path.exists():
        with av.open(str(path), "w") as output:
            stream = output.add_stream("ffv1", rate=25)
            (stream.width, stream.height), stream.pix_fmt = SIZE, pix_fmt
            for index in range(FRAMES):
                noise = np.random.default_rng(index).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
                picture = av.VideoFrame.from_ndarray(noise, format="rgb24").reformat(format=pix_fmt)
                picture.pts, picture.time_base = index, Fraction(1, 25)
                output.mux(stream.encode(picture))
            output.mux(stream.encode(None))
    return path


def video_encoders() -> list[str]:
    names = []
    for name in sorted(av.codecs_available):
        with suppress(av.codec.codec.UnknownCodecError):
            if av.Codec(name, "w").type == "video":
                names.append(name)
    return names


def coded(folder: Path, encoder: str) -> str:
    """Write a few frames with an encoder and read them again; returns how far that went."""
    said = ""
    taken = {found.name for found in av.Codec(encoder, "w").video_formats or ()}
    for suffix in (".mkv", ".mov"):
        for pix_fmt in [name for name in FORMATS if name in taken] or FORMATS[:1]:
            info = probe(source(folder, pix_fmt))
            path = folder / f"{encoder}{suffix}"
            silent = AudioPlan(None, None, "none", ())
            settings = EncodeSettings(encoder=encoder)
            try:
                with (
                    VideoReader(info) as reader,
                    VideoWriter(path, info, encode=settings, audio=silent, extras_from=None) as writer,
                ):
                    for frame in reader:
                        writer.write(frame.writable())
                with VideoReader(probe(path)) as again:
                    return f"done, {sum(1 for _ in again)} read"
            except LipblendError as error:
                said = error.message
            except (av.FFmpegError, ValueError) as error:
                return str(error)
    return said


def encoders(folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    for name in video_encoders():
        yield name, lambda name=name: coded(folder, name)


def model(folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    from lipblend.faces.landmarker import FaceLandmarker
    from lipblend.faces.models import resolve_model

    held = []

    def start() -> str:
        held.append(FaceLandmarker(resolve_model("face_landmarker"), max_faces=1, confidence=0.5))
        return "done"

    yield "the face model", start
    yield "a picture", lambda: f"done, {len(held[0].detect(np.zeros((64, 64, 3), np.uint8)))} faces"
    yield "its end", lambda: held[0].close() or "done"


def doctor(folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    from lipblend.selfcheck.doctor import diagnose

    findings = diagnose()
    while True:
        found: list[Any] = []
        yield "a check", lambda found=found: found.append(next(findings, None)) or "done"
        if found == [None]:
            return


def run(folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    from lipblend import Settings, composite
    from lipblend.selfcheck.sample import make_sample

    pair = make_sample(folder, frames=4, size=320)

    def go(encoder: str) -> str:
        settings = Settings(encode=EncodeSettings(encoder=encoder, preset="ultrafast"))
        return f"done, {composite(pair.original, pair.synced, folder / 'out.mkv', settings=settings).blended} blended"

    for name in ("libsvtav1", "libx264"):
        if name in av.codecs_available:
            yield f"a run with {name}", lambda name=name: go(name)


STEPS = {"encoders": encoders, "model": model, "doctor": doctor, "run": run}


def main(what: str, folder: Path) -> None:
    threading.Thread(target=threading.Event().wait, daemon=True).start()  # an unrelated thread
    LIBC.signal(10, 1)  # ignore SIGUSR1: this must be kept
    before, threads = state() | of_child(), of_threads()
    alone = {name: value for name, value in before.items() if name != "a child"}
    for name, step in STEPS[what](folder):
        said = str(step())
        # Check the state of a child process only after steps that worked.
        print(json.dumps([name, said, changes(before if said.startswith("done") else alone, threads)]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
    os._exit(0)
