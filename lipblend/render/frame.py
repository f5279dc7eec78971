"""The second pass: one frame pair and its plan row in, the change to the original's planes out.

`render_frame` is a pure function: no state runs along the clip, so a frame rendered alone equals the same frame
rendered in the clip, on any thread and in any order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import LIPS_OUTER
from lipblend.picture.frame_mapping import UNMOVED, FrameMapping, synced_cut
from lipblend.picture.light import code_contrast
from lipblend.picture.patch import Box, Patch
from lipblend.picture.picture import Picture
from lipblend.picture.planes import add_delta, cut
from lipblend.picture.ycbcr import convert_colour, same_colour, ycbcr_matrix
from lipblend.plan.frame_plan import FacePlan, FramePlan
from lipblend.render.generate import generate, reach_px
from lipblend.settings import AlphaSettings, BlendSettings, Settings
from lipblend.stages.alpha.edge import edge_alpha
from lipblend.stages.alpha.matte import Matte, MatteInputs, make_matte
from lipblend.stages.blends.blend_alpha import blend_alpha
from lipblend.stages.blends.blend_multiband import blend_multiband
from lipblend.stages.blends.blend_poisson import blend_poisson, ring_width_px
from lipblend.stages.colour.membrane import membrane_patch
from lipblend.stages.detail.restore import Restorer
from lipblend.stages.masks.mask_fields import FootprintLimit

OUTSIDE = "mask outside the picture"
POISSON_FELL_BACK = "poisson did not converge: multiband"


@dataclass(frozen=True)
class FacePatch:
    """One face's change.

    Attributes
    ----------
    matte : Matte
    delta : Patch
        What is added inside ``matte.box``, YCbCr in 8-bit levels. Exactly 0 outside ``matte.touched``, and at chroma
        samples none of whose pixels it holds. Where patches overlap, a later one is to be added to what an earlier one
        has made.
    taken : (h, w) float32 in [0, 1]
        Share that is not the original's own pixel in its own place; at most ``matte.alpha``.
    plan : FacePlan
        What it was made from.
    """

    matte: Matte
    delta: Patch
    taken: npt.NDArray[np.float32]
    plan: FacePlan


@dataclass(frozen=True)
class FrameResult:
    """What rendering one frame gave.

    Attributes
    ----------
    patches : tuple of FacePatch
        Empty where the original passes through.
    reason : str
        Why it does; empty otherwise.
    fallbacks : tuple of str
        Stages that were done by a second-best method.
    """

    patches: tuple[FacePatch, ...]
    reason: str
    fallbacks: tuple[str, ...]


def render_frame(
    original: Picture,
    synced: Picture | None,
    row: FramePlan,
    settings: Settings,
    *,
    mapping: FrameMapping = UNMOVED,
    restorer: Restorer | None = None,
) -> FrameResult:
    """Compose one frame.

    Parameters
    ----------
    original, synced : Picture
        The synced picture may be None only where the row has no face.
    row : FramePlan
    settings : Settings
    mapping : FrameMapping
        Where the original's pixels lie in the synced picture.
    restorer : Restorer, optional
        What `lipblend.stages.detail.restore.load_restorer` gives for ``settings.restore``.

    Raises
    ------
    ValueError
        The restorer is not the one that the settings ask for.
    ModelError
        Its model failed on this picture.
    """
    if (restorer is None) != (settings.restore.model == "none") or (
        restorer is not None and restorer.settings != settings.restore
    ):
        raise ValueError("the restorer is not the one that the settings ask for")
    if not row.faces or synced is None:
        return FrameResult((), row.reason, ())
    patches: list[FacePatch] = []
    fallbacks: list[str] = []
    for face in row.faces:
        matte = _matte(original, synced, face, settings, mapping)
        if matte is None:
            continue
        before = cut(original.planes, original.layout, matte.box)
        for earlier in patches:
            before = _with_overlap(before, matte.box, earlier)
        place = mapping.shifted(*face.displacement.tolist()) if face.displacement.any() else mapping
        after = synced_cut(synced.planes, synced.layout, matte.box, place, before.grid)
        if not same_colour(synced.colour, original.colour):
            whole = convert_colour(
                after.whole(), synced.colour, original.colour, original.height, reference=before.whole()
            )
            after = Patch.of(whole, before.grid)
        matrix = ycbcr_matrix(original.colour, original.height)
        after = face.colour.apply_patch(after, matrix)
        if face.membrane is not None:
            after = after + membrane_patch(face.membrane, before.grid, face.original)
        ring_px = _ring_px(face.original.face_width_px, settings.blend)
        matte = _edge_aware(matte, before, after, settings.alpha)
        restore, core = None, matte.core(before.grid)
        if restorer is not None:
            lips = face.synced.points[np.asarray(LIPS_OUTER)] - np.array([core.x0, core.y0], np.float32)
            restore = partial(restorer.restore, lips=lips, face_width_px=face.original.face_width_px, matrix=matrix)
        made = generate(
            before,
            after,
            face,
            matte,
            settings,
            frame=row.original_index,
            contrast=code_contrast(original.colour.transfer),
            restore=restore,
        )
        difference = made.patch - before.part(core)
        if made.carried is None:
            delta = Patch(np.zeros_like(before.luma), np.zeros_like(before.chroma), before.grid)
        else:
            delta = made.carried
            difference.subtract_in_place(delta.part(core))
        change, fell_back = _blend(difference, matte.part(core), ring_px, settings.blend)
        delta.part(core).add_in_place(change)
        if face.weight < 1:
            delta = delta.weighted(np.full_like(matte.alpha, face.weight))
        patches.append(FacePatch(matte, delta, made.taken, face))
        fallbacks += fell_back
    return FrameResult(tuple(patches), "" if patches else OUTSIDE, tuple(fallbacks))


def compose(original: Picture, result: FrameResult, *, in_place: bool = False) -> Picture:
    """Put the patches of a rendered frame into the original.

    Parameters
    ----------
    original : Picture
    result : FrameResult
        What `render_frame` gave for it.
    in_place : bool
        Write into the original's planes, which must be writable, instead of a copy.

    Returns
    -------
    Picture
        The original itself where there is nothing to put in.
    """
    if not result.patches:
        return original
    composed = original if in_place else original.copy()
    for patch in result.patches:
        add_delta(composed.planes, composed.layout, patch.matte.box, patch.delta)
    return composed


def _matte(
    original: Picture, synced: Picture, face: FacePlan, settings: Settings, mapping: FrameMapping
) -> Matte | None:
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
        ring_px=_ring_px(width_px, settings.blend),
        reach_px=reach_px(face, settings.reuse),
        covered=None if mapping.is_exact(original.size, synced.size) else mapping.covered(*synced.size),
        footprint=limit,
        velocity=(float(face.velocity[0]), float(face.velocity[1])),
        neighbours=face.neighbours,
    )
    return make_matte(inputs, settings.mask, settings.alpha)


def _edge_aware(matte: Matte, before: Patch, after: Patch, settings: AlphaSettings) -> Matte:
    if settings.edge == "none":
        return matte
    refined = edge_alpha(
        matte.alpha,
        before.luma,
        after.luma,
        method=settings.edge,
        strength=settings.edge_strength,
        feather_px=matte.feather_px,
    )
    return replace(matte, alpha=refined)


def _with_overlap(patch: Patch, box: Box, earlier: FacePatch) -> Patch:
    """A patch with an earlier face's change, where the two overlap."""
    other = earlier.matte.box
    x0, y0, x1, y1 = max(box.x0, other.x0), max(box.y0, other.y0), min(box.x1, other.x1), min(box.y1, other.y1)
    if x0 >= x1 or y0 >= y1:
        return patch
    change = np.zeros((box.height, box.width, 3), np.float32)
    part = earlier.delta.whole()[y0 - other.y0 : y1 - other.y0, x0 - other.x0 : x1 - other.x0]
    change[y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0] = part
    return patch + Patch.of(change, patch.grid)


