"""Departures that spread over cells of the occluder's colour."""

from __future__ import annotations

import numpy as np

from lipblend.stages.occlusion.face_look import CELLS
from lipblend.stages.occlusion.growth import grown
from lipblend.stages.occlusion.linking import CLEAR, FAINT

SKIN, CUP, OTHER = (130, 110, 150), (215, 126, 124), (60, 128, 128)
KNOWN, REST = np.s_[10:26, 20:40], np.s_[26:36, 20:40]
BELOW_FAINT = 0.7 * FAINT


def scene(rest: tuple[int, int, int] = CUP) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Departures, look and difference of a cup of which only the upper part departs clearly."""
    look = np.empty((CELLS, CELLS, 3), np.uint8)
    look[:] = SKIN
    look[KNOWN], look[REST] = CUP, rest
    departures, difference = np.zeros((2, CELLS, CELLS), np.float32)
    departures[KNOWN], departures[REST] = 2 * CLEAR, BELOW_FAINT
    difference[KNOWN] = 90
    return departures, look, difference


def test_it_spreads_over_its_own_colour() -> None:
    departures, look, difference = scene()
    found = grown(departures, look, difference)
    assert (found.shape, found.dtype) == ((CELLS, CELLS), np.float32)
    assert found[28:34, 22:38].min() > FAINT
    assert (found >= departures).all()
    np.testing.assert_array_equal(found[KNOWN], departures[KNOWN])
    assert found[42:].max() == 0


def test_it_does_not_spread_over_another_colour() -> None:
    departures, look, difference = scene(OTHER)
    np.testing.assert_array_equal(grown(departures, look, difference), departures)


def test_it_does_not_spread_where_nothing_departs_unless_the_pictures_are_far_apart() -> None:
    departures, look, difference = scene()
    departures[REST] = 0
    np.testing.assert_array_equal(grown(departures, look, difference), departures)
    difference[REST] = 60
    assert grown(departures, look, difference)[28:34, 22:38].min() > FAINT


def test_it_does_not_spread_along_a_thin_line() -> None:
    departures, look, difference = scene(SKIN)
    departures[REST] = 0
    line, far = np.s_[26:44, 29:31], np.s_[32:44, 29:31]
    look[line], departures[line] = CUP, BELOW_FAINT
    np.testing.assert_array_equal(grown(departures, look, difference)[far], departures[far])


def test_it_spreads_by_some_cells_at_most() -> None:
    departures, look, difference = scene()
    look[26:], departures[26:] = CUP, BELOW_FAINT
    found = grown(departures, look, difference)
    assert found[30, 30] > FAINT
    assert found[60:].max() < FAINT


def test_faint_departures_alone_do_not_spread() -> None:
    departures, look, difference = scene()
    departures[KNOWN] = 1.1 * FAINT
    np.testing.assert_array_equal(grown(departures, look, difference), departures)


def test_a_faint_piece_apart_from_the_clear_one_does_not_spread() -> None:
    departures, look, difference = scene(SKIN)
    departures[REST] = 0
    apart, beside = np.s_[46:54, 20:34], np.s_[54:60, 20:34]
    look[apart], look[beside] = CUP, CUP
    departures[apart], departures[beside] = 1.1 * FAINT, BELOW_FAINT
    np.testing.assert_array_equal(grown(departures, look, difference), departures)
