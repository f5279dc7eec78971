"""The second pass: one frame pair and its row of the plan in, the change to the original's planes out.

`render_frame` is a pure function: no state runs along the clip, so a frame rendered alone equals the same frame
rendered in the clip, on any thread and in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from lipblend.picture.frame_mapping import UNMOVED
from lipblend.picture.frame_mappings import Mappings
from lipblend.picture.picture import Picture
from lipblend.picture.planes import add_delta
from lipblend.plan.frame_plan import FramePlan
from lipblend.render.face_patch import KEPT, FacePatch, render_face
from lipblend.render.synced_patch import SyncedPictures
from lipblend.settings import Settings
from lipblend.stages.alpha.given_alpha import SHOWN
from lipblend.stages.detail.restore import Restorer

NO_PICTURES: Mapping[int, Picture] = MappingProxyType({})


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
    keep : (h, w) float32 in [0, 1] or None
        What the user keeps of the whole picture, as it was given.
    kept : bool
        It holds something of what would be blended.
    beyond : bool
        The alpha that was given shows something of the new mouth where none could be rendered.
    before : Picture or None
        The original's picture, for what compares it with the finished one.
    """

    patches: tuple[FacePatch, ...]
    reason: str
    fallbacks: tuple[str, ...]
    keep: npt.NDArray[np.float32] | None = None
    kept: bool = False
    beyond: bool = False
    before: Picture | None = None


def render_frame(
    original: Picture,
    synced: Picture | None,
    row: FramePlan,
    settings: Settings,
    *,
    mapping: Mappings = UNMOVED,
    restorer: Restorer | None = None,
    bridging: Mapping[int, Picture] = NO_PICTURES,
    keep: npt.NDArray[np.float32] | None = None,
    alpha: npt.NDArray[np.float32] | None = None,
) -> FrameResult:
    """Compose one frame.

    Parameters
    ----------
    original, synced : Picture
        The synced picture may be None only where the row has no face. Where all its faces are bridged, any synced
        picture will do.
    row : FramePlan
    settings : Settings
    mapping : FrameMapping or FrameMappings
        Where the original's pixels lie in the synced pictures (`ClipAnalysis.mapping`); the default is right only for
        videos of one size that show the same part of the scene.
    restorer : Restorer, optional
        What `lipblend.stages.detail.restore.load_restorer` gives for ``settings.restore``.
    bridging : mapping of int to Picture
        By synced frame: the pictures that bridge a broken one (`FramePlan.synced_indices`).
    keep : (h, w) float32 in [0, 1], optional
        Of the original's upright size: how much of each pixel stays the original's, because something stands in front
        of the face there. Where it is 1, no bit changes.
    alpha : (h, w) float32 in [0, 1], optional
        Of the original's upright size: how much of each pixel is the new mouth, in the place of what is computed.

    Raises
    ------
    ValueError
        The restorer is not the one that the settings ask for, a picture is missing, or ``keep`` or ``alpha`` is of
        another size.
    ModelError
        Its model failed on this picture.
    """
    if (restorer is None) != (settings.restore.model == "none") or (
        restorer is not None and restorer.settings != settings.restore
    ):
        raise ValueError("pass restorer=load_restorer(settings.restore): the settings name another model, or none")
    for name, plane in (("keep", keep), ("alpha", alpha)):
        if plane is not None and plane.shape != original.planes[0].shape:
            raise ValueError(f"{name} must be {original.planes[0].shape} as the original, got {plane.shape}")
    if not row.faces:
        return FrameResult((), row.reason, (), beyond=_is_beyond(alpha, ()))
    if synced is None:
        raise ValueError("a row with faces needs the synced picture")
    patches: list[FacePatch] = []
    fallbacks: list[str] = []
    reasons: list[str] = []
    for face in row.faces:
        rendered = render_face(
            original,
            SyncedPictures(synced, row.synced_index, bridging, mapping),
            face,
            settings,
            frame=row.original_index,
            restorer=restorer,
            earlier=patches,
            keep=keep,
            alpha=alpha,
            alone=len(row.faces) == 1,
        )
        if isinstance(rendered, str):
            reasons.append(rendered)
        else:
            patch, fallback = rendered
            patches.append(patch)
            fallbacks += fallback
    kept = KEPT in reasons or any(patch.front is not None and patch.front.kept is not None for patch in patches)
    beyond = _is_beyond(alpha, patches)
    return FrameResult(tuple(patches), "" if patches else reasons[0], tuple(fallbacks), keep, kept, beyond)


def _is_beyond(alpha: npt.NDArray[np.float32] | None, patches: Sequence[FacePatch]) -> bool:
    """Whether a given alpha shows something where no patch takes it."""
    if alpha is None:
        return False
    left = alpha >= SHOWN
    for patch in patches:
        box = patch.matte.box
        left[box.y0 : box.y1, box.x0 : box.x1] &= patch.whole_alpha <= 0
    return bool(left.any())


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
