"""The visible parts of one face in one frame: seam, box, doubled lines, colour, sharpness, mouth, lip lines."""

from __future__ import annotations

import numpy as np

from lipblend.quality.view import FaceView
from lipblend.quality.visible import mouth_parts, skin_parts
from lipblend.quality.visible.expected import squared_length
from lipblend.quality.visible.lip_line_parts import lip_line_parts
from lipblend.quality.visible.person_look import PersonLook, painted_over, synced_broken
from lipblend.quality.visible.scene import Scene, made_mouth, scene
from lipblend.quality.visible.steps import generator_edges, visible_lines, visible_steps
from lipblend.quality.visible.work_face import MIN_PIXELS, Mask, Plane, grown
from lipblend.stages.detail.scale import low_pass

_RING_PIXELS = 4.8  # of both sides of a matte's contour, over the face's width: mattes have 4 to 5.6
TENTH = 3.0  # a step along a tenth of the contour is as visible as one of a third of its height along half of it
_MIN_EDGE_FRAC = 0.15  # pixels of the generator's edges, over the face's width: fewer are none
_TOUCHED_LEVELS, _TOUCHED_FRAC = 2.5, 0.02
_MIN_DIFFERS = 2.0  # levels of structure of a mouth that can be compared
_MIN_DETAIL = 0.25  # squared levels of lips whose sharpness can be compared


PERCENTILES = {"box_trace": 50.0, "uneven": 99.0, "doubled": 99.7, "glow": 95.0, "foreign_texture": 99.5}
"""Share of its region, in per cent, that a part's value exceeds."""
HALF_AND_TENTH = (50.0, 90.0)
"""The two percentiles along the contour that `seam_step` is made of."""


def face_parts(view: FaceView, look: PersonLook | None) -> dict[str, float]:
    """The parts of one face by the keys of `lipblend.quality.measures.MEASURES`; without what cannot be measured."""
    seen = scene(view)
    steps = visible_steps(seen.found, seen.face.width)
    lines = visible_lines(seen.found, seen.face.width)
    ring = seam_ring(seen)
    found = {
        **_along_contour(view, seen, steps, ring),
        "box_trace": _along_box(seen, steps, ring),
        **_of_region({"uneven": steps, "doubled": lines}, seen.parts.near),
        "touched_area": _touched(seen),
        **_skin(view, seen),
    }
    if look is None or not synced_broken(seen.face, seen.parts, look):
        found |= {**_mouth(view, seen), **lip_line_parts(view)}
    if look is not None:
        found["painted_over"] = painted_over(seen.face, seen.found, seen.parts, look)
    return found


def seam_ring(seen: Scene) -> Mask:
    """The pixels on both sides of the contour, outside the mouth: (h, w) bool in working pixels."""
    inside = np.asarray(seen.face.contour >= 0.5)
    return np.asarray(grown(inside, 1) & grown(~inside, 1) & ~seen.parts.mouth)


def half_and_tenth(view: FaceView, seen: Scene, steps: Plane, ring: Mask) -> tuple[float, float]:
    """Steps that half of the contour exceeds, and a third of those that a tenth exceeds.

    An estimated contour may surround a small spot only; shorter than that of a matte, it counts as that long.
    """
    along = steps[ring]
    if view.estimated:
        least = round(_RING_PIXELS * seen.face.width)
        along = np.concatenate([along, np.zeros(max(0, least - len(along)), np.float32)])
    half, tenth = np.percentile(along, HALF_AND_TENTH)
    return float(half), float(tenth / TENTH)


def _along_contour(view: FaceView, seen: Scene, steps: Plane, ring: Mask) -> dict[str, float]:
    if np.count_nonzero(ring) < MIN_PIXELS:
        return {}
    return {"seam_step": max(half_and_tenth(view, seen, steps, ring))}


def box_edges(seen: Scene, ring: Mask) -> Mask:
    """The edges of what the generator pasted, around the mouth and off the contour: (h, w) bool in working pixels."""
    return np.asarray(generator_edges(seen.face, seen.found, seen.parts) & seen.parts.near & ~ring)


def touched(seen: Scene) -> Mask:
    """Where the result departs from the original away from the mouth, which it need not: (h, w) bool."""
    sigma = _TOUCHED_FRAC * seen.face.width
    pairs = zip(seen.face.result, seen.face.original, strict=True)
    squares = squared_length([low_pass(result - original, sigma) for result, original in pairs])
    return np.asarray((squares > _TOUCHED_LEVELS**2) & _away(seen))


def _away(seen: Scene) -> Mask:
    return np.asarray(~seen.parts.near & ~seen.parts.mouth)


def _along_box(seen: Scene, steps: Plane, ring: Mask) -> float:
    edges = box_edges(seen, ring)
    if np.count_nonzero(edges) < _MIN_EDGE_FRAC * seen.face.width:
        return 0.0
    return float(np.percentile(steps[edges], PERCENTILES["box_trace"]))


def _of_region(wanted: dict[str, Plane], region: Mask) -> dict[str, float]:
    if np.count_nonzero(region) < MIN_PIXELS:
        return {}
    return {key: float(np.percentile(plane[region], PERCENTILES[key])) for key, plane in wanted.items()}


def _touched(seen: Scene) -> float:
    """Share of what lies away from the mouth that is `touched`."""
    away = _away(seen)
    if np.count_nonzero(away) < MIN_PIXELS:
        return 0.0
    return float(touched(seen)[away].mean())


def _skin(view: FaceView, seen: Scene) -> dict[str, float]:
    face, parts, region = seen.face, seen.parts, seen.parts.skin
    if np.count_nonzero(region) < MIN_PIXELS:
        return {}
    cast = skin_parts.cast(face, seen.found, parts)[region]
    original, result = skin_parts.detail(face, view)
    ratio = skin_parts.detail_ratio(face, seen.found, parts, original, result)
    found = {
        "skin_cast": float(np.percentile(cast, 50)),
        "glow": float(np.percentile(cast, PERCENTILES["glow"])),
        "softness": max(0.0, 1 - float(np.percentile(ratio[region], 10))),
        "foreign_texture": float(np.percentile(ratio[parts.near], PERCENTILES["foreign_texture"])),
    }
    lips = [float(plane[parts.lips].mean()) if parts.lips.any() else 0.0 for plane in (original, result)]
    if lips[0] > _MIN_DETAIL:
        found["lip_softness"] = max(0.0, 1 - (lips[1] / lips[0]) ** 0.5)
    return found


def _mouth(view: FaceView, seen: Scene) -> dict[str, float]:
    face, found, parts = seen.face, seen.found, seen.parts
    made = made_mouth(view)
    if made is None:
        return {}
    dark, coloured = mouth_parts.foreign(face, found, parts)
    values = {"mouth_dark": max(0.0, dark), "mouth_colour": coloured}
    if not made.all_old:
        values["mouth_unlike"] = made.unexplained / max(made.structure, _MIN_DIFFERS)
    return values
