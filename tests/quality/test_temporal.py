import itertools
from dataclasses import replace

import numpy as np
import pytest
from faceviews import FULL, LIMITED, contour_of, cropped, flat, halves, noise, sized, view_of
from hypothesis import given
from hypothesis import strategies as st
from skimage import color

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.levels import lab
from lipblend.quality.temporal import alpha_flicker, cast, colour_drift, ring_flicker
from lipblend.quality.view import FaceView

SIZE = (340, 400)


@pytest.fixture(scope="module")
def mesh(face: Landmarks) -> Landmarks:
    return sized(face, 220, left=40, top=40)


def shown(
    mesh: Landmarks, change: object, *, matrix: np.ndarray = LIMITED, grain: float = 3.0, seed: int = 0
) -> FaceView:
    """The result is the original plus a change inside the contour."""
    original = flat(SIZE) + noise(SIZE, grain, seed)
    contour = contour_of(mesh, SIZE)
    result = original + (contour >= 0.5)[..., None] * np.asarray(change, np.float32)
    return view_of(mesh, original, result.astype(np.float32), contour, matrix=matrix)


def even(mesh: Landmarks, change: float, *, seed: int = 0, matrix: np.ndarray = LIMITED) -> FaceView:
    """The result is the original, brighter everywhere by a number of codes."""
    view = shown(mesh, 0, seed=seed, matrix=matrix)
    return replace(view, result=view.original + np.float32([change, 0, 0]))


def test_alpha_flicker_is_the_coefficient_of_variation() -> None:
    assert alpha_flicker(np.array([0.4, 0.6])) == pytest.approx(0.1 / 0.5)
    assert alpha_flicker(np.array([0.4, np.nan, 0.6, np.nan])) == pytest.approx(0.2)
    wave = 0.5 + 0.04 * np.sin(2 * np.pi * np.arange(100) / 10)
    assert alpha_flicker(wave) == pytest.approx(0.04 / 2**0.5 / 0.5)


@pytest.mark.parametrize("alpha", [[], [0.5], [np.nan, 0.5], [np.nan] * 3, [0.0, 0.0]])
def test_alpha_flicker_needs_two_values_and_something_taken(alpha: list[float]) -> None:
    assert alpha_flicker(np.array(alpha, np.float64)) is None


@given(value=st.floats(0.01, 1), count=st.integers(2, 40))
def test_constant_alpha_does_not_flicker(value: float, count: int) -> None:
    assert alpha_flicker(np.full(count, value)) == 0


@given(alpha=st.lists(st.floats(0.05, 0.5), min_size=2, max_size=20), factor=st.floats(0.1, 2))
def test_alpha_flicker_does_not_depend_on_the_level(alpha: list[float], factor: float) -> None:
    values = np.array(alpha)
    assert alpha_flicker(values * factor) == pytest.approx(alpha_flicker(values), abs=1e-9)


@pytest.mark.parametrize(("matrix", "gain"), [(FULL, 1.0), (LIMITED, 255 / 219)])
def test_a_flicker_of_known_size(mesh: Landmarks, matrix: np.ndarray, gain: float) -> None:
    value = ring_flicker(even(mesh, 5, matrix=matrix), even(mesh, 2, seed=9, matrix=matrix))
    assert value == pytest.approx(3 * gain, rel=1e-4)


def test_a_patch_that_blinks_changes_half_of_its_ring(mesh: Landmarks) -> None:
    value = ring_flicker(shown(mesh, [6, 0, 0], matrix=FULL), shown(mesh, 0, matrix=FULL, seed=4))
    assert value == pytest.approx(3, rel=0.1)


def test_the_low_pass_suppresses_white_noise(mesh: Landmarks) -> None:
    view = even(mesh, 0, matrix=FULL)
    noisy = [replace(view, result=view.original + noise(SIZE, 4, seed)) for seed in range(9)]
    values = [ring_flicker(*pair) for pair in itertools.pairwise(noisy)]
    left = 4 * 2**0.5 / (2 * 3 * np.pi**0.5)  # a Gaussian of sigma 3 leaves 1 / (2 sigma sqrt(pi)) of white noise
    assert np.mean(values) == pytest.approx(left * (2 / np.pi) ** 0.5, rel=0.07)


