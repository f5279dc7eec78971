"""Alpha estimated from the pictures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from mouthclips import TalkingFace

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.estimate import estimate_alpha
from lipblend.quality.view import FaceView


@pytest.fixture(scope="module")
def view(portrait: np.ndarray, face: Landmarks) -> FaceView:
    """The synced skin is unevenly darker; away from the mouth nothing else differs."""
    plain = TalkingFace(portrait, face).view(opened=14, original_opened=1)
    y, x = np.mgrid[: plain.synced.shape[0], : plain.synced.shape[1]].astype(np.float32)
    uneven = np.stack([4 * np.cos(x / 25) * np.cos(y / 20) - 5, np.full_like(x, 1.5), np.sin(x / 30)], axis=-1)
    synced = plain.synced + uneven
    result = plain.original + plain.alpha[..., None] * (synced - plain.original)
    return replace(plain, synced=synced, result=result)


def coded(patch: np.ndarray, seed: int = 3) -> np.ndarray:
    """Roughly the effect of encoding at a high quality: less detail, more noise, whole levels."""
    rng = np.random.default_rng(seed)
    soft = cv2.GaussianBlur(patch, (0, 0), 0.5)
    return np.rint(soft + cv2.GaussianBlur(rng.normal(0, 2.5, patch.shape), (0, 0), 0.8)).astype(np.float32)


def estimate(view: FaceView, result: np.ndarray, **more: float) -> np.ndarray:
    return estimate_alpha(view.original, view.synced, result, face_width_px=view.face_width_px, **more)


def test_the_original_itself_gives_exactly_zero(view: FaceView) -> None:
    alpha = estimate(view, view.original.copy())
    assert alpha.dtype == np.float32
    assert alpha.shape == view.original.shape[:2]
    assert not alpha.any()


def test_the_encoded_original_gives_almost_zero(view: FaceView) -> None:
    assert estimate(view, coded(view.original)).mean() < 0.01


def test_the_synced_picture_gives_one_in_the_patch(view: FaceView) -> None:
    alpha = estimate(view, view.synced.copy())
    assert np.median(alpha[view.contour > 0.5]) > 0.97
    assert alpha[view.contour > 0.5].mean() > 0.9


@pytest.mark.parametrize("strength", [1.0, 0.7])
def test_a_known_blend_is_recovered(view: FaceView, strength: float) -> None:
    truth = strength * view.contour
    result = np.rint(view.original + truth[..., None] * (view.synced - view.original))
    alpha = estimate(view, result)
    assert np.abs(alpha - truth).mean() < 0.06
    assert np.abs(alpha - truth)[truth > 0].mean() < 0.15
    assert 0 <= alpha.min() <= alpha.max() <= 1


def test_an_encoded_blend_is_recovered(view: FaceView) -> None:
    alpha = estimate(view, coded(view.result))
    assert np.abs(alpha - view.alpha).mean() < 0.1
    assert alpha[:5].max() == 0.0


def test_a_level_shift_is_compensated(view: FaceView) -> None:
    shift = np.array([5, -2, 3], np.float32)
    result = view.original + view.alpha[..., None] * (view.synced + shift - view.original)
    assert np.abs(estimate(view, result) - view.alpha).mean() < 0.06


def test_unknown_alpha_is_interpolated(view: FaceView) -> None:
    """In a disc in the middle of the patch both pictures are equal."""
    y, x = np.mgrid[: view.synced.shape[0], : view.synced.shape[1]]
    middle = view.original_mesh.mouth_centre - (view.box.x0, view.box.y0)
    disc = np.hypot(x - middle[0] - 25, y - middle[1] - 10) < 9
    synced = view.synced + 20 * np.cos(x / 9)[..., None].astype(np.float32)
    synced[disc] = view.original[disc]
    result = view.original + view.alpha[..., None] * (synced - view.original)
    alpha = estimate_alpha(view.original, synced, result, face_width_px=view.face_width_px)
    assert alpha[disc].min() > 0.8


def test_the_noise_can_be_given(view: FaceView) -> None:
    assert not estimate(view, coded(view.result), noise=1000.0).any()


def test_bad_input_is_rejected(view: FaceView) -> None:
    with pytest.raises(ValueError, match="one shape"):
        estimate_alpha(view.original, view.synced[1:], view.result, face_width_px=200)
    with pytest.raises(ValueError, match="face width"):
        estimate_alpha(view.original, view.synced, view.result, face_width_px=0)
