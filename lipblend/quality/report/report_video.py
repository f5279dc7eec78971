"""A small video of original, synced and result side by side for the page."""

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
from lipblend.quality.regions import mouth_surroundings
from lipblend.quality.report.report_source import Rgb, Walk

MAX_FRAMES = 600
_MAX_BYTES = 6_000_000  # 8 MB as base64
_MAX_PANEL_WIDTH_PX, _MAX_PANEL_HEIGHT_PX = 352, 480
_CODING_BLOCK_PX = 16  # panels of whole blocks do not bleed into each other
_MAX_SAMPLED_FACES = 24
_MARGIN_FRAC = 0.12
_DEFAULT_CRF, _MAX_CRF, _CRF_PER_HALF = 19, 40, 6


@dataclass(frozen=True)
class ReportVideo:
    """An MP4 file in memory, the size of one of its three panels, its frame rate, and its part of the picture."""

    data: bytes
    panel_w: int
    panel_h: int
    frame_rate: float
    box: Box


def make_video(walk: Walk, record: Evaluation, frames: range, *, max_bytes: int = _MAX_BYTES) -> ReportVideo:
    """Encode the frames; if the file is too large, read the videos again and encode at a lower quality.

    Raises
    ------
    OutputError
        The video cannot be encoded.
    """
    box = shown_box(walk, record, frames)
    panel_w, panel_h = panel_size(box)
    rate = Fraction(record.frame_rate or 25).limit_denominator(1001)
    try:
        with tempfile.TemporaryDirectory(prefix="lipblend-") as folder:
            path = Path(folder) / "proxy.mp4"
            crf = _DEFAULT_CRF
            while True:
                write_clip(path, _panels(walk, frames, box, (panel_w, panel_h)), frame_rate=rate, crf=crf)
                size = path.stat().st_size
                if size <= max_bytes or crf >= _MAX_CRF:
                    return ReportVideo(path.read_bytes(), panel_w, panel_h, float(rate), box)
                crf = min(_MAX_CRF, crf + 1 + math.ceil(_CRF_PER_HALF * math.log2(size / max_bytes)))
    except OSError as error:
        raise OutputError(
            f"cannot encode the report's video: {error.strerror or error}",
            hint="Check the free space for temporary files.",
        ) from error


def shown_box(walk: Walk, record: Evaluation, frames: range) -> Box:
    """A box around all faces of sampled frames, with a margin; the whole picture if there are none."""
    whole = Box(0, 0, *walk.frame_size)
    blended = [index for index in frames if record.rows[index].blended]
    if not blended:
        return whole
    lows, highs = [], []
    for index in blended[:: math.ceil(len(blended) / _MAX_SAMPLED_FACES)]:
        for face in walk.faces(index):
            points, box = face.points, mouth_surroundings(face)
            lows.append(np.minimum(points.min(0).astype(float), (box.x0, box.y0)))
            highs.append(np.maximum(points.max(0).astype(float), (box.x1, box.y1)))
    (left, top), (right, bottom) = np.min(lows, axis=0).tolist(), np.max(highs, axis=0).tolist()
    margin = _MARGIN_FRAC * (right - left)
    return Box(
        math.floor(left - margin), math.floor(top - margin), math.ceil(right + margin), math.ceil(bottom + margin)
    ).clipped(*walk.frame_size)


def panel_size(box: Box) -> tuple[int, int]:
    """Width and height of one panel: whole coding blocks wide, an even height, about the box's size at most."""
    scale = min(1.0, _MAX_PANEL_WIDTH_PX / box.width, _MAX_PANEL_HEIGHT_PX / box.height)
    width = max(_CODING_BLOCK_PX, _CODING_BLOCK_PX * round(scale * box.width / _CODING_BLOCK_PX))
    return width, max(2, 2 * round(width * box.height / box.width / 2))


def _panels(walk: Walk, frames: Sequence[int], box: Box, size: tuple[int, int]) -> Iterator[Rgb]:
    for _, *pictures in walk.pictures(frames, box):
        yield np.hstack([_scaled(picture, size) for picture in pictures])


def _scaled(picture: Rgb, size: tuple[int, int]) -> Rgb:
    method = cv2.INTER_AREA if picture.shape[1] > size[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
