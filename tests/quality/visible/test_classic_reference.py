"""The classic numbers held against the expected picture: a jaw that moves is no seam, the new mouth no old lips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from visible_faces import Sitter, lifted, moved, sitter

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.overspill import leak, overspill
from lipblend.quality.ring import seam, ssim_y
from lipblend.quality.view import FaceView
from lipblend.quality.visible.scene import classic_reference, scene


@pytest.fixture(scope="module")
def person(portrait: np.ndarray, face: Landmarks) -> Sitter:
    return sitter(portrait, face)


def expecting(view: FaceView) -> FaceView:
    return replace(view, against="expected")


def test_an_untouched_picture_is_its_own_reference(person: Sitter) -> None:
    view = person.view(person.picture, person.spoken(0))
    assert classic_reference(view) is view.original
    np.testing.assert_array_equal(classic_reference(expecting(view)), view.original)
    assert (seam(expecting(view)), ssim_y(expecting(view))) == (0.0, 1.0)


def test_a_jaw_that_moves_smoothly_is_no_seam(person: Sitter) -> None:
    result = moved(person.picture, 0, 0.02 * person.width * person.mouth_disc(0.35, 0.12))
    published = person.view(result, result)
    assert seam(expecting(published)) < 0.4 * seam(published)
    assert ssim_y(published) < ssim_y(expecting(published))


def test_a_hard_edge_stays_a_seam(person: Sitter) -> None:
    inside = (person.contour >= 0.5).astype(np.float32)
    published = person.view(lifted(person.picture, inside, (20, 0, 0)))
    assert seam(expecting(published)) > 0.7 * seam(published)


def test_lips_that_the_result_shows_anew_are_not_old_whatever_the_matte_says(person: Sitter) -> None:
    new = person.spoken(0)
    nothing = np.zeros_like(person.contour)
    fresh, stale = (replace(person.view(result, new), alpha=nothing) for result in (new, person.picture))
    assert overspill(fresh) == overspill(stale) > 0.1
    assert (overspill(expecting(fresh)), leak(expecting(fresh))) == (0, 0)
    assert overspill(expecting(stale)) == pytest.approx(overspill(stale), rel=0.1)


def test_a_larger_face_has_a_reference_of_its_own_size(portrait: np.ndarray, face: Landmarks) -> None:
    large = sitter(portrait, face, 320.0)
    opening = 0.02 * large.width
    result = moved(large.picture, 0, opening * large.mouth_disc(0.35, 0.12))
    view = expecting(large.view(result))
    reference = classic_reference(view)
    assert scene(view).face.scale[0] > 2
    assert reference.shape == view.original.shape
    near = large.mouth_disc(0.5) > large.mouth_disc(0.25)
    before = np.abs(result - large.picture)[..., 0][near].mean()
    assert np.abs(result - reference)[..., 0][near].mean() < 0.5 * before
