"""The analysis of no more of a clip than the frames that are asked for need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lipblend.analysis.apart import analyse_apart
from lipblend.analysis.beginning import analyse_beginning, beginning
from lipblend.analysis.cache import cached_analysis
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.runtime.progress import Progress
from lipblend.segments.spans import FrameRange
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo
from lipblend.video.survey import survey


def analysed_part(
    ours: VideoInfo,
    theirs: VideoInfo,
    frames: FrameRange,
    *,
    model: Path,
    settings: Settings,
    cache: Path | None,
    report: Callable[[Progress], None],
) -> tuple[ClipAnalysis | None, list[str]]:
    """The analysis of the clip's beginning, where that is all that some frames need, and what the summary has to say.

    None where the whole clip has to be analysed, or has been before.
    """
    stamps = np.array(survey(ours).stamps, np.float64) * float(ours.time_base)
    stop_s = frames.stop_s(stamps.tolist())
    window = None if stop_s is None else beginning(ours, theirs, stop_s=stop_s, settings=settings)
    if stop_s is None or window is None:
        return None, []
    if cached_analysis(ours, theirs, model=model, settings=settings, cache=cache) is not None:
        return None, []
    found, reason = analyse_beginning(
        ours,
        theirs,
        window=window,
        stop_s=stop_s,
        model=model,
        settings=settings,
        on_frame=lambda done: report(Progress("analyse", done, None)),
        analyser=analyse_apart,
    )
    if found is None:
        return None, [f"the whole clip was analysed: {reason}"]
    return found, [f"only the first {window.stop_s:.1f} s were analysed: frames may differ a little from a whole run's"]
