"""The generated patch: the original's own pixels where they explain the synced one, else that one's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_OUTER
from lipblend.picture.patch import Box, Patch, channels, joined
from lipblend.plan.frame_plan import FacePlan
from lipblend.settings import DetailSettings, ReuseSettings, Settings
from lipblend.stages.alpha.matte import Matte
from lipblend.stages.detail.grain import grain_plane, missing_grain
from lipblend.stages.detail.scale import gaussian
from lipblend.stages.detail.sharpen import Layers, band_gains, crossfade, denoised, layers, sharpened
from lipblend.stages.registration.flow import shifted_patch, warped, warped_patch
from lipblend.stages.registration.microwarp import micro_warp
from lipblend.stages.registration.reuse import RegistrationMasks, register
from lipblend.stages.registration.still_region import still_region

Patch3 = npt.NDArray[np.float32]
Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_TOLERANCE_CELL_PX = 4
_LIPS_SOFT_FRAC = 0.02


@dataclass(frozen=True)
class Generated:
    """What is to be blended in.

    Attributes
    ----------
    patch : Patch
        Inside the mask, in `lipblend.stages.alpha.matte.Matte.core`.
    carried : Patch or None
        Change that moves the original's own pixels along, by ``reach * trust``, in all of the matte's box: the patch is
        to be blended into the original so changed, and not into what no longer meets it at the seam. None for none.
    taken : (h, w) float32 in [0, 1]
        See `lipblend.render.frame.FacePatch`.
    """

    patch: Patch
    carried: Patch | None
    taken: npt.NDArray[np.float32]


def reach_px(face: FacePlan, settings: ReuseSettings) -> float:
    """How far beyond the mask the original's pixels may be moved along."""
    return settings.reach_frac * face.original.face_width_px if settings.method == "motion" else 0.0


def generate(
    before: Patch,
    after: Patch,
    face: FacePlan,
    matte: Matte,
    settings: Settings,
    *,
    frame: int,
    contrast: float = 1.0,
    restore: Callable[[Patch3], Patch3] | None = None,
) -> Generated:
    """Make the patch of one face.

    Parameters
    ----------
    before, after : Patch
        The original and the synced picture in the matte's box, colours matched by the plan.
    face : FacePlan
    matte : Matte
    settings : Settings
    frame : int
        Number of the original's frame: each has grain of its own.
    contrast : float
        Of the original's codes, see `lipblend.picture.light.code_contrast`.
    restore : callable, optional
        Adds detail to the synced picture when it is in its place, coloured and sharpened: see docs/restore.md. It is
        given (h, w, 3) of the matte's core.
    """
    reuse, width_px = settings.reuse, face.original.face_width_px
    warp = micro_warp(
        face.original,
        face.synced,
        matte.box,
        strength=settings.align.warp_strength,
        regularisation=settings.align.warp_regularisation,
        max_px=settings.align.warp_max_frac * width_px,
    )
    if warp is not None:
        after = _warped(after, warp)
    found = register(
        before,
        after,
        RegistrationMasks(still_region((face.original, face.synced), matte.box), matte.alpha > 0.5, matte.painted),
        reuse,
        face_width_px=width_px,
        tolerance=np.float32(contrast) * _tolerance(face, matte.box, reuse),
        max_shift_px=settings.align.max_frac * width_px if settings.align.method == "shift" else 0.0,
        field=settings.colour.membrane,
    )
    core = matte.core(before.grid)
    after = after.part(core)
    if found.shift.any():
        after = shifted_patch(after, found.shift)
    after = after + found.field.part(core)
    moved = warped_patch(before, found.flow) if reuse.method == "motion" else before
    still = found.flow.still
    # Only here is the synced picture seen.
    inner, here = matte.part(core), core.within(matte.box)
    trust, near = found.trust[here], moved.part(core)
    there = (trust > 0.7) & (inner.alpha > 0.5)
    known = layers(near.luma, width_px)
    patch = _with_detail(after, known, there, width_px, settings.detail)
    if restore is not None:
        whole = patch.whole()
        patch = patch + Patch.of(restore(whole) - whole, patch.grid)
    grain = _grain(before.luma[here], patch.luma, there & still[here], inner, settings.detail, frame)
    if reuse.method == "none":
        if grain is not None:
            patch = replace(patch, luma=patch.luma + grain)
        return Generated(patch, None, matte.alpha)
    patch = _reused(patch, near, known, trust, width_px, settings.detail)
    if grain is not None:
        grain *= 1 - trust
        patch = replace(patch, luma=patch.luma + grain)
    carried = (moved - before).weighted(matte.reach * found.trust)
    taken = found.trust * still
    np.subtract(1, taken, out=taken)
    taken *= matte.alpha
    return Generated(patch, carried, taken)


