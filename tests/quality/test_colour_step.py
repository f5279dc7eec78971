import cv2
import numpy as np
import pytest
from faceviews import FULL, LIMITED, codes, flat, halves, noise, sized, view_of
from skimage import color

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.colour_step import seam_colour_step
from lipblend.quality.levels import lab

SIZE = (160, 120)
SEAM = 80
SKIN = (200.0, 150.0, 130.0)  # R'G'B'

# From Sharma, Wu, Dalal 2005, table 1: two colours in L*a*b*, and their CIEDE2000.
PUBLISHED = [
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((90.8027, -2.0831, 1.441), (91.1528, -1.6435, 0.0447), 1.4441),
    ((90.9257, -0.5406, -0.9208), (88.6381, -0.8985, -0.7239), 1.5381),
    ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
]


@pytest.fixture(scope="module")
def mesh(face: Landmarks) -> Landmarks:
    return sized(face, 200)


def painted(outside: object, inside: object, *, matrix: np.ndarray = LIMITED) -> np.ndarray:
    """A picture of two flat R'G'B' colours that meet at the seam."""
    rgb = np.empty((SIZE[1], SIZE[0], 3))
    rgb[:, :SEAM], rgb[:, SEAM:] = outside, inside
    return codes(rgb, matrix)


def from_lab(colour: tuple[float, float, float]) -> np.ndarray:
    return np.asarray(color.lab2rgb(np.float64([[colour]])))[0, 0] * 255


def distance(first: object, second: object) -> float:
    both = [color.rgb2lab(np.float64([[colour]]) / 255) for colour in (first, second)]
    return float(color.deltaE_ciede2000(*both)[0, 0])


@pytest.mark.parametrize("matrix", [FULL, LIMITED])
@pytest.mark.parametrize(("first", "second", "value"), PUBLISHED)
def test_a_seam_between_two_published_colours_has_their_difference(
    mesh: Landmarks, matrix: np.ndarray, first: tuple[float, ...], second: tuple[float, ...], value: float
) -> None:
    outside, inside = from_lab(first), from_lab(second)
    view = halves(
        mesh, painted(outside, outside, matrix=matrix), painted(outside, inside, matrix=matrix), column=SEAM,
        matrix=matrix,
    )  # fmt: skip
    assert seam_colour_step(view) == pytest.approx(value, abs=0.01)


def test_the_originals_own_edge_is_no_step(mesh: Landmarks) -> None:
    original = painted(SKIN, (120, 100, 90)) + noise(SIZE, 4)
    assert seam_colour_step(halves(mesh, original, original.copy(), column=SEAM)) == 0
    brighter = original + np.float32([4, 0, 0])  # a whole picture that is brighter adds no step
    value = seam_colour_step(halves(mesh, original, brighter, column=SEAM))
    assert value < 0.2


def test_an_edge_that_the_result_takes_away_is_a_step(mesh: Landmarks) -> None:
    inside = (180, 140, 120)
    value = seam_colour_step(halves(mesh, painted(SKIN, inside), painted(SKIN, SKIN), column=SEAM))
    assert value == pytest.approx(distance(inside, SKIN), rel=0.05)


def test_steps_of_opposite_hue_do_not_cancel(mesh: Landmarks) -> None:
    redder, greener = (210, 140, 130), (190, 160, 130)
    upper, lower = painted(SKIN, redder), painted(SKIN, greener)
    both = upper.copy()
    both[60:] = lower[60:]
    values = [
        seam_colour_step(halves(mesh, painted(SKIN, SKIN), result, column=SEAM)) for result in (upper, lower, both)
    ]
    assert values[0] == pytest.approx(distance(SKIN, redder), rel=0.01)
    assert values[1] == pytest.approx(distance(SKIN, greener), rel=0.01)
    # A piece that contains the change has either step, or one in between.
    assert min(values[:2]) * 0.6 < values[2] < max(values[:2]) * 1.01


