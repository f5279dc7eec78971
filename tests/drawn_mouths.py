"""A drawn face for tests of morphs and fades: textured skin, dark lips, white teeth between them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from lipblend.faces.landmarks import LIPS_INNER, LIPS_OUTER, Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.picture.picture import Picture
from lipblend.stages.masks.mask import signed_distance
from tests.renders import EIGHT, TAGS

SKIN, LIPS, TEETH = (150.0, 110.0, 150.0), (80.0, 118.0, 165.0), (215.0, 124.0, 130.0)
FACE_WIDTH_PX = 240


def shut_mesh(face: Landmarks, middle: Sequence[float]) -> Landmarks:
    """A face 240 px wide with its mouth at a place, and its inner lips on one line."""
    points = face.points.astype(np.float64) * (FACE_WIDTH_PX / face.face_width_px)
    points += np.asarray(middle) - points[list(LIPS_OUTER)].mean(0)
    upper, lower = list(LIPS_INNER[1:10]), list(LIPS_INNER[:10:-1])
    points[upper] = points[lower] = (points[upper] + points[lower]) / 2
    return Landmarks(points.astype(np.float32))


def drawn(mesh: Landmarks, box: Box, *, seed: int = 0) -> np.ndarray:
    """(h, w, 3) float32 YCbCr of a box."""
    size = box.height, box.width
    picture = np.broadcast_to(np.float32(SKIN), (*size, 3)).copy()
    picture[..., 0] += cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 12, size), (0, 0), 2)
    for outline, colour in ((LIPS_OUTER, LIPS), (LIPS_INNER, TEETH)):
        depth = signed_distance([(mesh.points[list(outline)], True)], box, step_px=1)
        picture += np.clip(depth + 0.5, 0, 1)[..., None] * (np.float32(colour) - picture)
    return picture.astype(np.float32)


def drawn_patch(mesh: Landmarks, box: Box, *, layout: PixelLayout = EIGHT, seed: int = 0) -> Patch:
    return Patch.of(drawn(mesh, box, seed=seed), ChromaGrid(layout, box))


def drawn_picture(mesh: Landmarks, side: int) -> Picture:
    patch = drawn_patch(mesh, Box(0, 0, side, side))
    planes = [np.rint(plane).astype(np.uint8) for plane in (patch.luma, patch.chroma[..., 0], patch.chroma[..., 1])]
    return Picture(planes, EIGHT, TAGS, side)


def edges(line: np.ndarray) -> int:
    """Number of separate steep steps along a line of luma."""
    steps = np.diff(cv2.GaussianBlur(line[None].astype(np.float32), (0, 0), 1.0)[0])
    kinds = np.where(np.abs(steps) > 3, np.sign(steps), 0)
    return int(np.count_nonzero((kinds[1:] != kinds[:-1]) & (kinds[1:] != 0)))


def strength(line: np.ndarray) -> float:
    """Total of the steep steps along a line, levels."""
    steps = np.diff(cv2.GaussianBlur(line[None].astype(np.float32), (0, 0), 1.0)[0])
    return float(np.abs(steps[np.abs(steps) > 3]).sum())
