"""Broken frames of real clips with a known truth: bursts are found, and good frames are left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lipblend import Settings
from lipblend.pair import open_pair
from lipblend.plan.broken_frames import Broken, broken_rows

EVAL = Path(__file__).resolve().parents[3] / "shared" / "eval"
CLEAN = ("pairs/vr5_diff2lip", "hard/skinhand", "hard/redrawn_a")
SPOILED = "hard/spoiled_a"


def found_in(name: str) -> dict[int, Broken]:
    analysis = open_pair(EVAL / name / "orig.mp4", EVAL / name / "synced.mp4").analyse(Settings())
    (track,) = analysis.tracks.values()
    return dict(broken_rows(track, analysis.times_s, 0, len(analysis.times_s)))


@pytest.mark.slow(10)
@pytest.mark.skipif(not (EVAL / SPOILED / "about.json").is_file(), reason="needs real clips in shared/")
def test_the_bursts_of_a_real_clip_are_found() -> None:
    bursts = json.loads((EVAL / SPOILED / "about.json").read_text())["spoiled"]
    rows = {row for first, last, _ in bursts for row in range(first, last + 1)}
    assert set(found_in(SPOILED)) == rows


@pytest.mark.slow(10)
@pytest.mark.thorough
@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.skipif(not (EVAL / CLEAN[0] / "synced.mp4").is_file(), reason="needs real clips in shared/")
def test_good_frames_of_a_real_clip_are_left_alone(name: str) -> None:
    if not (EVAL / name / "synced.mp4").is_file():
        pytest.skip(f"needs {name}")
    assert found_in(name) == {}