def test_a_wide_feather_makes_the_step_small(mesh: Landmarks) -> None:
    original, synced = painted(SKIN, SKIN), painted((190, 130, 110), (190, 130, 110))
    values = []
    for feather_px in (1, 12, 40):
        contour = np.clip((np.arange(SIZE[0]) + 0.5 - SEAM) / feather_px + 0.5, 0, 1)[None, :].repeat(SIZE[1], 0)
        result = original + contour[..., None].astype(np.float32) * (synced - original)
        values.append(seam_colour_step(view_of(mesh, original, result, contour)))
    assert values[0] == pytest.approx(distance(SKIN, (190, 130, 110)), rel=0.02)
    assert values[0] > 1.5 * values[1] > 4 * values[2] > 0


def test_noise_and_a_line_that_moved_are_hardly_a_step(mesh: Landmarks) -> None:
    original = painted(SKIN, SKIN)
    original[58:62] -= np.float32([50, 0, 0])
    moved = painted(SKIN, SKIN)
    moved[58:62, :SEAM] -= np.float32([50, 0, 0])
    moved[62:74, SEAM:] -= np.float32([50, 0, 0])  # and grew
    noisy = original + noise(SIZE, 3)
    for result, limit in ((moved, 0.1), (noisy, 0.3)):
        value = seam_colour_step(halves(mesh, original, result, column=SEAM))
        assert value < limit


def test_only_what_lies_at_the_seam_counts(mesh: Landmarks) -> None:
    result = painted(SKIN, SKIN)
    result[:, : SEAM - 8] += 30
    result[:, SEAM + 8 :] -= 30
    assert seam_colour_step(halves(mesh, painted(SKIN, SKIN), result, column=SEAM)) == pytest.approx(0, abs=1e-5)


def test_a_single_pixel_is_no_seam(mesh: Landmarks) -> None:
    original, result = painted(SKIN, SKIN), painted((150, 150, 150), (150, 150, 150))
    speck = np.zeros(SIZE[::-1])
    speck[0, 0] = 1
    assert seam_colour_step(view_of(mesh, original, result, speck)) is None


def test_a_picture_of_twice_the_size_has_the_same_step(face: Landmarks) -> None:
    rng = np.random.default_rng(5)
    texture = cv2.GaussianBlur(rng.normal(0, 1, (SIZE[1], SIZE[0], 3)), (0, 0), 4) * 60
    original = painted(SKIN, SKIN) + texture.astype(np.float32)
    ramp = np.clip((np.arange(SIZE[0]) + 0.5 - SEAM) / 10 + 0.5, 0, 1)[None, :].repeat(SIZE[1], 0)
    result = original + ramp[..., None].astype(np.float32) * np.float32([-12, 3, 4])
    values = []
    for scale in (1, 2, 4):
        size = (SIZE[0] * scale, SIZE[1] * scale)
        patches = [cv2.resize(patch, size, interpolation=cv2.INTER_LINEAR) for patch in (original, result, ramp)]
        values.append(seam_colour_step(view_of(sized(face, 200 * scale), *patches)))
    assert values[1] == pytest.approx(values[0], rel=0.1)
    assert values[2] == pytest.approx(values[1], rel=0.1)


def test_lab_of_codes() -> None:
    rgb = np.array([[255, 255, 255], [0, 0, 0], [200, 150, 130], [255, 0, 0]], np.float64)
    for matrix in (FULL, LIMITED):
        np.testing.assert_allclose(lab(codes(rgb, matrix), matrix), color.rgb2lab(rgb / 255), atol=0.01)
    np.testing.assert_allclose(lab(codes(rgb, FULL), FULL)[3], [53.24, 80.09, 67.20], atol=0.05)
    assert np.array_equal(lab(np.float32([[400, 128, 128]]), FULL), lab(np.float32([[255, 128, 128]]), FULL))
    assert flat((2, 2)).dtype == np.float32
