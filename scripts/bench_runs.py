"""Make one run of `scripts/bench` in this process, and print the measurements as one line of JSON.

Memory is resident memory, measured by each process for itself: on Linux the peak since the process executed its program
(VmHWM). `getrusage` would include the memory before that, when the process was a copy of its parent. It is only used
without /proc; the numbers are right nevertheless, because `scripts/bench` itself is small and the first pass grows
larger than the run is when it starts it.
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
    "to RGB": ("lipblend.picture.picture", "", "to_rgb"),
    "to reduced RGB": ("lipblend.analysis.follow", "", "to_reduced_rgb"),
    "face model": ("lipblend.faces.landmarker", "FaceLandmarker", "detect"),
    "measure": ("lipblend.analysis.first_reading", "", "measure_faces"),
    "align": ("lipblend.analysis.analyse", "", "align"),
    "plan": ("lipblend.composite_job", "", "make_plan"),
    "compose": ("lipblend.segments.job", "", "render_frame"),
    "encode": ("lipblend.output.coded", "SegmentEncoder", "encode"),
}
FIRST_PASS = ("read", "small pictures", "to RGB", "to reduced RGB", "face model", "measure", "align")
"""Those in the process of the first pass, which runs if nothing is cached."""


def floor(original: Path, synced: Path, output: Path, settings: Any) -> int:
    """Decode both videos and encode the original's frames; return their number."""
    count = 0
    with _opened(original, synced, output, settings) as (originals, synceds, stream, out):
        for frame in originals:
            next(synceds, None)
            frame.pict_type = 0
            out.mux(stream.encode(frame))
            count += 1
        for _ in synceds:
            pass
    return count


