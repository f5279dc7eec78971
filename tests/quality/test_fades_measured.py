"""Fades are measured against one mouth between the two: a cross-dissolve shows both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.fades import faded_view
from lipblend.quality.overspill import leak, overspill
from lipblend.quality.view import FaceView
from lipblend.quality.visible.face_parts import face_parts
from lipblend.quality.visible.scene import scene
from tests.mouthclips import TalkingFace


@pytest.fixture(scope="module")
def view(portrait: np.ndarray, face: Landmarks) -> FaceView:
    """A new mouth 26 px open over a shut one, at full weight."""
    return TalkingFace(portrait, face).view(opened=26.0)


def mixed(view: FaceView, weight: float) -> FaceView:
    """The frame of a fade that dissolves one picture into the other."""
    result = view.original + np.float32(weight) * (view.result - view.original)
    return replace(view, weight=weight, result=result, alpha=view.alpha * np.float32(weight))


def morphed(view: FaceView, weight: float) -> FaceView:
    """The frame of a fade that shows one mouth."""
    fading = mixed(view, weight)
    between = faded_view(replace(fading, synced=view.result)).synced
    return replace(fading, result=between + np.random.default_rng(4).normal(0, 0.4, between.shape).astype(np.float32))


@pytest.mark.parametrize("weight", [0.25, 0.5, 0.75])
def test_both_mouths_at_once_are_seen_and_one_between_is_not(view: FaceView, weight: float) -> None:
    both, one = mixed(view, weight), morphed(view, weight)
    assert (overspill(both) or 0) > 0.02
    assert (leak(both) or 0) > 0.05
    assert (overspill(one), leak(one)) == (0, 0)
    parts = [face_parts(each, None) for each in (both, one)]
    assert parts[0]["mouth_unlike"] > 2 * parts[1]["mouth_unlike"]
    assert parts[0]["mouth_unlike"] > 0.15
    assert parts[1]["mouth_unlike"] < 0.12


def test_full_weight_is_measured_as_it_is(view: FaceView) -> None:
    assert faded_view(view) is view
    assert (overspill(view), leak(view)) == (0, 0)


def test_the_mesh_of_a_fade_is_between_the_two(view: FaceView) -> None:
    fading = mixed(view, 0.5)
    half = (view.original_mesh.points + view.synced_mesh.points) / 2
    np.testing.assert_allclose(faded_view(fading).synced_mesh.points, half, atol=1e-3)
    seen = scene(fading).face
    assert seen.synced_points == pytest.approx(
        (half.astype(np.float64) - (view.box.x0, view.box.y0)) / seen.scale, abs=0.01
    )


def test_the_published_measure_leaves_fades_out(view: FaceView) -> None:
    fading = replace(mixed(view, 0.5), against="original")
    assert (overspill(fading), leak(fading)) == (None, None)
    assert overspill(replace(view, against="original")) is not None
