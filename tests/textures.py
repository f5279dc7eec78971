"""Synthetic textures, for everything that is found by the picture."""

from __future__ import annotations

import cv2
import numpy as np

RATE = 25.0


def texture(size: tuple[int, int], seed: int, *, fine_px: float = 1.5, contrast: float = 45) -> np.ndarray:
    """(h, w) float32 smooth noise about 120 grey levels; ``size`` is (width, height)."""
    width, height = size
    noise = np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), fine_px)
    return np.asarray(120 + smooth * (contrast / smooth.std()), np.float32)