def test_motion_of_the_original_is_no_flicker(mesh: Landmarks) -> None:
    now, previous = shown(mesh, 0, seed=1), shown(mesh, 0, seed=2)
    now = replace(now, original=now.original + np.float32([50, 0, 0]), result=now.result + np.float32([50, 0, 0]))
    assert ring_flicker(now, previous) == 0
    assert ring_flicker(previous, previous) == 0


def test_boxes_may_differ(mesh: Landmarks) -> None:
    now, previous = shown(mesh, [8, 0, 0]), shown(mesh, [3, 0, 0], seed=3)
    whole = ring_flicker(now, previous)

    for boxes in (
        (Box(10, 90, 330, 390), Box(0, 80, 320, 380)),
        (Box(0, 80, 320, 380), Box(10, 90, 330, 390)),
        (Box(4, 60, 336, 398), Box(20, 100, 322, 384)),
    ):
        assert ring_flicker(cropped(now, boxes[0]), cropped(previous, boxes[1])) == pytest.approx(whole, rel=1e-3)


def test_a_face_that_moved_too_far_is_not_compared(mesh: Landmarks) -> None:
    now = even(mesh, 0)
    assert ring_flicker(now, replace(now, box=Box(5000, 0, 5340, 400))) is None
    assert ring_flicker(now, replace(now, box=Box(250, 300, 590, 700))) is None
    crossing = replace(now, box=Box(70, 70, 410, 470))  # the two rings cross in two places
    shared = now.ring[70:, 70:] & now.ring[:-70, :-70]
    assert 64 < shared.sum() < 0.1 * now.ring.sum()
    assert ring_flicker(now, crossing) is None
    assert ring_flicker(now, replace(now, contour=np.zeros_like(now.contour))) is None


def test_flicker_is_symmetric(mesh: Landmarks) -> None:
    first, second = shown(mesh, [7, 0, 0], seed=1), shown(mesh, [-2, 0, 0], seed=2)
    assert ring_flicker(first, second) == ring_flicker(second, first)


@pytest.mark.parametrize("matrix", [FULL, LIMITED])
def test_a_cast_of_known_lab_difference(mesh: Landmarks, matrix: np.ndarray) -> None:
    colour = np.float32([120, 110, 150])
    change = np.float32([-6, 2, 4])
    value = cast(shown(mesh, change, matrix=matrix, grain=0.5))
    first, second = lab(np.stack([colour + change, colour]), matrix)
    np.testing.assert_allclose(value, first - second, atol=0.02)
    assert np.linalg.norm(value) == pytest.approx(float(color.deltaE_cie76(first, second)), abs=0.03)


def test_a_cast_outside_the_skin_and_a_chin_that_moved_do_not_count(mesh: Landmarks) -> None:
    view = shown(mesh, 0)
    outside = replace(view, result=view.original + np.float32([30, 0, 0]) * (view.contour < 0.5)[..., None])
    value = cast(outside)
    assert np.abs(value).max() < 0.2  # the low-pass that judges what agrees reaches over the seam
    result = view.original.copy()
    centre = mesh.mouth_centre
    result[:, : int(centre[0] - 55), 0] -= 70
    value = cast(replace(view, result=result))
    assert np.abs(value).max() < 0.3


def test_colour_drift_is_the_deviation_from_the_mean() -> None:
    rows = np.array([[3.0, 1, 0], [3, -1, 0], [np.nan] * 3, [3, 1, 0], [3, -1, 0]])
    assert colour_drift(rows) == pytest.approx(1)
    assert colour_drift(rows[:1]) is None
    assert colour_drift(rows[1:3]) is None
    assert colour_drift(np.empty((0, 3))) is None
    t = 2 * np.pi * np.arange(60) / 12
    pumping = np.stack([2 * np.sin(t), 2 * np.cos(t), np.ones(60)], axis=1)
    assert colour_drift(pumping) == pytest.approx(2)


@given(row=st.lists(st.floats(-20, 20), min_size=3, max_size=3), count=st.integers(2, 30))
def test_a_constant_cast_does_not_drift(row: list[float], count: int) -> None:
    assert colour_drift(np.array([row] * count)) == 0


def test_a_seam_across_the_picture_can_flicker(mesh: Landmarks) -> None:
    small = (90, 90)
    view = halves(mesh, flat(small), flat(small), column=45, matrix=FULL)
    changed = replace(view, result=view.result + np.float32([2, 0, 0]))
    assert ring_flicker(view, changed) == pytest.approx(2)
