"""A nearly perfect composite of the portrait, damaged in one way at a time: the measure for it must show that."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import lip_mask, portrait_view

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.face_scores import face_scores
from lipblend.quality.temporal import cast
from lipblend.quality.view import FaceView


@pytest.fixture(scope="module")
def good(portrait: np.ndarray, face: Landmarks) -> FaceView:
    return portrait_view(portrait, face)


@pytest.fixture(scope="module")
def previous(portrait: np.ndarray, face: Landmarks) -> FaceView:
    """The previous frame: the same with other noise."""
    return portrait_view(portrait, face, seed=1)


KEYS = ("seam", "ssim_y", "colour_step", "overspill", "cast", "ring_flicker", "sharpness", "grain")


def measured(view: FaceView, previous: FaceView) -> dict[str, float]:
    values = face_scores(view, previous).values
    return {key: values[key] for key in KEYS}


def blended(view: FaceView, synced: np.ndarray, alpha: np.ndarray | None = None) -> FaceView:
    alpha = view.alpha if alpha is None else alpha
    result = view.original + alpha[..., None] * (synced - view.original)
    return replace(view, result=np.rint(result).astype(np.float32), alpha=alpha)


def shifted(view: FaceView) -> FaceView:
    return blended(view, np.roll(view.synced, (5, 4), axis=(0, 1)))


def hard_edged(view: FaceView) -> FaceView:
    return blended(view, view.synced + np.float32([16, 0, 0]), (view.contour >= 0.5).astype(np.float32))


def tinted(view: FaceView) -> FaceView:
    return blended(view, view.synced + np.float32([-4, 4, -6]))


def pumping(view: FaceView) -> FaceView:
    return blended(view, view.synced + np.float32([5, 0, 0]))


def uncovered(view: FaceView) -> FaceView:
    lips = lip_mask(view.original_mesh, view.box)
    lips[:, int(view.original_mesh.mouth_centre[0]) :] = False
    hole = cv2.GaussianBlur(lips.astype(np.float32), (0, 0), 2)
    return blended(view, view.synced, view.alpha * (1 - np.where(lips, 1, hole)))


def soft(view: FaceView) -> FaceView:
    return blended(view, cv2.GaussianBlur(view.synced, (0, 0), 3))


def test_a_good_composite_passes(good: FaceView, previous: FaceView) -> None:
    values = measured(good, previous)
    assert values["seam"] < 0.05
    assert values["ssim_y"] > 0.95
    assert values["colour_step"] < 0.3
    assert values["overspill"] == 0
    assert values["cast"] < 0.3
    assert values["ring_flicker"] < 0.4
    assert values["sharpness"] > 0.75
    assert values["grain"] > 0.75


# What each damage must do, and what it must leave about as it was.
CASES: list[tuple[Callable[[FaceView], FaceView], dict[str, tuple[float, float]], tuple[str, ...]]] = [
    (shifted, {"seam": (0.1, 9), "ssim_y": (-1, 0.9)}, ("overspill", "sharpness")),
    (hard_edged, {"colour_step": (1.5, 9), "seam": (0.05, 9), "cast": (2, 9)}, ("overspill", "sharpness", "grain")),
    (tinted, {"colour_step": (1.0, 9), "cast": (3, 12)}, ("seam", "ssim_y", "overspill", "sharpness", "grain")),
    (pumping, {"ring_flicker": (1.5, 5)}, ("seam", "ssim_y", "overspill", "sharpness", "grain")),
    (uncovered, {"overspill": (0.4, 0.6)}, ("seam", "ssim_y", "colour_step", "cast", "ring_flicker", "grain")),
    (soft, {"sharpness": (0, 0.6), "grain": (0, 0.5)}, ("overspill", "cast")),
]


TOLERANCES = {
    "seam": 0.02, "ssim_y": 0.03, "colour_step": 0.3, "cast": 0.5, "ring_flicker": 0.25, "sharpness": 0.1, "grain": 0.1,
}  # fmt: skip


@pytest.mark.parametrize(("damage", "caught", "spared"), CASES, ids=[case[0].__name__ for case in CASES])
def test_each_damage_is_caught_by_the_measure_meant_for_it(
    good: FaceView,
    previous: FaceView,
    damage: Callable[[FaceView], FaceView],
    caught: dict[str, tuple[float, float]],
    spared: tuple[str, ...],
) -> None:
    whole, values = measured(good, previous), measured(damage(good), previous)
    for name, (low, high) in caught.items():
        assert low <= values[name] <= high, (name, values[name])
        assert not low <= whole[name] <= high, (name, whole[name])
    for name in spared:
        assert values[name] == pytest.approx(whole[name], abs=TOLERANCES.get(name, 0)), name


def test_identity_is_exactly_perfect(good: FaceView) -> None:
    view = replace(good, synced=good.original.copy(), result=good.original.copy())
    assert measured(view, view) == {key: int(key in ("ssim_y", "sharpness", "grain")) for key in KEYS}


@pytest.mark.slow
def test_twice_the_size_measures_about_the_same(portrait: np.ndarray, face: Landmarks, good: FaceView) -> None:
    large = portrait_view(portrait, face, scale=1.6)
    for damage in (tinted, uncovered):
        views = damage(good), damage(large)
        first, second = (face_scores(view, None).values for view in views)
        for key, tolerance in (("colour_step", 0.25), ("overspill", 0.02)):
            assert second[key] == pytest.approx(first[key], abs=tolerance)
        np.testing.assert_allclose(*map(cast, views), atol=0.3)


def test_patches_stay_as_they_were(good: FaceView) -> None:
    kept = [patch.copy() for patch in (good.original, good.synced, good.result, good.contour, good.alpha)]
    measured(good, good)
    now = (good.original, good.synced, good.result, good.contour, good.alpha)
    assert all(np.array_equal(a, b) for a, b in zip(kept, now, strict=True))
