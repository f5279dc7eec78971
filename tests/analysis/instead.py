"""A process of the first pass that does something else instead."""

from __future__ import annotations

from lipblend.analysis import apart

START, WORK = apart.PROGRAM.strip().rsplit("\n", 1)


def program(instead: str) -> str:
    """What the process runs, with this as the body of its ``analyse``; ``on_frame`` is told of frames."""
    body = "".join(f"\n    {line}" for line in instead.splitlines())
    return (
        f"{START}\nimport lipblend.analysis.apart as module, lipblend.errors as errors, os, time\n"
        f"def instead(*_, on_frame, **__):{body}\nmodule.analyse = instead\n{WORK}"
    )
