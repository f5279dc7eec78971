"""The generated patch: the original's own pixels where they explain the synced one, else that one's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.plan import FacePlan
from lipblend.faces.landmarks import LIPS_OUTER
from lipblend.media.planes import Box
from lipblend.settings import DetailSettings, ReuseSettings, Settings
from lipblend.stages.alignment import still_region
from lipblend.stages.detail import band_gains, denoised, mixed, sharpened
from lipblend.stages.grain import grain_plane, missing_grain
from lipblend.stages.matte import Matte
from lipblend.stages.microwarp import micro_warp
from lipblend.stages.reuse import Registration, register, shifted, warped

Patch3 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_TOLERANCE_CELL_PX = 4
_LIPS_SOFT_FRAC = 0.02


@dataclass(frozen=True)
class Generated:
    """What is to be blended in.

    Attributes
    ----------
    patch : (h, w, 3) float32
        Inside the mask.
    beyond : (h, w, 3) float32
        Change to be added outside of it, where the original's own pixels are moved along.
    taken : (h, w) float32 in [0, 1]
        See `lipblend.render.FacePatch`.
    """

    patch: Patch3
    beyond: Patch3
    taken: npt.NDArray[np.float32]


def reach_px(face: FacePlan, settings: ReuseSettings) -> float:
    """How far beyond the mask the original's pixels may be moved along."""
    return settings.reach_frac * face.original.face_width_px if settings.method == "motion" else 0.0


def generate(
    before: Patch3,
    after: Patch3,
    face: FacePlan,
    matte: Matte,
    settings: Settings,
    *,
    frame: int,
    restore: Callable[[Patch3], Patch3] | None = None,
) -> Generated:
    """Make the patch of one face.

    Parameters
    ----------
    before, after : (h, w, 3) float32
        The original and the synced picture in the matte's box, colours matched by the plan.
    face : FacePlan
    matte : Matte
    settings : Settings
    frame : int
        Number of the original's frame: each has grain of its own.
    restore : callable, optional
        Adds detail to the synced picture when it is in its place, coloured and sharpened: see docs/restore.md.
    """
    reuse, width_px = settings.reuse, face.original.face_width_px
    warp = micro_warp(
        face.original,
        face.synced,
        matte.box,
        strength=settings.align.warp_strength,
        regularisation=settings.align.warp_regularisation,
        largest_px=settings.align.warp_max_frac * width_px,
    )
    if warp is not None:
        after = warped(after, warp)
    found = register(
        before,
        after,
        still_region((face.original, face.synced), matte.box),
        matte.alpha > 0.5,
        matte.painted,
        face_width_px=width_px,
        tolerance=_tolerance(face, matte.box, reuse),
        motion=reuse.method == "motion",
        still_px=reuse.still_px,
        moving_px=reuse.moving_px,
        largest_shift_px=settings.align.max_frac * width_px if settings.align.method == "shift" else 0.0,
        field=settings.colour.membrane,
    )
    if found.shift.any():
        after = shifted(after, found.shift)
    after = after + found.field
    moved = warped(before, found.flow) if reuse.method == "motion" else before
    patch = _with_detail(after, moved, (found.trust > 0.7) & (matte.alpha > 0.5), width_px, settings.detail)
    if restore is not None:
        patch = restore(patch)
    grain = _grain(before, patch, found, matte, settings.detail, frame)
    if reuse.method == "none":
        patch[..., 0] += grain
        return Generated(patch, np.zeros_like(patch), matte.alpha)
    patch = mixed(patch, moved, found.trust, face_width_px=width_px, keep=settings.detail.fade)
    patch[..., 0] += (1 - found.trust) * grain
    share = (1 - matte.alpha) * matte.reach * found.trust
    stays = np.where((found.flow == 0).all(2), found.trust, np.float32(0))
    return Generated(patch, share[..., None] * (moved - before), matte.alpha * (1 - stays))


def _tolerance(face: FacePlan, box: Box, settings: ReuseSettings) -> npt.NDArray[np.float32]:
    """Tolerance over a patch, coarsely: another one within the lips of both meshes."""
    size = max(2, box.width // _TOLERANCE_CELL_PX), max(2, box.height // _TOLERANCE_CELL_PX)
    lips = np.zeros((size[1], size[0]), np.float32)
    for mesh in (face.original, face.synced):
        outline = mesh.points[np.asarray(LIPS_OUTER)] - (box.x0, box.y0)
        cells = outline * (size[0] / box.width, size[1] / box.height) - 0.5
        cv2.fillPoly(lips, [np.rint(cells * 16).astype(np.int32)], (1.0,), shift=4)
    sigma = _LIPS_SOFT_FRAC * face.original.face_width_px * size[0] / box.width
    lips = np.asarray(cv2.GaussianBlur(lips, (0, 0), max(0.5, sigma)), np.float32)
    outside, inside = np.float32(settings.tolerance_levels), np.float32(settings.lips_tolerance_levels)
    return outside + lips * (inside - outside)


def _with_detail(after: Patch3, moved: Patch3, same: Mask, width_px: float, settings: DetailSettings) -> Patch3:
    """The synced picture, calmed and sharpened; what it lacks is judged where both show the same."""
    calm = denoised(after, settings.denoise)
    gains = band_gains(
        moved[..., 0],
        calm[..., 0],
        same,
        face_width_px=width_px,
        strength=settings.strength,
        most=settings.sharpen_max,
    )
    return sharpened(calm, gains, face_width_px=width_px)


def _grain(
    before: Patch3, patch: Patch3, found: Registration, matte: Matte, settings: DetailSettings, frame: int
) -> npt.NDArray[np.float32]:
    """What the patch lacks of the original's noise, judged where nothing moved: resampling would take noise away."""
    luma = np.ascontiguousarray(patch[..., 0])
    if settings.grain == 0:
        return np.zeros_like(luma)
    still = (found.trust > 0.7) & (matte.alpha > 0.5) & (found.flow == 0).all(2)
    lack = missing_grain(np.ascontiguousarray(before[..., 0]), luma, still)
    return np.float32(settings.grain) * grain_plane(luma, lack, frame=frame, x0=matte.box.x0, y0=matte.box.y0)
