"""The generated patch: the original's own pixels where they explain the synced picture, else the synced ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_OUTER
from lipblend.picture.patch import Box, Patch, joined
from lipblend.plan.frame_plan import FacePlan
from lipblend.settings import AlignSettings, DetailSettings, ReuseSettings, Settings
from lipblend.stages.alpha.matte import Matte
from lipblend.stages.detail.grain import grain_plane, missing_grain
from lipblend.stages.detail.scale import gaussian
from lipblend.stages.detail.sharpen import Layers, band_gains, crossfade, denoised, layers, sharpened
from lipblend.stages.registration.flow import patch_along, shifted_patch, warped_patch
from lipblend.stages.registration.microwarp import micro_warp
from lipblend.stages.registration.reuse import Registration, RegistrationMasks, register
from lipblend.stages.registration.still_region import still_region

Patch3 = npt.NDArray[np.float32]
Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_TOLERANCE_CELL_PX = 4
_LIPS_SOFT_FRAC = 0.02
_TRUSTED = 0.7  # trust above which both pictures count as showing the same
_NEAR_FROM_PX = 64.0  # face width from which the nose alone has enough pixels
_EDGE_FRAC, _ANY_SHARE = 0.025, 0.05  # around what stands in front, and how little of it counts
_LYING = 0.1  # share left as it was from which a pixel does not show how a displaced face lies


@dataclass(frozen=True)
class PatchInputs:
    """What the patch of one face is made from.

    Attributes
    ----------
    original, synced : Patch
        In the matte's box; the synced one with its colours matched.
    face : FacePlan
    matte : Matte
    frame : int
        Number of the original's frame: each has grain of its own.
    contrast : float
        Of the original's codes, see `lipblend.picture.light.code_contrast`.
    left : (h, w) float32 in [0, 1], optional
        Where the generator left the picture as it was although the face lies elsewhere.
    in_front : (h, w) float32 in [0, 1], optional
        What stands in front of the face: nothing is learnt from it.
    lying : Patch, optional
        The synced picture as the generator left it, if it lies in its place (`lipblend.stages.registration.beyond`).
    restore : callable, optional
        Adds detail to the synced picture after alignment, colour match and sharpening (docs/restore.md); it gets
        (h, w, 3) float32 of the matte's core.
    """

    original: Patch
    synced: Patch
    face: FacePlan
    matte: Matte
    frame: int
    contrast: float = 1.0
    left: Plane | None = None
    in_front: Plane | None = None
    lying: Patch | None = None
    restore: Callable[[Patch3], Patch3] | None = None


@dataclass(frozen=True)
class Generated:
    """A patch that is ready to be blended in.

    Attributes
    ----------
    patch : Patch
        In `lipblend.stages.alpha.matte.Matte.core`.
    carried : Patch or None
        Change, in all of the matte's box, that moves the original's own pixels along by ``reach * trust``. The patch is
        blended into the original with this change, so that the two meet at the seam. None if nothing moves.
    taken : (h, w) float32 in [0, 1]
        See `lipblend.render.face_patch.FacePatch`.
    """

    patch: Patch
    carried: Patch | None
    taken: npt.NDArray[np.float32]


def reach_px(face: FacePlan, settings: ReuseSettings) -> float:
    """How far beyond the mask the original's pixels may be moved along, pixels."""
    return settings.reach_frac * face.original.face_width_px if settings.method == "motion" else 0.0


def generate(inputs: PatchInputs, settings: Settings) -> Generated:
    """Make the patch of one face."""
    original, matte, width_px = inputs.original, inputs.matte, inputs.face.original.face_width_px
    synced = _micro_warped(inputs.synced, inputs.face, matte.box, settings.align)
    found = _registered(replace(inputs, synced=synced), settings)
    # From here on only the core matters: nothing of the synced picture shows outside it.
    core = matte.core(original.grid)
    inner, place = matte.part(core), core.within(matte.box)
    synced = _aligned(synced.part(core), found, core)
    moved = _moved(original, found, settings.reuse)
    moved_core, trust, still = moved.part(core), found.trust[place], found.flow.still
    trusted = (trust > _TRUSTED) & (inner.alpha > 0.5)
    if inputs.in_front is not None:
        trusted &= _clear_of(inputs.in_front[place], width_px)
    bands = layers(moved_core.luma, width_px)
    patch = _with_detail(synced, bands, trusted, width_px, settings.detail)
    patch = _restored(patch, inputs.restore)
    grain = _grain(original.luma[place], patch.luma, trusted & still[place], inner.box, settings.detail, inputs.frame)
    patch = _reused(patch, moved_core, bands, trust, width_px, settings)
    patch = _with_grain(patch, grain, trust, settings.reuse)
    return Generated(patch, *_carried(original, moved, found, matte, settings.reuse))


def _clear_of(in_front: Plane, width_px: float) -> Mask:
    """Where neither picture shows the edges of what stands in front, which would count as detail of the face."""
    side = 2 * max(1, round(_EDGE_FRAC * width_px)) + 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(in_front, brush) < _ANY_SHARE)


