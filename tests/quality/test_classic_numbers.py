"""The classic numbers held against the expected picture, and against the original as they were published."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import portrait_view

from lipblend.faces.landmarks import CHIN, Landmarks
from lipblend.quality.overspill import overspill
from lipblend.quality.ring import ring_ssim, seam
from lipblend.quality.view import FaceView
from lipblend.quality.visible.scene import classic_reference


@pytest.fixture(scope="module")
def view(portrait: np.ndarray, face: Landmarks) -> FaceView:
    made = portrait_view(portrait, face)
    return replace(made, result=made.original.copy(), against="expected")


def with_jaw_lowered(view: FaceView) -> FaceView:
    """The result of a new mouth that opens the jaw: the original, smoothly moved."""
    height, width = view.contour.shape
    x, y = view.original_mesh.points[list(CHIN)].mean(0)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    reach = 0.25 * view.face_width_px
    down = 0.03 * view.face_width_px * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * reach**2))
    moved = cv2.remap(view.original, columns, rows - down.astype(np.float32), cv2.INTER_CUBIC)
    return replace(view, result=np.asarray(moved, np.float32), synced=np.asarray(moved, np.float32))


def test_a_right_result_meets_the_published_marks_where_the_jaw_moves(view: FaceView) -> None:
    right = with_jaw_lowered(view)
    found, published = (replace(right, against=against) for against in ("expected", "original"))
    assert seam(found) < 0.6 * seam(published)
    assert ring_ssim(found)[0] > max(0.92, ring_ssim(published)[0] + 0.01)


def test_against_the_original_the_reference_is_the_original(view: FaceView) -> None:
    assert classic_reference(replace(view, against="original")) is view.original


def test_an_untouched_result_is_perfect(view: FaceView) -> None:
    still = replace(view, synced=view.original.copy())
    assert seam(still) == pytest.approx(0, abs=1e-6)
    assert ring_ssim(still)[0] == pytest.approx(1, abs=1e-6)


def test_old_lips_do_not_spill_where_the_result_shows_the_new_ones(portrait: np.ndarray, face: Landmarks) -> None:
    made = portrait_view(portrait, face)
    bare = replace(made, alpha=np.zeros_like(made.alpha))  # a matte that does not reach the lips
    assert overspill(replace(bare, result=made.original, against="expected")) > 0.5
    assert overspill(replace(bare, result=made.synced, against="expected")) == 0
    assert overspill(replace(bare, result=made.synced, against="original")) > 0.5
