"""The first pass over no more of two videos than the beginning of the output needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.analysis.settings_read import analysis_settings
from lipblend.pairing.excerpt import MARGIN_S, Window, WindowUnpairedError, reach_s
from lipblend.settings import Settings
from lipblend.video.info import VideoInfo

_REACHES = 2
"""So many times `reach_s` is looked at beyond the last frame: three standard deviations of the slow smoothing."""
_LEAST_SAVED = 0.8  # of the clip; where more of it is needed, all of it is looked at


class PartAnalyser(Protocol):
    """`lipblend.analysis.analyse.analyse` of a window, or the same somewhere else."""

    def __call__(
        self,
        original: VideoInfo,
        synced: VideoInfo,
        *,
        model: Path,
        settings: Settings,
        on_frame: Callable[[int], None],
        window: Window | None,
    ) -> ClipAnalysis: ...


def beginning(original: VideoInfo, synced: VideoInfo, *, stop_s: float, settings: Settings) -> Window | None:
    """The window that frames up to a time need; None where it is most of the clip, or its length is not known.

    Parameters
    ----------
    original, synced : VideoInfo
    stop_s : float
        Seconds since the original's first frame.
    settings : Settings
    """
    until_s = stop_s + _REACHES * reach_s(settings)
    lengths_s = original.duration_s, synced.duration_s
    if any(length_s is None or until_s + MARGIN_S > _LEAST_SAVED * length_s for length_s in lengths_s):
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
    analyser: PartAnalyser,
) -> tuple[ClipAnalysis | None, str]:
    """Analyse the beginning of two videos.

    Parameters
    ----------
    original, synced : VideoInfo
    window : Window
        See `beginning`.
    stop_s : float
        The frames before this time must all be there.
    model, settings, on_frame
        As for `lipblend.analysis.analyse.analyse`.
    analyser : PartAnalyser

    Returns
    -------
    analysis : ClipAnalysis or None
        Up to the last frame that has a synced one; None where the beginning does not show surely which frames belong
        together, so that the whole clip has to be looked at.
    reason : str
        Why; empty otherwise.
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
    shown = np.flatnonzero(found.synced_index >= 0)
    stop = int(shown[-1]) + 1 if len(shown) else 0
    if not stop or found.times_s[stop - 1] - found.times_s[0] < stop_s:
        return None, "the synced video does not reach that far"
    return found.up_to(stop), ""
