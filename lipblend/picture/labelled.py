"""Labelled pictures for display: rows of crops, and sheets of rows; image files."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]

_PAPER = 255
_INK = (30, 30, 30)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LABEL_PX = 28
_TEXT_PX = 13


def labelled_row(images: Sequence[tuple[str, Rgb]], *, gap_px: int = 8) -> Rgb:
    """Put (h, w, 3) uint8 RGB pictures of any sizes side by side, aligned at the top, each below its label, on white.

    Raises
    ------
    ValueError
        There is no picture, or one is not (h, w, 3) uint8.
    """
    if not images:
        raise ValueError("expected at least one picture, got none")
    for label, image in images:
        _check(image, label)
    height = max(image.shape[0] for _, image in images) + _LABEL_PX + gap_px
    width = sum(image.shape[1] + gap_px for _, image in images) + gap_px
    sheet = np.full((height, width, 3), _PAPER, np.uint8)
    x = gap_px
    for label, image in images:
        h, w = image.shape[:2]
        _write(sheet[:_LABEL_PX, x : x + w], label)
        sheet[_LABEL_PX : _LABEL_PX + h, x : x + w] = image
        x += w + gap_px
    return sheet


def contact_sheet(rows: Sequence[Rgb]) -> Rgb:
    """Stack pictures from top to bottom on white, aligned at the left; as `labelled_row`."""
    if not rows:
        raise ValueError("expected at least one row, got none")
    for number, row in enumerate(rows):
        _check(row, f"row {number}")
    sheet = np.full((sum(row.shape[0] for row in rows), max(row.shape[1] for row in rows), 3), _PAPER, np.uint8)
    y = 0
    for row in rows:
        h, w = row.shape[:2]
        sheet[y : y + h, :w] = row
        y += h
    return sheet


def resize_to_width(image: Rgb, width_px: int) -> Rgb:
    """Scale a picture to a width; enlarged pixels keep sharp edges, so that a seam can be judged."""
    factor = width_px / image.shape[1]
    height_px = round(image.shape[0] * factor)
    method = cv2.INTER_NEAREST if factor >= 1 else cv2.INTER_AREA
    return cv2.resize(image, (width_px, height_px), interpolation=method).astype(np.uint8)


def save_png(path: str, image: Rgb) -> bool:
    """Write an (h, w, 3) uint8 RGB picture as PNG; False if the file cannot be written."""
    return cv2.imwrite(path, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def encode_image(image: Rgb, suffix: str) -> bytes:
    """The file content of an (h, w, 3) uint8 RGB picture: ``.png``, or ``.jpg`` of high quality.

    Raises ValueError if the picture is too large for the format (65535 pixels per side for JPEG).
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix in (".jpg", ".jpeg") else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    done, content = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"a picture of {image.shape[1]}x{image.shape[0]} cannot be encoded as {suffix}")
    return content.tobytes()


def _check(image: Rgb, label: str) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"{label}: expected (h, w, 3) uint8, got {image.shape} {image.dtype}")


def _write(strip: NDArray[np.uint8], label: str) -> None:
    """Write a label into the strip above a picture, smaller if it does not fit."""
    scale = cv2.getFontScaleFromHeight(_FONT, _TEXT_PX, 1)
    (width, _), _ = cv2.getTextSize(label, _FONT, scale, 1)
    scale *= min(1.0, strip.shape[1] / max(width, 1))
    canvas = np.ascontiguousarray(strip)
    cv2.putText(canvas, label, (0, _LABEL_PX - 9), _FONT, scale, _INK, 1, cv2.LINE_AA)
    strip[:] = canvas
