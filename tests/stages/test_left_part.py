"""What was left around a displaced patch is told from the patch and from what speaks."""

from __future__ import annotations

import numpy as np
from textures import texture

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.stages.registration.left_part import left_part, left_plane, left_sample

WIDTH_PX, SIDE = 100.0, 240
BOX = Box(0, 0, SIDE, SIDE)


def placed(face: Landmarks) -> Landmarks:
    points = face.points * np.float32(WIDTH_PX / face.face_width_px)
    return Landmarks(points - points.mean(0) + np.float32(SIDE / 2))


def test_left_painted_and_speaking_parts(face: Landmarks) -> None:
    mesh = placed(face)
    x, y = (int(value) for value in mesh.mouth_centre)
    patch = np.zeros((SIDE, SIDE), bool)
    patch[y - 34 : y + 34, x - 40 : x + 40] = True
    mouth = np.zeros((SIDE, SIDE), bool)
    mouth[y - 10 : y + 10, x - 18 : x + 18] = True
    samples = []
    for seed in range(6):
        original = texture((SIDE, SIDE), seed, fine_px=2.0, contrast=15)
        words = texture((SIDE, SIDE), 100 + seed, fine_px=2.0, contrast=15)
        drawn = np.where(mouth, words, original)
        lying = np.where(patch, np.roll(drawn, 4, axis=1), original)
        samples.append(left_sample(original, lying, np.roll(lying, -4, axis=1), BOX, mesh))
    part = left_part(samples)
    assert part is not None
    plane = left_plane(part, BOX, mesh)
    beside = np.zeros((SIDE, SIDE), bool)
    beside[y - 60 : y + 50, x - 70 : x + 70] = True
    beside[y - 42 : y + 42, x - 50 : x + 50] = False
    inner = np.zeros((SIDE, SIDE), bool)
    inner[y - 28 : y + 28, x - 32 : x + 32] = True
    assert plane[beside].mean() > 0.95
    assert plane[inner].max() < 0.05


def test_without_samples_there_is_none() -> None:
    assert left_part([]) is None