def _micro_warped(synced: Patch, face: FacePlan, box: Box, settings: AlignSettings) -> Patch:
    """The synced patch with the meshes' difference beside the mouth taken out; itself if that is off."""
    warp = micro_warp(
        face.original,
        face.synced,
        box,
        strength=settings.warp_strength,
        regularisation=settings.warp_regularisation,
        max_px=settings.warp_max_frac * face.original.face_width_px,
    )
    return synced if warp is None else patch_along(synced, warp)


def _registered(inputs: PatchInputs, settings: Settings) -> Registration:
    """How the synced patch lies on the original's, and where the original's own pixels can be trusted."""
    face, matte = inputs.face, inputs.matte
    width_px = face.original.face_width_px
    still = still_region(
        (face.original, face.synced), matte.box, near_mouth=face.left is not None and width_px >= _NEAR_FROM_PX
    )
    if inputs.left is not None:
        still &= inputs.left < _LYING
    return register(
        inputs.original,
        inputs.synced,
        RegistrationMasks(still, matte.alpha > 0.5, matte.painted, inputs.left, inputs.in_front, inputs.lying),
        settings.reuse,
        face_width_px=width_px,
        tolerance=np.float32(inputs.contrast) * _tolerance(face, matte.box, settings.reuse),
        max_shift_px=settings.align.max_frac * width_px if settings.align.method == "shift" else 0.0,
        field=settings.colour.membrane,
        y_axis=face.original.y_axis,
    )


def _tolerance(face: FacePlan, box: Box, settings: ReuseSettings) -> npt.NDArray[np.float32]:
    """Tolerance over a patch on a coarse grid; within the lips of both meshes it is another."""
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


def _with_detail(synced: Patch, bands: Layers, trusted: Mask, width_px: float, settings: DetailSettings) -> Patch:
    """The synced patch, denoised and sharpened; what it lacks is measured where both pictures show the same."""
    if settings.denoise > 0:
        synced = Patch.of(denoised(synced.whole(), settings.denoise), synced.grid)
    synced_bands = layers(synced.luma, width_px)
    gains = band_gains(
        bands,
        synced_bands,
        trusted,
        face_width_px=width_px,
        strength=settings.strength,
        max_gain=settings.sharpen_max,
    )
    return replace(synced, luma=sharpened(synced_bands, gains, face_width_px=width_px))


def _aligned(synced: Patch, found: Registration, core: Box) -> Patch:
    """The synced patch shifted into place, its smooth colour difference from the original taken out."""
    if found.shift.any():
        synced = shifted_patch(synced, found.shift)
    return synced + found.field.part(core)


def _moved(original: Patch, found: Registration, settings: ReuseSettings) -> Patch:
    """The original's pixels, moved along with the new mouth where the settings ask for that."""
    return warped_patch(original, found.flow) if settings.method == "motion" else original


def _restored(patch: Patch, restore: Callable[[Patch3], Patch3] | None) -> Patch:
    if restore is None:
        return patch
    whole = patch.whole()
    return patch + Patch.of(restore(whole) - whole, patch.grid)


def _reused(patch: Patch, moved: Patch, bands: Layers, trust: Plane, width_px: float, settings: Settings) -> Patch:
    """The patch with the original's own pixels where they are trusted; itself if reuse is off."""
    if settings.reuse.method == "none":
        return patch
    keep = settings.detail.fade
    luma = crossfade(patch.luma, moved.luma, bands.middle, trust, face_width_px=width_px, keep=keep)
    share = patch.grid.averaged(trust)
    chroma = patch.chroma + joined(share, share) * (moved.chroma - patch.chroma)
    return Patch(luma, chroma, patch.grid)


def _carried(
    original: Patch, moved: Patch, found: Registration, matte: Matte, settings: ReuseSettings
) -> tuple[Patch | None, Plane]:
    """``carried`` and ``taken`` of `Generated`."""
    if settings.method == "none":
        return None, matte.alpha
    taken = found.trust * found.flow.still
    np.subtract(1, taken, out=taken)
    taken *= matte.alpha
    return (moved - original).weighted(matte.reach * found.trust), taken


def _grain(original: Plane, luma: Plane, still: Mask, box: Box, settings: DetailSettings, frame: int) -> Plane | None:
    """The noise that the patch lacks, measured where nothing moved: resampling would remove noise."""
    if settings.grain == 0:
        return None
    lack = missing_grain(original, luma, still)
    if lack.levels.size == 0:
        return None
    return np.float32(settings.grain) * grain_plane(luma, lack, frame=frame, x0=box.x0, y0=box.y0)


def _with_grain(patch: Patch, grain: Plane | None, trust: Plane, settings: ReuseSettings) -> Patch:
    """The patch with grain; the original's own pixels have theirs."""
    if grain is None:
        return patch
    if settings.method != "none":
        grain *= 1 - trust
    return replace(patch, luma=patch.luma + grain)
