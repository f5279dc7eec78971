"""Ways round that explain nothing, in films of which parts come again."""

from __future__ import annotations

import numpy as np
import pytest
from textures import film, handed_on, thumbs

from lipblend.pairing.beam import Way
from lipblend.pairing.detours import without_detours
from lipblend.pairing.viterbi import Steps

PLAIN = Steps(frozenset({1}), 7)


def rows(pictures: np.ndarray) -> np.ndarray:
    return thumbs(pictures).reshape(len(pictures), -1)


@pytest.fixture(scope="module")
def shown() -> np.ndarray:
    """Order of 120 pictures in which the first 40 come twice."""
    return np.concatenate([np.arange(40), np.arange(120)])


def way(path: np.ndarray, *breaks: int) -> Way:
    return Way(path, np.isin(np.arange(len(path)), breaks), np.zeros(len(path), bool))


def test_a_stretch_is_not_moved_to_where_it_comes_again_to_save_the_jump_after_it(shown: np.ndarray) -> None:
    """One frame was lost, and later a piece was cut out: moved, the piece before the cut would join what follows."""
    pictures = film(120, 3, size=(32, 18), step_px=0.7)
    path = np.concatenate([np.arange(20), np.arange(21, 40), np.arange(80, 160)])
    original, synced = rows(pictures[shown]), rows(handed_on(pictures, shown[path], noise=0.5))
    np.testing.assert_array_equal(without_detours(original, synced, way(path, 39), PLAIN), path)


def test_a_stretch_that_is_elsewhere_for_nothing_comes_back(shown: np.ndarray) -> None:
    pictures = film(120, 3, size=(32, 18), step_px=0.7)
    straight = np.arange(160)
    path = np.concatenate([straight[:10], straight[50:70], straight[30:]])
    original, synced = rows(pictures[shown]), rows(handed_on(pictures, shown[straight], noise=0.5))
    np.testing.assert_array_equal(without_detours(original, synced, way(path, 10, 30), PLAIN), straight)
