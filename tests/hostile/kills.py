"""Ends real runs by a signal at random moments and looks at what is left. As a program: ``kills.py [N] [SEED]``."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
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


def command(clip: Path, output: Path, *program: str) -> list[str]:
    """The real command line on a clip and itself."""
    return [
        sys.executable, *(program or ("-m", "lipblend")), "composite", str(clip), str(clip), "-o", str(output), "-q",
        "--set", "track.min_face_px=20", "--set", "encode.preset=veryfast",
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """The environment in which the checkout's own package is found."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def whole_run_s(clip: Path, folder: Path) -> float:
    """Seconds that a run takes when it is left alone."""
    started = time.monotonic()
    subprocess.run(command(clip, folder / "whole.mp4"), check=True, env=environment(), timeout=HANG_S)
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


def kill_once(clip: Path, folder: Path, number: signal.Signals, after_s: float, replaces: bool, suffix: str) -> Kill:
    """Start a run in an empty folder, send it a signal, look."""
    folder.mkdir()
    output = folder / f"out{suffix}"
    if replaces:
        output.write_bytes(OLD)
    with subprocess.Popen(
        command(clip, output), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after_s)
        process.send_signal(number)
        _, errors = process.communicate(timeout=HANG_S)
    outcome, faults = look(output, replaces)
    code = process.returncode
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
    whole_run_s(clip, folder)
    with ThreadPoolExecutor(2) as pool:  # measured as it will be, two at a time
        whole_s = max(pool.map(lambda n: whole_run_s(clip, folder / f"{n}"), _folders(folder, ("a", "b"))))
        rng = np.random.default_rng(base)
        jobs = []
        for index in range(count):
            low, high = ((0.05, 1.0), (0.4, 1.0), (0.85, 1.1))[index % 3]
            jobs.append(
                pool.submit(
                    kill_once,
                    clip,
                    folder / f"run{index}",
                    signals[int(rng.integers(len(signals)))],
                    whole_s * float(rng.uniform(low, high)),
                    bool(rng.integers(2)),
                    (".mp4", ".mkv")[int(rng.integers(2))],
                )
            )
        return [job.result() for job in jobs]


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
