"""How long lipblend takes and how much memory, beside plain decoding and encoding of the same clips in the same run.

Every run is a process of its own. "floor" decodes both videos and encodes the original's frames with the same
settings; "cold" is lipblend with nothing cached, "cached" with the analysis at hand; "reference" is the usual script:
whole frames to RGB, cv2.seamlessClone on the lower face, and back.

Memory is resident memory. "peak" is the most that a run and the processes it started had at one time, "own" the most
of the run's own process, "first pass" the most of any process it started. The first is added up twenty times a second
(Linux; elsewhere it is the larger of the two others), the others are the system's count. Pages that two processes
share count twice. CPU seconds are those of all processes.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

RUNS = ("floor", "cold", "cached", "reference")
HEIGHTS = (480, 720, 1080, 2160)
FACE_SHARES = (0.5, 1.0)
"""Side of the portrait in the made clips over the height of the picture; the face is 0.35 of it wide."""
STAGES = {
    "read": ("lipblend.media.reader", "VideoReader", "_decoded"),
    "small pictures": ("lipblend.analysis.follow", "", "thumbnail"),
    "to RGB": ("lipblend.analysis.follow", "", "to_rgb"),
    "to reduced RGB": ("lipblend.analysis.follow", "", "to_reduced_rgb"),
    "face model": ("lipblend.faces.landmarker", "FaceLandmarker", "detect"),
    "measure": ("lipblend.analysis.measure", "Pair", "measure"),
    "align": ("lipblend.analysis.analyse", "", "align"),
    "plan": ("lipblend.compositing", "", "make_plan"),
    "compose": ("lipblend.segments.job", "", "render_frame"),
    "encode": ("lipblend.media.coded", "SegmentEncoder", "encode"),
}
FIRST_PASS = ("read", "small pictures", "to RGB", "to reduced RGB", "face model", "measure", "align")
"""Of these, what runs in a process of its own where nothing is cached."""
_LOOP = 48  # frames that are drawn; longer clips repeat them


def floor(original: Path, synced: Path, output: Path, settings: Any) -> int:
    """Decode both, encode the original's frames; returns how many."""
    count = 0
    with av.open(str(original)) as one, av.open(str(synced)) as two, av.open(str(output), "w") as out:
        ours, theirs = one.streams.video[0], two.streams.video[0]
        ours.thread_type = theirs.thread_type = "AUTO"
        stream = _encoder(out, ours, settings)
        others = two.decode(theirs)
        for frame in one.decode(ours):
            next(others, None)
            frame.pict_type = 0
            out.mux(stream.encode(frame))
            count += 1
        for _ in others:
            pass
        out.mux(stream.encode(None))
    return count


def reference(original: Path, synced: Path, output: Path, settings: Any) -> int:
    """The usual script: RGB frames, one ellipse, cv2.seamlessClone; returns how many frames."""
    count = 0
    with av.open(str(original)) as one, av.open(str(synced)) as two, av.open(str(output), "w") as out:
        ours, theirs = one.streams.video[0], two.streams.video[0]
        ours.thread_type = theirs.thread_type = "AUTO"
        stream = _encoder(out, ours, settings)
        for frame, other in zip(one.decode(ours), two.decode(theirs), strict=False):
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
        out.mux(stream.encode(None))
    return count


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


def timed_apart(notes: str) -> None:
    """In the process that lipblend makes the first pass in: time its parts, and write them down at its end."""
    from lipblend.analysis import apart

    watch, inner = Stopwatch(), apart.analyse
    for name in FIRST_PASS:
        watch.wrap(name, STAGES[name])

    def noted(*arguments: Any, **options: Any) -> Any:
        try:
            return inner(*arguments, **options)
        finally:
            Path(notes).write_text(json.dumps(watch.seconds), encoding="utf-8")

    apart.analyse = noted


