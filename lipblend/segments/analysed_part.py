"""Analysing only the part of a clip that a range of frames needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lipblend.analysis.apart import analyse_apart
from lipblend.analysis.beginning import analyse_beginning, beginning_window
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.pair import Pair
from lipblend.runtime.progress import Progress
from lipblend.segments.spans import FrameRange
from lipblend.settings import Settings
from lipblend.video.survey import survey


def analyse_range(
    pair: Pair, frames: FrameRange, settings: Settings, on_progress: Callable[[Progress], None]
) -> tuple[ClipAnalysis | None, list[str]]:
    """Analyse the beginning of the clip, if a range of frames needs no more; with notes for the summary.

    None if the whole clip has to be analysed, or its analysis is cached.
    """
    original, synced = pair.original, pair.synced
    stamps = np.array(survey(original).stamps, np.float64) * float(original.time_base)
    stop_s = frames.stop_s(stamps.tolist())
    window = None if stop_s is None else beginning_window(original, synced, stop_s=stop_s, settings=settings)
    if stop_s is None or window is None or pair.cached_analysis(settings) is not None:
        return None, []
    found, reason = analyse_beginning(
        original,
        synced,
        window=window,
        stop_s=stop_s,
        model=pair.model,
        settings=settings,
        on_frame=lambda done: on_progress(Progress("analyse", done, None)),
        analyser=analyse_apart,
    )
    if found is None:
        return None, [f"the whole clip was analysed: {reason}"]
    return found, [
        f"only the first {window.stop_s:.1f} s were analysed: frames may differ slightly from those of a whole run"
    ]
