"""Steps and lines that a result has beyond what is expected."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from visible_faces import Sitter, flat_expected, lifted, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.visible.steps import (
    STEP_FRACS,
    generator_edges,
    step_heights,
    visible_lines,
    visible_steps,
)

SIZE, EDGE, WIDTH = (120, 160), 80, 160.0


def step(height: float) -> np.ndarray:
    """(h, w): a straight vertical edge in front of column 80."""
    plane = np.zeros(SIZE, np.float32)
    plane[:, EDGE:] = height
    return plane


def grey(texture: float = 0.0) -> np.ndarray:
    """(h, w): middle grey with blobs about as large as the steps are blurred."""
    rough = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, SIZE).astype(np.float32), (0, 0), 3)
    return np.float32(127) + rough * np.float32(texture / rough.std())


def along_edge(plane: np.ndarray) -> np.ndarray:
    return plane[30:-30, EDGE - 1 : EDGE + 1]


@pytest.mark.parametrize("height", [2.0, -6.0, 20.0])
@pytest.mark.parametrize("frac", STEP_FRACS)
def test_a_straight_edge_measures_its_height(height: float, frac: float) -> None:
    found = step_heights([step(height)], frac * WIDTH)
    np.testing.assert_allclose(along_edge(found), abs(height), rtol=0.08)
    assert found[:, : EDGE - 40].max() < 0.01 * abs(height)


def test_an_edge_in_any_direction_measures_its_height() -> None:
    rows, columns = np.mgrid[:160, :160]
    slanted = np.where(0.6 * (columns - 80) + 0.8 * (rows - 80) > 0, np.float32(10), np.float32(0))
    assert step_heights([slanted], 4.0)[80, 80] == pytest.approx(10, rel=0.08)


def test_luma_and_chroma_are_added_as_vectors() -> None:
    found = step_heights([step(3), step(0), step(-4)], 4.0)
    np.testing.assert_allclose(along_edge(found), 5, rtol=0.05)


def test_the_two_sides_of_a_thin_line_cancel() -> None:
    line = np.zeros(SIZE, np.float32)
    line[:, EDGE] = 10
    found = step_heights([line], STEP_FRACS[1] * WIDTH)
    assert found[60, EDGE] < 0.01
    assert found.max() < 2.5
    assert step_heights([step(10)], STEP_FRACS[1] * WIDTH).max() > 9


def test_a_visible_step_grows_with_its_height_and_is_none_without() -> None:
    one, two, none = (visible_steps(flat_expected(step(height), grey()), WIDTH) for height in (3, 6, 0))
    np.testing.assert_allclose(two, 2 * one, rtol=1e-4, atol=1e-4)
    assert along_edge(one).min() > 1
    assert none.max() == 0


def test_texture_hides_a_step() -> None:
    plain, rough, rougher = (
        np.median(along_edge(visible_steps(flat_expected(step(6), grey(texture)), WIDTH))) for texture in (0, 8, 30)
    )
    assert plain > 1.2 * rough > 1.2 * 1.2 * rougher


def test_noise_is_no_step() -> None:
    noise = np.random.default_rng(1).normal(0, 4, SIZE).astype(np.float32)
    edge = np.median(along_edge(visible_steps(flat_expected(step(4), grey()), WIDTH)))
    assert np.median(visible_steps(flat_expected(noise, grey()), WIDTH)) < 0.6 * edge


def test_a_thin_line_is_visible_and_lines_of_the_picture_hide_it() -> None:
    line = np.zeros(SIZE, np.float32)
    line[:, EDGE : EDGE + 2] = 12
    stripes = np.where(np.mgrid[: SIZE[0], : SIZE[1]][1] // 3 % 2, np.float32(160), np.float32(90))
    free, masked, none = (
        visible_lines(flat_expected(extra, picture), WIDTH)[60, EDGE]
        for extra, picture in ((line, grey()), (line, stripes), (0 * line, stripes))
    )
    assert free > 1
    assert masked < 0.5 * free
    assert none == 0
    smooth = cv2.GaussianBlur(step(12), (0, 0), 0.06 * WIDTH)
    assert visible_lines(flat_expected(smooth, grey()), WIDTH).max() < 0.2 * free


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face)


def test_edges_of_the_generators_box_are_found(person: Sitter) -> None:
    x, y = np.rint(person.mesh.mouth_centre).astype(int)
    reach = round(0.3 * person.width)
    box = np.zeros(person.contour.shape, np.float32)
    box[y - reach : y + reach, x - reach : x + reach] = 1
    pasted = lifted(person.picture, box, (20, 0, 0))
    shown = person.scene(person.picture, pasted)
    edges = generator_edges(shown.face, shown.found, shown.parts)
    near_edge = cv2.morphologyEx(box, cv2.MORPH_GRADIENT, np.ones((17, 17))) > 0
    lower = np.zeros_like(edges)
    lower[y + reach - 2 : y + reach + 2, x - reach + 8 : x + reach - 8] = True
    assert edges[lower].mean() > 0.8
    assert (edges & ~near_edge).sum() < 0.05 * edges.sum()


def test_a_generator_that_pasted_nothing_has_no_edges(person: Sitter) -> None:
    shown = person.scene(person.picture, person.spoken(0))
    assert not generator_edges(shown.face, shown.found, shown.parts).any()
