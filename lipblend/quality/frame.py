"""All measures of one frame, and what is gathered from frame to frame for those that need time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality import colour_step, overspill, ring, sharpness, temporal
from lipblend.quality.measures import MEASURES
from lipblend.quality.view import FaceView

_INWARD = (0.02, 0.04, 0.06)  # face widths


@dataclass(frozen=True)
class FaceScores:
    """One face of one frame.

    Attributes
    ----------
    values : mapping of str to float
        By the keys of `MEASURES`; what could not be measured is left out.
    cast : (3,) float64 or None
        Mean Lab difference of result and original over skin inside the seam.
    """

    values: Mapping[str, float]
    cast: npt.NDArray[np.float64] | None


def face_scores(view: FaceView, before: FaceView | None) -> FaceScores:
    """Measure one face; ``before`` is the same face in the frame before, if it was blended there.

    While a patch fades in or out both mouths show by intention: alpha, overspill and leak are not measured then.
    """
    cast = temporal.cast(view)
    whole = view.weight >= 1
    seam, ssim = ring.seam_discontinuity(view), ring.ring_ssim(view)
    spill = overspill.overspill(view) if whole else None
    found: dict[str, float | None] = {
        "seam": seam[0] if seam else None,
        "seam_rel": seam[1] if seam else None,
        **dict(zip(("ssim_y", "ssim_cb", "ssim_cr"), ssim or (None,) * 3, strict=True)),
        "colour_step": colour_step.seam_colour_step(view),
        "alpha": ring.ring_alpha(view) if whole else None,
        "ring_flicker": temporal.ring_flicker(view, before) if before is not None else None,
        "overspill": spill[0] if spill else None,
        "leak": spill[1] if spill else None,
        "cast": float(np.linalg.norm(cast)) if cast is not None else None,
        "sharpness": sharpness.sharpness(view),
        "grain": sharpness.grain(view),
        "opening_original": view.before.mouth_opening,
        "opening_synced": view.spoken.mouth_opening if view.spoken is not None else None,
        "opening_result": view.found.mouth_opening if view.found is not None else None,
    }
    return FaceScores({key: float(value) for key, value in found.items() if value is not None}, cast)


def within_contour(view: FaceView, before: FaceView | None) -> dict[str, float]:
    """The seam's measures where an estimated matte may have put it: the worst of some lines inside its 0.5 line.

    An estimate spreads: the edge of a patch that is pasted hard lies up to 0.06 face widths inside of where it seems to
    be. So the lines 0.02, 0.04 and 0.06 face widths inside are looked at too.
    """
    found = []
    for frac in _INWARD:
        inner = _shrunk(view, frac)
        earlier = _shrunk(before, frac) if before is not None else None
        seam, ssim = ring.seam_discontinuity(inner), ring.ring_ssim(inner)
        values = {
            "seam": seam[0] if seam else None,
            "seam_rel": seam[1] if seam else None,
            **dict(zip(("ssim_y", "ssim_cb", "ssim_cr"), ssim or (None,) * 3, strict=True)),
            "colour_step": colour_step.seam_colour_step(inner),
            "ring_flicker": temporal.ring_flicker(inner, earlier) if earlier is not None else None,
        }
        found.append({key: float(value) for key, value in values.items() if value is not None})
    return worst(found)


def _shrunk(view: FaceView, frac: float) -> FaceView:
    """The view with its contour so far inside."""
    inside = cv2.distanceTransform((view.contour >= 0.5).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    contour = np.clip(0.5 + (inside - np.float32(frac * view.face_width_px)) / 2, 0, 1)
    return replace(view, contour=np.asarray(contour * (inside > 0), np.float32))


def same_face(view: FaceView, others: Sequence[FaceView]) -> int | None:
    """Which of the views of another frame shows the same face: the nearest within half a face width."""
    best, limit = None, 0.5 * view.face_width_px
    for number, other in enumerate(others):
        distance = float(np.hypot(*(other.before.points.mean(0) - view.before.points.mean(0))))
        if distance <= limit:
            best, limit = number, distance
    return best


def worst(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """For every measure the worst of several faces' values."""
    keys = [key for key in MEASURES if any(key in each for each in scores)]
    return {key: worst_of(key, [each[key] for each in scores if key in each]) for key in keys}


def worst_of(key: str, values: Sequence[float]) -> float:
    """The worst of some values of a measure; for those that are best at 1, the one farthest from it as a ratio."""
    better = MEASURES[key].better
    if better == "one":
        return max(values, key=lambda value: max(value, 1 / max(value, 1e-9)))
    return max(values) if better == "low" else min(values)


def frame_values(views: Sequence[FaceView], before: Sequence[FaceView] | None) -> dict[str, float]:
    """The measures of one frame, each the worst face's; ``before`` are the views of the frame before it."""
    scores = []
    for view in views:
        number = same_face(view, before or ())
        scores.append(face_scores(view, before[number] if before and number is not None else None).values)
    return worst(scores)
