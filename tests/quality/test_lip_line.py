"""How ragged lip lines are, and how far a picture overshoots another there."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from faceviews import FULL, cropped, lip_mask, noise, portrait_view

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.lip_line import lip_line, overshoot, rag_ratio, raggedness
from lipblend.quality.reference_measures import SeenFace, lip_line_scores
from lipblend.quality.view import FaceView


def lipped(view: FaceView, *, soft_px: float = 0.0, levels: float = 60.0) -> np.ndarray:
    """Even skin with darker lips, their edge hard or soft; (h, w, 3) float32."""
    lips = lip_mask(view.synced_mesh, view.box).astype(np.float32)
    shape = cv2.GaussianBlur(lips, (0, 0), soft_px) if soft_px else lips
    picture = np.full_like(view.result, 128)
    picture[..., 0] = 150 - np.float32(levels) * shape
    return picture


def torn(view: FaceView, picture: np.ndarray) -> np.ndarray:
    """A checkerboard of skin along the inner side of the lips' edge."""
    lips = lip_mask(view.synced_mesh, view.box).view(np.uint8)
    edge = (lips - cv2.erode(lips, np.ones((7, 7), np.uint8))).astype(bool)
    rows, columns = np.indices(edge.shape)
    made = picture.copy()
    made[edge & ((rows + columns) % 2 == 0), 0] = 150
    return made


def haloed(picture: np.ndarray, share: float) -> np.ndarray:
    """Unsharp masking: a share of what is finer than 2 px on top."""
    return picture + np.float32(share) * (picture - cv2.GaussianBlur(picture, (0, 0), 2.0))


@pytest.fixture(scope="module")
def view(portrait: np.ndarray, face: Landmarks) -> FaceView:
    made = portrait_view(portrait, face)
    return replace(made, matrix=FULL)


def ragged(view: FaceView, picture: np.ndarray) -> float:
    line = lip_line(view, picture, view.synced_mesh)
    assert line is not None
    return raggedness(line)


def test_equal_pictures_have_exactly_one_and_no_overshoot(view: FaceView) -> None:
    assert lip_line_scores(view, view.result.copy()) == {"rag": 1.0, "overshoot": 0.0}
    flat = np.full_like(view.result, 90)
    assert rag_ratio(replace(view, result=flat), flat + np.float32(1)) == 1.0


def test_a_crisp_edge_is_smooth_along_itself_and_a_torn_one_is_not(view: FaceView) -> None:
    soft, crisp = lipped(view, soft_px=2.0), lipped(view, soft_px=0.8)
    assert ragged(view, crisp) < 1.5  # of 60 levels across
    assert ragged(view, torn(view, crisp)) > 10 * ragged(view, crisp)
    assert ragged(view, torn(view, soft)) > 10 * ragged(view, soft)


def test_raggedness_grows_with_the_height_of_the_tears(view: FaceView) -> None:
    truth = lipped(view, soft_px=0.8) + noise(view.contour.shape[::-1], 2)
    values = [
        rag_ratio(replace(view, result=truth + np.float32(share) * (torn(view, truth) - truth)), truth)
        for share in (0.0, 0.3, 0.6, 1.0)
    ]
    assert values[0] == 1.0
    assert values == sorted(values)
    assert values[-1] > 3


def test_tears_away_from_the_lips_do_not_count(view: FaceView) -> None:
    truth = lipped(view, soft_px=0.8)
    far = ~lip_mask(view.synced_mesh, view.box, grown_px=0.2 * view.face_width_px)
    spoiled = truth + np.float32(40) * (far & (np.indices(far.shape).sum(0) % 2 == 0))[..., None]
    assert (spoiled != truth).any()
    assert lip_line_scores(replace(view, result=spoiled), truth) == {"rag": 1.0, "overshoot": 0.0}


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_overshoot_is_a_share_of_the_step(view: FaceView, share: float) -> None:
    truths = [lipped(view, soft_px=1.0, levels=levels) for levels in (40, 80)]
    low, high = (overshoot(replace(view, result=haloed(truth, share)), truth) for truth in truths)
    assert low is not None
    assert high == pytest.approx(low, rel=0.15)
    assert 0.02 < high < 0.4 * share


def test_a_softer_result_and_an_edge_half_a_pixel_off_overshoot_nothing(view: FaceView) -> None:
    truth = lipped(view, soft_px=1.0)
    soft = cv2.GaussianBlur(truth, (0, 0), 1.0)
    beside = cv2.warpAffine(
        truth, np.float32([[1, 0, 0.5], [0, 1, 0]]), truth.shape[1::-1], borderMode=cv2.BORDER_REPLICATE
    )
    for result in (soft, beside):
        assert overshoot(replace(view, result=result), truth) < 0.02


def test_what_stands_in_front_is_left_out(view: FaceView) -> None:
    truth = lipped(view, soft_px=0.8)
    spoiled, front = truth.copy(), np.zeros(view.contour.shape, np.float32)
    x = round(float(view.synced_mesh.mouth_centre[0]) + 0.06 * view.face_width_px) - view.box.x0
    front[:, x:] = 1
    spoiled[:, x + 4 :] = torn(view, truth)[:, x + 4 :]
    hidden = replace(view, result=spoiled, in_front=front)
    assert rag_ratio(replace(hidden, in_front=None), truth) > 2
    assert rag_ratio(hidden, truth) == pytest.approx(1, abs=0.02)
    front[:, x // 2 :] = 1
    assert rag_ratio(replace(hidden, in_front=front), truth) is None  # next to nothing is left to judge


def test_lips_that_are_not_in_view_give_nothing(view: FaceView) -> None:
    away = Landmarks(view.synced_mesh.points + np.float32(4000))
    assert lip_line_scores(replace(view, synced_mesh=away), view.result) == {}
    covered = replace(view, in_front=np.ones(view.contour.shape, np.float32))
    assert lip_line_scores(covered, view.result) == {}


def test_lips_at_the_border_of_the_view_are_measured(view: FaceView) -> None:
    x = round(float(view.synced_mesh.mouth_centre[0]))
    half = cropped(view, Box(x, view.box.y0, view.box.x1, view.box.y1))
    assert lip_line_scores(half, half.result.copy()) == {"rag": 1.0, "overshoot": 0.0}


def test_a_reference_of_another_size_is_rejected(view: FaceView) -> None:
    with pytest.raises(ValueError, match="reference"):
        lip_line_scores(view, view.result[1:])


def test_a_seen_face_has_both(view: FaceView) -> None:
    assert {"rag", "overshoot"} <= SeenFace(view, view.original).scores(None).keys()
    assert SeenFace(view, None).scores(None) == {}
