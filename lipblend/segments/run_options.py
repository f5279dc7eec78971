"""Which options of a run go together."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from lipblend.errors import SettingsError

if TYPE_CHECKING:  # loading them costs a third of a second, in which the first pass's process can start
    from lipblend.segments.proxy_size import ProxySize
    from lipblend.segments.spans import FrameRange

MOST_JOBS = 64


def wanted_jobs(text: str) -> int:
    """A number of processes from ``4`` or ``auto``: as many as there are processors that this process may use.

    Raises
    ------
    SettingsError
        Something else.
    """
    if text.strip().lower() == "auto":
        return min(usable_processors(), MOST_JOBS)
    if not text.strip().isdecimal() or not 1 <= int(text) <= MOST_JOBS:
        raise SettingsError(f"--jobs {text} is no number of processes", hint=f"Use 1 to {MOST_JOBS}, or auto.")
    return int(text)


def usable_processors() -> int:
    """How many processors the system lets this process run on."""
    allowed = getattr(os, "sched_getaffinity", None)
    return max(1, len(allowed(0)) if allowed is not None else os.cpu_count() or 1)


def few_segments_note(jobs: int, segments: int, *, segment_s: float, duration_s: float) -> str:
    """Why not all processes had something to do; empty where they had.

    Parameters
    ----------
    jobs, segments : int
    segment_s : float
        Length of a segment, ``encode.segment_s``.
    duration_s : float
        Of the output.
    """
    if jobs <= segments:
        return ""
    enough_s = max(0.5, math.floor(2 * duration_s / jobs) / 2)
    advice = f"; --set encode.segment_s={enough_s:g} gives all of them work, and a key frame at each beginning"
    worked = f"{segments} of {jobs} processes rendered" if segments > 1 else f"one of {jobs} processes rendered"
    return (
        f"{worked}: the output has {segments} segment{'s' * (segments > 1)} of {segment_s:g} s (encode.segment_s)"
        f"{advice if duration_s >= jobs * enough_s else ''}"
    )


def check_options(
    jobs: int, *, resume: bool, debug: bool, measure: bool, part: FrameRange | None, proxy: ProxySize | None
) -> None:
    """Refuse what cannot go together.

    Raises
    ------
    SettingsError
    """
    if not 1 <= jobs <= MOST_JOBS:
        raise SettingsError(f"--jobs {jobs} is out of range", hint=f"Use 1 to {MOST_JOBS}, or auto.")
    if debug and (jobs > 1 or resume):
        raise SettingsError(
            "--debug-dir needs every frame in turn", hint="Leave out --jobs and --resume, or --debug-dir."
        )
    if measure and (part is not None or proxy is not None):
        raise SettingsError(
            "only a whole output at full size can be measured",
            hint="Leave out --frames and --proxy, or --report, --gate and --junit.",
        )
