"""The runs of `scripts/bench`, each in this program's process; prints what it measured as one line of JSON.

Memory is resident memory, and every process counts its own: on Linux the peak that the system notes for what the
process has executed (VmHWM). `getrusage` is not asked there: the system counts what a process was before it executed
its program as well, which is a copy of the one that started it, so that a child would have its parent's peak. Where
there is no such note (no /proc), it is `getrusage` after all; `scripts/bench` then stays right by being small itself,
and the first pass by being larger than the run is when it starts it.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

STAGES = {
    "read": ("lipblend.video.reader", "VideoReader", "_decoded"),
    "small pictures": ("lipblend.analysis.follow", "", "thumbnail"),
    "to RGB": ("lipblend.analysis.follow", "", "to_rgb"),
    "to reduced RGB": ("lipblend.analysis.follow", "", "to_reduced_rgb"),
    "face model": ("lipblend.faces.landmarker", "FaceLandmarker", "detect"),
    "measure": ("lipblend.analysis.first_reading", "PairReading", "measure"),
    "align": ("lipblend.analysis.analyse", "", "align"),
    "plan": ("lipblend.compositing", "", "make_plan"),
    "compose": ("lipblend.segments.job", "", "render_frame"),
    "encode": ("lipblend.output.coded", "SegmentEncoder", "encode"),
}
FIRST_PASS = ("read", "small pictures", "to RGB", "to reduced RGB", "face model", "measure", "align")
"""Of these, what runs in a process of its own where nothing is cached."""


def floor(original: Path, synced: Path, output: Path, settings: Any) -> int:
    """Decode both, encode the original's frames; returns how many."""
    count = 0
    with _opened(original, synced, output, settings) as (frames, others, stream, out):
        for frame in frames:
            next(others, None)
            frame.pict_type = 0
            out.mux(stream.encode(frame))
            count += 1
        for _ in others:
            pass
    return count


