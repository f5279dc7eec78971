"""Faces at working size, redrawn heads laid back, and the parts of a face."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from faceviews import LIMITED, sized, view_of
from visible_faces import Sitter, lifted, moved, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible.work_face import enlarged, grown, shrunk, work_face, zones


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face)


def shifted(mesh: Landmarks, right: float, down: float) -> Landmarks:
    return Landmarks(mesh.points + np.float32([right, down]))


def test_a_redrawn_head_off_its_place_is_laid_back(person: Sitter) -> None:
    right, down = 0.04 * person.width, -0.01 * person.width
    redrawn = moved(person.picture, right, down)
    made = work_face(person.view(person.picture, redrawn, synced_mesh=shifted(person.mesh, right, down)))
    face = person.mouth_disc(0.6) > 0
    before = np.abs(redrawn[..., 0] - person.picture[..., 0])[face].mean()
    assert np.abs(made.synced[0] - made.original[0])[face].mean() < 0.2 * before
    np.testing.assert_allclose(made.synced_points, made.original_points, atol=0.01)


def test_a_head_in_its_place_is_not_moved(person: Sitter) -> None:
    right = 0.008 * person.width  # as little as meshes err
    synced, close = moved(person.spoken(0), right, 0), shifted(person.mesh, right, 0)
    made = work_face(person.view(person.picture, synced, synced_mesh=close))
    np.testing.assert_allclose(np.dstack(made.synced), synced, atol=1e-3)
    np.testing.assert_allclose(made.synced_points, close.points, atol=1e-4)


def test_a_mesh_that_errs_moves_no_picture(person: Sitter) -> None:
    synced = person.spoken(0)
    wrong = shifted(person.mesh, 0.04 * person.width, 0)
    made = work_face(person.view(person.picture, synced, synced_mesh=wrong))
    np.testing.assert_allclose(np.dstack(made.synced), synced, atol=1e-3)


@pytest.mark.parametrize("ratio", [2.0, 2.5])
def test_a_larger_face_is_made_smaller_in_full_range_levels(face: Landmarks, ratio: float) -> None:
    rng = np.random.default_rng(0)
    mesh = sized(face, 120 * ratio, left=40, top=30)
    # 5 x 5 pixels of a colour: whole pixels of the small picture at either ratio lie in the first two of every five
    original = np.kron(rng.uniform(30, 220, (93, 80, 3)), np.ones((5, 5, 1))).astype(np.float32)
    view = view_of(mesh, original, original, np.zeros(original.shape[:2]))
    made = work_face(view)
    assert made.shape == (round(465 / ratio), round(400 / ratio))
    assert made.scale == pytest.approx((400 / made.shape[1], 465 / made.shape[0]))
    assert made.width == pytest.approx(120, rel=0.01)
    np.testing.assert_allclose(made.original_points, view.original_mesh.points / made.scale, atol=1e-3)
    assert LIMITED[0, 0] == pytest.approx(255 / 219, abs=1e-3)
    blocks = view.original[:10, :10].mean((0, 1))
    side = round(10 / ratio)
    small = np.dstack(made.original)[:side, :side].mean((0, 1))
    expected = (blocks[0] - 16) * 255 / 219, 128 + (blocks[1] - 128) * 255 / 224, 128 + (blocks[2] - 128) * 255 / 224
    np.testing.assert_allclose(small, expected, rtol=0.01)


@pytest.mark.parametrize("size", [(120, 130), (97, 100), (60, 65), (37, 41), (119, 20)])
def test_a_picture_shrinks_to_any_size_and_grows_back(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    flat = np.full((130, 120), 77.25, np.float32)
    rough = flat + rng.normal(0, 5, flat.shape).astype(np.float32)
    assert shrunk(rough, size).shape == size[::-1]
    assert enlarged(shrunk(rough, size), rough.shape).shape == rough.shape
    np.testing.assert_allclose(shrunk(flat, size), 77.25, rtol=1e-6)
    np.testing.assert_allclose(enlarged(shrunk(flat, size), flat.shape), 77.25, rtol=1e-6)
    assert shrunk(rough, size).mean() == pytest.approx(rough.mean(), abs=0.2)
    assert shrunk(rough, (120, 130)) is rough
    assert enlarged(rough, (130, 120, 3)) is rough


@pytest.mark.parametrize("factor", [2.5, 4.6])
def test_a_ramp_stays_in_its_place_when_it_shrinks_and_grows(factor: float) -> None:
    ramp = np.tile(np.arange(240, dtype=np.float32) + np.float32(0.5), (200, 1))
    size = round(240 / factor), round(200 / factor)
    small = shrunk(ramp, size)
    middles = (np.arange(size[0]) + 0.5) * 240 / size[0]
    np.testing.assert_allclose(small[size[1] // 2, 2:-2], middles[2:-2], atol=0.3)
    inside = np.s_[:, 10:-10]
    np.testing.assert_allclose(enlarged(small, ramp.shape)[inside], ramp[inside], atol=0.3)


@pytest.mark.parametrize(("width", "working"), [(300.0, 120), (119.0, 119), (60.0, 60)])
def test_faces_are_judged_at_120_pixels_at_most(
    portrait: np.ndarray, face: Landmarks, width: float, working: float
) -> None:
    large = sitter(portrait, face, width)
    made = work_face(large.view(large.picture))
    assert made.width == pytest.approx(working, abs=0.7)
    assert made.shape == pytest.approx([side * working / width for side in large.contour.shape], abs=1)


def test_parts_of_a_face_lie_where_they_belong(person: Sitter, transformed: Callable[..., Landmarks]) -> None:
    opened = transformed(person.mesh, jaw_px=0.1 * person.width)
    parts = zones(work_face(person.view(person.picture, synced_mesh=opened)))
    closed = zones(work_face(person.view(person.picture)))
    for name in ("lips", "mouth", "oval", "near", "skin"):
        assert getattr(parts, name).any(), name
    assert not (parts.lips & ~parts.mouth).any()
    assert not (closed.lips & ~parts.lips).any()
    assert parts.lips.sum() > closed.lips.sum()
    assert not (parts.skin & ~(parts.oval & parts.near)).any()
    assert not (parts.mouth & (parts.near | parts.skin)).any()


def test_a_mask_grows_by_a_radius_to_all_sides() -> None:
    dot = np.zeros((21, 21), bool)
    dot[10, 10] = True
    rows, columns = np.nonzero(grown(dot, 3.2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (7, 13, 7, 13)
    assert not grown(dot, 3)[7, 7]


def test_a_view_stays_as_it_was(person: Sitter) -> None:
    synced = lifted(person.picture, person.lips, (9, 0, 0))
    view = person.view(person.picture, synced)
    kept = [patch.copy() for patch in (view.original, view.synced, view.result, view.contour)]
    zones(work_face(view))
    assert all(
        np.array_equal(a, b) for a, b in zip(kept, (view.original, view.synced, view.result, view.contour), strict=True)
    )
