"""The measures of one face in one frame, and of the worst of several faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality import temporal
from lipblend.quality.measure_entry import Measure
from lipblend.quality.measures import MEASURES
from lipblend.quality.view import FaceView, once_per_view, with_contour
from lipblend.quality.visible.scene import classic_reference

_INWARD_FRAC = (0.02, 0.04, 0.06)


@dataclass(frozen=True)
class FaceScores:
    """One face of one frame.

    Attributes
    ----------
    values : mapping of str to float
        By the keys of `MEASURES`; without those that could not be measured.
    cast : (3,) float64 or None
        Mean Lab difference of result and original over skin inside the seam.
    """

    values: Mapping[str, float]
    cast: npt.NDArray[np.float64] | None


def face_scores(view: FaceView, previous: FaceView | None) -> FaceScores:
    """Measure one face; ``previous`` is the same face in the frame before, if it was blended there."""
    own = own_scores(view)
    if previous is None:
        return own
    changes = [measure for measure in MEASURES.values() if measure.of_change is not None]
    return FaceScores({**own.values, **_values(changes, view, previous)}, own.cast)


@once_per_view
def own_scores(view: FaceView) -> FaceScores:
    """What needs no other frame of `face_scores`."""
    return FaceScores(_values(MEASURES.values(), view, None), temporal.cast(view))


def inner_contour_scores(view: FaceView, previous: FaceView | None) -> dict[str, float]:
    """The seam's measures for an estimated matte: the worst along contours 0.02, 0.04 and 0.06 face widths inside.

    Estimation widens a matte: a hard edge lies up to 0.06 face widths inside of where it seems to be.
    """
    measures = [measure for measure in MEASURES.values() if measure.at_contour]
    return worst(
        [
            _values(measures, _shrunk(view, frac), _shrunk(previous, frac) if previous is not None else None)
            for frac in _INWARD_FRAC
        ]
    )


def same_face(view: FaceView, candidates: Sequence[FaceView]) -> int | None:
    """Index of the view of another frame that shows the same face: the nearest within half a face width."""
    best, limit = None, 0.5 * view.face_width_px
    for number, candidate in enumerate(candidates):
        distance = float(np.hypot(*(candidate.original_mesh.points.mean(0) - view.original_mesh.points.mean(0))))
        if distance <= limit:
            best, limit = number, distance
    return best


def worst(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The worst value of each measure over several faces."""
    keys = [key for key in MEASURES if any(key in values for values in scores)]
    return {key: worst_of(key, [values[key] for values in scores if key in values]) for key in keys}


def worst_of(key: str, values: Sequence[float]) -> float:
    """The worst of several values of a measure; if it is best at 1, the farthest from 1 as a ratio."""
    better = MEASURES[key].better
    if better == "one":
        return max(values, key=lambda value: max(value, 1 / max(value, 1e-9)))
    return max(values) if better == "low" else min(values)


def _values(measures: Iterable[Measure], view: FaceView, previous: FaceView | None) -> dict[str, float]:
    found = {}
    for measure in measures:
        value = None
        if measure.full_weight and view.weight < 1:
            continue
        if measure.of_face is not None:
            value = measure.of_face(view)
        elif measure.of_change is not None and previous is not None:
            value = measure.of_change(view, previous)
        if value is not None:
            found[measure.key] = float(value)
    return found


def _shrunk(view: FaceView, frac: float) -> FaceView:
    """The view with its contour moved inside by a share of the face width."""
    inside = cv2.distanceTransform((view.contour >= 0.5).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    contour = np.clip(0.5 + (inside - np.float32(frac * view.face_width_px)) / 2, 0, 1)
    return with_contour(view, np.asarray(contour * (inside > 0), np.float32), [classic_reference])
