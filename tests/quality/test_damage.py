"""A nearly perfect composite of the portrait, damaged in one way at a time: the measure meant for it must say so."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import lip_mask, portrait_view

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.colour_step import seam_colour_step
from lipblend.quality.overspill import overspill
from lipblend.quality.ring import ring_ssim, seam_discontinuity
from lipblend.quality.sharpness import grain, sharpness
from lipblend.quality.temporal import cast, ring_flicker
from lipblend.quality.view import FaceView


@pytest.fixture(scope="module")
def good(portrait: np.ndarray, face: Landmarks) -> FaceView:
    return portrait_view(portrait, face)


@pytest.fixture(scope="module")
def before(portrait: np.ndarray, face: Landmarks) -> FaceView:
    """The frame before: the same with other noise."""
    return portrait_view(portrait, face, seed=1)


def all_of(view: FaceView, before: FaceView) -> dict[str, float]:
    seam, ssim, spill, tint = seam_discontinuity(view), ring_ssim(view), overspill(view), cast(view)
    assert seam is not None
    assert ssim is not None
    assert spill is not None
    assert tint is not None
    values = {
        "seam": seam[0],
        "ssim": ssim[0],
        "step": seam_colour_step(view),
        "overspill": spill[0],
        "cast": float(np.linalg.norm(tint)),
        "flicker": ring_flicker(view, before),
        "sharpness": sharpness(view),
        "grain": grain(view),
    }
    assert None not in values.values()
    return {name: float(value) for name, value in values.items() if value is not None}


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
    lips = lip_mask(view.before, view.box)
    lips[:, int(view.before.mouth_centre[0]) :] = False
    hole = cv2.GaussianBlur(lips.astype(np.float32), (0, 0), 2)
    return blended(view, view.synced, view.alpha * (1 - np.where(lips, 1, hole)))


def soft(view: FaceView) -> FaceView:
    return blended(view, cv2.GaussianBlur(view.synced, (0, 0), 3))


def test_a_good_composite_passes(good: FaceView, before: FaceView) -> None:
    values = all_of(good, before)
    assert values["seam"] < 0.05
    assert values["ssim"] > 0.95
    assert values["step"] < 0.3
    assert values["overspill"] == 0
    assert values["cast"] < 0.3
    assert values["flicker"] < 0.4
    assert values["sharpness"] > 0.75
    assert values["grain"] > 0.75


# What each damage must do, and what it must leave about as it was.
CASES: list[tuple[Callable[[FaceView], FaceView], dict[str, tuple[float, float]], tuple[str, ...]]] = [
    (shifted, {"seam": (0.1, 9), "ssim": (-1, 0.9)}, ("overspill", "sharpness")),
    (hard_edged, {"step": (1.5, 9), "seam": (0.05, 9), "cast": (2, 9)}, ("overspill", "sharpness", "grain")),
    (tinted, {"step": (1.0, 9), "cast": (3, 12)}, ("seam", "ssim", "overspill", "sharpness", "grain")),
    (pumping, {"flicker": (1.5, 5)}, ("seam", "ssim", "overspill", "sharpness", "grain")),
    (uncovered, {"overspill": (0.4, 0.6)}, ("seam", "ssim", "step", "cast", "flicker", "grain")),
    (soft, {"sharpness": (0, 0.6), "grain": (0, 0.5)}, ("overspill", "cast")),
]


@pytest.mark.parametrize(("damage", "caught", "spared"), CASES, ids=[case[0].__name__ for case in CASES])
def test_each_damage_is_caught_by_the_measure_meant_for_it(
    good: FaceView,
    before: FaceView,
    damage: Callable[[FaceView], FaceView],
    caught: dict[str, tuple[float, float]],
    spared: tuple[str, ...],
) -> None:
    whole, values = all_of(good, before), all_of(damage(good), before)
    for name, (low, high) in caught.items():
        assert low <= values[name] <= high, (name, values[name])
        assert not low <= whole[name] <= high, (name, whole[name])
    room = {"seam": 0.02, "ssim": 0.03, "step": 0.3, "cast": 0.5, "flicker": 0.25, "sharpness": 0.1, "grain": 0.1}
    for name in spared:
        assert values[name] == pytest.approx(whole[name], abs=room.get(name, 0)), name


def test_identity_is_exactly_perfect(good: FaceView) -> None:
    view = replace(good, synced=good.original.copy(), result=good.original.copy())
    assert all_of(view, view) == {
        "seam": 0, "ssim": 1, "step": 0, "overspill": 0, "cast": 0, "flicker": 0, "sharpness": 1, "grain": 1,
    }  # fmt: skip


@pytest.mark.slow
def test_twice_the_size_measures_about_the_same(portrait: np.ndarray, face: Landmarks, good: FaceView) -> None:
    large = portrait_view(portrait, face, scale=1.6)
    for damage in (tinted, uncovered):
        one, other = damage(good), damage(large)
        for measure, room in ((seam_colour_step, 0.25), (lambda view: overspill(view)[0], 0.02)):
            assert measure(other) == pytest.approx(measure(one), abs=room)
        tints = [cast(view) for view in (one, other)]
        np.testing.assert_allclose(*tints, atol=0.3)


def test_patches_stay_as_they_were(good: FaceView) -> None:
    kept = [patch.copy() for patch in (good.original, good.synced, good.result, good.contour, good.alpha)]
    all_of(good, good)
    now = (good.original, good.synced, good.result, good.contour, good.alpha)
    assert all(np.array_equal(a, b) for a, b in zip(kept, now, strict=True))
