"""The options of a composite run, and which of them go together."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lipblend.errors import SettingsError

if TYPE_CHECKING:  # loading them takes a third of a second, in which the process of the first pass can start
    from lipblend.render.debug_export import DebugFormat
    from lipblend.segments.proxy_size import ProxySize
    from lipblend.segments.spans import FrameRange

MAX_JOBS = 64


@dataclass(frozen=True)
class DebugOptions:
    """Where mask, alpha, seam ring and overlay of every frame go (`lipblend.render.debug_export.DebugExport`).

    Attributes
    ----------
    folder : Path
    run_tag : str, optional
        Name of a folder inside it to use instead.
    form : {"png", "video"}
        Pictures, or videos in step with the output.
    """

    folder: Path
    run_tag: str | None = None
    form: DebugFormat = "png"


@dataclass(frozen=True)
class CompositeOptions:
    """How a composite is run; nothing in here changes a pixel of a whole output.

    Attributes
    ----------
    overwrite : bool
        Replace the output if it exists, at the start or by the end; otherwise that is an error.
    jobs : int
        Processes that render and encode, 1 to 64. The pictures of the output are the same with any number.
    resume : bool
        Keep finished segments in a hidden folder beside the output if the run is stopped, and reuse those of a stopped
        run. The folder is removed when the output is complete.
    frames : FrameRange, optional
        Render only these frames of the output, with their sound.
    proxy : ProxySize, optional
        Write a smaller picture with a fast encoder preset.
    measure : bool
        Measure the finished output (`lipblend.quality.evaluation`).
    debug : DebugOptions, optional
    models : Path, optional
        Face model bundle, or the folder that holds it.
    cache : Path, optional
        Folder in which analyses are cached; nothing is cached without it.
    """

    overwrite: bool = True
    jobs: int = 1
    resume: bool = False
    frames: FrameRange | None = None
    proxy: ProxySize | None = None
    measure: bool = False
    debug: DebugOptions | None = None
    models: Path | None = None
    cache: Path | None = None

    def check(self) -> None:
        """Refuse options that cannot go together.

        Raises
        ------
        SettingsError
        """
        if not 1 <= self.jobs <= MAX_JOBS:
            raise SettingsError(f"--jobs {self.jobs} is out of range", hint=f"Use 1 to {MAX_JOBS}, or auto.")
        if self.debug is not None and (self.jobs > 1 or self.resume):
            raise SettingsError(
                "--debug-dir needs every frame in order", hint="Leave out --jobs and --resume, or --debug-dir."
            )
        if self.measure and (self.frames is not None or self.proxy is not None):
            raise SettingsError(
                "only a whole output at full size can be measured",
                hint="Leave out --frames and --proxy, or --report, --gate and --junit.",
            )


def wanted_jobs(text: str) -> int:
    """Number of processes from ``4`` or ``auto``: as many as there are processors that this process may use.

    Raises
    ------
    SettingsError
        It is neither.
    """
    if text.strip().lower() == "auto":
        return min(usable_processors(), MAX_JOBS)
    if not text.strip().isdecimal() or not 1 <= int(text) <= MAX_JOBS:
        raise SettingsError(f"--jobs {text} is no number of processes", hint=f"Use 1 to {MAX_JOBS}, or auto.")
    return int(text)


def usable_processors() -> int:
    """How many processors the system lets this process run on."""
    allowed = getattr(os, "sched_getaffinity", None)
    return max(1, len(allowed(0)) if allowed is not None else os.cpu_count() or 1)


def few_segments_note(jobs: int, segments: int, *, segment_s: float, duration_s: float) -> str:
    """Why some processes had nothing to do; empty if all had work.

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
