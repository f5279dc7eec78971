"""Pictures of one face in one frame: original, synced, result, seam ring and amplified difference."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lipblend.quality.report.picks import Pick
from lipblend.quality.report.report_source import Rgb, Walk
from lipblend.quality.ring import seam
from lipblend.quality.view import FaceView, Patch3

AMPLIFICATION = 8
"""Factor of the shown difference."""

_MAX_WIDTH_PX, _MIN_WIDTH_PX = 480, 240
_QUALITY = 90
_RING_RGB = (0, 200, 255)
_SEAM_RGB = (255, 40, 160)


@dataclass(frozen=True)
class Still:
    """Pictures of a picked frame.

    Attributes
    ----------
    pick : Pick
    pictures : mapping of str to str
        Data URIs: original, synced, result, ring, difference.
    width, height : int
        Pixels.
    """

    pick: Pick
    pictures: Mapping[str, str]
    width: int
    height: int


def stills(walk: Walk, picks: Sequence[Pick]) -> tuple[Still, ...]:
    """Pictures of the picked frames in the given order, without frames that have no face."""
    wanted = sorted({pick.index for pick in picks})
    found = {index: views for index, views in walk.views(wanted) if views} if wanted else {}
    return tuple(_still(pick, _worst_face(found[pick.index])) for pick in picks if pick.index in found)


def _worst_face(views: Sequence[FaceView]) -> FaceView:
    """The face with the strongest seam; without a ring it comes last."""

    def strength(view: FaceView) -> float:
        value = seam(view)
        return -1.0 if value is None else value

    return max(views, key=strength)


def _still(pick: Pick, view: FaceView) -> Still:
    original, synced, result = (_rgb(patch, view) for patch in (view.original, view.synced, view.result))
    pictures = {
        "original": original,
        "synced": synced,
        "result": result,
        "ring": _with_ring(result, view),
        "difference": _difference(original, result),
    }
    width = original.shape[1]
    scale = 1.0
    if width > _MAX_WIDTH_PX:
        scale = _MAX_WIDTH_PX / width
    elif width < _MIN_WIDTH_PX:
        scale = math.ceil(_MIN_WIDTH_PX / width)
    scaled = {name: _scaled(picture, scale) for name, picture in pictures.items()}
    height, width = scaled["original"].shape[:2]
    return Still(pick, {name: jpeg_uri(picture) for name, picture in scaled.items()}, width, height)


def jpeg_uri(picture: Rgb) -> str:
    """A picture, (h, w, 3) uint8 RGB, as a JPEG data URI without chroma subsampling."""
    flags = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, *flags])
    if not done:
        raise ValueError(f"OpenCV cannot encode a picture of shape {picture.shape} as JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


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
