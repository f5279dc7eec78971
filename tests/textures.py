"""Synthetic textures, for everything that is found by the picture."""

from __future__ import annotations

import cv2
import numpy as np

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks

RATE = 25.0


def texture(size: tuple[int, int], seed: int, *, fine_px: float = 1.5, contrast: float = 45) -> np.ndarray:
    """(h, w) float32 smooth noise about 120 grey levels; ``size`` is (width, height)."""
    width, height = size
    noise = np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), fine_px)
    return np.asarray(120 + smooth * (contrast / smooth.std()), np.float32)


def talking(mesh: Landmarks, side: int, seed: int, mouth: int) -> np.ndarray:
    """(side, side) float32: a face of soft texture, its lips of another one that changes with the words."""
    out = texture((side, side), seed, fine_px=2.5, contrast=14)
    lips = np.zeros((side, side), np.float32)
    cv2.fillPoly(lips, [np.rint(mesh.points[list(LIPS_OUTER)]).astype(np.int32)], (1.0,))
    lips = cv2.GaussianBlur(lips, (0, 0), 1)
    return np.asarray(out * (1 - lips) + lips * texture((side, side), mouth, fine_px=3, contrast=40), np.float32)
