"""Textures with a known motion, registered."""

from __future__ import annotations

import cv2
import numpy as np

from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.settings import ReuseSettings
from lipblend.stages.registration.flow import Flow
from lipblend.stages.registration.reuse import Registration, RegistrationMasks, register

SIZE = 200
WIDTH = 160.0
UPRIGHT = np.array([0.0, 1.0])
TOLERANCE = np.full((9, 9), 3, np.float32)


def skin(seed: int = 1, size: int = SIZE) -> np.ndarray:
    """(h, w, 3) float32: a texture of several scales in the colours of skin."""
    rng = np.random.default_rng(seed)
    luma = np.zeros((size, size), np.float32)
    for sigma, strength in ((1.2, 12), (4, 60), (12, 200)):
        luma += strength * cv2.GaussianBlur(rng.normal(0, 1, (size, size)).astype(np.float32), (0, 0), sigma)
    return np.dstack([130 + luma, np.full_like(luma, 110), np.full_like(luma, 150)]).astype(np.float32)


def patch_of(whole: np.ndarray) -> Patch:
    """In 4:4:4."""
    height, width = whole.shape[:2]
    return Patch.of(whole, ChromaGrid(PixelLayout("yuv444p", 8, 0, 0, 3), Box(0, 0, width, height)))


def vectors(flow: Flow) -> np.ndarray:
    """(h, w, 2)."""
    return np.dstack([flow.right, flow.down])


def found(original: np.ndarray, synced: np.ndarray, **changed: object) -> Registration:
    """Register two pictures; arguments of `register`, its masks and its settings may be changed."""
    still = changed.pop("still", None)
    if still is None:
        still = np.zeros(original.shape[:2], bool)
        still[: round(0.3 * len(still))] = True
    lying = changed.pop("lying", None)
    masks = RegistrationMasks(
        still,
        changed.pop("replaced", ~still),
        changed.pop("painted", np.ones(still.shape, np.float32)),
        lying=None if lying is None else patch_of(lying),
    )
    settings = ReuseSettings(method=changed.pop("method", "motion"), still_px=0.3, moving_px=1.0)
    options = {
        "face_width_px": WIDTH,
        "tolerance": TOLERANCE,
        "max_shift_px": 4.0,
        "field": True,
        "y_axis": UPRIGHT,
        **changed,
    }
    return register(patch_of(original), patch_of(synced), masks, settings, **options)


def jaw_flow(px: float) -> np.ndarray:
    """A motion downwards that grows from the middle of the picture."""
    y = np.linspace(0, 1, SIZE, dtype=np.float32)
    down = np.clip((y - 0.5) / 0.25, 0, 1) * px
    return np.dstack([np.zeros((SIZE, SIZE), np.float32), np.repeat(-down[:, None], SIZE, 1)]).astype(np.float32)
