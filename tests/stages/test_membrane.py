"""The membrane, from synthetic casts that slope over the face."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid
from lipblend.stages.colour import membrane
from lipblend.stages.colour.membrane import CELLS, membrane_patch, membrane_sample, smooth_cells
from lipblend.stages.masks.footprint import head_frame

SLOPE = np.array([12.0, -6.0, 3.0])  # levels per face width to the right


def lower_face(face: Landmarks) -> Box:
    frame = head_frame(face)
    corners = frame.to_pixels(np.array([[-0.5, 0.0], [0.5, 0.0], [-0.5, 1.0], [0.5, 1.0]]))
    (x0, y0), (x1, y1) = np.floor(corners.min(0)).astype(int).tolist(), np.ceil(corners.max(0)).astype(int).tolist()
    return Box(x0, y0, x1, y1)


def places(box: Box, face: Landmarks) -> np.ndarray:
    """Head coordinates of each pixel of the box, (h, w, 2) face widths."""
    x, y = np.meshgrid(np.arange(box.x0, box.x1) + 0.5, np.arange(box.y0, box.y1) + 0.5)
    return head_frame(face).to_local(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(*x.shape, 2)


def sampled(face: Landmarks, box: Box, where: np.ndarray | None = None) -> np.ndarray:
    original = np.random.default_rng(1).normal(120, 4, (box.height, box.width, 3)).astype(np.float32)
    synced = original + (places(box, face)[..., :1] * SLOPE).astype(np.float32)
    seen = np.ones(original.shape[:2], bool) if where is None else where
    return membrane_sample(original, synced, seen, box, face).astype(np.float64)


def turned(face: Landmarks, degrees: float) -> Landmarks:
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = face.points.mean(0)
    return Landmarks(((face.points - middle) @ matrix.T + middle).astype(np.float32))


@pytest.mark.parametrize("layout", [PixelLayout("yuv444p", 8, 0, 0, 3), PixelLayout("yuv420p", 8, 1, 1, 3)])
@pytest.mark.parametrize("degrees", [0, 25, -60])
def test_sloping_cast_is_measured_and_undone(face: Landmarks, layout: PixelLayout, degrees: float) -> None:
    head = turned(face, degrees)
    box = lower_face(head)
    sample = sampled(head, box)
    cells = smooth_cells(-sample[..., 4:], sample[..., 0], 1e-6).astype(np.float32)
    laid = membrane_patch(cells, ChromaGrid(layout, box), head).whole()
    assert laid.shape == (box.height, box.width, 3)
    where = places(box, head)
    middle = (np.abs(where[..., 0]) < 0.3) & (where[..., 1] > 0.2) & (where[..., 1] < 0.8)
    np.testing.assert_allclose(laid[middle], -where[middle][:, :1] * SLOPE, atol=0.45)
    # Golden: the mean slope along the face's own axis.
    slope = np.polyfit(where[middle][:, 0], laid[middle], 1)[0]
    np.testing.assert_allclose(slope, -SLOPE, rtol=0.04)


def test_sparse_computation_loses_almost_nothing(face: Landmarks, monkeypatch: pytest.MonkeyPatch) -> None:
    box = lower_face(face)
    grid = ChromaGrid(PixelLayout("yuv420p", 8, 1, 1, 3), box)
    rough = np.random.default_rng(2).normal(0, 6, (CELLS, CELLS, 3))
    cells = smooth_cells(rough, np.ones((CELLS, CELLS)), 1e-6).astype(np.float32)  # as smooth as a membrane
    assert cells.std() > 1
    sparse = membrane_patch(cells, grid, face)
    monkeypatch.setattr(membrane, "downsampling_step", lambda _: 1)
    whole = membrane_patch(cells, grid, face)
    for made, want in ((sparse.luma, whole.luma), (sparse.chroma, whole.chroma)):
        assert made.shape == want.shape
        assert not np.array_equal(made, want)
        inner = np.s_[8:-8, 8:-8]
        assert np.abs(made - want)[inner].max() < 0.35  # where three cells meet
        assert np.abs(made - want)[inner].mean() < 0.03


def test_means_and_weights_use_only_the_mask(face: Landmarks) -> None:
    box = lower_face(face)
    right = places(box, face)[..., 0] > 0
    sample = sampled(face, box, right)
    assert not sample[:, : CELLS // 2].any()
    inner = sample[2:6, 5:7]
    np.testing.assert_array_equal(inner[..., 0], 1)
    np.testing.assert_allclose(inner[..., 1:4], 120, atol=1)
    np.testing.assert_allclose(inner[..., 4], np.broadcast_to([2.52, 4.2][:2], (4, 2)), atol=0.2)


def test_membrane_goes_to_0_without_pixels(face: Landmarks) -> None:
    box = lower_face(face)
    nothing = sampled(face, box, np.zeros((box.height, box.width), bool))
    np.testing.assert_array_equal(nothing, 0)
    weight = np.zeros((CELLS, CELLS))
    weight[:, 0] = 1
    field = smooth_cells(np.full((CELLS, CELLS, 3), 5.0), weight, 0.02)
    assert np.all(field[:, 0] > 4.6)  # weight 0.28 at a corner against 0.02
    assert np.all(np.abs(field[:, 6:]) < 0.05)
    assert np.all(np.diff(field[4, :, 0]) <= 1e-9)


def test_few_pixels_have_less_weight(face: Landmarks) -> None:
    box = lower_face(face)
    rng = np.random.default_rng(3)
    few = sampled(face, box, rng.random((box.height, box.width)) < 0.05)
    assert 0 < few[3, 3, 0] < 0.35
    assert few[..., 0].max() < 0.5
