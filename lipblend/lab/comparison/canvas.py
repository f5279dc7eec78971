"""The picture of a comparison: its layout, and how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from lipblend.picture.labelled import Rgb
from lipblend.picture.patch import Box
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame

Layout = Literal["side", "split", "stack"]
Part = tuple[float, float, float, float]
"""Left, top, right and bottom, as shares of the picture's width and height."""

_MIN_HEIGHT = 240
_GAP_PX = 4
_MIN_TEXT_PX, _TEXT_SHARE = 14, 1 / 36  # share of the picture's height
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Canvas:
    """Draws one frame of each video into one picture.

    Parameters
    ----------
    infos, labels : sequence of VideoInfo and str
        One for each video.
    layout : {"side", "split", "stack"}
    part : Part
        The part of each picture to show.
    height_px : int or None
        Height of each picture; None for that of the smallest, from 240 to ``max_height``.
    max_height : int
    """

    def __init__(
        self,
        infos: Sequence[VideoInfo],
        labels: Sequence[str],
        layout: Layout,
        part: Part,
        height_px: int | None,
        max_height: int,
    ) -> None:
        self._infos, self._labels, self._layout = infos, labels, layout
        self._boxes = [_box_of(part, info) for info in infos]
        height = height_px
        if height is None:
            height = min(max_height, max(_MIN_HEIGHT, min(box.height for box in self._boxes)))
        self._height = _even(height)
        widths = [
            _even(box.width * _aspect(info) * height / box.height) for box, info in zip(self._boxes, infos, strict=True)
        ]
        count = len(infos)
        if layout == "split":
            widths = widths[:1] * count
        self._widths = widths
        self._text_px = max(_MIN_TEXT_PX, round(_TEXT_SHARE * self._height))
        self._bar = bar = _even(2.15 * self._text_px)
        if layout == "side":
            lefts = np.cumsum([0, *(width + _GAP_PX for width in widths)]).tolist()
            self._places = [(left, bar) for left in lefts[:-1]]
            self.width, self.height = lefts[-1] - _GAP_PX, bar + self._height
        elif layout == "stack":
            self._places = [(0, bar + number * (bar + self._height)) for number in range(count)]
            self.width, self.height = max(widths), count * (bar + self._height)
        else:
            self._places = [(0, bar)] * count
            self.width, self.height = widths[0], bar + self._height
        self._blank = np.full((self.height, self.width, 3), 24, np.uint8)

    def draw(self, frames: Sequence[tuple[Frame, bool]]) -> Rgb:
        """Draw one frame of each video; those that have ended are dimmed."""
        canvas = self._blank.copy()
        count = len(frames)
        for number, (frame, ended) in enumerate(frames):
            (left, top), width = self._places[number], self._widths[number]
            image = _resize(frame.picture(self._infos[number]).to_rgb(self._boxes[number]), width, self._height)
            if ended:
                image = image // 2
            start, stop = (
                (number * width // count, (number + 1) * width // count) if self._layout == "split" else (0, width)
            )
            canvas[top : top + self._height, left + start : left + stop] = image[:, start:stop]
            label = self._labels[number] + (" (ended)" if ended else "")
            _write_label(canvas[top - self._bar : top, left + start : left + stop], label, self._text_px)
            if self._layout == "split" and number:
                canvas[top:, left + start - 1 : left + start + 1] = 255
        return canvas


def _box_of(part: Part, info: VideoInfo) -> Box:
    width, height = info.upright_size
    left, top, right, bottom = part
    return Box(round(left * width), round(top * height), round(right * width), round(bottom * height))


def _aspect(info: VideoInfo) -> float:
    """Width / height of an upright pixel."""
    aspect = float(info.sample_aspect or 1)
    return 1 / aspect if info.orientation.transposed else aspect


def _resize(image: Rgb, width: int, height: int) -> Rgb:
    if image.shape[:2] == (height, width):
        return image
    method = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def _even(number: float) -> int:
    return max(2, round(number / 2) * 2)


def _write_label(strip: Rgb, label: str, text_px: int) -> None:
    """Write a label into the strip above a picture; its letters are smaller if it does not fit."""
    thickness = max(1, round(text_px / 14))
    scale = cv2.getFontScaleFromHeight(_FONT, text_px, thickness)
    (width, _), _ = cv2.getTextSize(label, _FONT, scale, thickness)
    scale *= min(1.0, (strip.shape[1] - 8) / max(width, 1))
    canvas = np.ascontiguousarray(strip)
    cv2.putText(canvas, label, (4, round(0.7 * len(canvas))), _FONT, scale, (235, 235, 235), thickness, cv2.LINE_AA)
    strip[:] = canvas
