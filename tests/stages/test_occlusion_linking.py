"""From departures to what lies in front: pieces, time, the mouth, and holes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from lipblend.faces.landmarks import Landmarks
from lipblend.stages.occlusion.face_look import CELLS
from lipblend.stages.occlusion.linking import CLEAR, FAINT, face_cells, linked, suspicion

COUNT, MIDDLE = 41, 20
FAR_BEYOND_CLEAR, BARELY, EXTREME = 2 * CLEAR, 1.3 * FAINT, 5 * CLEAR
CHEEK, LIPS = np.s_[10:20, 10:20], np.s_[30:40, 26:36]
INSIDE = np.zeros((CELLS, CELLS), np.uint8)
INSIDE[4:58, 4:58] = 1
MOUTH = np.zeros((CELLS, CELLS), np.uint8)
MOUTH[26:44, 22:42] = 1


def empty(count: int = COUNT) -> np.ndarray:
    return np.zeros((count, CELLS, CELLS), np.float32)


def linked_here(departures: np.ndarray) -> np.ndarray:
    found = linked(departures, np.stack([INSIDE] * len(departures)), np.stack([MOUTH] * len(departures)))
    assert (found.shape, found.dtype) == (departures.shape, np.float32)
    assert found.min() >= 0
    assert found.max() <= 1
    return found


def rows_with(found: np.ndarray) -> list[int]:
    return np.flatnonzero(found.any((1, 2))).tolist()


def test_a_clear_piece_counts_and_a_faint_one_alone_does_not() -> None:
    clear, faint = empty(3), empty(3)
    clear[1][CHEEK], faint[1][CHEEK] = FAR_BEYOND_CLEAR, BARELY
    found = linked_here(clear)
    assert rows_with(found) == [1]
    assert found[1, 12:18, 12:18].min() > 0.95
    assert found[1, 25:].max() == 0
    assert rows_with(linked_here(faint)) == []


def test_a_faint_piece_counts_for_some_frames_before_and_after_a_clear_one() -> None:
    departures = empty()
    departures[:, *CHEEK] = BARELY
    departures[MIDDLE, *CHEEK] = FAR_BEYOND_CLEAR
    rows = rows_with(linked_here(departures))
    reach = rows[-1] - MIDDLE
    assert rows == list(range(MIDDLE - reach, MIDDLE + reach + 1))
    assert 2 <= reach <= 12


def test_time_may_run_backwards() -> None:
    departures = empty(12)
    departures[2:9, *CHEEK] = BARELY
    departures[3, *CHEEK] = FAR_BEYOND_CLEAR
    departures[7:11, 40:50, 40:50] = FAR_BEYOND_CLEAR
    found = linked_here(departures)
    assert len(rows_with(found)) > 6
    np.testing.assert_array_equal(linked_here(departures[::-1])[::-1], found)


def test_a_faint_piece_elsewhere_is_not_continued() -> None:
    departures = empty(3)
    departures[1][CHEEK] = FAR_BEYOND_CLEAR
    departures[2, 46:56, 46:56] = BARELY
    departures[0, 16:28, 16:42] = BARELY  # only a corner of it was there
    assert rows_with(linked_here(departures)) == [1]


def test_a_faint_part_of_a_clear_piece_counts() -> None:
    departures = empty(1)
    departures[0][CHEEK] = FAR_BEYOND_CLEAR
    departures[0, 12:18, 20:30] = BARELY
    assert linked_here(departures)[0, 15, 25] > 0.9


TAIL, NOT_CLEAR = np.s_[30:40, 8:26], 0.85 * CLEAR  # out of the mouth


def test_in_the_mouth_only_extremes_count() -> None:
    departures = empty(2)
    departures[:, *TAIL] = NOT_CLEAR
    departures[0][LIPS] = FAR_BEYOND_CLEAR
    departures[1][LIPS] = EXTREME
    assert rows_with(linked_here(departures[:1])) == []
    assert rows_with(linked_here(departures[1:])) == [0]


def test_an_extreme_that_is_all_in_the_mouth_is_a_mouth_unless_it_goes_on_with_more() -> None:
    departures = empty(3)
    departures[:, *LIPS] = EXTREME
    assert rows_with(linked_here(departures)) == []
    departures[1][TAIL] = NOT_CLEAR
    assert rows_with(linked_here(departures)) == [0, 1, 2]


def test_in_the_mouth_what_hangs_together_with_a_clear_piece_beside_it_counts() -> None:
    departures = empty(1)
    departures[0, 30:40, 8:36] = FAR_BEYOND_CLEAR
    assert linked_here(departures)[0, 35, 30] > 0.9


def test_in_the_mouth_faint_parts_of_a_piece_do_not_count() -> None:
    departures = empty(1)
    departures[0, 30:40, 8:20] = FAR_BEYOND_CLEAR
    departures[0, 30:40, 20:38] = BARELY
    found = linked_here(departures)
    assert found[0, 35, 15] > 0.9
    assert found[0, 35, 30] == 0


def test_outside_the_face_nothing_is_certain() -> None:
    departures = empty(1)
    departures[0, 59:, 20:40] = EXTREME
    assert rows_with(linked_here(departures)) == []


def test_small_holes_are_filled_and_large_ones_are_not() -> None:
    departures = empty(2)
    departures[:, 5:57, 5:21] = FAR_BEYOND_CLEAR
    departures[:, 5:21, 5:57] = FAR_BEYOND_CLEAR
    departures[:, 41:57, 5:57] = FAR_BEYOND_CLEAR
    departures[:, 5:57, 43:57] = FAR_BEYOND_CLEAR
    departures[0, 9:17, 9:17] = 0
    found = linked_here(departures)
    assert found[0, 13, 13] > 0.9
    assert found[0, 31, 31] == 0


def test_suspicion_is_the_clearest_departure_beside_the_mouth_and_less_in_it() -> None:
    def raised(where: tuple[slice, slice], value: float = 3.0) -> float:
        plane = np.zeros((CELLS, CELLS), np.float32)
        plane[where] = value
        return suspicion(plane, INSIDE, MOUTH)

    assert 2.9 < raised(CHEEK) <= 3
    assert raised(CHEEK, 6.0) > 5.9
    assert raised(LIPS) == 0  # the mouth opens
    assert 0 < raised(np.s_[30:40, 8:36]) < 1.05 * raised(CHEEK)
    reaching = np.zeros((CELLS, CELLS), np.float32)
    reaching[TAIL], reaching[LIPS] = NOT_CLEAR, 10.0
    assert 3 < suspicion(reaching, INSIDE, MOUTH) < 8
    assert raised(np.s_[10:11, 10:11]) < 0.2  # a cell alone
    assert raised(np.s_[60:64, 0:64]) == 0
    assert suspicion(np.zeros((CELLS, CELLS), np.float32), INSIDE, MOUTH) == 0


def test_cells_of_a_face_and_its_mouths(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    inside, mouth = face_cells([face])
    assert inside.shape == mouth.shape == (CELLS, CELLS)
    assert set(np.unique(inside)) == set(np.unique(mouth)) == {0, 1}
    assert (mouth <= inside).all()
    assert 0.02 < mouth.sum() / inside.sum() < 0.25
    opened = transformed(face, jaw_px=0.06 * face.face_width_px)
    _, both = face_cells([face, opened])
    assert (both >= mouth).all()
    assert both.sum() > 1.2 * mouth.sum()
    turned = transformed(face, scale=0.5, angle_rad=0.4, shift=(80, 20))
    again = face_cells([turned])
    assert np.mean(again[0] != inside) < 0.02
    assert np.mean(again[1] != mouth) < 0.01


def test_a_chin_that_was_found_too_high_does_not_cut_the_face_off(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    inside, _ = face_cells([face])
    short = transformed(face, jaw_px=-0.2 * face.face_width_px)
    cut_off, whole = face_cells([short])[0], face_cells([short, face])[0]
    missing = (inside > 0) & (cut_off == 0)
    assert missing.sum() > 60
    assert whole[missing].mean() > 0.9
    # An open mouth of the synced face is no such thing.
    opened = transformed(face, jaw_px=0.06 * face.face_width_px)
    np.testing.assert_array_equal(face_cells([face, opened])[0], inside)
    outline = cv2.dilate(inside, np.ones((3, 3), np.uint8))
    assert (whole <= outline).mean() > 0.97
