"""A patch that the generator drew elsewhere comes to lie in its place, whatever was left around it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from renders import EIGHT, TAGS, finished, row_of
from textures import texture

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.settings import Settings
from lipblend.stages.masks.footprint import SAMPLE_SHAPE, grid_matrix
from lipblend.stages.registration.box_places import along

SIDE = 768
RIGHT, DOWN = 3, -2
WHOLE = Box(0, 0, SIDE, SIDE)


@pytest.mark.parametrize("told", [True, False])
def test_the_nose_lies_where_the_original_has_it(face: Landmarks, told: bool) -> None:
    luma = texture((SIDE, SIDE), 3, fine_px=6, contrast=25)
    below = along(face.y_axis, face.points[1], WHOLE) / face.face_width_px  # the tip of the nose
    beside = np.abs(along(face.x_axis, face.mouth_centre, WHOLE)) / face.face_width_px
    painted = (below > -0.05) & (beside < 0.42)
    synced = np.where(painted, np.roll(luma, (DOWN, RIGHT), axis=(0, 1)), luma)

    (each,) = row_of(face, face, moved=(RIGHT, DOWN)).faces
    left = cv2.warpAffine(
        np.float32(~painted), grid_matrix(face, WHOLE), SAMPLE_SHAPE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    row = replace(row_of(face, face), faces=(replace(each, left=left if told else np.zeros_like(left)),))
    planes = finished(picture(luma), picture(synced), row, Settings())

    near = (below > 0) & (below < 0.1) & (beside < 0.15)
    assert np.abs(planes[0].astype(float) - np.rint(luma))[near].mean() < (0.5 if told else 5)


def picture(luma: np.ndarray) -> Picture:
    grey = np.full((SIDE // 2, SIDE // 2), 128, np.uint8)
    return Picture([np.clip(np.rint(luma), 0, 255).astype(np.uint8), grey, grey], EIGHT, TAGS, SIDE)
