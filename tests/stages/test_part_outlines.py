"""Outlines of what a parser sees: where the plane is one half, on any face, with holes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.settings import MaskSettings
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.masks.mask import Grid, grid_distances, signed_distance
from lipblend.stages.masks.mask_fields import mask_shapes, sample_fields
from lipblend.stages.masks.part_outlines import PART_GRID, PARTS, PARTS_SHAPE, part_outlines, parts_on_grid, placed
from lipblend.stages.masks.shapes import shape_pieces

LIPS = PARTS.index("lips")
SKIN = MaskSettings(shapes=("region",), regions=("skin",))


def distances() -> np.ndarray:
    """Of each cell from a place between cells, face widths."""
    places = PART_GRID.to_local(np.stack(np.meshgrid(*[np.arange(96) + 0.5] * 2), axis=-1).reshape(-1, 2))
    return np.hypot(*(places - (0.031, 0.107)).T).reshape(96, 96)


def soft(inside: np.ndarray) -> np.ndarray:
    """Probabilities from distances inside an outline (face widths), over two cells."""
    return np.clip(0.5 + inside / 0.04, 0, 1).astype(np.float32)


def planes(**parts: np.ndarray) -> np.ndarray:
    out = np.zeros(PARTS_SHAPE, np.float32)
    for name, plane in parts.items():
        out[PARTS.index(name)] = plane
    return out


@pytest.mark.parametrize("radius", [0.2, 0.2077, 0.31])
def test_an_outline_lies_where_the_plane_is_one_half_to_a_fraction_of_a_cell(radius: float) -> None:
    outlines = part_outlines(planes(lips=soft(radius - distances())))
    assert set(outlines) == {"lips"}
    ((points, add),) = outlines["lips"]
    assert add
    assert np.abs(np.hypot(*(points - (0.031, 0.107)).T) - radius).max() < 0.0025  # an eighth of a cell


def test_rings_and_islands_are_filled_and_cut_out_in_order(
    face: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    turned = transformed(face, angle_rad=0.4)
    away = distances()
    ring = np.minimum(0.35 - away, np.maximum(away - 0.25, 0.12 - away))  # a disk in a ring
    polygons = placed(part_outlines(planes(skin=soft(ring))), turned)["skin"]
    assert [add for _, add in polygons] == [True, False, True]
    low, high = turned.points.min(0), turned.points.max(0)
    box = Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    found = signed_distance(polygons, box, step_px=1) > 0
    x, y = np.meshgrid(np.arange(box.x0, box.x1) + 0.5, np.arange(box.y0, box.y1) + 0.5)
    local = head_frame(turned).to_local(np.stack([x.ravel(), y.ravel()], axis=1)) - (0.031, 0.107)
    away_px = np.hypot(*local.T).reshape(found.shape)
    wanted = np.minimum(0.35 - away_px, np.maximum(away_px - 0.25, 0.12 - away_px))
    clear = np.abs(wanted) > 0.006
    assert (found == (wanted > 0))[clear].all()


def test_what_is_nowhere_probable_and_specks_have_no_outline() -> None:
    speck = np.zeros((96, 96), np.float32)
    speck[40, 40] = 1
    assert part_outlines(planes(lips=np.full((96, 96), 0.4, np.float32), nose=speck)) == {}


def test_a_mask_takes_known_parts_and_the_mesh_for_the_others(face: Landmarks) -> None:
    lips = [(np.float32([[0, 0], [9, 0], [9, 9]]), True)]
    settings = MaskSettings(shapes=("region",), regions=("lips", "nose"))
    drawn = shape_pieces("region", [face, face], settings, [{"lips": lips}])
    by_mesh = shape_pieces("region", [face, face], settings)
    assert drawn[0] is lips
    assert len(drawn) == len(by_mesh) == 4  # two regions of two faces
    np.testing.assert_array_equal(drawn[-1][0][0], by_mesh[-1][0][0])
    assert shape_pieces("region", [face], settings, [{"lips": lips}, {"lips": lips}])[0] is lips


def test_the_order_of_regions_does_not_matter_and_no_hole_cuts_another_piece(face: Landmarks) -> None:
    """The hole of one face's skin must not cut out the lips, nor the skin of the other face."""
    low, high = face.points.min(0).astype(int), face.points.max(0).astype(int)
    grid = Grid(Box(*low.tolist(), *high.tolist()), 2)
    moved = Landmarks(face.points + np.float32([25, 0]))

    def inside(*regions: str) -> np.ndarray:
        settings = MaskSettings(shapes=("region",), regions=regions, erode=False, cover_lips=False)
        shapes = mask_shapes([(face, moved)], settings, with_room=False, lips_px=0)
        return np.asarray(sample_fields(shapes, (0.0, 0.0), grid, settings).outlines[0] > 0)

    skin, lips = inside("skin"), inside("lips")
    assert (inside("lips", "skin") == inside("skin", "lips")).all()
    assert (inside("lips", "skin") == (skin | lips)).all()
    alone = [grid_distances([shape_pieces("region", [each], SKIN)[0]], grid)[0] > 0 for each in (face, moved)]
    assert (skin == (alone[0] | alone[1])).all()


def test_what_lies_beside_the_face_is_not_its_own(face: Landmarks) -> None:
    low, high = face.points.min(0).astype(int), face.points.max(0).astype(int)
    box = Box(*(low - 200).tolist(), *(high + 200).tolist())
    found = parts_on_grid([np.ones((box.height, box.width), np.float32), None, None], box, face)
    assert (found.shape, found.dtype) == (PARTS_SHAPE, np.float32)
    assert not found[1:].any()
    inside = PART_GRID.to_cells(head_frame(face).to_local(face.points)).astype(int)
    assert (found[0, inside[:, 1], inside[:, 0]] > 0.99).all()
    assert 0.3 < found[0].mean() < 0.7
    assert not found[0, :, [0, -1]].any()
