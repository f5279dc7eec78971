"""Ends real runs by a signal at random moments and looks at what is left. As a program: ``kills.py [N] [SEED]``."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import seeds

from lipblend.media.probe import probe
from lipblend.media.reader import VideoReader
from lipblend.media.synth import write_clip

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 16
OLD = b"what was there before"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
ENDED_BY = {signal.SIGKILL: {-9}, signal.SIGTERM: {143, -15}, signal.SIGINT: {130, -2}}
HANG_S = 120

# Reads a command line a line, runs it in a child that has all libraries already (half of a short run goes into loading
# them), tells of its number and of its end, and lets go of it when told to: until then the number is nobody else's.
STARTER = """
import json, os, signal, sys
import cv2, mediapipe
import lipblend.compositing, lipblend.faces.landmarker
from lipblend.cli.app import main
ENDING = {signal.SIGINT, signal.SIGTERM}
for line in sys.stdin:
    words, errors = json.loads(line)
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    child = os.fork()
    if not child:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT, 0o600), 2)
        sys.argv = ["lipblend", *words]
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
            main()
        except KeyboardInterrupt:  # as the interpreter does at the top
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    print(child, flush=True)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    print("ended", flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Starter:
    """Starts runs of the command line, one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", STARTER], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, bufsize=1,
        )  # fmt: skip

    def _told(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def _says(self) -> str:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], HANG_S)[0]:
            raise TimeoutError(f"no word of a run after {HANG_S} s")
        return self._process.stdout.readline().strip()

    def run(self, words: list[str], errors: Path, number: signal.Signals | None, after_s: float) -> int:
        """The exit code of a run that gets a signal after so long; negative where that ended it."""
        self._told(json.dumps([words, str(errors)]))
        child = int(self._says())
        assert self._process.stdout is not None
        if number is not None:
            select.select([self._process.stdout], [], [], after_s)
            os.kill(child, number)
        assert self._says() == "ended"
        self._told("go on")
        return int(self._says())

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@dataclass(frozen=True)
class Kill:
    """One run that was ended."""

    number: signal.Signals
    after_s: float
    replaces: bool
    suffix: str
    code: int
    outcome: str
    faults: tuple[str, ...]


def make_clip(folder: Path, frames: int = FRAMES) -> Path:
    """A clip of small pictures of a face, with sound."""
    path = folder / "clip.mp4"
    tone = (0.2 * np.sin(np.arange(frames * 48000 // seeds.RATE) * 0.05)).astype(np.float32)
    write_clip(path, seeds.faces(frames), frame_rate=Fraction(seeds.RATE), crf=20, sound=tone)
    return path


def arguments(clip: Path, output: Path) -> list[str]:
    """A run on a clip and itself."""
    return [
        "composite", str(clip), str(clip), "-o", str(output), "-q",
        "--set", "track.min_face_px=20", "--set", "encode.preset=veryfast",
    ]  # fmt: skip


def command(clip: Path, output: Path, *program: str) -> list[str]:
    """The real command line on a clip and itself."""
    return [sys.executable, *(program or ("-m", "lipblend")), *arguments(clip, output)]


def environment() -> dict[str, str]:
    """The environment in which the checkout's own package is found."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def whole_run_s(starter: Starter, clip: Path, folder: Path) -> float:
    """Seconds that a run takes when it is left alone."""
    started = time.monotonic()
    assert starter.run(arguments(clip, folder / "whole.mp4"), folder / "errors.txt", None, 0) == 0
    return time.monotonic() - started


def look(output: Path, replaces: bool, wanted: int = FRAMES) -> tuple[str, list[str]]:
    """What became of the output: ``absent``, ``old`` or ``whole``; and everything that must not be."""
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
    starter: Starter, clip: Path, folder: Path, number: signal.Signals, after_s: float, replaces: bool, suffix: str
) -> Kill:
    """Start a run in an empty folder, send it a signal, look."""
    folder.mkdir()
    output, said = folder / f"out{suffix}", folder.with_suffix(".txt")
    if replaces:
        output.write_bytes(OLD)
    code = starter.run(arguments(clip, output), said, number, after_s)
    errors = said.read_text(errors="replace")
    outcome, faults = look(output, replaces)
    if code not in ENDED_BY[number] | {0}:
        faults.append(f"exit code {code}: {errors[-500:]}")
    if code == 0 and outcome != "whole":
        faults.append(f"exit code 0, but the output is {outcome}")
    if "unexpected" in errors:
        faults.append(errors[-500:])
    return Kill(number, after_s, replaces, suffix, code, outcome, tuple(faults))


def kill_many(folder: Path, count: int, base: int, *, signals: tuple[signal.Signals, ...] = SIGNALS) -> list[Kill]:
    """Run and kill, two at a time, at moments spread over the whole run, a third of them near its end."""
    clip = make_clip(folder)
    starters = [Starter(), Starter()]
    free, own = list(starters), threading.local()

    def mine() -> Starter:
        if not hasattr(own, "starter"):
            own.starter = free.pop()
        return own.starter

    def first(name: Path) -> float:
        whole_run_s(mine(), clip, name)  # the first one of all waits for the libraries
        return whole_run_s(mine(), clip, name)

    try:
        with ThreadPoolExecutor(2) as pool:  # measured as it will be, two at a time
            whole_s = max(pool.map(lambda name: first(folder / name), _folders(folder, ("a", "b"))))
            rng = np.random.default_rng(base)
            jobs = []
            for index in range(count):
                low, high = ((0.05, 1.0), (0.4, 1.0), (0.85, 1.1))[index % 3]
                number = signals[int(rng.integers(len(signals)))]
                after_s = whole_s * float(rng.uniform(low, high))
                replaces = bool(rng.integers(2))
                suffix = (".mp4", ".mkv")[int(rng.integers(2))]
                place = folder / f"run{index}"
                jobs.append(
                    pool.submit(
                        lambda *given: kill_once(mine(), *given), clip, place, number, after_s, replaces, suffix
                    )
                )
            return [job.result() for job in jobs]
    finally:
        for starter in starters:
            starter.stop()


def _folders(folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        (folder / name).mkdir()
    return names


def main() -> None:
    """Kill N runs and print what came of them."""
    # A shell's background jobs, and what they start, ignore SIGINT otherwise.
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