def reference(original: Path, synced: Path, output: Path, settings: Any) -> int:
    """The usual script: RGB frames, one ellipse, cv2.seamlessClone; return the number of frames."""
    count = 0
    with _opened(original, synced, output, settings) as (originals, synceds, stream, out):
        for frame, synced_frame in zip(originals, synceds, strict=False):
            background, mouth = frame.to_ndarray(format="rgb24"), synced_frame.to_ndarray(format="rgb24")
            height, width = background.shape[:2]
            mask = np.zeros((height, width), np.uint8)
            side = min(width, height)
            cv2.ellipse(mask, (width // 2, height // 2), (side // 10, side // 8), 0, 0, 360, 255, -1)
            x, y, w, h = cv2.boundingRect(mask)
            blended = cv2.seamlessClone(mouth, background, mask, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE)
            picture = av.VideoFrame.from_ndarray(blended, format="rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = frame.pts, frame.time_base
            out.mux(stream.encode(picture))
            count += 1
    return count


PLAIN = {"floor": floor, "reference": reference}
"""The runs without lipblend."""


@contextlib.contextmanager
def _opened(original: Path, synced: Path, output: Path, settings: Any) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Frames of both videos, an encoder with the original's format, and its file, which is finished afterwards."""
    with av.open(str(original)) as first, av.open(str(synced)) as second, av.open(str(output), "w") as out:
        videos = first.streams.video[0], second.streams.video[0]
        for video in videos:
            video.thread_type = "AUTO"
        stream = _encoder(out, videos[0], settings)
        yield first.decode(videos[0]), second.decode(videos[1]), stream, out
        out.mux(stream.encode(None))


def _encoder(out: Any, like: Any, settings: Any) -> Any:
    options = {"preset": settings.encode.preset, "crf": f"{settings.encode.crf:g}"}
    stream = out.add_stream(settings.encode.encoder, rate=like.average_rate, options=options)
    stream.width, stream.height, stream.pix_fmt = like.width, like.height, "yuv420p"
    stream.codec_context.time_base, stream.codec_context.thread_type = like.time_base, "AUTO"
    return stream


class Stopwatch:
    """Seconds spent in named parts of the program, summed over all threads."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._lock = threading.Lock()

    def wrap(self, name: str, place: tuple[str, str, str]) -> None:
        """Time a function of a module, or a method of one of its classes; for a generator each step."""
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


class MemoryMonitor:
    """Peak of the total resident memory of this process and its children, MB, in a with-block."""

    def __init__(self) -> None:
        self.peak_mb = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryMonitor:
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
        with contextlib.suppress(OSError):  # the thread ended meanwhile
            found += map(int, path.read_text(encoding="ascii").split())
    return found


def _resident_mb(process: int) -> int:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # it ended meanwhile
        return 0
    return pages * resource.getpagesize() >> 20


def own_peak_mb(status: Path = Path("/proc/self/status")) -> int:
    """Peak resident memory of this process, MB."""
    with contextlib.suppress(OSError):
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / (1 << 10))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def timed_first_pass(work: Callable[[Any], None], notes: str) -> Callable[[Any], None]:
    """Wrap the work of the process that makes the first pass: time its parts, and write the result to a file."""
    watch = Stopwatch()
    for name in FIRST_PASS:
        watch.wrap(name, STAGES[name])

    def timed(channel: Any) -> None:
        try:
            work(channel)
        finally:
            measured = {"stages_s": watch.seconds, "peak_mb": own_peak_mb()}
            Path(notes).write_text(json.dumps(measured), encoding="utf-8")

    return timed


def run(kind: str, original: Path, synced: Path, folder: Path, assignments: Sequence[str]) -> dict[str, Any]:
    """Measure one run in this process."""
    from lipblend.settings.presets import DEFAULT_PRESET
    from lipblend.settings.resolve import resolve_settings

    settings = resolve_settings(DEFAULT_PRESET, None, assignments).settings
    output = folder / f"{kind}.mp4"
    started = time.perf_counter()
    if kind in PLAIN:
        measured, other_mb = {"frames": PLAIN[kind](original, synced, output, settings), "first_pass_mb": 0}, 0
    else:
        measured, other_mb = _run_lipblend(original, synced, output, folder / "cache", settings)
    seconds = time.perf_counter() - started
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    own_mb = own_peak_mb()
    peak_mb = max(own_mb, measured["first_pass_mb"], other_mb)
    return {**measured, "seconds": seconds, "cpu_s": cpu, "peak_mb": peak_mb, "own_mb": own_mb}


def _run_lipblend(original: Path, synced: Path, output: Path, cache: Path, settings: Any) -> tuple[dict[str, Any], int]:
    """What a composite took in time, and the peak memory of all its processes together, MB."""
    watch = Stopwatch()
    for name, place in STAGES.items():
        watch.wrap(name, place)
    from lipblend.analysis import apart
    from lipblend.composite_options import CompositeOptions
    from lipblend.compositing import composite
    from lipblend.runtime.allocator import keep_freed_memory

    keep_freed_memory()  # as the command line does
    notes = output.with_suffix(".json")
    head, serve = apart.PROGRAM.strip().rsplit("\n", 1)
    wrap = f"import runpy; work = runpy.run_path({__file__!r})['timed_first_pass'](work, {str(notes)!r})"
    apart.PROGRAM = f"{head}\n{wrap}\n{serve}"
    with MemoryMonitor() as memory:
        result = composite(original, synced, output, settings=settings, options=CompositeOptions(cache=cache))
    first_pass_mb = 0
    if notes.exists():
        first_pass = json.loads(notes.read_text(encoding="utf-8"))
        watch.seconds.update(first_pass["stages_s"])
        first_pass_mb = first_pass["peak_mb"]
    return {
        "blended": result.blended,
        "analyse_s": result.analyse_seconds,
        "render_s": result.render_seconds,
        "stages_s": {name: round(watch.seconds[name], 3) for name in STAGES},
        "frames": result.frames,
        "first_pass_mb": first_pass_mb,
    }, memory.peak_mb


def retained(original: Path, synced: Path, folder: Path, assignments: Sequence[str]) -> dict[str, float]:
    """Bytes per frame held by the analysis and the plan, and by what remains of them while frames are rendered."""
    from lipblend.analysis.face_tracks import FaceTable
    from lipblend.pair import open_pair
    from lipblend.plan.make_plan import make_plan
    from lipblend.runtime.spill import StoredSequence
    from lipblend.segments.output_part import OutputPart
    from lipblend.settings.frame_range import FrameRange
    from lipblend.settings.presets import DEFAULT_PRESET
    from lipblend.settings.resolve import resolve_settings

    sys.path.append(str(Path(__file__).resolve().parent.parent))  # the checkout, for its tests' helpers
    from tests.retained_memory import retained_bytes

    settings = resolve_settings(DEFAULT_PRESET, None, assignments).settings
    pair = open_pair(original, synced, cache=folder / "cache")
    analysis = pair.analyse(settings)
    frames = len(analysis.times_s)
    videos = [pair.original, pair.synced]
    held = {
        "analysis": round((retained_bytes(analysis) - retained_bytes([*videos, FaceTable()])) / frames),
        "plan": round(retained_bytes(make_plan(analysis, settings)) / frames),
    }
    # As in `lipblend.compositing.composite`; minus what does not depend on the length.
    stored, rest = make_plan(analysis, settings, into=StoredSequence()), analysis.without_tracks()
    part = OutputPart(rest, stored, FrameRange())
    rendering = [rest, part, part.segments(settings.encode.segment_s)]
    fixed = retained_bytes([*videos, StoredSequence()])
    return held | {"while rendering": round((retained_bytes(rendering) - fixed) / frames)}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    made = argparse.ArgumentParser(prog="bench_runs", description=__doc__)
    made.add_argument("kind", choices=(*PLAIN, "cold", "cached", "retained"))
    made.add_argument("original", type=Path)
    made.add_argument("synced", type=Path)
    made.add_argument("folder", type=Path, help="for the output and the cache")
    made.add_argument("assignments", nargs="*", metavar="KEY=VALUE", help="settings")
    given = made.parse_args(words)
    task = retained if given.kind == "retained" else functools.partial(run, given.kind)
    print(json.dumps(task(given.original, given.synced, given.folder, given.assignments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
