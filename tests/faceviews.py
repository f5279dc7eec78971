"""Face views for tests of the measures: patches of known colours around a mesh, and a composite of the portrait."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.formats import ColourTags, PixelLayout
from lipblend.picture.patch import Box
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.quality.view import FaceView
from lipblend.settings import AlphaSettings, MaskSettings
from lipblend.settings.clip_groups import Against
from lipblend.stages.alpha.matte import MatteInputs, make_matte
from lipblend.stages.masks.mask import signed_distance

LIMITED = ycbcr_matrix(ColourTags(1, 1, 1, 1), 720)
FULL = ycbcr_matrix(ColourTags(1, 1, 1, 2), 720)
LAYOUT = PixelLayout("yuv420p", 8, 1, 1, 3)


def sized(mesh: Landmarks, width_px: float, *, left: float = 0.0, top: float = 0.0) -> Landmarks:
    """The mesh scaled to a face width, with its bounding box at (left, top)."""
    points = mesh.points.astype(np.float64) * (width_px / mesh.face_width_px)
    points += np.array([left, top]) - points.min(axis=0)
    return Landmarks(points.astype(np.float32))


def codes(rgb: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """R'G'B' 0..255, (..., 3), to YCbCr codes, float32, not rounded."""
    return ((rgb - matrix[:, 3]) @ np.linalg.inv(matrix[:, :3]).T).astype(np.float32)


def flat(size: tuple[int, int], colour: tuple[float, float, float] = (120.0, 110.0, 150.0)) -> np.ndarray:
    """(h, w, 3) float32 of one YCbCr colour; ``size`` is (width, height)."""
    return np.broadcast_to(np.float32(colour), (size[1], size[0], 3)).copy()


def view_of(
    mesh: Landmarks,
    original: np.ndarray,
    result: np.ndarray,
    contour: np.ndarray,
    *,
    synced: np.ndarray | None = None,
    alpha: np.ndarray | None = None,
    synced_mesh: Landmarks | None = None,
    at: tuple[int, int] = (0, 0),
    matrix: np.ndarray = LIMITED,
    against: Against = "original",
) -> FaceView:
    """A view; its classic measures are the published ones, unless they are to be held against the expected picture."""
    height, width = contour.shape
    return FaceView(
        box=Box(at[0], at[1], at[0] + width, at[1] + height),
        original=original,
        synced=result if synced is None else synced,
        result=result,
        contour=contour.astype(np.float32),
        alpha=contour.astype(np.float32) if alpha is None else alpha.astype(np.float32),
        original_mesh=mesh,
        synced_mesh=synced_mesh or mesh,
        detected_result=None,
        weight=1.0,
        matrix=matrix,
        against=against,
    )


def halves(mesh: Landmarks, original: np.ndarray, result: np.ndarray, *, column: int, **more: object) -> FaceView:
    """A view with a straight vertical seam: outside left of a column, inside from it on."""
    contour = np.zeros(original.shape[:2])
    contour[:, column:] = 1
    return view_of(mesh, original, result, contour, **more)


def cropped(view: FaceView, box: Box) -> FaceView:
    """The part of a view that lies in a box."""
    crop = np.s_[box.y0 - view.box.y0 : box.y1 - view.box.y0, box.x0 - view.box.x0 : box.x1 - view.box.x0]
    names = ("original", "synced", "result", "contour", "alpha")
    return replace(view, box=box, **{name: getattr(view, name)[crop] for name in names})


def with_mesh(view: FaceView, mesh: Landmarks) -> FaceView:
    """A view whose original and synced face have the same other mesh."""
    return replace(view, original_mesh=mesh, synced_mesh=mesh)


def lip_mask(mesh: Landmarks, box: Box, *, grown_px: float = 0.0) -> np.ndarray:
    """(box.height, box.width) bool."""
    return signed_distance([(mesh.points[list(LIPS_OUTER)], True)], box, step_px=1) > -grown_px


def contour_of(mesh: Landmarks, size: tuple[int, int]) -> np.ndarray:
    """The superellipse's alpha over a whole picture of (width, height)."""
    inputs = MatteInputs(mesh, mesh, size, LAYOUT)
    matte = make_matte(inputs, MaskSettings(shapes=("superellipse",)), AlphaSettings())
    assert matte is not None
    whole = np.zeros((size[1], size[0]), np.float32)
    whole[matte.box.y0 : matte.box.y1, matte.box.x0 : matte.box.x1] = matte.alpha
    return whole


def noise(size: tuple[int, int], sigma: float, seed: int = 0) -> np.ndarray:
    """(h, w, 3) float32, Gaussian, in luma only."""
    out = np.zeros((size[1], size[0], 3), np.float32)
    out[..., 0] = np.random.default_rng(seed).normal(0, sigma, (size[1], size[0]))
    return out


def portrait_view(portrait: np.ndarray, face: Landmarks, *, scale: float = 1.0, seed: int = 0) -> FaceView:
    """A nearly perfect composite of the portrait: inside the contour a slightly soft generator darkened the lips."""
    width = round(portrait.shape[1] * scale)
    picture = cv2.resize(portrait, (width, width), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    mesh = Landmarks((face.points * np.float32(width / portrait.shape[1])).astype(np.float32))
    original = codes(picture.astype(np.float64), LIMITED) + noise((width, width), 1.5, seed)
    synced = cv2.GaussianBlur(original, (0, 0), 0.004 * mesh.face_width_px) + noise((width, width), 1.4, seed + 100)
    lips = lip_mask(mesh, Box(0, 0, width, width)).astype(np.float32)
    synced[..., 0] -= 50 * cv2.GaussianBlur(lips, (0, 0), 0.01 * mesh.face_width_px)
    contour = contour_of(mesh, (width, width))
    result = original + contour[..., None] * (synced - original)
    return view_of(mesh, np.rint(original), np.rint(result), contour, synced=np.rint(synced))
