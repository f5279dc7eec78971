"""Analysing only the part of two videos that the beginning of the output needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lipblend.analysis.analyse import Analyser
from lipblend.analysis.analysis_settings import analysis_settings
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.pairing.excerpt import MARGIN_S, Window, WindowUnpairedError, reach_s
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo

_REACHES = 2  # times `reach_s` beyond the last frame: three standard deviations of the slow smoothing
_MAX_SHARE = 0.8  # of a clip; if more is needed, the whole clip is analysed


def beginning_window(original: VideoInfo, synced: VideoInfo, *, stop_s: float, settings: Settings) -> Window | None:
    """The window that the frames up to a time need; None if that is most of the clip, or its length is unknown.

    Parameters
    ----------
    original, synced : VideoInfo
    stop_s : float
        Seconds since the original's first frame.
    settings : Settings
    """
    until_s = stop_s + _REACHES * reach_s(settings)
    lengths_s = original.duration_s, synced.duration_s
    if any(length_s is None or until_s + MARGIN_S > _MAX_SHARE * length_s for length_s in lengths_s):
        return None
    return Window(0.0, until_s, keep_frames=False)


def analyse_beginning(
    original: VideoInfo,
    synced: VideoInfo,
    *,
    window: Window,
    stop_s: float,
    model: Path,
    settings: Settings,
    on_frame: Callable[[int], None],
    analyser: Analyser,
) -> tuple[ClipAnalysis | None, str]:
    """Analyse the beginning of two videos.

    Parameters
    ----------
    original, synced : VideoInfo
    window : Window
        See `beginning_window`.
    stop_s : float
        Seconds since the original's first frame; all frames before are needed.
    model, settings, on_frame
        As for `lipblend.analysis.analyse.analyse`.
    analyser : Analyser

    Returns
    -------
    analysis : ClipAnalysis or None
        Up to the last frame that has a synced one. None if the beginning does not show with certainty which frames go
        together, so that the whole clip has to be analysed.
    reason : str
        Why there is no analysis; empty otherwise.
    """
    try:
        found = analyser(
            original,
            synced,
            model=model,
            settings=analysis_settings(settings),
            on_frame=on_frame,
            window=window,
        )
    except WindowUnpairedError as error:
        return None, error.message
    paired = np.flatnonzero(found.synced_index >= 0)
    stop = int(paired[-1]) + 1 if len(paired) else 0
    if not stop or found.times_s[stop - 1] - found.times_s[0] < stop_s:
        return None, "the synced video does not reach that far"
    return found.up_to(stop), ""
