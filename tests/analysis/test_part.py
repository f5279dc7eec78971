"""Which part of two clips the first frames need, and what is left of an analysis of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from planned import analysis_of

from lipblend.analysis.beginning import analyse_beginning, beginning_window
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.pairing.excerpt import MARGIN_S, Window, WindowUnpairedError, reach_s
from lipblend.settings import Settings


class Clip:
    """Stands for a `VideoInfo`: only the length is asked for."""

    def __init__(self, duration_s: float | None) -> None:
        self.duration_s = duration_s


def test_a_window_reaches_as_far_as_smoothing_does() -> None:
    window = beginning_window(Clip(60), Clip(60), stop_s=4, settings=Settings())
    assert window == Window(0.0, 4 + 2 * reach_s(Settings()), keep_frames=False)
    slower = Settings.model_validate({"colour": {"gain_smooth_s": 3}})
    assert beginning_window(Clip(60), Clip(60), stop_s=4, settings=slower).stop_s > window.stop_s + 6


@pytest.mark.parametrize(("ours", "theirs"), [(5.0, 60.0), (60.0, 5.0), (None, 60.0), (60.0, None)])
def test_what_would_be_most_of_a_clip_is_all_of_it(ours: float | None, theirs: float | None) -> None:
    assert beginning_window(Clip(ours), Clip(theirs), stop_s=4, settings=Settings()) is None


def found_in(window: Window, analysis: Any, stop_s: float) -> tuple[Any, str]:
    def analyser(*_: Any, **given: Any) -> Any:
        assert given["window"] is window
        if isinstance(analysis, Exception):
            raise analysis
        return analysis

    return analyse_beginning(
        None, None, window=window, stop_s=stop_s, model=None, settings=Settings(), on_frame=print, analyser=analyser
    )


def test_rows_after_the_last_pair_of_a_window_are_not_of_the_clip(face: Any) -> None:
    meshes = [face.points] * 40
    analysis = analysis_of({0: FaceTrack.of(range(40), meshes, meshes, [None] * 40)})
    index = analysis.synced_index.copy()
    index[35:] = -1  # the original is read for longer than the synced video
    analysis = replace(analysis, synced_index=index, shot_starts=np.array([0, 20, 37]))
    window = Window(0.0, 1.4, keep_frames=False)
    found, reason = found_in(window, analysis, stop_s=1.0)
    assert reason == ""
    assert len(found.times_s) == len(found.pts) == len(found.synced_index) == 35
    assert found.tracks[0].frames[-1] == 34
    assert found.shot_starts.tolist() == [0, 20]
    assert found.up_to(10).times_s.tolist() == analysis.times_s[:10].tolist()
    short, reason = found_in(window, analysis, stop_s=1.5)
    assert short is None
    assert "does not reach that far" in reason


def test_what_is_not_sure_is_left_to_the_whole_clip() -> None:
    found, reason = found_in(Window(0.0, 2.0), WindowUnpairedError("too little moves here"), stop_s=1.0)
    assert (found, reason) == (None, "too little moves here")
    assert MARGIN_S > 0
