"""Composite a small sample pair in a child process, and check the result."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from lipblend.errors import LipblendError, OutputError
from lipblend.selfcheck.environment import PythonRun, library_advice, run_python
from lipblend.selfcheck.findings import REINSTALL, Finding, problem

RUN_LIMIT_S = 300.0
SAMPLE_FRAMES = 4
SAMPLE_SIZE = 320


def run_sample(models: Path | None) -> PythonRun:
    """Run `composite_sample` in a child process, in a temporary folder."""
    code = (
        "from pathlib import Path\nfrom lipblend.selfcheck.sample_run import composite_sample\n"
        "folder, *models = map(Path, sys.argv[1:])\n"
        "print(json.dumps(composite_sample(folder, models[0] if models else None)))"
    )
    try:
        with tempfile.TemporaryDirectory(prefix="lipblend-doctor-") as folder:
            return run_python(code, folder, *([str(models)] if models is not None else []), limit_s=RUN_LIMIT_S)
    except OSError as error:
        return PythonRun(1, "", f"cannot create a temporary folder: {error.strerror or error}")


def composite_sample(folder: Path, models: Path | None) -> dict[str, Any]:
    """Composite a generated sample pair in `folder`; returns counts of frames, or the error."""
    from lipblend.composite_options import CompositeOptions
    from lipblend.compositing import composite
    from lipblend.selfcheck.sample import make_sample
    from lipblend.video.probe import probe
    from lipblend.video.reader import VideoReader

    try:
        pair = make_sample(folder, frames=SAMPLE_FRAMES, size=SAMPLE_SIZE)
        result = composite(pair.original, pair.synced, folder / "out.mp4", options=CompositeOptions(models=models))
        with VideoReader(probe(result.output)) as reader:
            output_frames = sum(1 for _ in reader)
    except LipblendError as error:
        text = "; ".join((error.message, *error.details))
        return {"error": text, "hint": error.hint, "exit_code": error.exit_code}
    return {
        "frames": result.frames, "blended": result.blended, "output_frames": output_frames, "seconds": result.seconds,
    }  # fmt: skip


def check_run(run: PythonRun) -> Finding:
    """Check the result of `run_sample`."""
    name = "sample run"
    fix = "Run `lipblend demo` with LIPBLEND_DEBUG=1 to see where it fails."
    if run.killed_by:
        return problem(name, f"crashes Python ({run.killed_by})", f"{REINSTALL} {fix}", OutputError.exit_code)
    last = run.out.strip().splitlines()[-1] if run.out.strip() else ""
    try:
        result = json.loads(last)
    except ValueError:
        return problem(name, run.last_line, library_advice(run.err) or fix, OutputError.exit_code)
    if "error" in result:
        advice = library_advice(str(result["error"]))
        return problem(name, str(result["error"]), advice or str(result["hint"]) or fix, int(result["exit_code"]))
    counts = (result["frames"], result["blended"], result["output_frames"])
    text = f"{counts[1]} of {counts[0]} frames blended, {counts[2]} in the output"
    if counts != (SAMPLE_FRAMES,) * 3:
        return problem(name, f"{text}; expected {SAMPLE_FRAMES}", fix, OutputError.exit_code)
    return Finding(name, "ok", f"{text}, {result['seconds']:.1f} s")
