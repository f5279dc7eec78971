"""A patch that fades in or out shows one mouth at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lipblend.faces.landmarks import JAW, LIPS_OUTER, Landmarks
from lipblend.pair import open_pair
from lipblend.picture.frame_mapping import UNMOVED, FrameMapping
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.plan.make_plan import make_plan
from lipblend.quality.evaluation.views import Blended, FrameTriple, frame_views
from lipblend.quality.overspill import overspill
from lipblend.quality.view import FaceView
from lipblend.render import face_patch
from lipblend.render.frame import compose, render_frame
from lipblend.settings import Settings
from lipblend.stages.masks.mask import signed_distance
from lipblend.stages.masks.shapes import convex_hull
from tests.drawn_mouths import drawn_picture, edges, shut_mesh
from tests.renders import picture, row_of, settings

PAIR = Path(__file__).resolve().parents[3] / "shared" / "eval" / "pairs" / "ls1_musetalk"
SIDE = 480
WEIGHTS = (0.2, 0.4, 0.6, 0.8)


@pytest.fixture(scope="module")
def meshes(face: Landmarks, transformed: Callable[..., Landmarks]) -> tuple[Landmarks, Landmarks]:
    """A shut mouth, and the same 30 px open."""
    shut = shut_mesh(face, (SIDE / 2, 0.5 * SIDE))
    return shut, transformed(shut, jaw_px=30.0)


@pytest.fixture(scope="module")
def pictures(meshes: tuple[Landmarks, Landmarks]) -> tuple[Picture, Picture]:
    original, synced = (drawn_picture(mesh, SIDE) for mesh in meshes)
    return original, synced


def faded_row(row: FramePlan, weight: float) -> FramePlan:
    return replace(row, faces=(replace(row.faces[0], weight=weight),))


def shown(
    original: Picture, synced: Picture, row: FramePlan, chosen: Settings, mapping: FrameMapping = UNMOVED
) -> tuple[Picture, Picture, list[FaceView]]:
    """The faded result, a cross-dissolve of the same strength, and the views of both."""
    weight = row.faces[0].weight
    rendered = render_frame(original, synced, row, chosen, mapping=mapping)
    made, mixed = compose(original, rendered), original.copy()
    whole = compose(original, render_frame(original, synced, faded_row(row, 1.0), chosen, mapping=mapping))
    for plane, full in zip(mixed.planes, whole.planes, strict=True):
        plane[:] = np.rint(plane + weight * (full.astype(np.float64) - plane))
    views = [
        frame_views(FrameTriple(original, synced, each, mapping), Blended.of(rendered))[0] for each in (made, mixed)
    ]
    return made, mixed, views


@pytest.mark.parametrize("weight", WEIGHTS)
def test_each_frame_of_a_fade_shows_one_mouth(
    pictures: tuple[Picture, Picture], meshes: tuple[Landmarks, Landmarks], weight: float
) -> None:
    made, mixed, views = shown(*pictures, row_of(*meshes, weight=weight), settings())
    x = SIDE // 2
    lines = [each.planes[0][200:330, x - 2 : x + 3].mean(1) for each in (pictures[1], made, mixed)]
    assert edges(lines[0]) == edges(lines[1]) == 4
    assert edges(lines[2]) > 4
    assert overspill(views[0]) == 0
    assert (overspill(views[1]) or 0) > 0.02


def test_a_fade_changes_nothing_outside_the_matte(meshes: tuple[Landmarks, Landmarks]) -> None:
    (patch,) = render_frame(
        picture(1, side=SIDE), picture(2, side=SIDE), row_of(*meshes, weight=0.5), settings()
    ).patches
    assert not patch.delta.luma[~patch.matte.touched].any()
    assert patch.delta.luma.any()


def test_a_fade_between_equal_pictures_is_the_original_bit_for_bit(meshes: tuple[Landmarks, Landmarks]) -> None:
    same = picture(1, side=SIDE)
    (patch,) = render_frame(same, same, row_of(*meshes, weight=0.5), settings()).patches
    assert not patch.delta.luma.any()
    assert not patch.delta.chroma.any()


def test_where_nothing_speaks_half_weight_makes_half_the_change(meshes: tuple[Landmarks, Landmarks]) -> None:
    half, full = (
        render_frame(picture(1, side=SIDE), picture(2, side=SIDE), row_of(*meshes, weight=weight), settings()).patches[
            0
        ]
        for weight in (0.5, 1.0)
    )
    box: Box = half.matte.box
    speaking = [convex_hull(mesh.points[[*LIPS_OUTER, *JAW[6:-6]]]) for mesh in meshes]
    away = signed_distance([(hull, True) for hull in speaking], box, step_px=1) < -0.16 * meshes[0].face_width_px
    away &= full.matte.alpha > 0
    assert away.sum() > 300
    np.testing.assert_allclose(half.delta.luma[away], full.delta.luma[away] / 2, atol=1e-3)
    assert np.abs(full.delta.luma[away]).max() > 10


def test_full_weight_is_not_morphed(
    pictures: tuple[Picture, Picture], meshes: tuple[Landmarks, Landmarks], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[float] = []
    faded = face_patch.faded
    monkeypatch.setattr(face_patch, "faded", lambda *given: calls.append(given[2].weight) or faded(*given))
    for weight in (1.0, 0.7):
        render_frame(*pictures, row_of(*meshes, weight=weight), settings())
    assert calls == [0.7]


@pytest.mark.slow(15)
@pytest.mark.skipif(not (PAIR / "orig.mp4").is_file(), reason="needs real clips in shared/")
def test_fades_of_a_real_clip_show_no_double_lips() -> None:
    pair, chosen = open_pair(PAIR / "orig.mp4", PAIR / "synced.mp4"), Settings()
    analysis = pair.analyse(chosen)
    row = make_plan(analysis, chosen).rows[46]
    original, synced = (
        video.picture(video.frame(index))
        for video, index in ((analysis.original, row.original_index), (analysis.synced, row.synced_index))
    )
    for weight in (0.4, 0.6):
        _, _, views = shown(original, synced, faded_row(row, weight), chosen, analysis.mapping)
        assert overspill(views[0]) == 0
        assert (overspill(views[1]) or 0) > 0.02
