"""What lies in front is told from a part of the picture around it, and is what the whole picture tells."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import pytest

from lipblend.picture.patch import Box
from lipblend.picture.planes import cut as cut_out
from lipblend.plan.frame_plan import FramePlan
from lipblend.render import behind
from lipblend.render.behind import in_front, without
from lipblend.settings import OcclusionSettings
from lipblend.stages.occlusion import front_matte as stage
from lipblend.stages.occlusion.face_look import CELLS
from lipblend.stages.occlusion.front_matte import CELLS_BAND, front_matte, surroundings, uncovered
from tests.renders import TAGS, picture
from tests.textures import texture

SHAPE, CELL = (403, 521), 5.0
WHOLE = np.s_[:, :]


def scene(top: int, left: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Original, synced, mouth, and the opacity of a square with a soft edge."""
    planes = [texture(SHAPE[::-1], seed + number, fine_px=3, contrast=12) for number in range(4)]
    face = np.dstack(planes[:3]).astype(np.float32)
    alpha = np.zeros(SHAPE, np.float32)
    alpha[top : top + 60, left : left + 70] = 1
    alpha = cv2.GaussianBlur(alpha, (0, 0), 3)
    mouth = np.zeros(SHAPE, np.float32)
    mouth[: top + 20] = 1
    cup = np.float32((215, 126, 124)) + planes[3][..., None] - 120
    return (face + alpha[..., None] * (cup - face)).astype(np.float32), face + np.float32(2), mouth, alpha


PLACES = [(0, 0), (170, 220), (343, 451), (3, 300), (201, 449)]


@pytest.mark.parametrize("place", PLACES)
def test_the_matte_of_the_surroundings_is_that_of_the_whole(place: tuple[int, int]) -> None:
    original, synced, mouth, alpha = scene(*place)
    coarse = cv2.blur(alpha, (11, 11))
    cut = surroundings(coarse > 0.5, CELL)
    assert cut is not None
    assert coarse[cut].size < 0.5 * coarse.size
    whole = front_matte(coarse, original, synced, mouth, CELL, CELLS_BAND)
    part = np.zeros_like(whole)
    part[cut] = front_matte(coarse[cut], original[cut], synced[cut], mouth[cut], CELL, CELLS_BAND)
    assert ((whole > 0.05) & (whole < 0.95)).sum() > 100
    np.testing.assert_allclose(part, whole, atol=2e-5)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_behind_is_told_from_the_surroundings_alone(
    place: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, synced, _, alpha = scene(*place)
    front = np.where(alpha > 0.01, alpha, 0).astype(np.float32)
    part = uncovered(original, synced, front, CELL)
    monkeypatch.setattr(stage, "surroundings", lambda *_: WHOLE)
    whole = uncovered(original, synced, front, CELL)
    assert np.abs(whole - original).max() > 50
    np.testing.assert_allclose(part, whole, atol=2e-3)


def test_nothing_has_no_surroundings() -> None:
    assert surroundings(np.zeros(SHAPE, bool), CELL) is None


@pytest.mark.parametrize("strands", [False, True])
def test_a_face_keeps_the_same_whether_all_of_it_is_refined(
    row: FramePlan, strands: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = np.zeros((CELLS, CELLS), np.uint8)
    cells[28:33, 24:30] = 255  # in the mouth and beside it
    cells[44:47, 36:40] = 255
    face = replace(row.faces[0], ways=(("departures", cells),), strands=strands)
    box = Box(0, 0, 768, 768)
    pictures = [cut_out(each.planes, each.layout, box) for each in (picture(1), picture(2))]
    find = partial(in_front, *pictures, face, None, OcclusionSettings(), tags=TAGS)
    sizes, refine = [], front_matte

    def noted(coarse: np.ndarray, *more: object) -> np.ndarray:
        sizes.append(coarse.size)
        return refine(coarse, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(behind, "front_matte", noted)
    part = find()
    assert part is not None
    under = without(*pictures, part, face)
    for module in (behind, stage):
        monkeypatch.setattr(module, "surroundings", lambda *_: WHOLE)
    whole = find()
    assert whole is not None
    assert sizes[0] < 0.5 * sizes[1]
    assert part.solid is not None
    assert whole.solid is not None
    assert part.solid.max() == 1
    np.testing.assert_allclose(part.solid, whole.solid, atol=1e-4)
    for one, other in zip(under, without(*pictures, whole, face), strict=True):
        np.testing.assert_allclose(one.whole(), other.whole(), atol=0.02)
