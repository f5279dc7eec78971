"""A small video of original, synced and result side by side, for the page."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from lipblend.errors import OutputError
from lipblend.output.synth import write_clip
from lipblend.picture.patch import Box
from lipblend.quality.record import Evaluation
from lipblend.quality.report.report_source import Rgb, Walk

MOST_FRAMES = 600
_MOST_BYTES = 6_000_000  # 8 MB as base64
_PANEL_PX = 352
_TALLEST_PX = 480
_CODING_BLOCK_PX = 16  # panels of whole blocks do not bleed into each other
_FACES_LOOKED_AT = 24
_MARGIN = 0.12
_CRF, _WORST_CRF, _CRF_TO_HALVE = 19, 40, 6


@dataclass(frozen=True)
class Proxy:
    """An MP4 file in memory, the size of one of its three panels, its frame rate, and the part of the picture shown."""

    data: bytes
    panel_w: int
    panel_h: int
    frame_rate: float
    box: Box


def make_proxy(walk: Walk, record: Evaluation, frames: range, *, most_bytes: int = _MOST_BYTES) -> Proxy:
    """Encode the given frames; coarser, and the videos read again, where the file gets larger than it may be.

    Raises
    ------
    OutputError
        It cannot be encoded.
    """
    box = shown_box(walk, record, frames)
    panel_w, panel_h = panel_size(box)
    rate = Fraction(record.frame_rate or 25).limit_denominator(1001)
    try:
        with tempfile.TemporaryDirectory(prefix="lipblend-") as folder:
            path = Path(folder) / "proxy.mp4"
            crf = _CRF
            while True:
                panels = _panels(walk, frames, box, (panel_w, panel_h))
                write_clip(path, panels, frame_rate=rate, crf=crf)
                size = path.stat().st_size
                if size <= most_bytes or crf >= _WORST_CRF:
                    return Proxy(path.read_bytes(), panel_w, panel_h, float(rate), box)
                crf = min(_WORST_CRF, crf + 1 + math.ceil(_CRF_TO_HALVE * math.log2(size / most_bytes)))
    except OSError as error:
        raise OutputError(
            f"cannot encode the report's video: {error.strerror or error}", hint="Check the space for temporary files."
        ) from error


def shown_box(walk: Walk, record: Evaluation, frames: range) -> Box:
    """What holds all faces of some of the frames, with a margin; the whole picture where there is none."""
    whole = Box(0, 0, *walk.frame_size)
    blended = [index for index in frames if record.rows[index].blended]
    if not blended:
        return whole
    looked_at = blended[:: math.ceil(len(blended) / _FACES_LOOKED_AT)]
    corners: list[tuple[float, float, float, float]] = []
    for _, views in walk.views(looked_at):
        for view in views:
            low, high = view.original_mesh.points.min(0), view.original_mesh.points.max(0)
            corners.append(
                (
                    min(float(low[0]), view.box.x0),
                    min(float(low[1]), view.box.y0),
                    max(float(high[0]), view.box.x1),
                    max(float(high[1]), view.box.y1),
                )
            )
    if not corners:
        return whole
    left, top, right, bottom = np.array(corners).min(0)[:2].tolist() + np.array(corners).max(0)[2:].tolist()
    margin = _MARGIN * (right - left)
    return Box(
        math.floor(left - margin), math.floor(top - margin), math.ceil(right + margin), math.ceil(bottom + margin)
    ).clipped(*walk.frame_size)


def panel_size(box: Box) -> tuple[int, int]:
    """Width and height of one panel: the width in whole coding blocks, the height even; about the box's at most."""
    scale = min(1.0, _PANEL_PX / box.width, _TALLEST_PX / box.height)
    width = max(_CODING_BLOCK_PX, _CODING_BLOCK_PX * round(scale * box.width / _CODING_BLOCK_PX))
    return width, max(2, 2 * round(width * box.height / box.width / 2))


def _panels(walk: Walk, frames: Sequence[int], box: Box, size: tuple[int, int]) -> Iterator[Rgb]:
    for _, *pictures in walk.pictures(frames, box):
        yield np.hstack([_fitted(picture, size) for picture in pictures])


def _fitted(picture: Rgb, size: tuple[int, int]) -> Rgb:
    method = cv2.INTER_AREA if picture.shape[1] > size[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
