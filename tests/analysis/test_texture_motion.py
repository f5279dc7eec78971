"""Meshes that move on with the texture of a face."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from lipblend.analysis.texture_motion import Carried, carry, evened
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.similarity import Similarity

SMALL = 0.4
FACE_PX = 220 * SMALL


def moved(picture: np.ndarray, step: int) -> tuple[np.ndarray, Similarity]:
    """The picture after some steps of a motion, and that motion."""
    turn = 0.02 * step
    motion = Similarity(np.cos(turn) * 1.01**step, np.sin(turn) * 1.01**step, 2.0 * step, -0.5 * step)
    matrix = motion.matrix
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    size = picture.shape[1::-1]
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REFLECT), motion


def grey(portrait: np.ndarray) -> np.ndarray:
    small = cv2.resize(portrait, None, fx=SMALL, fy=SMALL, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)


def followed(
    portrait: np.ndarray, face: Landmarks, change: Callable[[int, np.ndarray], np.ndarray], steps: int = 8
) -> tuple[list[Carried], np.ndarray, list[Similarity]]:
    picture, mesh = grey(portrait), face.points * np.float32(SMALL)
    pairs = [moved(picture, step) for step in range(1, steps + 1)]
    planes = [evened(change(step, each), FACE_PX) for step, (each, _) in enumerate(pairs, 1)]
    return list(carry(evened(picture, FACE_PX), mesh, planes)), mesh, [motion for _, motion in pairs]


def test_a_mesh_moves_with_the_face(portrait: np.ndarray, face: Landmarks) -> None:
    found, mesh, motions = followed(portrait, face, lambda _, picture: picture)
    assert len(found) == len(motions)
    for each, motion in zip(found, motions, strict=True):
        assert np.hypot(*(each.mesh - motion.apply(mesh)).T).max() < 0.5
        assert 0.9 < each.fit <= 1


def test_a_face_is_followed_into_the_dark(portrait: np.ndarray, face: Landmarks) -> None:
    found, mesh, motions = followed(portrait, face, lambda step, each: np.rint(each * (1 if step < 4 else 0.1)))
    assert len(found) == len(motions)
    assert np.hypot(*(found[-1].mesh - motions[-1].apply(mesh)).T).max() < 1.0


def test_a_face_that_gives_way_to_another_texture_is_lost(portrait: np.ndarray, face: Landmarks) -> None:
    noise = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 400, (307, 307)).astype(np.float32), (0, 0), 4) + 128
    found, _, _ = followed(portrait, face, lambda step, each: each if step < 4 else noise)
    assert len(found) == 3


def test_a_face_that_is_slowly_covered_is_lost(portrait: np.ndarray, face: Landmarks) -> None:
    """Its cover stands still, and is not taken for the face."""
    noise = cv2.GaussianBlur(np.random.default_rng(2).normal(0, 400, (307, 307)).astype(np.float32), (0, 0), 4) + 128

    def covered(step: int, picture: np.ndarray) -> np.ndarray:
        out = picture.copy()
        out[: 12 * step] = noise[: 12 * step]
        return out

    found, _, _ = followed(portrait, face, covered, steps=25)
    assert 3 <= len(found) <= 20


def test_nothing_is_carried_from_a_flat_picture(face: Landmarks) -> None:
    flat = np.full((307, 307), 128, np.uint8)
    assert list(carry(flat, face.points * np.float32(SMALL), [flat] * 3)) == []


def test_a_robust_similarity_ignores_points_that_move_otherwise() -> None:
    points = np.random.default_rng(3).uniform(0, 100, (60, 2))
    motion = Similarity(1.05, 0.1, 4.0, -3.0)
    target = motion.apply(points)
    target[:20] += (15, 9)
    assert motion.inverse().then(Similarity.robust(points, target, scale_px=0.5)).offset_px(points) < 0.2
    assert motion.inverse().then(Similarity.between(points, target)).offset_px(points) > 2
