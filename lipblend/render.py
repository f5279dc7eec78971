"""The second pass: one frame pair and its plan row in, the change to the original's planes out.

`render_frame` is a pure function: no state runs along the clip, so a frame rendered alone equals the same frame
rendered in the clip, on any thread and in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.analysis.plan import PlanRow
from lipblend.media.colour import convert_colour, ycbcr_matrix
from lipblend.media.info import ColourTags, PixelLayout
from lipblend.media.planes import extract_patch
from lipblend.settings import BlendSettings, ColourSettings, Settings
from lipblend.stages import colour
from lipblend.stages.blend_alpha import blend_alpha
from lipblend.stages.blend_multiband import blend_multiband
from lipblend.stages.blend_poisson import blend_poisson, ring_width_px
from lipblend.stages.matte import Matte, make_matte

OUTSIDE = "mask outside the picture"
POISSON_FELL_BACK = "poisson did not converge: multiband"

Planes = Sequence[npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Picture:
    """The planes of one decoded frame, with what is needed to read them.

    Attributes
    ----------
    planes : sequence of (h, w) uint8 or uint16
    layout : PixelLayout
    colour : ColourTags
    """

    planes: Planes
    layout: PixelLayout
    colour: ColourTags

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.planes[0].shape
        return width, height


@dataclass(frozen=True)
class FrameResult:
    """What rendering one frame gave.

    Attributes
    ----------
    matte : Matte or None
        None where the original passes through.
    delta : (h, w, 3) float32 or None
        What is added to the original inside ``matte.box``, YCbCr in 8-bit levels. Exactly 0 outside the mask.
    reason : str
        Why the original passes through; empty otherwise.
    fallbacks : tuple of str
        Stages that were done by a second-best method.
    """

    matte: Matte | None
    delta: npt.NDArray[np.float32] | None
    reason: str
    fallbacks: tuple[str, ...]


def render_frame(original: Picture, synced: Picture | None, row: PlanRow, settings: Settings) -> FrameResult:
    """Compose one frame.

    Parameters
    ----------
    original, synced : Picture
        The synced picture may be None only where the row's weight is 0.
    row : PlanRow
    settings : Settings
    """
    if row.weight <= 0 or synced is None or row.original is None or row.synced is None:
        return FrameResult(None, None, row.reason, ())
    width_px = row.original.face_width_px
    ring_px = _ring_px(width_px, settings.blend)
    matte = make_matte(
        row.original,
        row.synced,
        frame_size=original.size,
        layout=original.layout,
        mask=settings.mask,
        alpha=settings.alpha,
        seam_px=ring_px,
    )
    if matte is None:
        return FrameResult(None, None, OUTSIDE, ())
    before = extract_patch(original.planes, original.layout, matte.box)
    height = original.size[1]
    after = convert_colour(
        extract_patch(synced.planes, synced.layout, matte.box), synced.colour, original.colour, height
    )
    after = _match_colour(after, row, settings.colour, ycbcr_matrix(original.colour, height))
    delta, fallbacks = _blend(after - before, matte, ring_px, settings.blend)
    if row.weight < 1:
        delta = delta * np.float32(row.weight)
    return FrameResult(matte, delta, "", fallbacks)


def _ring_px(face_width_px: float, settings: BlendSettings) -> float:
    """Width of the ring that the Poisson blend works in; the other blends have none."""
    if settings.method != "poisson":
        return 0.0
    return ring_width_px(
        face_width_px, frac=settings.ring_frac, min_px=settings.ring_min_px, max_px=settings.ring_max_px
    )


def _match_colour(
    patch: npt.NDArray[np.float32], row: PlanRow, settings: ColourSettings, matrix: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    if settings.method == "none" or (np.all(row.gain == 1) and np.all(row.offset == 0)):
        return patch
    if settings.space == "ycbcr":
        return colour.apply_gain_offset(patch, row.gain, row.offset)
    lab = colour.ycbcr_to_lab(patch, matrix)
    matched = colour.apply_gain_offset(lab, row.gain, row.offset)
    # The detour through 8-bit-range RGB may clip: only the change that it makes is added to the patch.
    return patch + (colour.lab_to_ycbcr(matched, matrix) - colour.lab_to_ycbcr(lab, matrix))


def _blend(
    difference: npt.NDArray[np.float32], matte: Matte, ring_px: float, settings: BlendSettings
) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    if settings.method == "alpha":
        return blend_alpha(difference, matte.alpha), ()
    if settings.method == "multiband":
        return _multiband(difference, matte, settings), ()
    solved = blend_poisson(
        difference, matte.mask, ring_px=ring_px, tolerance=settings.tolerance, max_iterations=settings.max_iterations
    )
    if solved is None:
        return _multiband(difference, matte, settings), (POISSON_FELL_BACK,)
    return solved, ()


def _multiband(difference: npt.NDArray[np.float32], matte: Matte, settings: BlendSettings) -> npt.NDArray[np.float32]:
    return blend_multiband(difference, matte.alpha, levels=settings.levels, feather_px=matte.feather_px)
