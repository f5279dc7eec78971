"""Detours and mismatches in films of which parts are repeated."""

from __future__ import annotations

import numpy as np
import pytest
from small_films import film, generated, pixel_rows, same_start

from lipblend.pairing.beam_search import FramePath
from lipblend.pairing.frame_map import find_frame_map
from lipblend.pairing.path_corrections import drop_mismatches, remove_detours
from lipblend.pairing.viterbi import Steps

PLAIN = Steps(frozenset({1}), 7)


@pytest.fixture(scope="module")
def shown() -> np.ndarray:
    """Order of 120 pictures in which the first 40 come twice."""
    return np.concatenate([np.arange(40), np.arange(120)])


def frame_path(path: np.ndarray, *breaks: int) -> FramePath:
    return FramePath(path, np.isin(np.arange(len(path)), breaks), np.zeros(len(path), bool))


def test_a_stretch_is_not_moved_to_its_repetition_to_save_the_next_jump(shown: np.ndarray) -> None:
    """One frame was lost, and later a piece was cut out: moved, the piece before the cut would join what follows."""
    pictures = film(120, 3, size=(32, 18), step_px=0.7)
    path = np.concatenate([np.arange(20), np.arange(21, 40), np.arange(80, 160)])
    original, synced = pixel_rows(pictures[shown]), pixel_rows(generated(pictures, shown[path], noise=0.5))
    np.testing.assert_array_equal(remove_detours(original, synced, frame_path(path, 39), PLAIN), path)


def test_a_detour_without_gain_is_removed(shown: np.ndarray) -> None:
    pictures = film(120, 3, size=(32, 18), step_px=0.7)
    straight = np.arange(160)
    path = np.concatenate([straight[:10], straight[50:70], straight[30:]])
    original, synced = pixel_rows(pictures[shown]), pixel_rows(generated(pictures, shown[straight], noise=0.5))
    np.testing.assert_array_equal(remove_detours(original, synced, frame_path(path, 10, 30), PLAIN), straight)


@pytest.fixture(scope="module")
def moving() -> np.ndarray:
    return film(96, step_px=0.7)


def test_matches_beyond_the_end_of_a_cut_original_are_dropped(moving: np.ndarray) -> None:
    clips = pixel_rows(moving[:60]), pixel_rows(generated(moving, np.arange(96)))
    path = find_frame_map(*clips, same_start(96, 60))
    got = drop_mismatches(*clips, path, np.arange(96) < 0, np.arange(96) >= 60)
    np.testing.assert_array_equal(got[:60], np.arange(96)[:60])
    np.testing.assert_array_equal(got[60:], -1)


@pytest.mark.parametrize(
    "tail",
    [np.full(20, 59), np.arange(20), np.arange(58, 38, -1), np.arange(30, 50)],
    ids=["freezes", "starts over", "turns round", "jumps back"],
)
def test_frames_after_the_end_that_repeat_the_original_keep_their_matches(moving: np.ndarray, tail: np.ndarray) -> None:
    source = np.concatenate([np.arange(96)[:60], tail])
    clips = pixel_rows(moving[:60]), pixel_rows(generated(moving, source))
    path = find_frame_map(*clips, same_start(len(source), 60))
    np.testing.assert_array_equal(drop_mismatches(*clips, path, np.arange(len(source)) >= 60), source)