def _ring_px(face_width_px: float, settings: BlendSettings) -> float:
    """Width of the ring that the Poisson blend works in; the other blends have none."""
    if settings.method != "poisson":
        return 0.0
    return ring_width_px(
        face_width_px, frac=settings.ring_frac, min_px=settings.ring_min_px, max_px=settings.ring_max_px
    )


def _blend(difference: Patch, matte: Matte, ring_px: float, settings: BlendSettings) -> tuple[Patch, tuple[str, ...]]:
    if settings.method == "alpha":
        return blend_alpha(difference, matte.alpha), ()
    if settings.method == "multiband":
        return _multiband(difference, matte, settings), ()
    solved = blend_poisson(
        difference.whole(),
        matte.mask,
        ring_px=ring_px,
        tolerance=settings.tolerance,
        max_iterations=settings.max_iterations,
    )
    if solved is None:
        return _multiband(difference, matte, settings), (POISSON_FELL_BACK,)
    return Patch.of(solved, difference.grid), ()


def _multiband(difference: Patch, matte: Matte, settings: BlendSettings) -> Patch:
    grid = difference.grid
    luma = blend_multiband(difference.luma, matte.alpha, levels=settings.levels, feather_px=matte.feather_px)
    chroma = blend_multiband(
        difference.chroma,
        grid.averaged(matte.alpha),
        levels=settings.levels,
        feather_px=matte.feather_px,
        pixel_px=max(grid.subsampling),
    )
    return Patch(luma, chroma, grid)
