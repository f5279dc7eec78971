"""Where in a face each visible part is measured: what a page draws a line around."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from lipblend.quality.view import FaceView
from lipblend.quality.visible import skin_parts
from lipblend.quality.visible.face_parts import PERCENTILES, TENTH, box_edges, half_and_tenth, seam_ring, touched
from lipblend.quality.visible.lip_line_parts import RAGGED_PERCENTILE, ragged_map
from lipblend.quality.visible.person_look import PersonLook, painted_cells
from lipblend.quality.visible.scene import Scene, scene
from lipblend.quality.visible.steps import visible_lines, visible_steps
from lipblend.quality.visible.visible_parts import PARTS
from lipblend.quality.visible.work_face import MIN_PIXELS, Mask, Plane, enlarged, grown, shrunk

_ROOM_FRAC = 0.012  # between a fault and the line around it, face widths
_MIN_AREA_FRAC2 = 0.0008  # smaller pieces are left out if there are larger ones, share of the face's width squared
_PAINTED = 0.25
_SEEN = {part.key: part.visible.seen for part in PARTS if part.visible is not None}


def place(view: FaceView, key: str, look: PersonLook | None = None) -> Mask | None:
    """Where a part of `lipblend.quality.visible.visible_parts.PARTS` shows in a view.

    For steps, lines, glow and texture, where they reach what is just visible, or if they nowhere do, the value that was
    measured; for the other parts all of the region that was measured.

    Parameters
    ----------
    view : FaceView
    key : str
    look : PersonLook, optional
        How the person looks, for ``painted_over``.

    Returns
    -------
    (h, w) bool or None
        In the view's pixels, with some room around the place. None if there is no such place.
    """
    seen = scene(view)
    region = _painted(seen, look) if key == "painted_over" else _PLACES.get(key, _nowhere)(view, seen)
    if not region.any():
        return None
    region = grown(_large_pieces(region, seen.face.width), max(1.0, _ROOM_FRAC * seen.face.width))
    return np.asarray(enlarged(region.astype(np.float32), view.contour.shape) > 0.5)


def _nowhere(_: FaceView, seen: Scene) -> Mask:
    return np.zeros(seen.face.shape, bool)


def _lips(_: FaceView, seen: Scene) -> Mask:
    return seen.parts.lips


def _skin(_: FaceView, seen: Scene) -> Mask:
    return seen.parts.skin


def _seam(view: FaceView, seen: Scene) -> Mask:
    """The stretches of the contour with a step: half of it, or of a step along a tenth of it, that tenth."""
    steps, ring = visible_steps(seen.found, seen.face.width), seam_ring(seen)
    if np.count_nonzero(ring) < MIN_PIXELS:
        return _nowhere(view, seen)
    half, tenth = half_and_tenth(view, seen, steps, ring)
    if tenth > half:
        return _above(steps / np.float32(TENTH), ring, "seam_step", tenth)
    return _above(steps, ring, "seam_step", half)


def _box(_: FaceView, seen: Scene) -> Mask:
    edges = box_edges(seen, seam_ring(seen))
    return _high(visible_steps(seen.found, seen.face.width), edges, "box_trace", PERCENTILES["box_trace"])


def _uneven(_: FaceView, seen: Scene) -> Mask:
    return _high(visible_steps(seen.found, seen.face.width), seen.parts.near, "uneven", PERCENTILES["uneven"])


def _doubled(_: FaceView, seen: Scene) -> Mask:
    return _high(visible_lines(seen.found, seen.face.width), seen.parts.near, "doubled", PERCENTILES["doubled"])


def _glow(_: FaceView, seen: Scene) -> Mask:
    return _high(skin_parts.cast(seen.face, seen.found, seen.parts), seen.parts.skin, "glow", PERCENTILES["glow"])


def _texture(view: FaceView, seen: Scene) -> Mask:
    original, result = skin_parts.detail(seen.face, view)
    ratio = skin_parts.detail_ratio(seen.face, seen.found, seen.parts, original, result)
    return _high(ratio, seen.parts.near, "foreign_texture", PERCENTILES["foreign_texture"])


def _ragged(view: FaceView, seen: Scene) -> Mask:
    height, width = seen.face.shape
    share, band = (shrunk(plane, (width, height)) for plane in ragged_map(view))
    return _high(share, np.asarray(band > 0.5), "lip_ragged", RAGGED_PERCENTILE)


def _touched(_: FaceView, seen: Scene) -> Mask:
    return touched(seen)


def _painted(seen: Scene, look: PersonLook | None) -> Mask:
    if look is None:
        return np.zeros(seen.face.shape, bool)
    cells = painted_cells(seen.face, seen.found, seen.parts, look)
    height, width = seen.face.shape
    return np.asarray(
        cv2.warpAffine(cells, seen.face.placed.matrix, (width, height), flags=cv2.INTER_LINEAR) > _PAINTED
    )


def _high(plane: Plane, region: Mask, key: str, percent: float) -> Mask:
    """Where a plane reaches what is just visible, or if less than the measured share does, its percentile."""
    if np.count_nonzero(region) < MIN_PIXELS:
        return np.zeros(region.shape, bool)
    return _above(plane, region, key, float(np.percentile(plane[region], percent)))


def _above(plane: Plane, region: Mask, key: str, value: float) -> Mask:
    """Where a plane reaches what is just visible, or the measured value if that is less; nowhere if that is 0."""
    return np.asarray(region & (plane >= min(value, _SEEN[key])) & (value > 0))


def _large_pieces(region: Mask, width: float) -> Mask:
    """A region without its small pieces; at least the largest one is kept."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.view(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    least = min(_MIN_AREA_FRAC2 * width * width, float(areas[1:].max())) if count > 1 else 0.0
    kept = areas >= least
    kept[0] = False
    return np.asarray(kept[labels])


_PLACES: dict[str, Callable[[FaceView, Scene], Mask]] = {
    "seam_step": _seam,
    "box_trace": _box,
    "uneven": _uneven,
    "doubled": _doubled,
    "displaced": _lips,
    "old_lips": _lips,
    "skin_cast": _skin,
    "glow": _glow,
    "mouth_colour": _lips,
    "mouth_dark": _lips,
    "mouth_unlike": _lips,
    "softness": _skin,
    "lip_softness": _lips,
    "lip_ragged": _ragged,
    "lip_halo": _lips,
    "foreign_texture": _texture,
    "flicker": _skin,
    "out_of_step": _lips,
    "touched_area": _touched,
}