def child(kind: str, original: Path, synced: Path, folder: Path, assignments: Sequence[str]) -> dict[str, Any]:
    """One run in this process."""
    from lipblend.presets import DEFAULT_PRESET, resolve_settings

    settings = resolve_settings(DEFAULT_PRESET, None, assignments).settings
    output, cache = folder / f"{kind}.mp4", folder / "cache"
    started = time.perf_counter()
    found: dict[str, Any] = {}
    if kind in ("floor", "reference"):
        frames = (floor if kind == "floor" else reference)(original, synced, output, settings)
    else:
        watch = Stopwatch()
        for name, place in STAGES.items():
            watch.wrap(name, place)
        from lipblend.allocator import keep_freed_memory
        from lipblend.analysis import apart
        from lipblend.compositing import composite

        keep_freed_memory()  # as the command line does
        notes = folder / f"{kind}.json"
        start, work = apart.PROGRAM.strip().rsplit("\n", 1)
        timed = f"import runpy; runpy.run_path({__file__!r})['timed_apart']({str(notes)!r})"
        apart.PROGRAM = f"{start}\n{timed}\n{work}"
        with Together() as together:
            result = composite(original, synced, output, settings=settings, cache=cache)
        frames = result.frames
        if notes.exists():
            watch.seconds.update(json.loads(notes.read_text(encoding="utf-8")))
        found = {"blended": result.blended, "analyse_s": result.analyse_seconds, "render_s": result.render_seconds}
        found["stages_s"] = {name: round(seconds, 3) for name, seconds in watch.seconds.most_common()}
        found["together_mb"] = together.peak_mb
    seconds = time.perf_counter() - started
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own_mb, others_mb = (
        round(each.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)) for each in (own, others)
    )
    cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    peak = max(own_mb, others_mb, found.pop("together_mb", 0))
    memory = {"peak_mb": peak, "own_mb": own_mb, "first_pass_mb": others_mb}
    return {**found, "frames": frames, "seconds": seconds, "cpu_s": cpu, **memory}


def retained(original: Path, synced: Path, folder: Path, assignments: Sequence[str]) -> dict[str, float]:
    """Bytes a frame that the analysis and the plan hold, and what is still held of them while frames are rendered."""
    from lipblend.analysis.cache import analyse_cached
    from lipblend.analysis.plan import make_plan
    from lipblend.faces.models import resolve_model
    from lipblend.media.probe import probe
    from lipblend.memory import retained_bytes
    from lipblend.presets import DEFAULT_PRESET, resolve_settings
    from lipblend.segments.look import Look
    from lipblend.segments.spans import FrameRange
    from lipblend.stored import StoredSequence

    settings = resolve_settings(DEFAULT_PRESET, None, assignments).settings
    ours, theirs = probe(original), probe(synced)
    analysis = analyse_cached(
        ours, theirs, model=resolve_model("face_landmarker"), settings=settings,
        on_frame=lambda _: None, cache=folder / "cache",
    )  # fmt: skip
    frames = len(analysis.times_s)
    plans = {"analysis": analysis, "plan": make_plan(analysis, settings)}
    held = {name: round(retained_bytes(each) / frames) for name, each in plans.items()}
    # As `lipblend.compositing.composite` does it; what does not depend on the length is taken off.
    stored, found = make_plan(analysis, settings, into=StoredSequence()), replace(analysis, tracks={})
    look = Look(ours, theirs, found, stored, FrameRange())
    rendering = [found, look, look.segments(settings.encode.segment_s)]
    fixed = retained_bytes([ours, theirs, StoredSequence()])
    return held | {"while rendering": round((retained_bytes(rendering) - fixed) / frames)}


def make_pair(folder: Path, height: int, share: float, frames: int) -> tuple[Path, Path]:
    """A 16:9 pair with the sample's portrait in the middle, its side this share of the height."""
    from lipblend.media.synth import write_clip
    from lipblend.sample import FRAME_RATE, Scene, make_speech

    side, width, drawn = int(height * share) // 2 * 2, height * 16 // 9 // 2 * 2, min(frames, _LOOP)
    scene, heard, new = Scene(drawn, side, 1), make_speech(drawn, 1), make_speech(drawn, 2)
    around = np.random.default_rng(0).normal(110, 12, (height, width, 1)).clip(0, 255).astype(np.uint8).repeat(3, 2)
    top, left = (height - side) // 4 * 2, (width - side) // 4 * 2

    def framed(picture: np.ndarray) -> np.ndarray:
        whole = around.copy()
        whole[top : top + side, left : left + side] = picture
        return whole

    pictures: dict[str, Callable[[int], np.ndarray]] = {
        "original": lambda index: scene.footage(index, heard),
        "synced": lambda index: scene.generated(index, heard, new),
    }
    paths = []
    for name, picture in pictures.items():
        once = folder / f"once_{name}.mp4"
        write_clip(once, (framed(picture(index)) for index in range(drawn)), frame_rate=FRAME_RATE, crf=18)
        paths.append(folder / f"{name}.mp4")
        repeat(once, paths[-1], math.ceil(frames / drawn))
    return paths[0], paths[1]


def repeat(path: Path, output: Path, times: int) -> None:
    """The same packets several times over."""
    with av.open(str(output), "w") as out:
        stream, shift = None, 0
        for _ in range(times):
            with av.open(str(path)) as source:
                video = source.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                for packet in source.demux(video):
                    if packet.dts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                        out.mux(packet)
                shift += video.frames * round(1 / (video.average_rate * video.time_base))


