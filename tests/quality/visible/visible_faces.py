"""The portrait at the size at which visible parts are judged, in full-range levels, and scenes made from it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from faceviews import FULL, codes, contour_of, lip_mask, view_of

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.quality.view import FaceView
from lipblend.quality.visible.expected import Expected
from lipblend.quality.visible.scene import Scene, scene


@dataclass(frozen=True)
class Sitter:
    """A portrait: (h, w, 3) float32 levels, its mesh, and the contour of a matte around its mouth."""

    picture: np.ndarray
    mesh: Landmarks
    contour: np.ndarray

    @property
    def width(self) -> float:
        return self.mesh.face_width_px

    @property
    def lips(self) -> np.ndarray:
        """(h, w) float32: 1 on the lips, with a soft edge."""
        return cv2.GaussianBlur(lip_mask(self.mesh, self.box).astype(np.float32), (0, 0), 0.01 * self.width)

    @property
    def box(self) -> Box:
        height, width = self.contour.shape
        return Box(0, 0, width, height)

    def mouth_disc(self, radius_frac: float, soft_frac: float = 0.0) -> np.ndarray:
        """(h, w) float32: 1 within a distance from the mouth."""
        x, y = self.mesh.mouth_centre
        rows, columns = np.ogrid[: self.contour.shape[0], : self.contour.shape[1]]
        disc = (np.hypot(columns + 0.5 - x, rows + 0.5 - y) < radius_frac * self.width).astype(np.float32)
        return cv2.GaussianBlur(disc, (0, 0), soft_frac * self.width) if soft_frac else disc

    def spoken(self, seed: int, levels: float = 40.0) -> np.ndarray:
        """The picture with another mouth: blobs of light and shadow on and around the lips."""
        rng = np.random.default_rng(seed)
        blobs = cv2.GaussianBlur(rng.normal(0, 1, self.contour.shape).astype(np.float32), (0, 0), 0.03 * self.width)
        made = self.picture.copy()
        made[..., 0] += self.lips * blobs * np.float32(levels / blobs.std())
        return made

    def view(
        self, result: np.ndarray, synced: np.ndarray | None = None, *, synced_mesh: Landmarks | None = None
    ) -> FaceView:
        """A view; the generator changed nothing unless ``synced`` is given."""
        synced = self.picture if synced is None else synced
        return view_of(
            self.mesh, self.picture, result, self.contour, synced=synced, synced_mesh=synced_mesh, matrix=FULL
        )

    def scene(self, result: np.ndarray, synced: np.ndarray | None = None) -> Scene:
        return scene(self.view(result, synced))


def sitter(portrait: np.ndarray, face: Landmarks, width_px: float = 120.0) -> Sitter:
    """The portrait around the mouth, with a face of a given width."""
    side = round(portrait.shape[1] * width_px / face.face_width_px)
    small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    points = face.points * np.float32(side / portrait.shape[1])
    x, y = Landmarks(points).mouth_centre
    left, top = round(x - 0.75 * width_px), round(y - 0.75 * width_px)
    crop = small[top : top + round(1.6 * width_px), left : left + round(1.5 * width_px)]
    mesh = Landmarks(points - np.float32([left, top]))
    height, width = crop.shape[:2]
    return Sitter(codes(crop.astype(np.float64), FULL), mesh, contour_of(mesh, (width, height)))


def moved(picture: np.ndarray, right: np.ndarray | float, down: np.ndarray | float) -> np.ndarray:
    """A picture whose content moved by pixels, each (h, w) or one number."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    columns, rows = columns - np.float32(right), rows - np.float32(down)
    return cv2.remap(picture, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def lifted(picture: np.ndarray, where: np.ndarray, levels: tuple[float, float, float]) -> np.ndarray:
    """A picture with other levels in an area of weights (h, w)."""
    return picture + where[..., None] * np.float32(levels)


def flat_expected(residual: np.ndarray, picture: np.ndarray) -> Expected:
    """What is expected where only luma differs: (h, w) residual, over a picture's luma."""
    none = np.zeros_like(residual)
    grey = np.full_like(residual, 128)
    return Expected(
        picture=(picture, grey, grey), right=none, down=none, recast=(picture, grey, grey),
        explained=(none, none, none), departure=(residual, none, none), residual=(residual, none, none),
    )  # fmt: skip
