"""Kill real runs at random moments and check what is left. As a program: ``kills.py [N] [SEED]``.

A moment is an event of the run ("render 7": the seventh frame is reported), not a time, so that it does not depend on
the speed of the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import seeds

from lipblend.output.synth import write_clip
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 16
OLD = b"what was there before"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
ENDED_BY = {signal.SIGKILL: {-9}, signal.SIGTERM: {143, -15}, signal.SIGINT: {130, -2}}
HANG_S = 900.0  # only a guard against hanging


STAGES = ("start", "analyse", "render")
"""Loading modules and opening files; analysing frames; composing and writing frames."""

EVENTS = """
import json, os, sys, threading
from collections import Counter

moment, number, note = sys.argv.pop(1), int(sys.argv.pop(1)), sys.argv.pop(1)
counts, lock, striking = Counter(), threading.RLock(), []
fsync, leave = os.fsync, os._exit

def came(event):
    with lock:
        counts[event] += 1
        if moment == f"{event} {counts[event]}":
            # From a thread, so that the work, also in native code, goes on until the signal arrives.
            striking.append(threading.Thread(target=os.kill, args=(os.getpid(), number)))
            striking[0].start()

def blown():
    for thread in striking:
        thread.join()

def before_publishing(descriptor):
    blown()
    fsync(descriptor)

def at_the_end(code):
    over()
    leave(code)

def over():
    blown()
    if note:
        with open(note, "w") as file:
            json.dump(counts, file)

# Publishing and exit wait for the thread, however late it runs.
os.fsync, os._exit = before_publishing, at_the_end
sys.addaudithook(lambda event, _: came("start") if event in ("import", "open") else None)
from lipblend.runtime.progress import Progress
make = Progress.__init__

def reported(self, stage, *given):
    make(self, stage, *given)
    came(stage)

Progress.__init__ = reported
from lipblend.cli.app import main
try:
    main()
finally:
    over()
"""
"""The command line, preceded by the arguments MOMENT, SIGNAL and a file for the counts of all events."""


@dataclass(frozen=True)
class Kill:
    """One killed run."""

    number: signal.Signals
    moment: str
    replaces: bool
    suffix: str
    code: int
    outcome: str
    faults: tuple[str, ...]


def make_clip(folder: Path, frames: int = FRAMES) -> Path:
    """Write a small clip of a face, with sound."""
    path = folder / "clip.mp4"
    tone = (0.2 * np.sin(np.arange(frames * 48000 // seeds.RATE) * 0.05)).astype(np.float32)
    write_clip(path, seeds.faces(frames), frame_rate=Fraction(seeds.RATE), crf=20, sound=tone)
    return path


def command(clip: Path, output: Path, *program: str) -> list[str]:
    """The command line that composites a clip with itself."""
    return [
        sys.executable, *(program or ("-m", "lipblend")), "composite", str(clip), str(clip), "-o", str(output), "-q",
        "--set", "track.min_face_px=20", "--set", "encode.preset=veryfast",
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """An environment in which the checkout's package is imported."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def struck(clip: Path, output: Path, moment: str, number: int, note: str, kept: Path) -> list[str]:
    """The command line of a run that gets a signal at a moment, with a cache folder."""
    # The analysis takes longest, so only runs that are killed in it repeat it.
    cache = ("--no-cache",) if moment.startswith("analyse") else ("--cache", str(kept))
    return [*command(clip, output, "-c", EVENTS, moment, str(number), note), *cache]


def events_of_a_run(clip: Path, folder: Path, kept: Path) -> dict[str, int]:
    """Number of events per stage in an undisturbed run."""
    note = folder / "events.json"
    counts = {}
    for moment in ("analyse 0", "start 0", "start 0"):  # the second stores the analysis, and imports more than others
        words = struck(clip, folder / "whole.mp4", moment, 0, str(note), kept)
        subprocess.run(words, check=True, env=environment(), timeout=HANG_S)
        counts[moment] = json.loads(note.read_text(encoding="utf-8"))
    return {"analyse": counts["analyse 0"]["analyse"], **{k: counts["start 0"][k] for k in ("start", "render")}}


def look(output: Path, replaces: bool, wanted: int = FRAMES) -> tuple[str, list[str]]:
    """State of the output (``absent``, ``old`` or ``whole``), and all faults."""
    faults = [f"left behind: {path.name}" for path in output.parent.iterdir() if path != output]
    if not output.exists():
        return "absent", [*faults, "the old file is gone"] if replaces else faults
    if output.read_bytes() == OLD:
        return "old", faults
    with VideoReader(probe(output)) as reader:
        frames = sum(1 for _ in reader)
        if frames != wanted or reader.corrupt_packets or reader.concealed_frames:
            faults.append(f"{frames} of {wanted} frames, {reader.corrupt_packets} packets damaged")
    return "whole", faults


def kill_once(
    clip: Path, folder: Path, number: signal.Signals, moment: str, replaces: bool, suffix: str, kept: Path
) -> Kill:
    """Kill a run in an empty folder and check the result."""
    folder.mkdir()
    output = folder / f"out{suffix}"
    if replaces:
        output.write_bytes(OLD)
    words = struck(clip, output, moment, number, "", kept)
    process = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=HANG_S)
    errors = process.stderr
    outcome, faults = look(output, replaces)
    code = process.returncode
    if code not in ENDED_BY[number] | {0}:
        faults.append(f"exit code {code}: {errors[-500:]}")
    if code == 0 and outcome != "whole":
        faults.append(f"exit code 0, but the output is {outcome}")
    if "unexpected" in errors:
        faults.append(errors[-500:])
    return Kill(number, moment, replaces, suffix, code, outcome, tuple(faults))


def kill_many(folder: Path, count: int, base: int, *, signals: tuple[signal.Signals, ...] = SIGNALS) -> list[Kill]:
    """Kill runs, two at a time, by each signal in turn, at random moments of each stage in turn."""
    clip, kept = make_clip(folder), folder / "kept"
    events = events_of_a_run(clip, folder, kept)
    rng = np.random.default_rng(base)
    with ThreadPoolExecutor(2) as pool:
        jobs = []
        for index in range(count):
            stage = STAGES[index % len(STAGES)]
            jobs.append(
                pool.submit(
                    kill_once,
                    clip,
                    folder / f"run{index}",
                    signals[index // len(STAGES) % len(signals)],
                    f"{stage} {rng.integers(1, events[stage], endpoint=True)}",
                    bool(rng.integers(2)),
                    (".mp4", ".mkv")[int(rng.integers(2))],
                    kept,
                )
            )
        return [job.result() for job in jobs]


def main() -> None:
    """Kill N runs and print the results."""
    # Background jobs of a shell ignore SIGINT, and so would their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    base = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    folder = Path(tempfile.mkdtemp(prefix="lipblend-kills-"))
    try:
        kills = kill_many(folder, count, base)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for kill in kills:
        if kill.faults:
            print(f"FAULT {kill}")
    counts = Counter((kill.number.name, kill.outcome, kill.code) for kill in kills)
    for (name, outcome, code), number in sorted(counts.items()):
        print(f"  {name}: output {outcome}, exit code {code}: {number}")
    print(json.dumps({"kills": len(kills), "faults": sum(bool(kill.faults) for kill in kills)}))
    sys.exit(1 if any(kill.faults for kill in kills) else 0)


if __name__ == "__main__":
    main()
