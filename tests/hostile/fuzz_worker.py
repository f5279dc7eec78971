"""A fuzz worker: reads lines ``BASE NUMBER``, runs each case through the command line, and answers with JSON.

Run as ``fuzz_worker.py FOLDER`` with the seeds in FOLDER/seeds. A case is determined by its two numbers.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutations
import numpy as np

ADDRESS_SPACE = 6 << 30
MAX_CPU_S = 30
"""Maximum processor time of a case, after which the kernel kills the process (SIGXCPU)."""
HANG_S = 900
"""Guard against waiting forever, which takes no processor time."""
_CODES = (0, 3, 4, 5, 7)
_SUMMARY = {"output", "frames", "blended", "passed_through", "audio", "notes", "seconds", "duration_s"}


@dataclass(frozen=True)
class Case:
    """Two input files and a command line."""

    original: tuple[str, bytes]
    synced: tuple[str, bytes]
    arguments: list[str]
    suffix: str
    what: str


def make_case(base: int, number: int, seeds: dict[str, bytes]) -> Case:
    """Build a case from its numbers."""
    rng = np.random.default_rng([base, number])
    name = sorted(seeds)[int(rng.integers(len(seeds)))]
    suffix = Path(name).suffix
    if number % 25 == 24:
        hurt, what = mutations.special(number // 25, rng, suffix)
    else:
        hurt, what = mutations.damage(seeds[name], rng, seeds)
    side = ("original", "synced", "both")[int(rng.integers(3))]
    partner = name if rng.random() < 0.6 else sorted(seeds)[int(rng.integers(len(seeds)))]
    whole = (partner, seeds[partner])
    damaged = (f"hurt{suffix}", hurt)
    out = str(rng.choice([".mp4", ".mp4", ".mkv", ".mov"]))
    arguments = ["--set", "encode.preset=ultrafast", "--set", "track.min_face_px=20"]
    if rng.random() < 0.2:
        arguments += ["--audio", "synced"]
    if rng.random() < 0.2:
        arguments += ["--tail", "trim"]
    if rng.random() < 0.1:
        arguments += ["--encoder", "ffv1"]
        out = ".mkv"
    return Case(
        whole if side == "synced" else damaged,
        whole if side == "original" else damaged,
        arguments,
        out,
        f"{name} as {side} (with {partner}) to {out}: {what}",
    )


def run_case(case: Case, folder: Path) -> dict[str, Any]:
    """Run a case in an empty folder; ``faults`` in the answer lists broken promises."""
    inputs, outputs = folder / "in", folder / "out"
    for place in (inputs, outputs):
        place.mkdir(exist_ok=True)
        for left in place.iterdir():
            left.unlink()
    for name, data in (case.original, case.synced):
        (inputs / name).write_bytes(data)
    target = outputs / f"out{case.suffix}"
    words = ["composite", str(inputs / case.original[0]), str(inputs / case.synced[0]), "-o", str(target), "-q"]
    _reset_peak()
    started = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(started) + MAX_CPU_S, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    code, text, errors = _call([*words, "--json", *case.arguments])
    seconds, peak = time.process_time() - started, _peak_mb()
    left = sorted(path.name for path in outputs.iterdir())
    faults = []
    if code not in _CODES:
        faults.append(f"exit code {code}")
    if "Traceback" in errors or (code and not errors.startswith("error: ")):
        faults.append("no clean error message")
    if code == 0 and errors:
        faults.append("success, but something on stderr")
    if code and left:
        faults.append(f"left behind: {left}")
    if code == 0:
        faults += _check_output(target, text, left)
    return {
        "code": code, "faults": faults, "seconds": seconds, "peak_mb": peak, "what": case.what, "stderr": errors[-3000:]
    }  # fmt: skip


def _check_output(target: Path, text: str, left: list[str]) -> list[str]:
    import av

    if left != [target.name]:
        return [f"success, but the folder holds {left}"]
    try:
        summary = json.loads(text)
    except ValueError:
        return ["no summary"]
    if not summary.keys() >= _SUMMARY:
        return [f"summary without {_SUMMARY - summary.keys()}"]
    try:
        with av.open(str(target)) as container:
            frames = sum(1 for _ in container.decode(video=0))
        with av.open(str(target)) as container:
            for stream in container.streams.audio:
                if stream.codec_context is None:
                    return [f"sound without a decoder: {stream}"]
    except (av.FFmpegError, OSError) as error:
        return [f"the output does not decode: {error}"]
    counted = summary["blended"] + sum(summary["passed_through"].values())
    if not frames == summary["frames"] == counted:
        return [f"{frames} frames decoded, {summary['frames']} in the summary, {counted} counted"]
    return []


def _call(words: list[str]) -> tuple[int, str, str]:
    """Run the command in this process; returns exit code and what went to descriptors 1 and 2."""
    from lipblend.cli.app import app

    caught = []
    with contextlib.ExitStack() as stack:
        for number in (1, 2):
            sink = stack.enter_context(open(os.memfd_create(f"fd{number}"), "w+b", buffering=0))
            real = os.dup(number)
            os.dup2(sink.fileno(), number)
            stack.callback(os.close, real)
            stack.callback(os.dup2, real, number)
            caught.append(sink)
        code = 0
        try:
            app(words, prog_name="lipblend")
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else -1
        sys.stdout.flush()
        sys.stderr.flush()
        texts = []
        for sink in caught:
            sink.seek(0)
            texts.append(sink.read().decode("utf-8", "replace"))
    return code, texts[0], texts[1]


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def main() -> None:
    """Answer cases until stdin ends."""
    folder = Path(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    os.environ["LIPBLEND_DEBUG"] = "0"
    # The first pass runs in this process too, as its crashes and its memory are what is checked.
    from lipblend import composite_job
    from lipblend.analysis import early
    from lipblend.analysis.analyse import analyse

    composite_job.analyse_apart = analyse
    early.can_start_child = lambda: False
    seeds = {path.name: path.read_bytes() for path in sorted((folder / "seeds").iterdir())}
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    mine = folder / f"worker{os.getpid()}"
    mine.mkdir()
    for line in sys.stdin:
        base, number = map(int, line.split())
        faulthandler.dump_traceback_later(HANG_S - 2, exit=False)
        answer = run_case(make_case(base, number, seeds), mine)
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps({"base": base, "number": number, **answer}), file=answers)


if __name__ == "__main__":
    main()
