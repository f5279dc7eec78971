from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import FULL, LIMITED, codes, contour_of, flat, halves, noise, sized, view_of
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.levels import full_range, low_pass, luma_gain
from lipblend.quality.ring import relative_seam, ring_alpha, ring_ssim, seam
from lipblend.stages.alpha.seam import seam_ring

SIZE = (80, 60)
SEAM = 40
WIDTH = 200.0  # face width for which the ring reaches exactly 6 px to each side
REACH = 6


@pytest.fixture(scope="module")
def mesh(face: Landmarks) -> Landmarks:
    return sized(face, WIDTH)


def stepped(height: float) -> np.ndarray:
    """A flat picture, ``height`` codes brighter from the seam on."""
    patch = flat(SIZE)
    patch[:, SEAM:, 0] += height
    return patch


def test_the_ring_reaches_its_radius_to_each_side_of_a_straight_seam(face: Landmarks) -> None:
    for width_px, reach in ((40, 3), (100, 3), (150, 4), (200, 6), (400, 8), (2000, 8)):
        where = halves(sized(face, width_px), flat(SIZE), flat(SIZE), column=SEAM).ring
        assert np.flatnonzero(where.all(0)).tolist() == list(range(SEAM - reach, SEAM + reach)), width_px
        assert where.sum() == 2 * reach * SIZE[1]


def test_the_ring_is_the_one_of_the_whole_picture(mesh: Landmarks) -> None:
    contour = contour_of(sized(mesh, WIDTH, left=60, top=60), (330, 400))
    view = view_of(mesh, flat((330, 400)), flat((330, 400)), contour)
    assert np.array_equal(view.ring, seam_ring(contour, radius_px=6.0))


def test_the_border_of_the_picture_is_no_seam(mesh: Landmarks) -> None:
    where = halves(mesh, flat(SIZE), flat(SIZE), column=SEAM).ring
    assert not where[:, SEAM + REACH :].any()
    assert not where[[0, -1], SEAM + REACH :].any()
    assert where[0, SEAM]


@pytest.mark.parametrize(("matrix", "gain"), [(FULL, 1.0), (LIMITED, 255 / 219)])
@pytest.mark.parametrize("upright", [True, False])
def test_a_step_of_known_height_has_the_seam_of_the_sobel_operator(
    mesh: Landmarks, matrix: np.ndarray, gain: float, upright: bool
) -> None:
    view = halves(mesh, flat(SIZE), stepped(12), column=SEAM, matrix=matrix)
    if not upright:
        turned = [np.ascontiguousarray(patch.swapaxes(0, 1)) for patch in (view.original, view.result, view.contour)]
        view = view_of(mesh, *turned, matrix=matrix)
    # The two lines beside the step have gradient 4 x 12 each, of the 12 lines of the ring.
    assert seam(view) == pytest.approx(4 * 12 * gain / 255 * 2 / (2 * REACH), rel=1e-5)


def test_the_relative_seam_is_measured_by_the_originals_own_gradient(mesh: Landmarks) -> None:
    ramp = 2.0 * np.arange(SIZE[0], dtype=np.float32)
    original, result = flat(SIZE), stepped(12)
    original[..., 0] += ramp
    result[..., 0] += ramp
    measured = relative_seam(halves(mesh, original, result, column=SEAM))
    assert measured == pytest.approx((4 * 12 / REACH) / (8 * 2.0), rel=1e-5)
    bare = halves(mesh, flat(SIZE), stepped(12), column=SEAM, matrix=FULL)
    assert relative_seam(bare) == pytest.approx(255 * seam(bare))  # the original's gradient counts as one code


def test_gradients_are_compared_as_vectors(mesh: Landmarks) -> None:
    up, down = flat(SIZE), flat(SIZE)
    ramp = np.arange(SIZE[0], dtype=np.float32)
    up[..., 0] += ramp
    down[..., 0] -= ramp
    view = halves(mesh, up, down, column=SEAM, matrix=FULL)
    assert seam(view) == pytest.approx(16 / 255, rel=1e-5)
    assert relative_seam(view) == pytest.approx(2, rel=1e-5)


def test_what_changes_beyond_the_ring_does_not_count(mesh: Landmarks) -> None:
    original, result = flat(SIZE), flat(SIZE)
    result[:, SEAM + REACH + 6 :] += 60
    view = halves(mesh, original, result, column=SEAM)
    assert (seam(view), relative_seam(view)) == (0.0, 0.0)
    assert ring_ssim(view) == (1.0, 1.0, 1.0)


@given(seed=st.integers(0, 99), sigma=st.floats(0, 60), limited=st.booleans())
@settings(max_examples=20)
def test_equal_pictures_are_exactly_perfect(seed: int, sigma: float, limited: bool) -> None:
    points = np.random.default_rng(seed).uniform(0, 80, (478, 2)).astype(np.float32)
    picture = flat(SIZE) + np.random.default_rng(seed).normal(0, sigma, (SIZE[1], SIZE[0], 3)).astype(np.float32)
    view = halves(Landmarks(points), picture, picture.copy(), column=SEAM, matrix=LIMITED if limited else FULL)
    assert (seam(view), relative_seam(view)) == (0.0, 0.0)
    assert ring_ssim(view) == (1.0, 1.0, 1.0)


