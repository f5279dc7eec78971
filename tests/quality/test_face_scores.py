"""Values of a face, the worst of several faces, and the same face in another frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from faceviews import flat, halves, noise, portrait_view, sized, with_mesh

from lipblend.faces.landmarks import Landmarks
from lipblend.quality.face_scores import face_scores, same_face, worst, worst_of
from lipblend.quality.measures import MEASURES
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


def test_what_cannot_be_measured_is_left_out(portrait: np.ndarray, face: Landmarks) -> None:
    view = portrait_view(portrait, face)
    along_seam = {key for key, measure in MEASURES.items() if measure.at_contour} | {"alpha"}
    lips, skin, detail = {"overspill", "leak"}, {"cast", "grain"}, {"sharpness"}
    assert missing(view) == set()
    for level in (0.0, 0.3):
        nothing = replace(view, contour=np.full_like(view.contour, level))
        assert not nothing.ring.any()
        assert missing(nothing) == along_seam | skin | detail, "no value without a seam: set at_contour in measures.py"
    assert missing(replace(view, contour=np.ones_like(view.contour))) == along_seam
    away = Landmarks(view.original_mesh.points + np.float32([3000, 0]))
    assert missing(with_mesh(view, away)) == lips | skin
    assert missing(replace(view, synced_mesh=away)) == lips | skin
    points = view.original_mesh.points
    tiny = Landmarks(((points - points.min(0)) * 0.02 + 200).astype(np.float32))
    assert lips < missing(with_mesh(view, tiny))


def missing(view: FaceView) -> set[str]:
    """Measures without a value, besides those that need detected meshes."""
    wanted = {key for key, measure in MEASURES.items() if measure.of_face or measure.of_change}
    found = face_scores(view, replace(view)).values
    return wanted - set(found) - {"opening_synced", "opening_result"}


def test_flicker_needs_the_previous_frame(face: Landmarks) -> None:
    previous, view = shown(face), shown(face, step=5.0)
    assert "ring_flicker" not in face_scores(view, None).values
    assert face_scores(view, view).values["ring_flicker"] == 0
    assert face_scores(view, previous).values["ring_flicker"] > 1


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
    view = shown(face)
    assert same_face(view, []) is None
    assert same_face(view, [shown(face, 79.0)]) == 0
    assert same_face(view, [shown(face, 81.0)]) is None
    assert same_face(view, [shown(face, 60.0), shown(face, 45.0), shown(face, 20.0)]) == 1


def test_the_worst_of_several_faces() -> None:
    first = {"seam": 0.1, "ssim_y": 0.9, "sharpness": 0.5, "grain": 1.5}
    second = {"seam": 0.2, "ssim_y": 0.8, "sharpness": 1.9, "cast": 3.0}
    assert worst([first, second]) == {"seam": 0.2, "ssim_y": 0.8, "cast": 3.0, "sharpness": 0.5, "grain": 1.5}
    assert worst([]) == {}
    assert worst_of("sharpness", [0.6, 1.0, 1.8]) == 1.8
    assert worst_of("sharpness", [0.0, 50.0]) == 0.0
    assert worst_of("sharpness", [0.5, 1.6]) == 0.5
