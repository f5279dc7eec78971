"""The look of a drawn lower face: it follows head, lips and chin."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.masks.footprint import head_frame
from lipblend.stages.occlusion.face_look import (
    CELL_FRAC,
    CELLS,
    LEFT_FRAC,
    LOOKS_SHAPE,
    TOP_FRAC,
    in_head_frame,
    look_box,
    look_rows,
    look_samples,
)

SIDE = 400
WHOLE = Box(0, 0, SIDE, SIDE)
NOSE, CHIN = 2, 152
EVEN = TOP_FRAC + (np.arange(CELLS) + 0.5) * CELL_FRAC


@pytest.fixture
def mesh(face: Landmarks, transformed: Callable[..., Landmarks]) -> Landmarks:
    """A face 110 px wide in the middle of the picture."""
    scale = 110 / face.face_width_px
    middle = face.points.mean(0) * scale
    return transformed(face, scale=scale, shift=tuple(SIDE / 2 - middle))


def drawn(mesh: Landmarks) -> np.ndarray:
    """(h, w, 3) float32: skin, and nose, lips and chin where the mesh has them."""
    picture = np.full((SIDE, SIDE, 3), (140, 112, 150), np.float32)
    lips = np.rint(mesh.points[list(LIPS_OUTER)] * 16).astype(np.int32)
    cv2.fillPoly(picture, [lips], (80.0, 120.0, 165.0), cv2.LINE_AA, 4)
    for point, colour in ((NOSE, (110.0, 110.0, 150.0)), (CHIN, (170.0, 116.0, 140.0))):
        at = tuple(np.rint(mesh.points[point] * 16).astype(int).tolist())
        cv2.circle(picture, at, round(0.09 * mesh.face_width_px * 16), colour, -1, cv2.LINE_AA, 4)
    return picture


def looks_of(picture: np.ndarray, mesh: Landmarks, box: Box = WHOLE) -> np.ndarray:
    return look_samples(picture, picture, box, mesh, None)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one[..., 0].astype(float) - other[..., 0])[20:].mean())


def test_shape_dtype_and_what_the_planes_are(mesh: Landmarks) -> None:
    original = drawn(mesh)
    looks = look_samples(original, original + np.float32((10, 0, 5)), WHOLE, mesh, None)
    assert looks.shape == LOOKS_SHAPE
    assert looks.dtype == np.uint8
    np.testing.assert_array_equal(looks[..., 3].astype(int) - looks[..., 0], 10)
    np.testing.assert_array_equal(looks[..., 5].astype(int) - looks[..., 2], 5)
    np.testing.assert_array_equal(looks[..., 6], 14)
    assert np.ptp(looks[..., 0]) > 50


def nodding(mesh: Landmarks, factor: float) -> Landmarks:
    """The lower face foreshortened: its points nearer to the eyes."""
    points = mesh.points.astype(np.float64)
    down = (points - mesh.points[NOSE]) @ np.asarray(mesh.y_axis, np.float64)
    return Landmarks((points + ((factor - 1) * np.maximum(down, 0))[:, None] * mesh.y_axis).astype(np.float32))


@pytest.mark.parametrize("motion", ["jaw", "nod"])
def test_a_jaw_that_opens_and_a_head_that_nods_are_no_news(
    motion: str, mesh: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    moved = transformed(mesh, jaw_px=12) if motion == "jaw" else nodding(mesh, 0.7)
    still, picture = looks_of(drawn(mesh), mesh), drawn(moved)
    followed, unfollowed = looks_of(picture, moved), looks_of(picture, mesh)
    assert apart(unfollowed, still) > 3
    assert apart(followed, still) < 0.4 * apart(unfollowed, still)


def test_the_rows_of_the_synced_look_follow_its_own_mesh(
    mesh: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    opened = transformed(mesh, jaw_px=12)
    original, synced = drawn(mesh), drawn(opened)
    own, borrowed = (look_samples(original, synced, WHOLE, mesh, partner) for partner in (opened, None))
    assert apart(own[..., 3:], own) < 0.4 * apart(borrowed[..., 3:], own)
    np.testing.assert_array_equal(own[..., 6], borrowed[..., 6])  # in the same place of both pictures
    assert own[..., 6].max() > 30
    np.testing.assert_array_equal(looks_of(synced, mesh)[..., :3], borrowed[..., 3:6])


def test_looks_follow_a_similarity_of_the_picture(mesh: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    scale, angle, shift = 1.3, 0.3, (20.0, -110.0)
    picture = drawn(mesh)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = turn @ (0.5, 0.5) + shift - 0.5  # middles of pixels lie at halves
    moved = cv2.warpAffine(picture, np.column_stack([turn, middle]), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    found = looks_of(moved, transformed(mesh, scale=scale, angle_rad=angle, shift=shift))
    assert apart(found, looks_of(picture, mesh)) < 1
    assert apart(looks_of(moved, mesh), looks_of(picture, mesh)) > 5


@pytest.mark.parametrize("angle_rad", [0.0, 0.5])
def test_cells_show_the_place_that_the_head_has_for_them(
    angle_rad: float, mesh: Landmarks, transformed: Callable[..., Landmarks]
) -> None:
    turned = transformed(mesh, angle_rad=angle_rad)
    turned = transformed(turned, shift=tuple(SIDE / 2 - turned.mouth_centre))
    frame = head_frame(turned)
    for row, column in ((10, 20), (30, 44), (50, 24)):
        local = np.array([[LEFT_FRAC + (column + 0.5) * CELL_FRAC, look_rows(frame, turned)[row]]])
        picture = np.full((SIDE, SIDE, 3), 60, np.float32)
        at = np.rint((frame.to_pixels(local)[0] - 0.5) * 16).astype(int)  # OpenCV's pixels lie at whole numbers
        cv2.circle(picture, tuple(at.tolist()), 8 * 16, (220.0, 60.0, 60.0), -1, cv2.LINE_AA, 4)
        rows, columns = np.nonzero(looks_of(picture, turned)[..., 0] > 140)
        assert rows.mean() == pytest.approx(row, abs=1)  # rows are not spaced evenly everywhere
        assert columns.mean() == pytest.approx(column, abs=0.5)


def test_cells_show_their_place_to_a_fraction_of_a_pixel(mesh: Landmarks) -> None:
    """A ramp over the picture, whose values at the middles of the cells are known: pixels have their middles at .5."""
    frame, slope = head_frame(mesh), 0.5  # levels per pixel, so that no pixel is above 255
    columns = LEFT_FRAC + (np.arange(CELLS) + 0.5) * CELL_FRAC
    places = np.stack(np.meshgrid(columns, look_rows(frame, mesh)), axis=-1).reshape(-1, 2)
    wanted = slope * frame.to_pixels(places).reshape(CELLS, CELLS, 2)
    ramp = (slope * (np.arange(SIDE, dtype=np.float32) + 0.5))[None].repeat(SIDE, axis=0)
    for axis, plane in enumerate((ramp, ramp.T)):
        found = looks_of(np.ascontiguousarray(plane)[..., None].repeat(3, axis=2), mesh)[..., 0]
        assert np.mean(found - wanted[..., axis]) == pytest.approx(0, abs=0.1 * slope)


def test_the_box_holds_all_that_a_look_shows(mesh: Landmarks) -> None:
    picture, box = (
        drawn(mesh) + np.random.default_rng(1).normal(0, 9, (SIDE, SIDE, 3)).astype(np.float32),
        look_box(mesh),
    )
    looks, cut = looks_of(picture, mesh), np.ascontiguousarray(picture[box.y0 : box.y1, box.x0 : box.x1])
    inner = np.s_[4:-4, 4:-4]  # the low-pass reaches beyond it
    np.testing.assert_array_equal(looks_of(cut, mesh, box)[inner], looks[inner])
    less = Box(box.x0 + 30, box.y0, box.x1, box.y1)
    assert (looks_of(np.ascontiguousarray(cut[:, 30:]), mesh, less)[inner] != looks[inner]).any()


def test_thin_lines_are_taken_out_and_wide_ones_are_not(mesh: Landmarks) -> None:
    plain = drawn(mesh)
    x, y = (round(float(each)) for each in mesh.points[NOSE])
    changes = []
    for width in (1, 12):
        picture = plain.copy()
        picture[y - 60 : y + 60, x + 30 : x + 30 + width] = (40, 128, 128)
        changes.append(int(np.abs(looks_of(picture, mesh).astype(int) - looks_of(plain, mesh))[..., 0].max()))
    assert changes[0] <= 4
    assert changes[1] > 50


def test_in_head_frame_undoes_the_rows(mesh: Landmarks, transformed: Callable[..., Landmarks]) -> None:
    for jaw_px in (0.0, 14.0):
        rows = look_rows(head_frame(mesh), transformed(mesh, jaw_px=jaw_px))
        assert (np.diff(rows) > 0).all()
        plane = np.repeat(rows.astype(np.float32)[:, None], CELLS, axis=1)
        found = in_head_frame(plane, rows)
        assert (found.shape, found.dtype) == ((CELLS, CELLS), np.float32)
        shown = (rows.min() <= EVEN) & (rows.max() >= EVEN)
        assert shown.sum() > 50
        np.testing.assert_allclose(found[shown], np.repeat(EVEN[shown][:, None], CELLS, axis=1), atol=CELL_FRAC / 20)
        across = np.tile(np.arange(CELLS, dtype=np.float32), (CELLS, 1))
        np.testing.assert_allclose(in_head_frame(across, rows), across, atol=1e-3)


def test_rows_stay_in_order_when_a_mesh_is_folded(mesh: Landmarks) -> None:
    points = mesh.points.copy()
    points[CHIN] = points[NOSE] - np.float32((0, 5))
    assert (np.diff(look_rows(head_frame(mesh), Landmarks(points))) > 0).all()
