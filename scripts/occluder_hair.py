"""Hair before a face: thin, partly transparent, swinging."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from occluder_motion import SHUTTER, Cover, Scene, cover_of, smooth

_LEAST = 60  # of 255: fainter ends do not count as hair


@dataclass(frozen=True)
class Strands:
    """Locks of hair from the forehead down, which hang before the cheek and swing over the mouth in the middle half."""

    scene: Scene
    hairs: int = 56
    finer: int = 3

    def cover(self, index: int) -> Cover | None:
        """Hairs drawn finer than the picture, over the time that the shutter is open."""
        scene, moments = self.scene, 6
        low = np.maximum(scene.mouth(index) + scene.face_px * np.array([-0.9, -1.3]), 0).astype(int)
        high = np.minimum(
            scene.mouth(index) + scene.face_px * np.array([0.9, 0.75]), (scene.width, scene.height)
        ).astype(int)
        if (high - low < 1).any():
            return None
        width, height = (high - low).tolist()
        rgba = np.zeros((height, width, 4), np.float32)
        own = np.zeros((height, width), np.float32)
        for moment in range(moments):
            time = index + SHUTTER * ((moment + 0.5) / moments - 0.5)
            drawn, thick = self._drawn(time, low, width, height)
            rgba += cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / moments
            own = np.maximum(
                own, cv2.resize(thick, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.float32)
            )
        rgba[..., 3] /= 255
        solid = (rgba[..., 3] > 0.5 * own / 255) & (own > _LEAST)
        return cover_of(scene, index, (int(low[0]), int(low[1])), rgba, solid, None)

    def _drawn(
        self, time: float, low: NDArray[np.int_], width: int, height: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The hairs, premultiplied, and the opacity of each over a little more than its width."""
        drawn = np.zeros((height * self.finer, width * self.finer, 4), np.uint8)
        thick = np.zeros(drawn.shape[:2], np.uint8)
        rng = np.random.default_rng(self.scene.seed)
        mouth = self.scene.mouth(time) - low
        share = time / max(1, len(self.scene.mouths) - 1)
        for _ in range(self.hairs):
            lock = int(rng.integers(5))
            points, opacity, shine, size = _hair(rng, lock, share, time)
            px = ((mouth + points * self.scene.face_px) * self.finer * 16).astype(np.int32)
            colour = np.clip(self.scene.hair * shine + 6 * shine, 0, 255)
            line = max(self.finer, round(size * self.scene.face_px * self.finer))
            for start in range(0, len(px) - 1, 4):
                # Faint at both ends. What is drawn replaces what lies there, so that the pieces do not add up.
                ends = min(1.0, 0.25 + start / 10, 0.3 + (len(px) - 5 - start) / 14)
                piece, alpha = px[None, start : start + 5], 255 * opacity * ends
                cv2.polylines(drawn, piece, False, (*(colour * alpha / 255).tolist(), alpha), line, cv2.LINE_AA, 4)
                cv2.polylines(thick, piece, False, alpha, line + self.finer, cv2.LINE_8, 4)
        return drawn, thick


def _hair(
    rng: np.random.Generator, lock: int, share: float, time: float
) -> tuple[NDArray[np.float64], float, float, float]:
    """Points of a hair, its opacity, shine and width."""
    stray, phase, curl, length, opacity, shine, size, wild = rng.random(8)
    down = np.linspace(0, 1, 45)
    swinging = smooth(share, 0.2, 0.3) * (1 - smooth(share, 0.7, 0.8))
    sway = swinging * (-0.33 + 0.17 * np.sin(0.42 * time + 0.6 * lock) + 0.04 * np.sin(0.9 * time + 6 * phase))
    sway += 0.008 * np.sin(0.2 * time + 6 * phase)
    loose = (stray - 0.5) * (0.07 - 0.03 * down) + (0.16 * (wild - 0.5) * down**2 if wild > 0.75 else 0)
    x = 0.1 + 0.045 * lock + (0.12 + 0.03 * lock) * np.sin(2.3 * down) + loose
    x = x + sway * down**1.6 * (1 - 0.25 * (1 - down)) + 0.02 * np.sin(4 * down + 1.3 * lock + 1.5 * curl) * down
    x = x + 0.008 * np.sin(11 * down + 6 * curl) * down
    y = -1.16 + 0.05 * abs(lock - 1) + (1.12 + 0.12 * (lock % 3) + 0.35 * length) * down - 0.12 * np.abs(sway) * down
    return np.stack([x, y], axis=-1), 0.35 + 0.5 * opacity, 0.55 + 1.5 * shine**3, 0.003 + 0.0035 * size
