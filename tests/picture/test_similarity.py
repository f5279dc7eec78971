"""Similarity transforms: composition, inverse, and the fit to points."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.similarity import NOWHERE, Similarity

parts = st.builds(Similarity, st.floats(0.5, 1.5), st.floats(-0.5, 0.5), st.floats(-50, 50), st.floats(-50, 50))
POINTS = np.random.default_rng(1).uniform(0, 300, (12, 2))


@given(parts)
def test_there_and_back(each: Similarity) -> None:
    np.testing.assert_allclose(each.inverse().apply(each.apply(POINTS)), POINTS, atol=0.01)


@given(parts, parts)
def test_one_after_another(first: Similarity, second: Similarity) -> None:
    np.testing.assert_allclose(first.then(second).apply(POINTS), second.apply(first.apply(POINTS)), atol=0.01)


@given(parts)
def test_the_fit_finds_what_moved_the_points(each: Similarity) -> None:
    found = Similarity.between(POINTS, each.apply(POINTS))
    np.testing.assert_allclose(found.matrix, each.matrix, atol=1e-3)


def test_one_point_only_shifts() -> None:
    assert Similarity.between(np.ones((3, 2)), np.full((3, 2), 4.0)) == Similarity(right=3.0, down=3.0)


def test_it_acts_alike_on_a_resized_picture() -> None:
    each = Similarity(1.02, 0.1, 7, -3)
    np.testing.assert_allclose(each.scaled(0.5).apply(POINTS / 2), each.apply(POINTS) / 2, atol=0.01)
    assert each.offset_px(np.zeros((1, 2))) == np.hypot(7, -3)


@given(parts)
def test_a_mapping_after_a_placement_samples_where_the_face_lies(each: Similarity) -> None:
    mapping = FrameMapping(0.7, 0.9, 12, -5)
    placed = mapping.after(each)
    np.testing.assert_allclose(placed.to_synced(POINTS), mapping.to_synced(each.apply(POINTS)), atol=0.02)
    np.testing.assert_allclose(placed.to_original(placed.to_synced(POINTS)), POINTS, atol=0.05)
    assert mapping.after(NOWHERE) is mapping


@given(parts)
def test_a_turned_frame_covers_the_rectangle_it_is_said_to(each: Similarity) -> None:
    placed = FrameMapping().after(Similarity(1 + each.cosine / 100, each.sine / 10, each.right, each.down))
    left, top, right, bottom = placed.covered(300, 200)
    corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
    inside = placed.to_synced(corners)
    assert inside.min() > -0.05
    assert inside[:, 0].max() < 300.05
    assert inside[:, 1].max() < 200.05


def test_the_fit_never_mirrors() -> None:
    assert np.linalg.det(Similarity.between(POINTS, POINTS * (-1, 1)).matrix[:, :2]) >= 0
