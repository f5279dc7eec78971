"""The patch of one face in one frame: matte, synced picture in its place and colours, generated patch, blend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import FACE_OVAL, LIPS_OUTER
from lipblend.picture.frame_mapping import FrameMapping
from lipblend.picture.light import code_contrast
from lipblend.picture.patch import Box, Patch
from lipblend.picture.picture import Picture
from lipblend.picture.planes import cut
from lipblend.picture.smoothstep import smoothstep
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.plan.frame_plan import FacePlan
from lipblend.render.behind import InFront, in_front, without
from lipblend.render.fade import faded
from lipblend.render.generate import PatchInputs, generate, reach_px
from lipblend.render.synced_patch import SyncedPictures, lying_patch, matched_patch
from lipblend.settings import AlphaSettings, Settings
from lipblend.stages.alpha.edge import edge_alpha
from lipblend.stages.alpha.given_alpha import with_given_alpha
from lipblend.stages.alpha.in_front import behind, change_behind, in_front_of
from lipblend.stages.alpha.matte import Matte, MatteInputs, make_matte
from lipblend.stages.blends.blend import blend, blend_ring_px
from lipblend.stages.detail.restore import Restorer
from lipblend.stages.masks.mask import grid_step_px, signed_distance
from lipblend.stages.masks.mask_fields import Corners, FootprintLimit
from lipblend.stages.masks.shapes import convex_hull
from lipblend.stages.registration.left_part import left_plane

OUTSIDE = "mask outside the picture"
KEPT = "kept as the original by the matte"
BLACK = "black in the matte of the new mouth"

# Distance from the face from which, and up to which, a bridged one gives way to the original.
_BESIDE_FRAC = (0.02, 0.08)


@dataclass(frozen=True)
class FacePatch:
    """The change of one face.

    Attributes
    ----------
    matte : Matte
        Behind what stands in front of the face.
    delta : Patch
        Added inside ``matte.box``, YCbCr in 8-bit levels. Exactly 0 outside ``matte.touched``, and at chroma samples
        none of whose pixels it holds. Where patches overlap, a later one is added to the result of an earlier one.
    taken : (h, w) float32 in [0, 1]
        Share that is not the original's own pixel in its own place; at most ``matte.alpha``.
    plan : FacePlan
        What it was made from.
    front : InFront or None
        What stands in front of the face in ``matte.box``; None in nearly all frames.
    alpha : (h, w) float32 in [0, 1] or None
        ``matte.alpha`` as if nothing stood in front; None if it is the same.
    """

    matte: Matte
    delta: Patch
    taken: npt.NDArray[np.float32]
    plan: FacePlan
    front: InFront | None = None
    alpha: npt.NDArray[np.float32] | None = None

    @property
    def whole_alpha(self) -> npt.NDArray[np.float32]:
        """Alpha in ``matte.box`` as if nothing stood in front, (h, w) float32 in [0, 1]."""
        return self.matte.alpha if self.alpha is None else self.alpha


def render_face(
    original: Picture,
    synced: SyncedPictures,
    face: FacePlan,
    settings: Settings,
    *,
    frame: int,
    restorer: Restorer | None,
    earlier: Sequence[FacePatch],
    keep: npt.NDArray[np.float32] | None = None,
    alpha: npt.NDArray[np.float32] | None = None,
    alone: bool = True,
) -> tuple[FacePatch, tuple[str, ...]] | str:
    """Make the patch of one face, and name the stages that used a second-best method.

    Parameters
    ----------
    original : Picture
    synced : SyncedPictures
    face : FacePlan
    settings : Settings
    frame : int
        Number of the original's frame.
    restorer : Restorer or None
        For ``settings.restore``.
    earlier : sequence of FacePatch
        Patches of other faces of this frame, which this one is added to.
    keep : (h, w) float32 in [0, 1], optional
        Of the whole picture: where something in front of the face stays the original's.
    alpha : (h, w) float32 in [0, 1], optional
        Of the whole picture: takes the place of the computed alpha (`lipblend.stages.alpha.given_alpha`).
    alone : bool
        The frame has no other face.

    Returns
    -------
    patch, fallbacks
        Or why there is none: `OUTSIDE`, `KEPT` or `BLACK`.
    """
    matte = face_matte(original, synced.own, face, settings, synced.own_mapping)
    if matte is None:
        return OUTSIDE
    if alpha is not None:
        matte = given_matte(matte, alpha, original, synced, face, alone=alone)
        if matte is None:
            return BLACK
    kept = in_front_of(keep, matte.box)
    if kept is not None and not behind(matte, kept).touched.any():
        return KEPT
    original_patch = cut(original.planes, original.layout, matte.box)
    for patch in earlier:
        original_patch = _with_overlap(original_patch, matte.box, patch)
    synced_patch = matched_patch(synced, original, original_patch, face)
    front = in_front(original_patch, synced_patch, face, kept, settings.occlusion, tags=original.colour)
    share = None if front is None else front.original
    if front is not None:
        original_patch, synced_patch = without(original_patch, synced_patch, front, face)
    if alpha is None:
        matte = _edge_aware(matte, original_patch, synced_patch, settings.alpha)
    seen = matte if share is None else behind(matte, share)
    core = matte.core(original_patch.grid)
    made = generate(
        PatchInputs(
            original_patch,
            synced_patch,
            face,
            replace(matte, alpha=seen.alpha),  # made as if nothing were in front, and weighted at the end
            frame=frame,
            contrast=code_contrast(original.colour.transfer),
            left=_left(face, matte.box),
            in_front=None if front is None else front.share,
            lying=lying_patch(synced, original, original_patch, face),
            restore=_restoration(restorer, original, face, core),
        ),
        settings,
    )
    difference = made.patch - original_patch.part(core)
    delta = made.carried
    if delta is None:
        delta = Patch(np.zeros_like(original_patch.luma), np.zeros_like(original_patch.chroma), original_patch.grid)
    else:
        difference.subtract_in_place(delta.part(core))
    inner, width_px = matte.part(core), face.original.face_width_px
    change, fallbacks = blend(
        difference, inner.mask, inner.alpha, settings.blend, feather_px=inner.feather_px, face_width_px=width_px
    )
    delta.part(core).add_in_place(change)
    if face.weight < 1:
        delta = faded(original_patch, delta, face, matte)
    if share is not None:
        delta = change_behind(delta, share)
    return FacePatch(seen, delta, made.taken, face, front, None if share is None else matte.alpha), fallbacks


def face_front(
    original: Picture,
    synced: SyncedPictures,
    face: FacePlan,
    settings: Settings,
    box: Box,
    keep: npt.NDArray[np.float32] | None,
) -> InFront | None:
    """What stands in front of a face in a box of the picture, as `render_face` finds it without other faces."""
    kept = in_front_of(keep, box)
    if kept is None and not face.ways and not face.hands and not face.strands:
        return None
    patch = cut(original.planes, original.layout, box)
    matched = matched_patch(synced, original, patch, face)
    return in_front(patch, matched, face, kept, settings.occlusion, tags=original.colour)


def face_matte(
    original: Picture, synced: Picture, face: FacePlan, settings: Settings, mapping: FrameMapping
) -> Matte | None:
    """The matte of one face, before its alpha is attracted to edges; None if it lies outside the picture."""
    width_px = face.original.face_width_px
    limit = None
    if face.footprint is not None:
        margins = settings.footprint.margin_frac * width_px, settings.footprint.room_margin_frac * width_px
        limit = FootprintLimit(face.footprint, *margins)
    inputs = MatteInputs(
        face.original,
        face.synced,
        frame_size=original.size,
        layout=original.layout,
        ring_px=blend_ring_px(width_px, settings.blend),
        reach_px=reach_px(face, settings.reuse),
        covered=_covered(original, synced, face, mapping),
        footprint=limit,
        velocity=(float(face.velocity[0]), float(face.velocity[1])),
        neighbours=face.neighbours,
        parts=face.parts,
    )
    return make_matte(inputs, settings.mask, settings.alpha)


def given_matte(
    matte: Matte,
    alpha: npt.NDArray[np.float32],
    original: Picture,
    synced: SyncedPictures,
    face: FacePlan,
    *,
    alone: bool,
) -> Matte | None:
    """The matte of `face_matte` with an alpha of the whole picture in the place of its own; None if that is black."""
    return with_given_alpha(
        matte,
        alpha,
        layout=original.layout,
        face_width_px=face.original.face_width_px,
        covered=_covered(original, synced.own, face, synced.own_mapping),
        alone=alone,
    )


def _covered(original: Picture, synced: Picture, face: FacePlan, mapping: FrameMapping) -> Corners | None:
    """Corners of the part of the original's picture that the synced one covers; None for all of it."""
    place = mapping.after(face.placement)
    return None if place.is_exact(original.size, synced.size) else place.corners(*synced.size)


