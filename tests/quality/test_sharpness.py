from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import contour_of, flat, noise, sized, view_of, with_mesh
from hypothesis import given, settings
from hypothesis import strategies as st

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.sharpness import grain, sharpness
from lipblend.quality.view import FaceView

SIZE = (340, 400)


@pytest.fixture(scope="module")
def mesh(face: Landmarks) -> Landmarks:
    return sized(face, 220, left=40, top=40)


def pair(mesh: Landmarks, original: np.ndarray, result: np.ndarray) -> FaceView:
    return view_of(mesh, original.astype(np.float32), result.astype(np.float32), contour_of(mesh, SIZE))


def textured(seed: int = 0) -> np.ndarray:
    return flat(SIZE) + cv2.GaussianBlur(noise(SIZE, 60, seed), (0, 0), 1.2)


def test_equal_patches_are_exactly_as_sharp_and_as_grainy(mesh: Landmarks) -> None:
    for picture in (textured(), flat(SIZE), flat(SIZE) + noise(SIZE, 0.05)):
        view = pair(mesh, picture, picture.copy())
        assert sharpness(view) == 1
        assert grain(view) == 1


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.5, 3.0])
def test_sharpness_is_proportional_to_contrast(mesh: Landmarks, factor: float) -> None:
    original = textured()
    result = flat(SIZE) + np.float32(factor) * (original - flat(SIZE))
    assert sharpness(pair(mesh, original, result)) == pytest.approx(factor, rel=1e-4)


def test_the_detail_of_blurred_noise_is_known(mesh: Landmarks) -> None:
    white = flat(SIZE) + noise(SIZE, 10)
    soft = cv2.GaussianBlur(white, (0, 0), 2.0)

    def energy(blur: float) -> float:
        """Of white noise under a Gaussian, minus that under it and the measure's own; by Parseval."""
        a, b = blur**2, 1.5**2
        terms = [1 / (4 * np.pi * a) if a else 1.0, 1 / (4 * np.pi * (a + b)), 1 / (4 * np.pi * (a + b / 2))]
        return terms[0] + terms[1] - 2 * terms[2]

    expected = (energy(2.0) / energy(0.0)) ** 0.5
    assert sharpness(pair(mesh, white, soft)) == pytest.approx(expected, rel=0.05)


def test_brightness_and_slow_shading_are_no_detail(mesh: Landmarks) -> None:
    original = textured()
    result = original + np.float32([20, 0, 0])
    result[..., 0] += 0.1 * np.arange(SIZE[0], dtype=np.float32)
    assert sharpness(pair(mesh, original, result)) == pytest.approx(1, abs=1e-3)


def test_only_the_inside_of_the_seam_counts(mesh: Landmarks) -> None:
    original = textured()
    view = pair(mesh, original, original)
    far = cv2.erode((view.contour < 0.5).astype(np.uint8), np.ones((21, 21))) > 0
    result = np.where(far[..., None], flat(SIZE), original)
    assert sharpness(replace(view, result=result)) == 1
    assert grain(replace(view, result=result)) == 1


@given(sigma=st.floats(3, 8), ratio=st.floats(0.5, 2), seed=st.integers(0, 20))  # rounding adds 0.3 levels
@settings(max_examples=12)
def test_noise_of_known_strength(face: Landmarks, sigma: float, ratio: float, seed: int) -> None:
    mesh = sized(face, 220, left=40, top=40)
    original = flat(SIZE) + noise(SIZE, sigma, seed)
    result = flat(SIZE) + noise(SIZE, sigma * ratio, seed + 50)
    assert grain(pair(mesh, original, result)) == pytest.approx(ratio, rel=0.06)


def test_grain_does_not_take_edges_and_shading_for_noise(mesh: Landmarks) -> None:
    def picture(sigma: float, seed: int) -> np.ndarray:
        out = flat(SIZE) + noise(SIZE, sigma, seed)
        out[..., 0] += 0.4 * np.arange(SIZE[0], dtype=np.float32) + 0.2 * np.arange(SIZE[1])[:, None]
        return out

    original, result = picture(2, 1), picture(1, 2)
    for x, y in ((150, 285), (220, 290), (180, 300)):  # strong edges on the skin, in the result alone
        cv2.line(result, (x - 20, y), (x + 20, y + 12), (20, 128, 128), 1)
    assert grain(pair(mesh, original, result)) == pytest.approx(0.5, rel=0.1)


def test_lips_and_teeth_are_no_grain(mesh: Landmarks) -> None:
    original = flat(SIZE) + noise(SIZE, 2, 1)
    result = flat(SIZE) + noise(SIZE, 2, 2)
    without = grain(pair(mesh, original, result))
    x, y = mesh.mouth_centre.astype(int)
    result[y - 8 : y + 8, x - 25 : x + 25] += noise((50, 16), 60, 3)
    assert without == pytest.approx(1, rel=0.1)
    assert grain(pair(mesh, original, result)) == pytest.approx(without, rel=1e-6)


def test_a_patch_without_grain_counts_as_rounding_noise(mesh: Landmarks) -> None:
    noisy, smooth = flat(SIZE) + noise(SIZE, 3), flat(SIZE)
    assert grain(pair(mesh, noisy, smooth)) == pytest.approx(12**-0.5 / 3, rel=0.05)
    assert grain(pair(mesh, smooth, noisy)) == pytest.approx(3 * 12**0.5, rel=0.05)
    sharp = sharpness(pair(mesh, smooth, noisy))
    assert sharp is not None
    assert 5 < sharp < 12


def test_the_margin_around_the_seam_does_not_matter(mesh: Landmarks) -> None:
    view = pair(mesh, textured(), textured(1) + noise(SIZE, 2))
    wide = {
        name: cv2.copyMakeBorder(getattr(view, name), 30, 30, 30, 30, cv2.BORDER_CONSTANT)
        for name in ("original", "synced", "result", "contour", "alpha")
    }
    box = replace(view.box, x1=SIZE[0] + 60, y1=SIZE[1] + 60)
    grown = replace(with_mesh(view, Landmarks(mesh.points + np.float32(30))), box=box, **wide)
    assert grain(grown) == pytest.approx(grain(view), rel=1e-6)
    assert sharpness(grown) == pytest.approx(sharpness(view), rel=1e-6)
