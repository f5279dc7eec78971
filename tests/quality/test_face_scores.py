"""Values of a face, the worst of several faces, and the same face in another frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from faceviews import flat, halves, noise, sized

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.face_scores import face_scores, same_face, worst, worst_of
from lipblend.quality.view import FaceView

SIZE = (160, 160)


def shown(face: Landmarks, x: float = 40.0, *, step: float = 0.0) -> FaceView:
    """A face 80 px wide over noise, with a seam through it; the result is brighter inside by ``step``."""
    original = flat(SIZE) + noise(SIZE, 6.0)
    result = original.copy()
    result[:, 80:, 0] += step
    return halves(sized(face, 80.0, left=x, top=30.0), original, result, column=80)


def test_while_a_patch_fades_its_alpha_and_old_lips_are_not_measured(face: Landmarks) -> None:
    view = shown(face, step=5.0)
    whole, fading = face_scores(view, None).values, face_scores(replace(view, weight=0.99), None).values
    assert set(whole) - set(fading) == {"alpha", "overspill", "leak"}
    assert fading == pytest.approx({key: whole[key] for key in fading})


def test_flicker_needs_the_frame_before(face: Landmarks) -> None:
    one, two = shown(face), shown(face, step=5.0)
    assert "ring_flicker" not in face_scores(two, None).values
    assert face_scores(two, two).values["ring_flicker"] == 0
    assert face_scores(two, one).values["ring_flicker"] > 1


def test_openings_are_those_of_the_four_meshes(face: Landmarks) -> None:
    meshes = [
        Landmarks(sized(face, 80.0, left=40.0, top=30.0).points * np.float32([1, gain])) for gain in (1, 1.2, 1.4)
    ]
    view = replace(shown(face), original_mesh=meshes[0], detected_synced=meshes[1], detected_result=meshes[2])
    values = face_scores(view, None).values
    found = [values[f"opening_{name}"] for name in ("original", "synced", "result")]
    assert found == pytest.approx([mesh.mouth_opening for mesh in meshes])
    assert found == sorted(found)
    assert found[0] < found[2]
    bare = face_scores(shown(face), None).values
    assert "opening_synced" not in bare
    assert "opening_result" not in bare


def test_the_same_face_is_the_nearest_within_half_its_width(face: Landmarks) -> None:
    here = shown(face)
    assert same_face(here, []) is None
    assert same_face(here, [shown(face, 79.0)]) == 0
    assert same_face(here, [shown(face, 81.0)]) is None
    assert same_face(here, [shown(face, 60.0), shown(face, 45.0), shown(face, 20.0)]) == 1


def test_the_worst_of_several_faces_by_each_measures_own_side() -> None:
    one = {"seam": 0.1, "ssim_y": 0.9, "sharpness": 0.5, "grain": 1.5}
    two = {"seam": 0.2, "ssim_y": 0.8, "sharpness": 1.9, "cast": 3.0}
    assert worst([one, two]) == {"seam": 0.2, "ssim_y": 0.8, "cast": 3.0, "sharpness": 0.5, "grain": 1.5}
    assert worst([]) == {}
    assert worst_of("sharpness", [0.6, 1.0, 1.8]) == 1.8
    assert worst_of("sharpness", [0.0, 50.0]) == 0.0
    assert worst_of("sharpness", [0.5, 1.6]) == 0.5
