"""How a person's lower face looks over a shot, and what of the original in front of it was painted over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.quality.visible.canonical import SIDE, Canonical, canonical, canonical_mask
from lipblend.quality.visible.expected import Expected
from lipblend.quality.visible.work_face import Mask, Plane, Planes, WorkFace, Zones

_SCALE = np.array([10, 5, 5], np.float32)  # levels of luma and chroma by which skin changes without reason
_SPREAD = np.float32(2.5)
_DEVIATION = np.float32(1.4826)  # standard deviation of a normal distribution over its median absolute deviation
_UNLIKE, _SYNCED_UNLIKE = 0.6, 0.7
_SEEN_LEVELS, _CLEAR_LEVELS = 4.0, 8.0
_DEPARTS = 1.5
_BROKEN = 0.7
_FACE_SHARE = 0.35  # of the canonical picture: the lower face
_MIN_FACES = 3


@dataclass(frozen=True)
class PersonLook:
    """Median and robust spread of a lower face over a shot, by place in the face.

    Attributes
    ----------
    median, spread : (72, 72, 3) float32
        Luma and chroma, full-range levels.
    """

    median: Canonical
    spread: Canonical


def learn_look(faces: Iterable[WorkFace]) -> PersonLook | None:
    """Learn how a person looks from some frames of a shot; None from fewer than three.

    The synced pictures count too, their even cast taken out: where something passes before the original's face for half
    of the time, they show the face.
    """
    seen = []
    for face in faces:
        seen += [face.placed.original, face.placed.synced]
    if len(seen) < 2 * _MIN_FACES:
        return None
    pictures = np.stack(seen)
    median = np.median(pictures, axis=0)
    spread = _DEVIATION * np.median(np.abs(pictures - median), axis=0)
    return PersonLook(np.asarray(median, np.float32), np.asarray(spread, np.float32))


def painted_over(face: WorkFace, found: Expected, parts: Zones, look: PersonLook) -> float:
    """Share of the lower face where something in front of it was painted over, 0..1; see `painted_cells`."""
    return float(painted_cells(face, found, parts, look).sum()) / (SIDE * SIDE * _FACE_SHARE)


def painted_cells(face: WorkFace, found: Expected, parts: Zones, look: PersonLook) -> Plane:
    """How far something in front of the lower face was painted over, by place in the face.

    Counted is what in the original departs from the person's look, does not in the synced picture, and is not in the
    result, which shows the synced picture there instead; outside the mouth.

    Returns
    -------
    (72, 72) float32
        0..1, in canonical coordinates.
    """
    matrix, original, synced = face.placed.matrix, face.placed.original, face.placed.synced
    unlike, synced_unlike = (_unlike(picture, look) for picture in (original, synced))
    departed, beside = (
        _length(canonical(planes, matrix, face.width))
        for planes in (found.departure, _difference(face.result, found.recast))
    )
    inside = _around_mouth(face, parts)
    lost = (
        np.clip(unlike - _SYNCED_UNLIKE * synced_unlike - _UNLIKE, 0, 1)
        * np.clip((departed - _SEEN_LEVELS) / _CLEAR_LEVELS, 0, 1)
        * np.clip((departed - 1.5 * beside) / _CLEAR_LEVELS + 0.5, 0, 1)
        * inside
    )
    opened = cv2.morphologyEx(lost.astype(np.float32), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return np.asarray(opened, np.float32)


def synced_broken(face: WorkFace, parts: Zones, look: PersonLook) -> bool:
    """Whether the synced picture's mouth is none that the person has: nothing can be held against it."""
    mouth = canonical_mask(parts.mouth, face.placed.matrix)
    if not mouth.any():
        return False
    return bool(np.median(_unlike(face.placed.synced, look)[mouth]) > _BROKEN)


def departing(face: WorkFace, look: PersonLook) -> Mask:
    """Where original or synced picture show something else than the person does, and beside it, canonical."""
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(_far(face, look).view(np.uint8), kernel) > 0)


def something_else(face: WorkFace, parts: Zones, look: PersonLook) -> float:
    """Share of the face without its mouth where original or synced picture show something else than the person does."""
    inside = _around_mouth(face, parts)
    return float(_far(face, look)[inside].mean()) if inside.any() else 0.0


def _around_mouth(face: WorkFace, parts: Zones) -> Mask:
    """The face without its mouth, in canonical coordinates."""
    matrix = face.placed.matrix
    return np.asarray(canonical_mask(parts.oval, matrix) & ~canonical_mask(parts.mouth, matrix))


def _far(face: WorkFace, look: PersonLook) -> Mask:
    first, second = (_unlike(picture, look) > _DEPARTS for picture in (face.placed.original, face.placed.synced))
    return np.asarray(first | second)


def _unlike(picture: Canonical, look: PersonLook) -> Plane:
    """How far a picture departs from a look, in its spreads."""
    return _length((picture - look.median) / (_SCALE + _SPREAD * look.spread))


def _difference(first: Planes, second: Planes) -> list[Plane]:
    return [a - b for a, b in zip(first, second, strict=True)]


def _length(values: npt.NDArray[np.floating]) -> Plane:
    return np.asarray(np.sqrt((values * values).sum(-1)), np.float32)