def _tolerance(face: FacePlan, box: Box, settings: ReuseSettings) -> npt.NDArray[np.float32]:
    """Tolerance over a patch, coarsely: another one within the lips of both meshes."""
    size = max(2, box.width // _TOLERANCE_CELL_PX), max(2, box.height // _TOLERANCE_CELL_PX)
    lips = np.zeros((size[1], size[0]), np.float32)
    for mesh in (face.original, face.synced):
        outline = mesh.points[np.asarray(LIPS_OUTER)] - (box.x0, box.y0)
        cells = outline * (size[0] / box.width, size[1] / box.height) - 0.5
        cv2.fillPoly(lips, [np.rint(cells * 16).astype(np.int32)], (1.0,), shift=4)
    sigma = _LIPS_SOFT_FRAC * face.original.face_width_px * size[0] / box.width
    lips = gaussian(lips, max(0.5, sigma))
    outside, inside = np.float32(settings.tolerance_levels), np.float32(settings.lips_tolerance_levels)
    return outside + lips * (inside - outside)


def _warped(patch: Patch, flow: npt.NDArray[np.float32]) -> Patch:
    """The patch read elsewhere: (h, w, 2) luma pixels to the right and down."""
    across, down = channels(flow)
    chroma_flow = [
        np.asarray(patch.grid.averaged(way) / np.float32(step), np.float32)
        for way, step in zip((across, down), patch.grid.subsampling, strict=True)
    ]
    return Patch(warped(patch.luma, flow), warped(patch.chroma, joined(*chroma_flow)), patch.grid)


def _with_detail(after: Patch, moved: Layers, same: Mask, width_px: float, settings: DetailSettings) -> Patch:
    """The synced picture, calmed and sharpened; what it lacks is judged where both show the same."""
    if settings.denoise > 0:
        after = Patch.of(denoised(after.whole(), settings.denoise), after.grid)
    calm = layers(after.luma, width_px)
    gains = band_gains(
        moved, calm, same, face_width_px=width_px, strength=settings.strength, max_gain=settings.sharpen_max
    )
    return replace(after, luma=sharpened(calm, gains, face_width_px=width_px))


def _reused(
    patch: Patch, moved: Patch, known: Layers, trust: Plane, width_px: float, settings: DetailSettings
) -> Patch:
    """The original's own pixels where they are trusted."""
    luma = crossfade(patch.luma, moved.luma, known.middle, trust, face_width_px=width_px, keep=settings.fade)
    share = patch.grid.averaged(trust)
    chroma = patch.chroma + joined(share, share) * (moved.chroma - patch.chroma)
    return Patch(luma, chroma, patch.grid)


def _grain(before: Plane, luma: Plane, still: Mask, matte: Matte, settings: DetailSettings, frame: int) -> Plane | None:
    """What the patch lacks of the original's noise, judged where nothing moved: resampling would take noise away."""
    if settings.grain == 0:
        return None
    lack = missing_grain(before, luma, still)
    if lack.levels.size == 0:
        return None
    return np.float32(settings.grain) * grain_plane(luma, lack, frame=frame, x0=matte.box.x0, y0=matte.box.y0)