def _left(face: FacePlan, box: Box) -> npt.NDArray[np.float32] | None:
    """Where the original lies as it should, (h, w) float32 in [0, 1]; None for nowhere in particular.

    That is what the generator left around a displaced face; and beside the face of a broken frame, because the
    background of the frames that bridge it belongs to another moment.
    """
    left = None if face.left is None else left_plane(face.left, box, face.original)
    if face.bridge is None:
        return left
    width_px = face.original.face_width_px
    hulls = [(convex_hull(mesh.points[list(FACE_OVAL)]), True) for mesh in (face.original, face.synced)]
    outside_px = -signed_distance(hulls, box, step_px=grid_step_px(width_px))
    near, far = _BESIDE_FRAC
    beside = smoothstep((outside_px / np.float32(width_px) - near) / (far - near))
    return np.asarray(beside if left is None else np.maximum(beside, left), np.float32)


def _edge_aware(matte: Matte, original: Patch, synced: Patch, settings: AlphaSettings) -> Matte:
    """The matte with its alpha attracted to edges, if the settings ask for that."""
    if settings.edge == "none":
        return matte
    refined = edge_alpha(
        matte.alpha,
        original.luma,
        synced.luma,
        method=settings.edge,
        strength=settings.edge_strength,
        feather_px=matte.feather_px,
    )
    return replace(matte, alpha=refined)


def _restoration(
    restorer: Restorer | None, original: Picture, face: FacePlan, core: Box
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]] | None:
    if restorer is None:
        return None
    lips = face.synced.points[np.asarray(LIPS_OUTER)] - np.array([core.x0, core.y0], np.float32)
    matrix = ycbcr_matrix(original.colour, original.height)
    return partial(restorer.restore, lips=lips, face_width_px=face.original.face_width_px, matrix=matrix)


def _with_overlap(patch: Patch, box: Box, earlier: FacePatch) -> Patch:
    """A patch with the change of an earlier face, where the two overlap."""
    shared = box.clipped_to(earlier.matte.box)
    if not shared.width or not shared.height:
        return patch
    change = np.zeros((box.height, box.width, 3), np.float32)
    change[shared.within(box)] = earlier.delta.whole()[shared.within(earlier.matte.box)]
    return patch + Patch.of(change, patch.grid)
