"""Looks of a lower face through a shot, drawn cell by cell: skin, a mouth that changes, and what passes before it."""

from __future__ import annotations

import cv2
import numpy as np

from lipblend.stages.occlusion.departure import ShotLooks
from lipblend.stages.occlusion.face_look import CELLS

SKIN = (135.0, 110.0, 150.0)
CUP = (215.0, 128.0, 122.0)
CUP_AT, CUP_RADIUS = (46.0, 20.0), 7.0
MOUTH_AT, MOUTH_RADII = (32.5, 32.0), (4.5, 9.0)


def ellipse(at: tuple[float, float], radii: tuple[float, float], grown: float = 0.0) -> np.ndarray:
    """(64, 64) bool: cells in an ellipse, by row and column."""
    down, across = np.mgrid[:CELLS, :CELLS].astype(np.float32)
    one, other = (max(radius + grown, 0.01) for radius in radii)
    return np.asarray(((down - at[0]) / one) ** 2 + ((across - at[1]) / other) ** 2 <= 1)


def cup(grown: float = 0.0) -> np.ndarray:
    """Cells of the cup: beside the mouth, on the cheek."""
    return ellipse(CUP_AT, (CUP_RADIUS, CUP_RADIUS), grown)


def mouth(grown: float = 0.0) -> np.ndarray:
    """Cells of the mouth."""
    return ellipse(MOUTH_AT, MOUTH_RADII, grown)


def smooth(rng: np.random.Generator, cells: float, levels: float) -> np.ndarray:
    noise = cv2.GaussianBlur(rng.normal(0, 1, (CELLS, CELLS)).astype(np.float32), (0, 0), cells)
    return np.asarray(noise * (levels / noise.std()), np.float32)


class DrawnShot:
    """Both videos' looks, (n, 64, 64, 3) float32, of the same face that says different things."""

    def __init__(self, count: int, *, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        skin = np.dstack([smooth(rng, 5, 14), smooth(rng, 8, 3), smooth(rng, 8, 3)]) + np.float32(SKIN)
        lips = cv2.GaussianBlur(mouth().astype(np.float32), (0, 0), 1.0)[..., None]
        mouths = [smooth(rng, 2.5, 25) for _ in range(2)]  # shut and open
        self.rng = rng
        self.original, self.synced = (
            np.stack([self._frame(skin, lips, mouths, rng) for _ in range(count)]) for _ in range(2)
        )

    @staticmethod
    def _frame(skin: np.ndarray, lips: np.ndarray, mouths: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        opening = rng.uniform()
        luma = 100 + mouths[0] * (1 - opening) + mouths[1] * opening
        spoken = np.dstack([luma, np.full((CELLS, CELLS, 2), (118, 158))])
        noise = rng.normal(0, 0.4, skin.shape)
        return np.asarray(skin * (1 - lips) + lips * spoken + noise, np.float32)

    def put_cup(self, frames: range | list[int], share: float = 1.0) -> DrawnShot:
        """A cup before the face in some frames of the original."""
        alpha = np.float32(share) * cv2.GaussianBlur(cup().astype(np.float32), (0, 0), 0.7)[..., None]
        for frame in frames:
            self.original[frame] += alpha * (np.float32(CUP) - self.original[frame])
        return self

    def looks(self) -> np.ndarray:
        """(n, 64, 64, 7) uint8."""
        both = [np.clip(np.rint(each), 0, 255).astype(np.uint8) for each in (self.original, self.synced)]
        apart = np.abs(both[0].astype(np.float32) - both[1]) @ np.array([1, 0.8, 0.8], np.float32)
        return np.concatenate([*both, np.clip(apart, 0, 255).astype(np.uint8)[..., None]], axis=3)

    def shot(self) -> ShotLooks:
        return ShotLooks(self.looks(), np.arange(len(self.original)) / 25)
