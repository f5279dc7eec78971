"""What a segmentation says, in the axes of a head: sampled, kept to the face, steadied."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.occlusion.face_look import CELL_FRAC, CELLS, LEFT_FRAC, LOOK_GRID, TOP_FRAC
from lipblend.stages.occlusion.front_matte import cells_in_box
from lipblend.stages.occlusion.linking import face_cells
from lipblend.stages.occlusion.lower_face import hand_cells, lower_face_cells
from lipblend.stages.occlusion.segmented import on_face, steadied, stored_cells


def block() -> np.ndarray:
    """Cells that are 1 in a part that has no symmetry."""
    cells = np.zeros((CELLS, CELLS), np.float32)
    cells[30:40, 20:44] = 1
    cells[40:52, 36:44] = 1
    return cells


@pytest.mark.parametrize("scale", [1, 2, 0.5])
def test_cells_come_back_from_the_picture_at_any_turn_and_resolution(
    face: Landmarks, transformed: Callable[..., Landmarks], scale: float
) -> None:
    turned = transformed(face, angle_rad=0.3)
    low, high = turned.points.min(0), turned.points.max(0)
    box = Box(int(low[0]) - 60, int(low[1]) - 60, int(high[0]) + 60, int(high[1]) + 60)
    plane = cells_in_box(block(), box, turned)
    plane = cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    found = LOOK_GRID.sampled(plane, box, turned)
    assert (found.shape, found.dtype) == ((CELLS, CELLS), np.float32)
    border = cv2.morphologyEx(block(), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    assert np.abs(found - block())[~border].max() < 0.1
    assert np.abs(found - block()).mean() < 0.02


@pytest.mark.parametrize("scale", [1, 2])
def test_cells_lie_where_the_head_has_them_to_a_fraction_of_a_pixel(face: Landmarks, scale: int) -> None:
    """A ramp over the picture, whose values at the middles of the cells are known: pixels have their middles at .5."""
    low, high = face.points.min(0), face.points.max(0)
    box = Box(int(low[0]) - 200, int(low[1]) - 200, int(high[0]) + 200, int(high[1]) + 200)
    columns = LEFT_FRAC + (np.arange(CELLS) + 0.5) * CELL_FRAC
    rows = TOP_FRAC + (np.arange(CELLS) + 0.5) * CELL_FRAC
    places = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    wanted = head_frame(face).to_pixels(places).reshape(CELLS, CELLS, 2) - (box.x0, box.y0)
    down, across = ((np.arange(side * scale, dtype=np.float32) + 0.5) / scale for side in (box.height, box.width))
    for axis, plane in enumerate(np.meshgrid(across, down)):
        found = LOOK_GRID.sampled(plane, box, face)
        inner = np.s_[8:-8, 8:-8]
        np.testing.assert_allclose(found[inner], wanted[..., axis][inner], atol=0.1)


def test_only_what_knows_occluders_counts_beside_the_face(face: Landmarks) -> None:
    everywhere = np.ones((CELLS, CELLS), np.float32)
    inside, _ = face_cells([face])
    np.testing.assert_array_equal(on_face(everywhere, [face], beyond=False) > 0, inside > 0)
    wide = on_face(everywhere, [face], beyond=True) > 0
    assert wide[inside > 0].all()
    assert 1.1 * (inside > 0).sum() < wide.sum() < 1.6 * (inside > 0).sum()


def test_a_cell_counts_from_the_least_probability_on_and_one_frame_alone_does_not() -> None:
    levels = np.zeros((CELLS, CELLS), np.float32)
    levels[10], levels[20], levels[30] = 0.2, 0.6, 1.0
    stored = [stored_cells(levels)] * 3
    assert [round(float(row.mean()), 1) for row in steadied(stored, 0.6)[1][[0, 10, 20, 30]]] == [0, 0, 0.5, 1]
    assert steadied(stored, 0.15)[1][10].mean() == pytest.approx(0.75, abs=0.02)
    empty = stored_cells(np.zeros_like(levels))
    alone = steadied([empty, empty, stored_cells(levels), empty, empty], 0.6)
    assert max(float(each.max()) for each in alone) < 0.1
    gap = steadied([*stored, empty, *stored], 0.5)
    assert float(gap[3][30].mean()) == pytest.approx(0.5, abs=0.01)
    assert float(gap[2][30].mean()) == 1


def test_the_lower_face_ends_at_the_nose_and_a_hand_covers_what_lies_under_it(face: Landmarks) -> None:
    lower = lower_face_cells([face])
    inside, mouth = face_cells([face])
    assert lower[mouth > 0].all()
    assert 0.3 < lower.sum() / (inside > 0).sum() < 0.7
    assert not lower[: CELLS // 3].any()
    palm = np.tile(np.asarray(face.mouth_centre, np.float32), (21, 1))
    reach = 0.2 * face.face_width_px
    palm[0, 1] += reach  # the wrist below, the knuckles above
    palm[[5, 9, 13, 17]] += np.float32(
        [[-0.4 * reach, -reach], [0, -reach], [0.2 * reach, -reach], [0.4 * reach, -reach]]
    )
    here, away = hand_cells([palm], face), hand_cells([palm + np.float32([3 * face.face_width_px, 0])], face)
    assert here[mouth > 0].mean() > 0.3
    assert away.max() == 0
