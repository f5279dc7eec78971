"""Distortions over a shot: steadied, and taken for real only if much of the shot has them."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.similarity import NOWHERE, Similarity
from lipblend.plan.bends import Places, distorted_rows, steady_bends
from lipblend.stages.registration.bend import LATTICE_SHAPE, Bend
from lipblend.stages.registration.placement import Placement

COUNT = 40
TIMES = np.arange(COUNT) / 25
FOUND = [Placement(NOWHERE, 0.9, 0.7)] * COUNT
PLACEMENTS = [NOWHERE] * COUNT


def row(size: float, gain: float = 0.2) -> np.ndarray:
    return Bend(np.full(LATTICE_SHAPE, size, np.float32), 0.7 + gain, 0.7).row


def test_a_drift_is_followed_and_trembling_taken_out(face: Landmarks) -> None:
    drift = 0.01 + 0.01 * np.sin(2 * np.pi * 0.3 * TIMES)
    noise = np.random.default_rng(1).normal(0, 0.002, COUNT)
    measured = {i: row(float(drift[i] + noise[i])) for i in range(COUNT) if i not in (5, 6, 20)}
    found = [FOUND[i] if i in measured else None for i in range(COUNT)]
    steady = steady_bends(measured, found, PLACEMENTS, lambda _: face, TIMES)
    assert steady is not None
    errors = np.array([steady[i][0, 0, 0] for i in range(COUNT)]) - drift
    assert np.abs(errors).max() < 0.003
    assert np.sqrt((errors**2).mean()) < 0.6 * noise.std()


def test_a_stretch_that_looks_the_same_as_it_lies_is_straight(face: Landmarks) -> None:
    """It has a placement and no bend; where there is no face there is neither, and the nearer end goes on."""
    found = [*FOUND[:30], *[None] * 10]
    steady = steady_bends({i: row(0.02) for i in range(14)}, found, PLACEMENTS, lambda _: face, TIMES)
    assert steady is not None
    assert not steady[29].any()
    assert not steady[COUNT - 1].any()
    steady = steady_bends(
        {i: row(0.02) for i in range(14)}, [*FOUND[:14], *[None] * 26], PLACEMENTS, lambda _: face, TIMES
    )
    assert steady is not None
    assert steady[COUNT - 1] == pytest.approx(np.full(LATTICE_SHAPE, 0.02), abs=1e-6)


def test_a_frame_whose_pictures_do_not_agree_is_not_learnt_from(face: Landmarks) -> None:
    wild = Bend(np.full(LATTICE_SHAPE, 0.5, np.float32), 0.1, 0.05).row
    measured = {i: wild if i == 20 else row(0.01) for i in range(COUNT)}
    steady = steady_bends(measured, FOUND, PLACEMENTS, lambda _: face, TIMES)
    assert steady is not None
    assert steady[20] == pytest.approx(np.full(LATTICE_SHAPE, 0.01), abs=1e-6)
    assert distorted_rows(measured) == set(range(COUNT)) - {20}


@pytest.mark.parametrize(("frames", "bent"), [(8, False), (14, True)])
def test_a_few_distorted_frames_do_not_bend_a_shot(face: Landmarks, frames: int, bent: bool) -> None:
    measured = {i: row(0.02, 0.2 if i < frames else 0.02) for i in range(COUNT)}
    assert (steady_bends(measured, FOUND, PLACEMENTS, lambda _: face, TIMES) is not None) == bent


def test_a_shot_that_was_not_measured_is_straight(face: Landmarks) -> None:
    assert steady_bends({}, FOUND, PLACEMENTS, lambda _: face, TIMES) is None
    places = Places(PLACEMENTS, None, lambda _: face)
    assert places.bend(3) is None
    np.testing.assert_array_equal(places.brought_back(3, face.points), face.points)


def test_it_follows_the_placement_that_is_used(face: Landmarks) -> None:
    """Measured with the face brought back by 5 px that are not undone after all: the lattice has them then."""
    moved = Similarity(right=5.0)
    found = [Placement(moved, 0.9, 0.5)] * COUNT
    measured = {i: row(0.01) for i in range(COUNT)}
    kept = steady_bends(measured, found, [moved] * COUNT, lambda _: face, TIMES)
    assert kept is not None
    assert kept[7] == pytest.approx(np.full(LATTICE_SHAPE, 0.01), abs=1e-6)
    alone = steady_bends(measured, found, PLACEMENTS, lambda _: face, TIMES)
    assert alone is not None
    assert alone[7][..., 0] == pytest.approx(np.full(LATTICE_SHAPE[:2], 0.01 + 5 / face.face_width_px), abs=1e-5)


def test_a_mesh_is_brought_back_from_both(face: Landmarks) -> None:
    steady = steady_bends({i: row(0.01) for i in range(COUNT)}, FOUND, PLACEMENTS, lambda _: face, TIMES)
    assert steady is not None
    places = Places([Similarity(right=4.0)] * COUNT, steady, lambda _: face)
    back = places.brought_back(2, face.points)
    width = face.face_width_px
    np.testing.assert_allclose(back, face.points - (4 + 0.01 * width, 0.01 * width), atol=1e-3)
