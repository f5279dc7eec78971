"""Pictures of one face in one frame: original, synced, result, what is wrong, seam ring and amplified difference."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lipblend.quality.evaluation.person import FaceLook, face_looks, look_of
from lipblend.quality.record import Evaluation
from lipblend.quality.report.outline import outlined
from lipblend.quality.report.picks import Moment, Pick
from lipblend.quality.report.report_source import Evaluated, Rgb, Walk
from lipblend.quality.ring import seam
from lipblend.quality.view import FaceView, Patch3
from lipblend.quality.visible.face_parts import face_parts
from lipblend.quality.visible.person_look import PersonLook
from lipblend.quality.visible.places import place

AMPLIFICATION = 8
"""Factor of the shown difference."""

_MAX_WIDTH_PX, _MIN_WIDTH_PX = 480, 240
_QUALITY = 90
_HALF = 0.5
_RING_RGB = (0, 200, 255)
_SEAM_RGB = (255, 40, 160)


@dataclass(frozen=True)
class Still:
    """Pictures of a frame.

    Attributes
    ----------
    index : int
        Of the frame.
    pictures : mapping of str to str
        Data URIs: original, synced, result, outlined (of a moment), in_front (if something
        is), reference (if there is one), ring, difference.
    width, height : int
        Pixels.
    """

    index: int
    pictures: Mapping[str, str]
    width: int
    height: int


def stills(evaluated: Evaluated, wanted: Sequence[Moment | Pick]) -> dict[int, Still]:
    """Pictures of chosen frames by their index, without frames that have no face; one frame is held at a time."""
    by_index = {each.index: each for each in wanted}
    looks = {
        each.index: _looks(evaluated.walk, evaluated.record, each.index)
        for each in wanted
        if each.key == "painted_over"
    }
    found = {}
    for index, views in evaluated.walk.views(sorted(by_index)) if by_index else ():
        if views:
            found[index] = _still(evaluated, by_index[index], views, looks.get(index, ()))
    return found


def jpeg_uri(picture: Rgb) -> str:
    """A picture, (h, w, 3) uint8 RGB, as a JPEG data URI without chroma subsampling."""
    flags = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, *flags])
    if not done:
        raise ValueError(f"OpenCV cannot encode a picture of shape {picture.shape} as JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def shown_face(
    index: int, views: Sequence[FaceView], key: str, looks: Sequence[FaceLook]
) -> tuple[FaceView, PersonLook | None]:
    """The face in which a part is worst, and how that person looks.

    For what one frame alone does not show, the one with the strongest seam.
    """
    people = [(view, look_of(index, view, looks)) for view in views]
    if len(people) == 1:
        return people[0]
    values = [face_parts(view, look).get(key, -math.inf) for view, look in people]
    if max(values) == -math.inf:
        values = [-1.0 if (value := seam(view)) is None else value for view, _ in people]
    return people[values.index(max(values))]


def _looks(walk: Walk, record: Evaluation, index: int) -> Sequence[FaceLook]:
    """How the people of a frame's shot look."""
    for shot in record.shots:
        if shot.start <= index < shot.stop:
            held = [row.index for row in record.rows[shot.start : shot.stop] if row.original_index >= 0]
            return face_looks(walk, held)
    return ()


def _still(evaluated: Evaluated, wanted: Moment | Pick, views: Sequence[FaceView], looks: Sequence[FaceLook]) -> Still:
    view, look = shown_face(wanted.index, views, wanted.key, looks)
    scale = _scale(view.box.width)
    drawn = dict(_pictures(evaluated, wanted, view, look, scale))
    height, width = drawn["original"].shape[:2]
    return Still(wanted.index, {name: jpeg_uri(picture) for name, picture in drawn.items()}, width, height)


def _pictures(
    evaluated: Evaluated, wanted: Moment | Pick, view: FaceView, look: PersonLook | None, scale: float
) -> Iterable[tuple[str, Rgb]]:
    original, synced, result = (_rgb(patch, view) for patch in (view.original, view.synced, view.result))
    large = _scaled(result, scale)
    yield from (("original", _scaled(original, scale)), ("synced", _scaled(synced, scale)), ("result", large))
    if isinstance(wanted, Moment):
        region = place(view, wanted.key, look)
        yield "outlined", large if region is None else outlined(large, region)
    if view.in_front is not None and (view.in_front >= _HALF).any():
        yield "in_front", outlined(large, view.in_front >= _HALF)
    yield from _reference(evaluated, wanted.index, view, scale)
    yield "ring", _scaled(_with_ring(result, view), scale)
    yield "difference", _scaled(_difference(original, result), scale)


def _reference(evaluated: Evaluated, index: int, view: FaceView, scale: float) -> Iterator[tuple[str, Rgb]]:
    truth = evaluated.truth(index, view)
    if truth is not None:
        yield "reference", _scaled(_rgb(truth, view), scale)


def _scale(width: int) -> float:
    if width > _MAX_WIDTH_PX:
        return _MAX_WIDTH_PX / width
    return math.ceil(_MIN_WIDTH_PX / width) if width < _MIN_WIDTH_PX else 1.0


def _rgb(patch: Patch3, view: FaceView) -> Rgb:
    return np.clip(np.rint(cv2.transform(patch, view.matrix.astype(np.float32))), 0, 255).astype(np.uint8)


def _scaled(picture: Rgb, scale: float) -> Rgb:
    if scale == 1:
        return picture
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method), np.uint8)


def _with_ring(result: Rgb, view: FaceView) -> Rgb:
    """The result with the seam as a line and the seam ring as a tint."""
    shown = result.copy()
    shown[view.ring] = np.rint(0.65 * shown[view.ring] + 0.35 * np.array(_RING_RGB)).astype(np.uint8)
    inside = (view.contour >= 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(shown, contours, -1, _SEAM_RGB, 1)
    return shown


def _difference(original: Rgb, result: Rgb) -> Rgb:
    """Result minus original, amplified, around mid grey."""
    change = result.astype(np.int16) - original.astype(np.int16)
    return np.clip(128 + AMPLIFICATION * change, 0, 255).astype(np.uint8)
