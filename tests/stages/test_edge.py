"""Edge-aware alpha, and its filters."""

import cv2
import numpy as np
import pytest

from lipblend.stages.alpha.edge import edge_alpha, guided_filter, joint_bilateral, shared_edges

METHODS = ("guided", "bilateral")
FEATHER = 16.0


@pytest.fixture
def ramp() -> np.ndarray:
    """(60, 80) alpha that rises from 0 at column 32 to 1 at column 48."""
    row = np.clip((np.arange(80) + 0.5 - 32) / FEATHER, 0, 1)
    return np.tile(row.astype(np.float32), (60, 1))


def edge_at(column: int, contrast: float = 80.0) -> np.ndarray:
    return np.tile(np.where(np.arange(80) < column, 60, 60 + contrast).astype(np.float32), (60, 1))


def refined(
    alpha: np.ndarray, original: np.ndarray, synced: np.ndarray, method: str, strength: float = 1.0
) -> np.ndarray:
    return edge_alpha(alpha, original, synced, method=method, strength=strength, feather_px=FEATHER)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("column", [38, 42])
def test_the_seam_moves_onto_an_edge_that_both_pictures_have(method: str, column: int, ramp: np.ndarray) -> None:
    picture = edge_at(column)
    row = refined(ramp, picture, picture + 5, method)[30]
    plain, steep = (float(each[column + 1] - each[column - 2]) for each in (ramp[30], row))
    assert steep > 1.5 * plain
    half = refined(ramp, picture, picture + 5, method, strength=0.5)
    np.testing.assert_allclose(half[30] - ramp[30], (row - ramp[30]) / 2, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_edge_of_only_one_picture_does_not_change_alpha(method: str, ramp: np.ndarray) -> None:
    flat = np.full_like(ramp, 100)
    for pair in ((edge_at(40), flat), (flat, edge_at(40)), (edge_at(40), 200 - edge_at(40)), (flat, flat)):
        np.testing.assert_allclose(refined(ramp, *pair, method), ramp, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_alpha_of_exactly_0_and_1_is_kept(method: str, ramp: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    picture = (edge_at(35) + 40 * np.sin(np.arange(60) / 5)[:, None] + rng.normal(0, 5, ramp.shape)).astype(np.float32)
    out = refined(ramp, picture, picture, method)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out[ramp == 0], 0)
    np.testing.assert_array_equal(out[ramp == 1], 1)
    assert out.min() == 0
    assert out.max() == 1
    # No step at the ends of the feather.
    for column in (32, 47):
        assert np.abs(out[:, column] - ramp[:, column]).max() < 0.06


@pytest.mark.parametrize("method", METHODS)
def test_shared_noise_does_not_make_alpha_noisy(method: str, ramp: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(120, 10, ramp.shape).astype(np.float32)
    out = refined(ramp, noise, noise, method)
    rough = np.abs(np.diff(out - ramp, axis=0))
    assert rough.max() < 0.02
    assert (out - ramp).std() < 0.01


@pytest.mark.parametrize("method", METHODS)
def test_grain_does_not_make_alpha_flicker(method: str, ramp: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    scene = edge_at(40)
    planes = []
    for _ in range(12):
        pair = (scene + rng.normal(0, 3, scene.shape).astype(np.float32) for _ in range(2))
        planes.append(refined(ramp, *pair, method))
    means = np.array([plane.mean() for plane in planes])
    assert means.std() / means.mean() < 5e-4
    assert np.std(planes, axis=0).max() < 0.03


def test_guided_filter_equals_the_formula_of_the_paper() -> None:
    rng = np.random.default_rng(6)
    guide, plane = rng.uniform(40, 90, (14, 17)), rng.uniform(0, 1, (14, 17))
    found = guided_filter(plane.astype(np.float32), guide.astype(np.float32), radius_px=2, levels=8)

    def window(of: np.ndarray, y: int, x: int) -> np.ndarray:
        return np.pad(of, 2, mode="edge")[y : y + 5, x : x + 5]

    slope, offset = np.zeros_like(guide), np.zeros_like(guide)
    for y, x in np.ndindex(guide.shape):
        i, p = window(guide, y, x), window(plane, y, x)
        slope[y, x] = ((i * p).mean() - i.mean() * p.mean()) / (i.var() + 8**2)
        offset[y, x] = p.mean() - slope[y, x] * i.mean()
    for y, x in ((7, 8), (0, 0), (13, 16), (2, 12)):
        want = window(slope, y, x).mean() * guide[y, x] + window(offset, y, x).mean()
        assert found[y, x] == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_alpha_equals_the_formula(method: str, ramp: np.ndarray) -> None:
    original, synced = edge_at(38), 0.6 * edge_at(38) + 0.4 * edge_at(43) + 12
    guide, second = (cv2.GaussianBlur(z, (0, 0), 1, borderType=cv2.BORDER_REPLICATE) for z in (original, synced))
    edge_filter = {"guided": guided_filter, "bilateral": joint_bilateral}[method]
    wanted = np.clip(edge_filter(ramp, guide, radius_px=8, levels=8.0), 0, 1)
    shared = shared_edges(guide, second, radius_px=8, levels=8.0)
    want = ramp + 0.7 * shared * 4 * ramp * (1 - ramp) * (wanted - ramp)
    assert np.abs(want - ramp).max() > 0.05
    np.testing.assert_allclose(refined(ramp, original, synced, method, strength=0.7), want, atol=1e-5)


@pytest.mark.parametrize("place", [(30, 40), (30, 70), (52, 9)])
def test_joint_bilateral_weights_golden(place: tuple[int, int]) -> None:
    y, x = place
    plane = np.full((60, 80), 0.5, np.float32)
    plane[y, x] = 0.9
    out = joint_bilateral(plane, np.full_like(plane, 90), radius_px=8, levels=8)
    steps = np.arange(-4, 5)  # nine samples, 2 px apart, with a deviation of 4 px
    total = float(np.exp(-0.5 * (steps / 2) ** 2).sum() ** 2)
    for step in (0, 1, 3):
        expected = 0.5 + 0.4 * np.exp(-0.5 * (step / 2) ** 2) / total
        assert out[y, x - 2 * step] == pytest.approx(expected, abs=1e-5)
        assert out[y - 2 * step, x] == pytest.approx(expected, abs=1e-5)


def test_joint_bilateral_does_not_mix_across_an_edge() -> None:
    guide = edge_at(40, 120)
    plane = np.where(guide > 100, 0.8, 0.2).astype(np.float32)
    np.testing.assert_allclose(joint_bilateral(plane, guide, radius_px=8, levels=8), plane, atol=1e-3)
    mixed = joint_bilateral(plane, np.full_like(guide, 90), radius_px=8, levels=8)
    assert mixed[30, 40] == pytest.approx(0.54, abs=0.03)


def test_shared_edges_golden() -> None:
    edge = edge_at(40)
    # At the edge half of a window is 80 levels brighter: variance 40^2 (40^2 - 80^2 / 17^2 / 4), over itself plus 8^2.
    variance = 80**2 * (8 / 17) * (9 / 17)
    found = shared_edges(edge, edge, radius_px=8, levels=8)
    assert found[30, 40] == pytest.approx(variance / (variance + 64), abs=1e-3)
    assert found[30, 10] == pytest.approx(0, abs=1e-3)
    assert shared_edges(edge, 200 - edge, radius_px=8, levels=8).max() == 0
    # A quarter of the contrast in one of them: the covariance is a quarter of the larger variance.
    for pair in ((edge, edge_at(40, 20)), (edge_at(40, 20), edge)):
        faint = shared_edges(*pair, radius_px=8, levels=8)[30, 40]
        assert faint == pytest.approx(variance / 4 / (variance + 64), abs=1e-3)
