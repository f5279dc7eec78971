"""What is wrong along the lip lines: torn edges, and halos beside them.

Both are held against what a right result may show: the synced picture, sharpened until it is as sharp as the original.
They are measured at the picture's own size, since they are a pixel or two wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipblend.quality.fades import faded_view
from lipblend.quality.lip_line import LipLine, Plane, along_edges, beyond, lip_line, reach, steps
from lipblend.quality.sharpness import fine_detail
from lipblend.quality.view import FaceView, Region, once_per_view
from lipblend.stages.detail.scale import gaussian

RAGGED_PERCENTILE = 95.0
_STRETCH_FRAC = 0.03
_TYPICAL_PERCENTILE = 75.0
_SHARPENED = 2.0  # energy that sharpening may add
_FLOOR = 0.25  # squared levels
_REACH_FRAC = 0.009
_BLURS_PX = (0.3, 6.0)
_HALVINGS = 6


def lip_line_parts(view: FaceView) -> dict[str, float]:
    """The keys ``lip_ragged`` and ``lip_halo``; empty if a mouth is not in view."""
    lines = _lines(view)
    if lines is None:
        return {}
    ragged = _ragged_share(lines)[lines.result.band]
    synced, own = lines.synced, lines.own
    halo = _overshoot(lines.result, synced, lines.beneath) - _overshoot(own, _as_soft(own, synced))
    return {"lip_ragged": float(np.percentile(ragged, RAGGED_PERCENTILE)), "lip_halo": max(0.0, halo)}


def ragged_map(view: FaceView) -> tuple[Plane, Plane]:
    """Where lip lines are torn: what ``lip_ragged`` is a percentile of, and 1 on the lip lines; (h, w) of the view."""
    share, band = (np.zeros(view.contour.shape, np.float32) for _ in range(2))
    lines = _lines(view)
    if lines is not None:
        share[lines.result.place] = _ragged_share(lines)
        band[lines.result.place] = lines.result.band
    return share, band


@dataclass(frozen=True)
class _Lines:
    """Lip lines of result, synced picture and original at the new mouth, and of the original at its own."""

    result: LipLine
    synced: LipLine
    beneath: LipLine
    own: LipLine


@once_per_view
def _lines(view: FaceView) -> _Lines | None:
    right = faded_view(view)
    pictures = (
        (view.result, right.synced_mesh),
        (right.synced, right.synced_mesh),
        (view.original, right.synced_mesh),
        (view.original, view.original_mesh),
    )
    found = [line for picture, mesh in pictures if (line := lip_line(view, picture, mesh)) is not None]
    return _Lines(*found) if len(found) == len(pictures) else None


def _ragged_share(lines: _Lines) -> Plane:
    """Change along the edges over what a right result may have, by stretches of the lip line; (h, w) of the result's.

    A right result may have 1.4 times the synced picture's at the same place, or the original's there (it may stand in
    front), or what the rougher quarter of the original's own lips have.
    """
    sigma = _STRETCH_FRAC * lines.result.face_width_px
    shown, spoken, beneath, own = (
        _energy(each, sigma) for each in (lines.result, lines.synced, lines.beneath, lines.own)
    )
    typical = np.percentile(own[lines.own.band], _TYPICAL_PERCENTILE)
    allowed = np.maximum(np.maximum(_SHARPENED * spoken, beneath), np.float32(typical)) + np.float32(_FLOOR)
    return np.asarray(np.sqrt(shown / allowed), np.float32)


def _energy(line: LipLine, sigma_px: float) -> Plane:
    """Mean square of `along_edges` over the lip line around each pixel, (h, w) squared levels."""
    band = line.band.astype(np.float32)
    known = gaussian(band, sigma_px) + np.float32(1e-4)
    return np.asarray(gaussian(along_edges(line) ** 2 * band, sigma_px) / known, np.float32)


def _overshoot(line: LipLine, softer: LipLine, beneath: LipLine | None = None) -> float:
    """Mean of `beyond` a softer picture over the mean step, per cent; where steps are the higher half.

    It is at most the difference from what lies beneath: an edge that is kept from it is no halo.
    """
    step = steps(softer)
    edges = softer.band & (step >= np.median(step[softer.band]))
    far = beyond(line, softer, reach(line, _REACH_FRAC))
    if beneath is not None:
        far = np.minimum(far, np.abs(line.luma - beneath.luma))
    excess = far[edges].mean(dtype=np.float64)
    return 100 * float(excess / max(1.0, float(step[edges].mean(dtype=np.float64))))


def _as_soft(original: LipLine, synced: LipLine) -> LipLine:
    """The original blurred until its lip lines have no more fine detail than the synced picture's."""
    goal, (low, high) = _detail(synced.luma, synced.band), _BLURS_PX
    if _detail(original.luma, original.band) <= goal:
        return original
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        softer = _detail(gaussian(original.luma, middle), original.band) <= goal
        low, high = (low, middle) if softer else (middle, high)
    return LipLine(gaussian(original.luma, high), original.band, original.face_width_px, original.place)


def _detail(luma: Plane, band: Region) -> float:
    return float(fine_detail(luma)[band].std(dtype=np.float64))