@given(a=st.floats(16, 235), b=st.floats(16, 235))
@settings(max_examples=25)
def test_two_flat_pictures_have_the_luminance_term_alone(a: float, b: float) -> None:
    points = np.random.default_rng(0).uniform(0, 80, (478, 2)).astype(np.float32)
    view = halves(Landmarks(points), flat(SIZE, (a, 128, 128)), flat(SIZE, (b, 128, 128)), column=SEAM, matrix=LIMITED)
    measured = ring_ssim(view)
    y, x = (255 / 219 * (value - 16) for value in (a, b))
    assert measured[0] == pytest.approx((2 * x * y + 6.5025) / (x * x + y * y + 6.5025), abs=2e-3)
    assert measured[1:] == (1.0, 1.0)


def test_ssim_is_the_published_one(mesh: Landmarks) -> None:
    original = flat(SIZE) + noise(SIZE, 20, 1)
    result = original + noise(SIZE, 10, 2)
    original[..., 1], result[..., 1] = original[..., 0], result[..., 0]
    contour = np.zeros(SIZE[::-1])
    contour[22:40, 30:50] = 1  # its ring stays clear of the border, where implementations differ
    view = view_of(mesh, original, result, contour, matrix=FULL)
    measured = ring_ssim(view)
    _, whole = structural_similarity(
        original[..., 0].astype(np.float64), result[..., 0].astype(np.float64), data_range=255, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False, full=True,
    )  # fmt: skip
    assert measured[0] == pytest.approx(whole[view.ring].mean(), abs=1e-4)
    assert measured[0] == pytest.approx(measured[1], abs=1e-6)
    assert measured[2] == 1.0


def test_chroma_has_its_own_ssim(mesh: Landmarks) -> None:
    result = flat(SIZE)
    result[:, SEAM:, 2] += 25
    measured = ring_ssim(halves(mesh, flat(SIZE), result, column=SEAM))
    assert measured[:2] == (1.0, 1.0)
    assert measured[2] < 0.9


def test_both_ranges_of_one_picture_measure_alike(mesh: Landmarks) -> None:
    rng = np.random.default_rng(3)
    original = cv2.GaussianBlur(rng.uniform(20, 230, (SIZE[1], SIZE[0], 3)), (0, 0), 2)
    result = original + rng.normal(0, 6, original.shape)
    full, limited = (
        halves(mesh, codes(original, matrix), codes(result, matrix), column=SEAM, matrix=matrix)
        for matrix in (FULL, LIMITED)
    )
    for measure in (seam, relative_seam, ring_ssim):
        assert measure(full) == pytest.approx(measure(limited), rel=1e-4)


def test_ring_alpha_is_the_mattes_own_times_the_weight(mesh: Landmarks) -> None:
    alpha = np.zeros(SIZE[::-1])
    alpha[:, SEAM:] = 0.6
    alpha[:, SEAM + REACH :] = 1
    view = halves(mesh, flat(SIZE), flat(SIZE), column=SEAM, alpha=alpha)
    assert ring_alpha(view) == pytest.approx(0.5)
    assert ring_alpha(replace(view, weight=0.5)) == pytest.approx(0.25)


def test_the_edge_of_what_stands_in_front_is_no_seam(mesh: Landmarks) -> None:
    contour = np.zeros(SIZE[::-1])
    contour[:, SEAM:] = 1
    alone = halves(mesh, flat(SIZE), flat(SIZE), column=SEAM, alpha=contour)
    in_front = np.zeros(SIZE[::-1], np.float32)
    in_front[20:] = 1
    both = replace(alone, contour=(contour * (1 - in_front)).astype(np.float32), in_front=in_front)
    rows, columns = np.nonzero(both.ring)
    assert rows.max() < 20
    assert columns.max() <= np.nonzero(alone.ring)[1].max()
    assert both.ring[:10].any()
    np.testing.assert_array_equal(both.ring[:10], alone.ring[:10])


@pytest.mark.parametrize("matrix", [FULL, LIMITED])
def test_full_range_levels(matrix: np.ndarray) -> None:
    colours = np.array([[0, 0, 0], [255, 255, 255], [0, 0, 255], [255, 0, 0]], np.float64)
    levels = full_range(codes(colours, matrix)[None], matrix)[0]
    np.testing.assert_allclose(levels[:2], [[0, 128, 128], [255, 128, 128]], atol=0.01)
    assert levels[2, 1] == pytest.approx(128 + 127.5, abs=0.01)
    assert levels[3, 2] == pytest.approx(128 + 127.5, abs=0.01)
    assert luma_gain(matrix) == pytest.approx(1.0 if matrix is FULL else 255 / 219)


@pytest.mark.parametrize("sigma", [1.0, 3.9, 4.1, 6.0, 15.0])
def test_the_wide_low_pass_is_a_gaussian(sigma: float) -> None:
    size = (260, 200)
    patch = flat(size)
    patch[100:, :, 0] += 80
    patch[:, 120:, 1] += 80
    expected = cv2.GaussianBlur(patch, (0, 0), sigma)
    assert np.abs(low_pass(patch, sigma) - expected).max() < 80 * 0.02
    np.testing.assert_allclose(low_pass(flat(size), sigma), flat(size), atol=1e-4)
    assert not low_pass(np.zeros_like(patch), sigma).any()
