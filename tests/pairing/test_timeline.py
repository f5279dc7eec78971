"""Offsets, drift, counts and the output's frames, from given frame maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipblend.pairing.timeline import Clock, describe, expected_source, lay_out, source_by_time

NTSC = 30000 / 1001


def clock(count: int, rate: float = 25, start_s: float = 0.0) -> Clock:
    return Clock(start_s + np.arange(count) / rate)


def pairing(source: object, original: Clock, synced: Clock, **how: float):
    return describe(np.asarray(source, np.int64), original, synced, **how)


# The frame map by time.


@pytest.mark.parametrize(
    ("original", "synced", "expected"),
    [
        (clock(9, start_s=1.5), clock(9), list(range(9))),
        (clock(9), clock(9, start_s=77), list(range(9))),
        (clock(1), clock(3), [0, -1, -1]),
        (clock(3), clock(1), [0]),
        (clock(1), clock(1), [0]),
    ],
    ids=["original starts later", "synced starts later", "one original frame", "one synced frame", "one frame each"],
)
def test_equal_rates_are_paired_by_index(original: Clock, synced: Clock, expected: list[int]) -> None:
    assert source_by_time(original, synced, 0).tolist() == expected


@pytest.mark.parametrize(
    ("offset_s", "wanted"),
    [
        (0.12, [3, 4, 5, 6, 7, 8, -1, -1, -1]),
        (-0.08, [-1, -1, 0, 1, 2, 3, 4, 5, 6]),
        (0.019, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (0.021, [1, 2, 3, 4, 5, 6, 7, 8, -1]),
        (100.0, [-1] * 9),
    ],
)
def test_an_offset_moves_the_map_and_the_ends_have_none(offset_s: float, wanted: list[int]) -> None:
    assert source_by_time(clock(9), clock(9), offset_s).tolist() == wanted


@given(st.sampled_from([24, 25, NTSC, 30, 50, 60]), st.sampled_from([24, 25, NTSC, 30, 50, 60]), st.integers(1, 90))
def test_the_nearest_frame_in_time_is_taken(original_rate: float, synced_rate: float, count: int) -> None:
    original, synced = clock(60, original_rate), clock(count, synced_rate)
    got = source_by_time(original, synced, 0)
    shown = got >= 0
    apart = np.abs(original.times_s[None] - synced.times_s[shown, None])
    np.testing.assert_allclose(apart[np.arange(shown.sum()), got[shown]], apart.min(1), atol=1e-9)
    assert (np.abs(expected_source(original, synced, 0)[shown] - got[shown]) <= 0.5 + 1e-6).all()
    late = synced.times_s > original.times_s[-1] + max(1 / original_rate, 1 / synced_rate)
    assert (got[late] == -1).all()


# What is reported.


def test_identity_has_nothing_to_report() -> None:
    found = pairing(range(50), clock(50), clock(50))
    assert (found.offset_s, found.in_step) == (0.0, True)
    assert found.drift == pytest.approx(0, abs=1e-9)
    assert (found.repeated, found.missing, found.jumps, found.backward) == (0, 0, 0, 0)


@pytest.mark.parametrize("rate", [25, NTSC, 60])
@pytest.mark.parametrize("late", [-10, 1, 2, 7, 40])
def test_a_late_or_early_start_is_an_offset(rate: float, late: int) -> None:
    source = [*[-1] * -late, *range(max(late, 0), 100)]
    found = pairing(source, clock(100, rate), clock(len(source), rate))
    assert found.in_step
    assert found.offset_s == pytest.approx(late / rate)
    assert found.drift == pytest.approx(0, abs=1e-9)


def test_an_offset_of_less_than_three_quarters_of_a_frame_is_none() -> None:
    # 25 shown at 29.97 by time: a synced frame's picture is up to half a frame away from its time.
    source = source_by_time(clock(100), clock(119, NTSC), 0)
    assert pairing(source, clock(100), clock(119, NTSC)).offset_s == 0.0
    assert pairing(source, clock(100), clock(119, NTSC), offset_s=0.01).offset_s == 0.01


@pytest.mark.parametrize(
    ("original_rate", "synced_rate"), [(25, NTSC), (NTSC, 25), (60, 25), (25, 60), (24, 25), (50, NTSC)]
)
def test_another_rate_by_time_keeps_step(original_rate: float, synced_rate: float) -> None:
    original, synced = clock(int(4 * original_rate), original_rate), clock(int(4 * synced_rate), synced_rate)
    source = source_by_time(original, synced, 0)
    found = pairing(source, original, synced)
    assert (found.in_step, found.offset_s, found.jumps, found.backward) == (True, 0.0, 0, 0)
    assert found.drift == pytest.approx(0, abs=0.01)
    assert found.repeated == np.count_nonzero(np.diff(source) == 0)
    assert found.missing == len(set(range(source.max())) - set(source.tolist()))


@pytest.mark.parametrize(("synced_rate", "drift"), [(30, 30 / 25 - 1), (NTSC, NTSC / 25 - 1), (24, 24 / 25 - 1)])
def test_another_rate_by_index_is_drift(synced_rate: float, drift: float) -> None:
    found = pairing(range(100), clock(100), clock(100, synced_rate))
    assert not found.in_step
    assert found.drift == pytest.approx(drift, abs=1e-6)


@pytest.mark.parametrize(
    ("source", "repeated", "missing", "jumps", "backward"),
    [
        ([0, 1, 1, 1, 2, 3, 3, 4], 3, 0, 0, 0),
        ([0, 1, 4, 5, 7, 8], 0, 3, 0, 0),
        ([*range(20), *range(30, 50)], 0, 0, 1, 0),
        ([*range(50), *range(20)], 0, 0, 1, 0),
        ([*range(40), *range(38, -1, -1), *range(1, 10)], 0, 0, 0, 39),
        ([*range(40), *range(39, -1, -1), *range(10)], 2, 0, 0, 39),
        ([0, 1, 2, -1, -1, 3, 4], 0, 0, 0, 0),
    ],
)
def test_counts(source: list[int], repeated: int, missing: int, jumps: int, backward: int) -> None:
    found = pairing(source, clock(50), clock(len(source)))
    assert (found.repeated, found.missing, found.jumps, found.backward) == (repeated, missing, jumps, backward)


def test_a_jump_is_more_than_0_3_s_at_any_rate() -> None:
    for rate in (25, 60):
        hop = round(0.3 * rate)
        small, large = ([*range(20), *range(19 + by, 60 + by)] for by in (hop, hop + 3))
        assert pairing(small, clock(200, rate), clock(61, rate)).jumps == 0
        assert pairing(large, clock(200, rate), clock(61, rate)).jumps == 1


@pytest.mark.parametrize(
    ("place", "source", "in_step"),
    [
        (slice(0, 10), np.arange(1, 11), True),
        (slice(0, 10), np.arange(2, 12), False),
        (slice(50, 52), 20, True),
        (slice(50, 53), 20, False),
    ],
    ids=["one frame off", "two frames off", "2 % of the frames elsewhere", "3 % of the frames elsewhere"],
)
def test_limits_of_being_in_step(place: slice, source: object, in_step: bool) -> None:
    frames = np.arange(100)
    frames[place] = source
    assert pairing(frames, clock(110), clock(100), offset_s=0.0).in_step is in_step


def test_slips_within_a_frame_about_an_offset_are_in_step() -> None:
    # 0 -> 0, then i - 1, then i - 2: seen in the wild.
    source = np.concatenate([np.arange(40), np.arange(39, 79), np.arange(78, 118)])
    found = pairing(source, clock(120), clock(120))
    assert found.in_step
    assert found.repeated == 2
    assert found.offset_s == pytest.approx(-0.04)


def test_a_single_frame() -> None:
    found = pairing([0], clock(30), clock(1))
    assert (found.in_step, found.offset_s, found.drift) == (True, 0.0, 0.0)
    assert pairing([12], clock(30), clock(1)).offset_s == pytest.approx(0.48)


# The output's frames.


def laid(source: object, original: Clock, synced: Clock, follow: str = "auto", **how: float):
    return lay_out(pairing(source, original, synced, **how), original, synced, follow)


@pytest.mark.parametrize(
    ("source", "originals", "expected"),
    [
        (range(30), 40, [*range(30), *[-1] * 10]),
        (range(10, 30), 40, [*[-1] * 10, *range(20), *[-1] * 10]),
        ([*[-1] * 5, *range(20)], 20, list(range(5, 25))),
    ],
    ids=["ends early", "starts late and ends early", "starts early"],
)
def test_in_step_the_originals_frames_come_once_each(source: object, originals: int, expected: list[int]) -> None:
    line = laid(source, clock(originals), clock(len(source)))
    assert line.follows == "original"
    assert line.original_index.tolist() == list(range(originals))
    assert line.synced_index.tolist() == expected


def test_out_of_step_every_synced_frame_comes_once_with_its_original() -> None:
    source = [*range(20), *range(18, -1, -1), -1, -1]
    line = laid(source, clock(20), clock(41))
    assert line.follows == "synced"
    assert line.original_index.tolist() == source[:-2]
    assert line.synced_index.tolist() == list(range(39))


def test_a_lost_frame_shows_the_nearest_picture() -> None:
    source = np.delete(np.arange(60), 30)
    times = Clock(np.delete(np.arange(60) / 25, 30))
    line = laid(source, clock(60), times)
    assert line.follows == "original"
    kept = np.delete(np.arange(60), 30)
    np.testing.assert_array_equal(line.synced_index[kept], np.arange(59))
    assert line.synced_index[30] in (29, 30)


def test_the_picture_decides_among_frames_of_about_the_same_time() -> None:
    source = np.concatenate([np.arange(40), np.arange(39, 79)])  # one frame shown twice: a frame late from then on
    line = laid(source, clock(80), clock(80))
    assert line.follows == "original"
    np.testing.assert_array_equal(source[line.synced_index[:79]], np.arange(79))


@pytest.mark.parametrize(("gap", "held"), [(4, 4), (20, 10)])
def test_a_hole_in_a_variable_rate_video_is_bridged_for_a_fifth_of_a_second(gap: int, held: int) -> None:
    keep = np.delete(np.arange(80), np.arange(40, 40 + gap))
    line = laid(keep, clock(80), Clock(keep / 25))
    hole = line.synced_index[40 : 40 + gap]
    assert np.count_nonzero(hole >= 0) == held
    assert set(hole.tolist()) <= {-1, 39, 40}
    np.testing.assert_array_equal(keep[line.synced_index[np.delete(np.arange(80), np.arange(40, 40 + gap))]], keep)


@pytest.mark.parametrize(("original_rate", "synced_rate"), [(25, NTSC), (60, 25), (25, 60), (NTSC, 25)])
def test_other_rates_in_step_pair_within_a_frame(original_rate: float, synced_rate: float) -> None:
    original, synced = clock(int(3 * original_rate), original_rate), clock(int(3 * synced_rate), synced_rate)
    source = source_by_time(original, synced, 0)
    line = laid(source, original, synced)
    assert line.follows == "original"
    paired = line.synced_index >= 0
    assert paired[:-3].all()
    apart = original.times_s[source[line.synced_index[paired]]] - original.times_s[paired]
    assert np.abs(apart).max() <= 1.01 * max(1 / original_rate, 1 / synced_rate)


def test_a_requested_timeline_is_taken() -> None:
    source = list(range(30))
    line = laid(source, clock(30), clock(30, NTSC), "original")
    assert line.follows == "original"
    assert line.synced_index.tolist() == source
    line = laid(source, clock(30), clock(30), "synced")
    assert line.follows == "synced"
    assert line.original_index.tolist() == line.synced_index.tolist() == source


def test_by_picture_alone_the_first_showing_is_taken_and_what_is_far_from_any_is_none() -> None:
    source = [*range(10), *range(8, -1, -1)]
    line = laid(source, clock(20), clock(19), "original")
    assert (np.array(source)[line.synced_index[:10]] == np.arange(10)).all()
    assert line.synced_index[12:].tolist() == [-1] * 8


@given(st.lists(st.integers(-1, 19), min_size=1, max_size=40).filter(lambda source: max(source) >= 0))
def test_any_map_lays_out_frames_that_exist(source: list[int]) -> None:
    for follow in ("auto", "original", "synced"):
        line = laid(source, clock(20), clock(len(source)), follow)
        assert len(line.original_index) == len(line.synced_index)
        assert ((line.original_index >= 0) & (line.original_index < 20)).all()
        assert ((line.synced_index >= -1) & (line.synced_index < len(source))).all()
        assert (np.asarray(source)[line.synced_index[line.synced_index >= 0]] >= 0).all()
        if line.follows == "original":
            assert line.original_index.tolist() == list(range(20))
        else:
            assert np.asarray(source)[line.synced_index].tolist() == line.original_index.tolist()


def test_stamps_that_are_equal_or_far_apart() -> None:
    times = Clock(np.array([0, 0, 0.04, 0.04, 50.0, 50.04]))
    assert source_by_time(times, times, 0).tolist()[-2:] == [4, 5]
    line = laid([0, 1, 2, 3, 4, 5], times, times)
    assert line.follows == "original"
    assert (line.synced_index >= 0).all()
    assert Clock(np.zeros(5)).period_s == 0


def test_long_gaps_of_a_variable_rate_are_in_step_however_a_converter_fills_them() -> None:
    gaps = np.where(np.arange(60) % 7 == 3, 0.2, 0.04)
    original = Clock(np.concatenate([[0], np.cumsum(gaps)]))
    synced = Clock(np.arange(int(original.times_s[-1] * 25)) / 25)
    on_show = np.searchsorted(original.times_s, synced.times_s + 1e-9, side="right") - 1
    assert describe(on_show, original, synced).in_step
    assert describe(source_by_time(original, synced, 0.0), original, synced).in_step
    assert not describe(on_show // 2, original, synced).in_step


def test_a_synced_video_that_lost_a_frame_reaches_to_the_end() -> None:
    original, synced = Clock(np.arange(50) / 25), Clock(np.arange(49) / 25)
    source = np.delete(np.arange(50), 20)
    line = lay_out(describe(source, original, synced), original, synced, "auto")
    assert line.synced_index[-1] == 48
    assert (line.synced_index >= 0).all()
