"""Pictures of one face in one frame: original, synced, result, seam ring and amplified difference."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lipblend.quality.report.picks import Pick
from lipblend.quality.report.report_source import Rgb, Walk
from lipblend.quality.view import FaceView, Patch3
from lipblend.stages.alpha.seam import ring_radius_px, seam_ring

AMPLIFIED = 8
"""How many times the difference is shown."""

_WIDEST_PX, _NARROWEST_PX = 480, 240
_QUALITY = 90
_RING = (0, 200, 255)
_SEAM = (255, 40, 160)


@dataclass(frozen=True)
class Still:
    """Pictures of a picked frame, each as a data URI, and their size in pixels."""

    pick: Pick
    original: str
    synced: str
    result: str
    ring: str
    difference: str
    width: int
    height: int


def stills(walk: Walk, picks: Sequence[Pick]) -> tuple[Still, ...]:
    """Pictures of the picked frames in the order given; frames without a face are left out."""
    wanted = sorted({pick.index for pick in picks})
    found = {index: views for index, views in walk.views(wanted) if views} if wanted else {}
    return tuple(_still(pick, shown_face(found[pick.index])) for pick in picks if pick.index in found)


def shown_face(views: Sequence[FaceView]) -> FaceView:
    """Of several faces the one with the strongest edges along its seam that the original does not have."""
    return max(views, key=_seam_edges)


def _still(pick: Pick, view: FaceView) -> Still:
    original, synced, result = (_rgb(patch, view) for patch in (view.original, view.synced, view.result))
    pictures = [original, synced, result, _with_ring(result, view), _difference(original, result)]
    scale = 1.0
    width = view.original.shape[1]
    if width > _WIDEST_PX:
        scale = _WIDEST_PX / width
    elif width < _NARROWEST_PX:
        scale = math.ceil(_NARROWEST_PX / width)
    sized = [_scaled(picture, scale) for picture in pictures]
    uris = [jpeg_uri(picture) for picture in sized]
    return Still(pick, uris[0], uris[1], uris[2], uris[3], uris[4], width=sized[0].shape[1], height=sized[0].shape[0])


def jpeg_uri(picture: Rgb) -> str:
    """A picture, (h, w, 3) uint8 RGB, as a JPEG data URI with unthinned chroma."""
    done, data = cv2.imencode(
        ".jpg",
        cv2.cvtColor(picture, cv2.COLOR_RGB2BGR),
        [
            cv2.IMWRITE_JPEG_QUALITY,
            _QUALITY,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ],
    )
    if not done:
        raise ValueError(f"OpenCV cannot make a JPEG of a picture of {picture.shape}")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _rgb(patch: Patch3, view: FaceView) -> Rgb:
    return np.clip(np.rint(cv2.transform(patch, view.matrix.astype(np.float32))), 0, 255).astype(np.uint8)


def _scaled(picture: Rgb, scale: float) -> Rgb:
    if scale == 1:
        return picture
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method), np.uint8)


def _with_ring(result: Rgb, view: FaceView) -> Rgb:
    """The result with the seam as a line, and the ring in which it is measured as a tint."""
    ring = seam_ring(view.contour, radius_px=ring_radius_px(view.face_width_px))
    shown = result.copy()
    shown[ring] = np.rint(0.65 * shown[ring] + 0.35 * np.array(_RING)).astype(np.uint8)
    inside = (view.contour >= 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(shown, contours, -1, _SEAM, 1)
    return shown


def _difference(original: Rgb, result: Rgb) -> Rgb:
    """Result less original, amplified, about mid grey."""
    change = result.astype(np.int16) - original.astype(np.int16)
    return np.clip(128 + AMPLIFIED * change, 0, 255).astype(np.uint8)


def _seam_edges(view: FaceView) -> float:
    ring = seam_ring(view.contour, radius_px=ring_radius_px(view.face_width_px))
    if not ring.any():
        return -1.0
    change = np.ascontiguousarray(view.result[..., 0] - view.original[..., 0])
    across, down = cv2.Sobel(change, cv2.CV_32F, 1, 0), cv2.Sobel(change, cv2.CV_32F, 0, 1)
    return float(np.hypot(across, down)[ring].mean())
