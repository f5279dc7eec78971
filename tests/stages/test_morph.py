"""The picture between two mouths: exact ends, symmetric, local, and of one mouth only."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER, NOSE_BASE, Landmarks
from lipblend.picture.patch import Box, Patch
from lipblend.stages.masks.mask import signed_distance
from lipblend.stages.registration.morph import dissolved, morph
from tests.drawn_mouths import LIPS, SKIN, drawn_patch, edges, shut_mesh, strength

SIDE = 288
BOX = Box(40, 60, 40 + SIDE, 60 + SIDE)
SHARES = (0.2, 0.5, 0.8)


@pytest.fixture(scope="module")
def shut(face: Landmarks) -> Landmarks:
    return shut_mesh(face, (BOX.x0 + SIDE / 2, BOX.y0 + 0.42 * SIDE))


@pytest.fixture(scope="module")
def opened(shut: Landmarks, transformed: Callable[..., Landmarks]) -> Landmarks:
    """The same with the lower lip and the jaw 36 px lower."""
    return transformed(shut, jaw_px=36.0)


def drawn(mesh: Landmarks, seed: int = 0) -> Patch:
    return drawn_patch(mesh, BOX, seed=seed)


def difference(first: Patch, second: Patch) -> float:
    return max(float(np.abs(first.luma - second.luma).max()), float(np.abs(first.chroma - second.chroma).max()))


def column(patch: Patch, mesh: Landmarks) -> np.ndarray:
    """Luma down the middle of the mouth, a mean of five columns."""
    x = round(float(mesh.mouth_centre[0])) - BOX.x0
    return patch.luma[:, x - 2 : x + 3].mean(1)


def test_its_ends_are_the_two_pictures_themselves(shut: Landmarks, opened: Landmarks) -> None:
    first, second = drawn(shut), drawn(opened)
    for share, end in ((0.0, first), (-1.0, first), (1.0, second), (2.0, second)):
        made = morph(first, second, (shut, opened), share, BOX)
        np.testing.assert_array_equal(made.luma, end.luma)
        np.testing.assert_array_equal(made.chroma, end.chroma)


@pytest.mark.parametrize("share", SHARES)
def test_the_order_of_the_two_does_not_matter(shut: Landmarks, opened: Landmarks, share: float) -> None:
    first, second = drawn(shut), drawn(opened, seed=1)
    forth = morph(first, second, (shut, opened), share, BOX)
    back = morph(second, first, (opened, shut), 1 - share, BOX)
    assert difference(forth, back) < 0.05


def test_a_little_more_changes_little(shut: Landmarks, opened: Landmarks) -> None:
    first, second = drawn(shut), drawn(opened)
    shares = np.linspace(0, 1, 51)
    made = [morph(first, second, (shut, opened), float(share), BOX) for share in shares]
    steps = [float(np.abs(b.luma - a.luma).mean()) for a, b in itertools.pairwise(made)]
    assert max(steps) < 4 * np.mean(steps)
    assert max(steps) < 0.15 * np.abs(second.luma - first.luma).mean()


@pytest.mark.parametrize("share", SHARES)
def test_between_a_shut_and_an_open_mouth_there_is_one_mouth(shut: Landmarks, opened: Landmarks, share: float) -> None:
    first, second = drawn(shut), drawn(opened)
    whole = np.full(first.luma.shape, share, np.float32)
    made = column(morph(first, second, (shut, opened), share, BOX), shut)
    mixed = column(dissolved(first, second, whole), shut)
    assert edges(column(second, shut)) == edges(made) == 4  # into the lip, the teeth, the lip and the skin
    assert edges(mixed) > 4
    # The first mouth has two edges of the lips, the second has two more of the teeth.
    assert 0.6 * strength(column(second, shut)) < strength(made) < 1.05 * strength(column(second, shut))


def test_the_mouth_is_open_as_far_as_the_share_says(shut: Landmarks, opened: Landmarks) -> None:
    first, second = drawn(shut), drawn(opened)
    heights = []
    for share in (0.25, 0.5, 0.75):
        made = column(morph(first, second, (shut, opened), share, BOX), shut)
        heights.append(int((made > SKIN[0] + 15).sum()))
    assert heights == pytest.approx([9, 18, 27], abs=2)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_no_teeth_shine_through_the_lips(shut: Landmarks, opened: Landmarks, share: float) -> None:
    first, second = drawn(shut), drawn(opened)
    made = morph(first, second, (shut, opened), share, BOX)
    points = shut.points + np.float32(share) * (opened.points - shut.points)
    outer, inner = (
        signed_distance([(points[list(outline)], True)], BOX, step_px=1) for outline in (LIPS_OUTER, LIPS_INNER)
    )
    lips = (outer > 3) & (inner < -3)
    mixed = dissolved(first, second, np.full(first.luma.shape, share, np.float32))
    assert np.abs(made.luma[lips] - LIPS[0]).max() < 12
    assert mixed.luma[lips].max() > LIPS[0] + 12


def test_nothing_moves_away_from_both_mouths_and_chins(shut: Landmarks, opened: Landmarks) -> None:
    """Equal pictures there: the result has their bits. And the nose stays although lips and chin move."""
    picture = drawn(shut)
    made = morph(picture, picture, (shut, opened), 0.5, BOX)
    moved = np.argwhere(made.luma != picture.luma)
    low = np.array([shut.points[list(LIPS_OUTER)].min(0), opened.points[[152, 136, 365]].max(0)])
    assert len(moved)
    left, right = (shut.points[index, 0] for index in (136, 365))
    limits = low[0, 1] - BOX.y0, min(left, low[0, 0]) - BOX.x0, max(right, shut.points[291, 0]) - BOX.x0
    room = 0.155 * shut.face_width_px
    assert moved[:, 0].min() > limits[0] - room
    assert moved[:, 1].min() > limits[1] - room
    assert moved[:, 1].max() < limits[2] + room
    x, y = np.rint(shut.points[list(NOSE_BASE)] - (BOX.x0, BOX.y0)).astype(int).T
    assert np.abs(made.luma - picture.luma)[y - 4, x].max() < 3


def test_two_equal_pictures_of_one_mesh_give_that_picture(opened: Landmarks) -> None:
    picture = drawn(opened)
    made = morph(picture, picture, (opened, opened), 0.4, BOX)
    assert difference(made, picture) < 1e-3


def test_no_room_means_a_plain_dissolve_outside_the_mouth(shut: Landmarks, opened: Landmarks) -> None:
    first, second = drawn(shut), drawn(opened, seed=2)
    nowhere = np.zeros(first.luma.shape, np.float32)
    made = morph(first, second, (shut, opened), 0.3, BOX, where=nowhere)
    mixed = dissolved(first, second, np.full(first.luma.shape, 0.3, np.float32))
    outside = signed_distance([(opened.points[list(LIPS_OUTER)], True)], BOX, step_px=1) < -2
    np.testing.assert_allclose(made.luma[outside], mixed.luma[outside], atol=1e-4)


def test_meshes_that_err_are_corrected_by_what_the_pictures_show(shut: Landmarks, opened: Landmarks) -> None:
    """Both pictures show one mouth, but the second mesh has it 4 px lower."""
    picture = drawn(shut)
    wrong = Landmarks(shut.points + np.float32([0, 4]) * np.isin(np.arange(478), LIPS_OUTER + LIPS_INNER)[:, None])
    line, made = (column(p, shut) for p in (picture, morph(picture, picture, (shut, wrong), 0.5, BOX)))
    assert strength(made) > 0.95 * strength(line)
    assert np.abs(made - line).max() < 30
