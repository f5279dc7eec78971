"""Placements over a shot: outliers and gaps filled in, a face in its place left alone."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.picture.similarity import Similarity
from lipblend.plan.placements import steady_placements
from lipblend.stages.registration.placement import Placement

COUNT, WIDTH = 40, 200.0
TIMES = np.arange(COUNT) / 25
MIDDLES = np.tile([300.0, 250.0], (COUNT, 1))
WIDTHS = np.full(COUNT, WIDTH)


def shifts(values: np.ndarray) -> list[Placement | None]:
    return [Placement(Similarity(right=float(x), down=float(y)), 0.9, 0.5) for x, y in values]


def test_a_face_in_its_place_needs_none() -> None:
    calm = np.random.default_rng(0).normal(0, 0.2, (COUNT, 2))
    assert steady_placements(shifts(calm), MIDDLES, WIDTHS, TIMES) is None
    assert steady_placements([None] * COUNT, MIDDLES, WIDTHS, TIMES) is None


def test_a_trembling_patch_is_followed_from_frame_to_frame() -> None:
    trembling = np.random.default_rng(1).uniform(-4, 4, (COUNT, 2))
    found = steady_placements(shifts(trembling), MIDDLES, WIDTHS, TIMES)
    assert found is not None
    np.testing.assert_allclose([(each.right, each.down) for each in found], trembling, atol=1e-4)


def test_a_drift_passes_through_gaps_and_outliers() -> None:
    drift = np.stack([np.linspace(-5, 5, COUNT), np.linspace(2, 6, COUNT)], axis=1)
    measured = shifts(drift)
    measured[10] = measured[11] = None
    measured[20] = Placement(Similarity(right=30.0, down=-30.0), 0.9, 0.5)
    measured[30] = Placement(Similarity(right=-20.0), 0.3, 0.2)  # explains nothing
    found = steady_placements(measured, MIDDLES, WIDTHS, TIMES)
    assert found is not None
    np.testing.assert_allclose([(each.right, each.down) for each in found], drift, atol=1e-4)


def test_turn_and_scale_survive() -> None:
    each = Similarity(1.02, 0.03, 4, 5)
    found = steady_placements([Placement(each, 0.9, 0.5)] * COUNT, MIDDLES, WIDTHS, TIMES)
    assert found is not None
    np.testing.assert_allclose(found[7].matrix, each.matrix, atol=1e-4)


@pytest.mark.parametrize(("frames", "moved"), [(3, False), (8, True)])
def test_a_few_displaced_frames_do_not_move_a_shot(frames: int, moved: bool) -> None:
    values = np.zeros((COUNT, 2))
    values[:frames] = 5
    assert (steady_placements(shifts(values), MIDDLES, WIDTHS, TIMES) is not None) == moved
