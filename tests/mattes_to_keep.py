"""Mattes of what stays the original's, as videos and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

FULL, LIMITED, UNTAGGED = 2, 1, 0


def grey_video(
    path: Path, planes: Sequence[np.ndarray], *, pix_fmt: str = "yuv420p", tag: int = LIMITED, codec: str = "ffv1"
) -> Path:
    """Planes, (h, w) uint8 or uint16, as the luma of a lossless video, bit for bit."""
    height, width = planes[0].shape
    grey = 512 if "10" in pix_fmt else 128
    with av.open(str(path), "w") as out:
        options = {"qp": "0", "bf": "2", "g": "4"} if codec == "libx264" else {}
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.color_range = tag
        for number, plane in enumerate(planes):
            frame = av.VideoFrame(width, height, pix_fmt)
            for channel, each in enumerate(frame.planes):
                values = plane if channel == 0 else np.full((each.height, each.width), grey, plane.dtype)
                rows = np.zeros((each.height, each.line_size // plane.itemsize), plane.dtype)
                rows[:, : values.shape[1]] = values
                each.update(rows.tobytes())
            frame.color_range, frame.pts, frame.time_base = tag, number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def pictures(folder: Path, planes: Sequence[np.ndarray], *, first: int = 0, name: str = "hand_v2_{:04d}.png") -> Path:
    """Pictures of any depth and number of channels (BGR), numbered from a number on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, plane in enumerate(planes, start=first):
        assert cv2.imwrite(str(folder / name.format(number)), plane)
    return folder


def flat(value: int, size: tuple[int, int] = (64, 48), dtype: type = np.uint8) -> np.ndarray:
    """One value everywhere; ``size`` is (width, height)."""
    return np.full(size[::-1], value, dtype)
