"""Everything that the visible parts of one face need, computed once."""

from __future__ import annotations

from dataclasses import dataclass

from lipblend.quality.view import FaceView, once_per_view
from lipblend.quality.visible.expected import Expected, expected
from lipblend.quality.visible.work_face import WorkFace, Zones, work_face, zones


@dataclass(frozen=True)
class Scene:
    """One face at working size, its parts, and what is expected there."""

    face: WorkFace
    parts: Zones
    found: Expected


@once_per_view
def scene(view: FaceView) -> Scene:
    """The scene of a view."""
    face = work_face(view)
    parts = zones(face)
    return Scene(face, parts, expected(face, parts))
