"""Mattes of test faces."""

from __future__ import annotations

import numpy as np

from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.picture.formats import PixelLayout
from lipblend.picture.patch import Box
from lipblend.settings import AlphaSettings, MaskSettings
from lipblend.stages.alpha.matte import Matte, MatteInputs, make_matte
from lipblend.stages.masks.mask import signed_distance

SIZE = (768, 768)
LAYOUT = PixelLayout("yuv420p", 8, 1, 1, 3)


def matte_of(
    original: Landmarks,
    synced: Landmarks | None = None,
    *,
    mask: MaskSettings | dict[str, object] | None = None,
    alpha: AlphaSettings | None = None,
    frame_size: tuple[int, int] = SIZE,
    layout: PixelLayout = LAYOUT,
    **inputs: object,
) -> Matte:
    """The matte of a pair of meshes (one mesh twice by default), which must reach into the picture."""
    if not isinstance(mask, MaskSettings):
        mask = MaskSettings(**(mask or {}))
    given = MatteInputs(original, synced or original, frame_size, layout, **inputs)  # type: ignore[arg-type]
    matte = make_matte(given, mask, alpha or AlphaSettings())
    assert matte is not None
    return matte


def whole(matte: Matte, plane: np.ndarray | None = None, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A plane of the matte (alpha by default) in a whole picture of (width, height), 0 outside the box."""
    out = np.zeros(size[::-1], np.float32)
    out[matte.box.y0 : matte.box.y1, matte.box.x0 : matte.box.x1] = matte.alpha if plane is None else plane
    return out


def in_lips(mesh: Landmarks, box: Box, *, grown_px: float = 0.0) -> np.ndarray:
    """(box.height, box.width) bool: pixels inside the outer lip contour, grown by some pixels."""
    return signed_distance([(mesh.points[list(LIPS_OUTER)], True)], box, step_px=1) > -grown_px
