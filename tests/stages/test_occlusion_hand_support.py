"""Hands that departures bear out, and those of a wrong pose."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from lipblend.faces.landmarks import Landmarks
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.occlusion.face_look import CELL_FRAC, CELLS
from lipblend.stages.occlusion.hand_support import is_borne_out
from lipblend.stages.occlusion.lower_face import hand_cells

FINGERS = [(x, y - 30 * joint) for x, y in ((-27, -92), (-4, -95), (17, -90), (36, -80)) for joint in range(4)]
HAND = np.array([(0, 0), (-22, -15), (-38, -38), (-50, -60), (-60, -80), *FINGERS], np.float32)
SKIN = np.zeros((CELLS, CELLS), bool)
SKIN[4:60, 4:60] = True
COVERED = np.zeros((CELLS, CELLS), bool)
COVERED[30:50, 20:36] = True


def departing(where: np.ndarray, levels: float = 4.0) -> np.ndarray:
    return np.where(where, np.float32(levels), np.float32(0))


def moved(right: int, down: int) -> np.ndarray:
    return np.roll(COVERED, (down, right), axis=(0, 1))


def test_a_hand_where_the_face_departs_is_borne_out() -> None:
    assert is_borne_out(COVERED, departing(COVERED), SKIN)
    assert is_borne_out(COVERED, departing(moved(3, 2)), SKIN)


def test_a_hand_elsewhere_is_not() -> None:
    assert not is_borne_out(COVERED, departing(moved(24, 0)), SKIN)
    assert not is_borne_out(COVERED, departing(moved(0, -24)), SKIN)


def test_a_palm_of_the_faces_colour_departs_along_its_edge() -> None:
    palm = np.zeros_like(COVERED)
    palm[20:44, 20:40] = True
    edge = palm & ~(cv2.erode(palm.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    assert edge.sum() < 0.2 * palm.sum()
    assert is_borne_out(palm, departing(edge), SKIN)


def test_where_hardly_anything_departs_nothing_is_said() -> None:
    assert is_borne_out(COVERED, departing(moved(24, 0), 0.3), SKIN)
    few = np.zeros_like(COVERED)
    few[8:10, 8:11] = True
    assert is_borne_out(COVERED, departing(few), SKIN)
    assert is_borne_out(COVERED, departing(moved(24, 0)), SKIN & ~COVERED)  # it covers no skin
    assert is_borne_out(COVERED, departing(moved(24, 0)), SKIN & ~moved(24, 0))  # what departs is no skin


def test_cells_of_a_hand_follow_the_head(face: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    points = HAND / 300 * face.face_width_px + np.asarray(face.mouth_centre) + (0, 0.35 * face.face_width_px)
    cells = hand_cells([points.astype(np.float32)], face) > 0.5
    assert cells.shape == (CELLS, CELLS)
    palm_frac = 95 / 300
    assert 0.4 < cells.sum() * CELL_FRAC**2 / palm_frac**2 < 2.5
    rows, columns = np.nonzero(cells)
    middle = head_frame(face).to_local(points.mean(0, keepdims=True))[0] / CELL_FRAC + (32, 10)
    assert abs(columns.mean() - middle[0]) < 6
    assert abs(rows.mean() - middle[1]) < 8
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    turned = (1.7 * points @ turn.T + 30).astype(np.float32)
    again = hand_cells([turned], transformed(face, scale=1.7, angle_rad=0.4, shift=(30, 30)))
    assert np.mean((again > 0.5) != cells) < 0.01