def reference(original: Path, synced: Path, output: Path, settings: Any) -> int:
    """The usual script: RGB frames, one ellipse, cv2.seamlessClone; returns how many frames."""
    count = 0
    with _opened(original, synced, output, settings) as (frames, others, stream, out):
        for frame, other in zip(frames, others, strict=False):
            before, after = frame.to_ndarray(format="rgb24"), other.to_ndarray(format="rgb24")
            height, width = before.shape[:2]
            mask = np.zeros((height, width), np.uint8)
            side = min(width, height)
            cv2.ellipse(mask, (width // 2, height // 2), (side // 10, side // 8), 0, 0, 360, 255, -1)
            x, y, w, h = cv2.boundingRect(mask)
            made = cv2.seamlessClone(after, before, mask, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE)
            picture = av.VideoFrame.from_ndarray(made, format="rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = frame.pts, frame.time_base
            out.mux(stream.encode(picture))
            count += 1
    return count


PLAIN = {"floor": floor, "reference": reference}
"""The runs without lipblend; all others are lipblend."""


@contextlib.contextmanager
def _opened(original: Path, synced: Path, output: Path, settings: Any) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Frames of both videos, an encoder like the original, and the file it goes to, which is ended afterwards."""
    with av.open(str(original)) as one, av.open(str(synced)) as two, av.open(str(output), "w") as out:
        ours, theirs = one.streams.video[0], two.streams.video[0]
        ours.thread_type = theirs.thread_type = "AUTO"
        stream = _encoder(out, ours, settings)
        yield one.decode(ours), two.decode(theirs), stream, out
        out.mux(stream.encode(None))


def _encoder(out: Any, like: Any, settings: Any) -> Any:
    options = {"preset": settings.encode.preset, "crf": f"{settings.encode.crf:g}"}
    stream = out.add_stream(settings.encode.encoder, rate=like.average_rate, options=options)
    stream.width, stream.height, stream.pix_fmt = like.width, like.height, "yuv420p"
    stream.codec_context.time_base, stream.codec_context.thread_type = like.time_base, "AUTO"
    return stream


class Stopwatch:
    """Seconds spent in named parts of the program, on whichever thread; on several at once they add up."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._lock = threading.Lock()

    def wrap(self, name: str, place: tuple[str, str, str]) -> None:
        """Time a function of a module, or a method of a class of it; of a generator each step."""
        module, owner, function = place
        holder = __import__(module, fromlist=["x"])
        holder = getattr(holder, owner) if owner else holder
        inner = getattr(holder, function)

        def add(started: float) -> None:
            with self._lock:
                self.seconds[name] += time.perf_counter() - started

        @functools.wraps(inner)
        def timed(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                made = inner(*arguments, **options)
            finally:
                add(started)
            return steps(made) if isinstance(made, Iterator) else made

        def steps(items: Iterator[Any]) -> Iterator[Any]:
            while True:
                started = time.perf_counter()
                try:
                    item = next(items)
                except StopIteration:
                    return
                finally:
                    add(started)
                yield item

        setattr(holder, function, timed)


class Together:
    """The most resident memory that this process and those it started have at one time, MB; in a with-block."""

    def __init__(self) -> None:
        self.peak_mb = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Together:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            self.peak_mb = max(self.peak_mb, sum(map(_resident_mb, [os.getpid(), *_children()])))


def _children() -> list[int]:
    found: list[int] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended
            found += map(int, path.read_text(encoding="ascii").split())
    return found


def _resident_mb(process: int) -> int:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # it has ended
        return 0
    return pages * resource.getpagesize() >> 20


def own_peak_mb(status: Path = Path("/proc/self/status")) -> int:
    """The most resident memory that this process has had, MB."""
    with contextlib.suppress(OSError):
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / (1 << 10))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def timed_apart(notes: str) -> Callable[[Any], None]:
    """The work of the first pass's own process, its parts timed, with notes of that in a file at its end."""
    from lipblend.analysis import apart

    watch = Stopwatch()
    for name in FIRST_PASS:
        watch.wrap(name, STAGES[name])

    def noted(channel: Any) -> None:
        try:
            apart.work(channel)
        finally:
            found = {"stages_s": watch.seconds, "peak_mb": own_peak_mb()}
            Path(notes).write_text(json.dumps(found), encoding="utf-8")

    return noted


def child(kind: str, original: Path, synced: Path, folder: Path, assignments: Sequence[str]) -> dict[str, Any]:
    """One run in this process."""
    from lipblend.settings.presets import DEFAULT_PRESET
    from lipblend.settings.resolve import resolve_settings

    settings = resolve_settings(DEFAULT_PRESET, None, assignments).settings
    output, cache = folder / f"{kind}.mp4", folder / "cache"
    started = time.perf_counter()
    found: dict[str, Any] = {}
    together_mb = first_pass_mb = 0
    if kind in PLAIN:
        frames = PLAIN[kind](original, synced, output, settings)
    else:
        watch = Stopwatch()
        for name, place in STAGES.items():
            watch.wrap(name, place)
        from lipblend.analysis import apart
        from lipblend.compositing import composite
        from lipblend.runtime.allocator import keep_freed_memory
        from lipblend.segments.run_options import CompositeOptions

        keep_freed_memory()  # as the command line does
        notes = folder / f"{kind}.json"
        start, serving = apart.PROGRAM.strip().rsplit("\n", 1)
        timed = f"import runpy; work = runpy.run_path({__file__!r})['timed_apart']({str(notes)!r})"
        apart.PROGRAM = f"{start}\n{timed}\n{serving}"
        with Together() as together:
            result = composite(original, synced, output, settings=settings, options=CompositeOptions(cache=cache))
        frames = result.frames
        if notes.exists():
            noted = json.loads(notes.read_text(encoding="utf-8"))
            watch.seconds.update(noted["stages_s"])
            first_pass_mb = noted["peak_mb"]
        found = {"blended": result.blended, "analyse_s": result.analyse_seconds, "render_s": result.render_seconds}
        found["stages_s"] = {name: round(watch.seconds[name], 3) for name in STAGES}
        together_mb = together.peak_mb
    seconds = time.perf_counter() - started
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    own_mb = own_peak_mb()
    memory = {"peak_mb": max(own_mb, first_pass_mb, together_mb), "own_mb": own_mb, "first_pass_mb": first_pass_mb}
    return {**found, "frames": frames, "seconds": seconds, "cpu_s": cpu, **memory}


def retained(original: Path, synced: Path, folder: Path, assignments: Sequence[str]) -> dict[str, float]:
    """Bytes a frame that the analysis and the plan hold, and what is still held of them while frames are rendered."""
    from lipblend.analysis.cache import analyse_cached
    from lipblend.analysis.face_tracks import FaceTable
    from lipblend.faces.models import resolve_model
    from lipblend.plan.make_plan import make_plan
    from lipblend.runtime.spill import StoredSequence
    from lipblend.segments.output_part import OutputPart
    from lipblend.segments.spans import FrameRange
    from lipblend.settings.presets import DEFAULT_PRESET
    from lipblend.settings.resolve import resolve_settings
    from lipblend.video.probe import probe

    sys.path.append(str(Path(__file__).resolve().parent.parent))  # the checkout, for its tests' helpers
    from tests.retained_memory import retained_bytes

    settings = resolve_settings(DEFAULT_PRESET, None, assignments).settings
    ours, theirs = probe(original), probe(synced)
    analysis = analyse_cached(
        ours, theirs, model=resolve_model("face_landmarker"), settings=settings,
        on_frame=lambda _: None, cache=folder / "cache",
    )  # fmt: skip
    frames = len(analysis.times_s)
    # What does not depend on the length is taken off.
    fixed = retained_bytes([ours, theirs, FaceTable()])
    held = {
        "analysis": round((retained_bytes(analysis) - fixed) / frames),
        "plan": round(retained_bytes(make_plan(analysis, settings)) / frames),
    }
    # As `lipblend.compositing.composite` does it.
    stored, found = make_plan(analysis, settings, into=StoredSequence()), analysis.without_tracks()
    part = OutputPart(found, stored, FrameRange())
    rendering = [found, part, part.segments(settings.encode.segment_s)]
    fixed = retained_bytes([ours, theirs, StoredSequence()])
    return held | {"while rendering": round((retained_bytes(rendering) - fixed) / frames)}


def main(words: Sequence[str] | None = None) -> int:
    """Run it; returns the exit code."""
    made = argparse.ArgumentParser(prog="bench_runs", description=__doc__)
    made.add_argument("kind", choices=(*PLAIN, "cold", "cached", "retained"))
    made.add_argument("original", type=Path)
    made.add_argument("synced", type=Path)
    made.add_argument("folder", type=Path, help="for the output and the cache")
    made.add_argument("assignments", nargs="*", metavar="KEY=VALUE", help="settings")
    given = made.parse_args(words)
    task = retained if given.kind == "retained" else functools.partial(child, given.kind)
    print(json.dumps(task(given.original, given.synced, given.folder, given.assignments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