def measured(
    name: str, original: Path, synced: Path, folder: Path, assignments: Sequence[str], runs: Sequence[str] = RUNS
) -> dict[str, Any]:
    """All runs on one pair, each in a process of its own, as ratios to the first."""
    pair: dict[str, Any] = {"clip": name, "runs": {}}
    for kind in runs:
        print(f"{name}: {kind} ...", file=sys.stderr, flush=True)
        command = [sys.executable, __file__, "--child", kind, "--clips", str(original), str(synced)]
        command += ["--folder", str(folder), *(word for each in assignments for word in ("--set", each))]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{kind} failed:\n{done.stderr}")
        run = json.loads(done.stdout.splitlines()[-1])
        run["process_s"] = time.perf_counter() - started
        pair["runs"][kind] = run
    base = pair["runs"][runs[0]]
    for run in pair["runs"].values():
        run["fps"] = round(run["frames"] / run["seconds"], 1)
        run["wall_ratio"] = round(run["seconds"] / base["seconds"], 2)
        run["cpu_ratio"] = round(run["cpu_s"] / base["cpu_s"], 2)
    return pair


def table(pairs: Sequence[dict[str, Any]]) -> str:
    """A Markdown table of every run, and one of the stages' shares."""
    lines = [
        "| clip | run | frames/s | x floor, time | x floor, CPU | CPU s | peak MB | own MB | first pass MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for pair in pairs:
        for kind, run in pair["runs"].items():
            cells = (run["fps"], run["wall_ratio"], run["cpu_ratio"], round(run["cpu_s"], 1))
            cells += (run["peak_mb"], run["own_mb"], run["first_pass_mb"])
            lines.append(f"| {pair['clip']} | {kind} | " + " | ".join(str(cell) for cell in cells) + " |")
    lines += ["", "Milliseconds a frame inside each part (waiting included; parts run side by side):", ""]
    lines += ["| clip | run | " + " | ".join(STAGES) + " |", "|---|---|" + "---|" * len(STAGES)]
    for pair in pairs:
        for kind, run in pair["runs"].items():
            if "stages_s" in run:
                each = (f"{1000 * run['stages_s'].get(name, 0) / run['frames']:.1f}" for name in STAGES)
                lines.append(f"| {pair['clip']} | {kind} | " + " | ".join(each) + " |")
    held = [f"{pair['clip']}: {pair['retained']}" for pair in pairs if "retained" in pair]
    return "\n".join([*lines, "", *(f"Bytes held a frame, {each}" for each in held)]) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="bench", description=__doc__)
    made.add_argument(
        "--clips", nargs=2, type=Path, metavar=("ORIG", "SYNCED"), help="own footage instead of made clips"
    )
    made.add_argument("--frames", type=int, default=144, metavar="N", help="of the made clips (144)")
    made.add_argument("--heights", type=int, nargs="+", default=HEIGHTS, metavar="PX", help="of the made clips")
    made.add_argument("--growth", action="store_true", help="also faces of half the size, and clips four times as long")
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="assignments", help="one setting")
    made.add_argument("--runs", nargs="+", choices=RUNS, default=RUNS, help="the first one is what counts as 1")
    made.add_argument("--json", type=Path, metavar="OUT", help="write all numbers")
    made.add_argument("--child", choices=(*RUNS, "retained"), help=argparse.SUPPRESS)
    made.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return made


def clips(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path, Path, Path]]:
    """Name, original, synced and working folder of every pair."""
    if given.clips:
        yield given.clips[0].name, *given.clips, folder
        return
    plan = [(height, 1.0, given.frames) for height in given.heights]
    if given.growth:
        middle = given.heights[len(given.heights) // 2]
        plan += [(middle, FACE_SHARES[0], given.frames), (middle, FACE_SHARES[1], 4 * given.frames)]
    for height, share, frames in plan:
        place = folder / f"{height}_{share}_{frames}"
        place.mkdir()
        yield f"{height}p, face {0.35 * share:.2f} h, {frames} frames", *make_pair(place, height, share, frames), place


def main(words: Sequence[str] | None = None) -> int:
    """Run it; returns the exit code."""
    given = parser().parse_args(words)
    if given.child:
        task = retained if given.child == "retained" else functools.partial(child, given.child)
        print(json.dumps(task(*given.clips, given.folder, given.assignments)))
        return 0
    pairs = []
    with tempfile.TemporaryDirectory(prefix="lipblend-bench-") as temporary:
        for name, original, synced, folder in clips(given, Path(temporary)):
            pair = measured(name, original, synced, folder, given.assignments, given.runs)
            if "cold" in given.runs:
                pair["retained"] = retained(original, synced, folder, given.assignments)
            pairs.append(pair)
    print(table(pairs), end="")
    if given.json:
        given.json.write_text(json.dumps({"pairs": pairs}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
