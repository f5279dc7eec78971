"""A face on made pictures, and the patch that is generated for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import ChromaGrid, Patch
from lipblend.plan.frame_plan import FacePlan
from lipblend.render.generate import PatchInputs, generate, reach_px
from lipblend.settings import Settings
from lipblend.stages.alpha.matte import Matte, MatteInputs, make_matte
from lipblend.stages.colour.colour_map import ColourMap

LAYOUT = PixelLayout("yuv444p", 8, 0, 0, 3)
SIDE = 384
QUIET: dict[str, dict[str, object]] = {"detail": {"strength": 0, "grain": 0, "fade": 0}}


def settings(**groups: dict[str, object]) -> Settings:
    keys = {*QUIET, *groups}
    return Settings.model_validate({key: {**QUIET.get(key, {}), **groups.get(key, {})} for key in keys})


def skin(seed: int = 1) -> np.ndarray:
    """(384, 384, 3) float32: a texture of several scales."""
    rng = np.random.default_rng(seed)
    luma = np.zeros((SIDE, SIDE), np.float32)
    for sigma, strength in ((1.0, 12), (4, 60), (12, 200)):
        luma += strength * cv2.GaussianBlur(rng.normal(0, 1, luma.shape).astype(np.float32), (0, 0), sigma)
    return np.dstack([130 + luma, np.full_like(luma, 110), np.full_like(luma, 150)]).astype(np.float32)


@dataclass(frozen=True)
class Made:
    """What `generate` gives, over the whole of the matte's box: the original where there is no patch.

    ``beyond`` is what is left of the moved original under a plain cross-fade with the patch.
    """

    patch: np.ndarray
    beyond: np.ndarray
    taken: np.ndarray


class Scene:
    """A face 110 px wide, its matte, and pictures cut to the matte's box."""

    def __init__(self, mesh: Landmarks, synced: Landmarks | None = None, chosen: Settings | None = None) -> None:
        chosen = chosen or settings()
        plain = ColourMap.affine("ycbcr", np.ones(3), np.zeros(3))
        self.face = FacePlan(1.0, mesh, synced or mesh, plain, np.zeros(2))
        self.settings = chosen
        self.width = mesh.face_width_px
        inputs = MatteInputs(mesh, mesh, (SIDE, SIDE), LAYOUT, reach_px=reach_px(self.face, chosen.reuse))
        matte = make_matte(inputs, chosen.mask, chosen.alpha)
        assert matte is not None
        self.matte: Matte = matte
        y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) + 0.5
        self.mouth = np.asarray(mesh.mouth_centre)
        self.right, self.down = x - np.float32(self.mouth[0]), y - np.float32(self.mouth[1])

    def cut(self, picture: np.ndarray) -> np.ndarray:
        box = self.matte.box
        return np.ascontiguousarray(picture[box.y0 : box.y1, box.x0 : box.x1])

    def jaw(self, px: float) -> np.ndarray:
        """A flow: what lies below the mouth moved down by so much."""
        move = np.clip(self.down / (0.12 * self.width), 0, 1) * -px
        return np.dstack([np.zeros_like(move), move]).astype(np.float32)

    def made(self, before: np.ndarray, after: np.ndarray, *, frame: int = 0, **more: Any) -> Made:
        grid = ChromaGrid(LAYOUT, self.matte.box)
        one, other = (Patch.of(self.cut(picture), grid) for picture in (before, after))
        made = generate(PatchInputs(one, other, self.face, self.matte, frame=frame, **more), self.settings)
        whole = one.whole().copy()
        whole[self.matte.core(grid).within(grid.box)] = made.patch.whole()
        beyond = np.zeros_like(whole) if made.carried is None else made.carried.whole()
        return Made(whole, beyond * (1 - self.matte.alpha)[..., None], made.taken)

    def hole(self, radius: float, *, below: float = 0.0) -> np.ndarray:
        """(384, 384) bool: a disc about the mouth, or so many face widths below it."""
        return np.hypot(self.right, self.down - below * self.width) < radius * self.width
