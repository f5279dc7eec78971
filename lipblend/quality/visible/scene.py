"""Everything that the visible parts of one face need, computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipblend.picture.patch import joined
from lipblend.quality.fades import faded_view
from lipblend.quality.levels import gains
from lipblend.quality.view import FaceView, Patch3, once_per_view
from lipblend.quality.visible.expected import Expected, expected
from lipblend.quality.visible.mouth_parts import Mouth, mouth, shift
from lipblend.quality.visible.work_face import Points, WorkFace, Zones, enlarged, work_face, zones
from lipblend.stages.registration.flow import moved_by


@dataclass(frozen=True)
class Scene:
    """One face at working size, its parts, and what is expected there."""

    face: WorkFace
    parts: Zones
    found: Expected


@once_per_view
def made_mouth(view: FaceView) -> Mouth | None:
    """`lipblend.quality.visible.mouth_parts.mouth` of a view."""
    seen = scene(view)
    return mouth(seen.face, seen.found, seen.parts)


@once_per_view
def mouth_shift(view: FaceView) -> Points | None:
    """`lipblend.quality.visible.mouth_parts.shift` of a view."""
    seen = scene(view)
    return shift(seen.face, seen.found, seen.parts)


@once_per_view
def scene(view: FaceView) -> Scene:
    """The scene of a view; where the patch fades, the new mouth is the one between both (`faded_view`)."""
    face = work_face(faded_view(view))
    parts = zones(face)
    return Scene(face, parts, expected(face, parts))


@once_per_view
def classic_reference(view: FaceView) -> Patch3:
    """What the classic measures hold a result against, at full size: (h, w, 3) float32, in the original's encoding.

    The original itself, or with ``view.against`` "expected" the original moved along, with the smooth changes of
    shading that the synced picture explains.
    """
    if view.against == "original":
        return view.original
    seen = scene(view)
    shape = view.original.shape[:2]
    flow = zip((seen.found.right, seen.found.down), seen.face.scale, strict=True)
    right, down = (enlarged(plane, shape) * np.float32(scale) for plane, scale in flow)
    moved = moved_by(view.original, right, down)
    shading = zip(seen.found.explained, gains(view.matrix), strict=True)
    return moved + joined(*(enlarged(plane, shape) / np.float32(gain) for plane, gain in shading))
