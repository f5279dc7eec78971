"""Image sequences made on the spot."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from lipblend.video.numbered_files import numbered_path
from lipblend.video.still_picture import read_still

SIZE = (64, 48)


def pictures(count: int, *, bits: int = 8, alpha: bool = False) -> list[npt.NDArray[Any]]:
    """Noise as (h, w, 3 or 4) RGB codes, each picture another."""
    rng = np.random.default_rng(bits)
    kind = np.uint8 if bits == 8 else np.uint16
    return [rng.integers(0, 1 << bits, (SIZE[1], SIZE[0], 3 + alpha), kind, endpoint=False) for _ in range(count)]


def write_pictures(pattern: Path, shown: list[npt.NDArray[Any]], first: int = 1) -> list[Path]:
    """Write pictures by OpenCV, or OpenEXR of half floats by FFmpeg."""
    pattern.parent.mkdir(parents=True, exist_ok=True)
    paths = [numbered_path(pattern, first + place) for place in range(len(shown))]
    for path, rgb in zip(paths, shown, strict=True):
        if path.suffix == ".exr":
            path.write_bytes(exr(rgb))
        else:
            assert cv2.imwrite(str(path), rgb[..., [2, 1, 0, 3][: rgb.shape[2]]])
    return paths


def unpacked(video: Path, pattern: Path | str, *, first: int = 1) -> Path:
    """Write the pictures of a video as a sequence, converted by its own matrix."""
    write_pictures(Path(pattern), rgb_frames(video), first)
    return Path(pattern)


def rgb_frames(video: Path) -> list[npt.NDArray[np.uint8]]:
    """The pictures of a video, (h, w, 3) RGB."""
    with av.open(str(video)) as file:
        frames = file.decode(video=0)
        return [frame.reformat(format="rgb24", src_colorspace=frame.colorspace).to_ndarray() for frame in frames]


def read_picture(path: Path) -> npt.NDArray[Any]:
    """RGB(A) codes of a PNG file by OpenCV; of TIFF, whose alpha OpenCV multiplies in, by lipblend."""
    if path.suffix == ".tif":
        still = read_still(path)
        kind = np.uint8 if still.bits == 8 else np.uint16
        codes = np.rint(still.values * ((1 << still.bits) - 1)).astype(kind)
        return codes if still.alpha is None else np.dstack([codes, still.alpha])
    codes = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert codes is not None
    return codes[..., [2, 1, 0, 3][: codes.shape[2]]]


def exr(light: npt.NDArray[Any]) -> bytes:
    """An OpenEXR file of floats."""
    context: Any = av.CodecContext.create("exr", "w")
    context.width, context.height, context.pix_fmt = light.shape[1], light.shape[0], "gbrpf32le"
    context.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(light.astype(np.float32), "gbrpf32le")
    frame.pts = 0
    return bytes([*context.encode(frame), *context.encode(None)][0])


def read_exr(path: Path) -> tuple[npt.NDArray[np.float32], str]:
    """(h, w, 3) linear light of an OpenEXR file, and FFmpeg's name of its pixel format."""
    context: Any = av.CodecContext.create("exr", "r")
    (frame,) = [*context.decode(av.Packet(path.read_bytes())), *context.decode(None)]
    return frame.reformat(format="gbrpf32le").to_ndarray(), frame.format.name


def palette_png(places: npt.NDArray[Any], colours: npt.NDArray[np.uint8], alpha: list[int] | None) -> bytes:
    """A PNG file of (h, w) places in a palette of (n, 3) RGB colours, with the alpha codes of these or without."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = places.shape
    rows = b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in places)
    clear = b"" if alpha is None else chunk(b"tRNS", bytes(alpha))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = chunk(b"PLTE", colours.tobytes()) + clear + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + parts
