"""How visible a part is over stretches of time: whole stretches, and the stretch around each frame."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.quality.measure_entry import Visible
from lipblend.quality.pooling import stretches, visibility_over_time
from lipblend.quality.record import FrameRow, Shot

RATE = 25.0
PLAIN, LASTING = Visible(0.0, 1.0), Visible(0.0, 1.0, 0.95)
SHORT_FRAMES, LONG_FRAMES = 10, 50  # 0.4 and 2 seconds


def rows(values: list[float | None], rate: float = RATE) -> list[FrameRow]:
    return [
        FrameRow(at, at / rate, 0, at, at, True, "", {} if value is None else {"part": value}, ())
        for at, value in enumerate(values)
    ]


def test_the_stretch_around_a_frame_is_one_of_the_whole_stretches() -> None:
    values = [float(value) for value in np.random.default_rng(3).uniform(0, 4, 120)]
    for scale in (PLAIN, LASTING):
        frames = rows(values)
        whole = {(start, stop): level for level, start, stop in stretches("part", scale, frames)}
        levels = visibility_over_time("part", scale, frames, [Shot(0, 120, {})])
        for at in range(LONG_FRAMES, 120 - LONG_FRAMES):
            lengths = (SHORT_FRAMES, LONG_FRAMES) if scale is LASTING else (SHORT_FRAMES,)
            around = [whole[at - length // 2, at - length // 2 + length] for length in lengths]
            assert levels[at] == pytest.approx(max(around))


def test_stretches_last_as_long_at_every_frame_rate() -> None:
    for rate in (25.0, 50.0):
        lengths = {stop - start for _, start, stop in stretches("part", LASTING, rows([1.0] * 200, rate))}
        assert lengths == {round(0.4 * rate), round(2 * rate)}


def test_a_stretch_that_is_mostly_unknown_is_no_stretch() -> None:
    assert stretches("part", PLAIN, rows([None] * 30)) == []
    found = stretches("part", PLAIN, rows([2.0] * 10 + [None] * 30))
    assert [(level, start) for level, start, _ in found] == [(2.0, at) for at in range(6)]


def test_each_shot_is_averaged_on_its_own() -> None:
    frames = rows([0.0] * 20 + [4.0] * 20 + [None] * 5)
    levels = visibility_over_time("part", PLAIN, frames, [Shot(0, 20, {}), Shot(20, 40, {}), Shot(40, 45, {})])
    assert levels[:40].tolist() == [0.0] * 20 + [4.0] * 20
    assert np.isnan(levels[40:]).all()
