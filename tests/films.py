"""Videos of a portrait in any format, and what a player would show of them: material for the input matrix."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.stream import Disposition

from lipblend.faces.landmarks import LIPS_OUTER
from lipblend.picture.formats import ColourTags
from lipblend.picture.layouts import nearest_layout
from lipblend.picture.patch import Box
from lipblend.picture.planes import add_delta, extract_patch
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.video.info import VideoInfo
from lipblend.video.reader import plane_views

ONE, W = 1 << 16, 1 << 30

Turn = Callable[[np.ndarray], np.ndarray]
# Name: a, b, c, d of the display matrix; what a player does with the coded picture; how a camera makes it.
TURNS: dict[str, tuple[tuple[int, int, int, int], Turn, Turn]] = {
    "none": ((1, 0, 0, 1), lambda p: p, lambda p: p),
    "cw": ((0, 1, -1, 0), lambda p: np.rot90(p, -1), np.rot90),
    "half": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2), lambda p: np.rot90(p, 2)),
    "ccw": ((0, -1, 1, 0), np.rot90, lambda p: np.rot90(p, -1)),
    "mirror": ((-1, 0, 0, 1), np.fliplr, np.fliplr),
    "upside": ((1, 0, 0, -1), np.flipud, np.flipud),
    "mirror-cw": ((0, 1, 1, 0), lambda p: np.swapaxes(p, 0, 1), lambda p: np.swapaxes(p, 0, 1)),
    "mirror-ccw": (
        (0, -1, -1, 0),
        lambda p: np.swapaxes(np.rot90(p, 2), 0, 1),
        lambda p: np.rot90(np.swapaxes(p, 0, 1), 2),
    ),
}
BT709, BT601, PQ, HLG = (1, 1, 1, 1), (6, 6, 6, 1), (9, 9, 16, 1), (9, 9, 18, 1)
FULL_709, FULL_601, UNTAGGED = (1, 1, 1, 2), (5, 5, 6, 2), (2, 2, 2, 0)
MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
X264 = {"qp": "4", "preset": "ultrafast"}
X265 = {"crf": "8", "preset": "ultrafast", "x265-params": "log-level=error"}
HDR10 = {**X265, "x265-params": f"log-level=error:master-display={MASTERING}:max-cll=1000,400"}


@dataclass(frozen=True)
class Film:
    """How one video of a case is made; ``size`` is that of the picture as shown."""

    name: str
    codec: str
    pix_fmt: str = "yuv420p"
    tags: tuple[int, int, int, int] = BT709
    codes: tuple[int, int, int, int] | None = None
    turn: str = "none"
    options: dict[str, str] = field(default_factory=dict)
    aspect: Fraction | None = None
    interlaced: bool = False
    cover: bool = False
    sounds: int = 0


def plain(tags: tuple[int, int, int, int] = BT709, **more: object) -> Film:
    """What generators write: H.264, 4:2:0, 8 bits."""
    return Film("synced.mp4", "libx264", tags=tags, options=X264, **more)


def untagged(codes: tuple[int, int, int, int], **more: object) -> Film:
    """What they write without tags: the original's codes."""
    return Film("synced.mp4", "libx264", tags=UNTAGGED, codes=codes, options=X264, **more)


def shift(mesh: np.ndarray, size: tuple[int, int], index: int) -> np.ndarray:
    """Where the portrait's corner lies in picture ``index``: whole pixels."""
    middle = (mesh.min(0) + mesh.max(0)) / 2
    return np.rint(np.array(size) / 2 - middle + (2 * index - 4, index)).astype(int)


def shown_picture(
    head: tuple[np.ndarray, np.ndarray], size: tuple[int, int], index: int, *, synced: bool
) -> np.ndarray:
    """(h, w, 3) float32 R'G'B' as a player shows it; the synced one with a dark mouth."""
    image, mesh = head
    dx, dy = shift(mesh, size, index)
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    if synced:
        lips = mesh[list(LIPS_OUTER)]
        spot = np.zeros(image.shape[:2], np.float32)
        cv2.fillPoly(spot, [np.rint(lips).astype(np.int32)], 1.0)
        spot = cv2.GaussianBlur(spot, (0, 0), 2)[..., None]
        image = image * (1 - 0.8 * spot) + np.array([90, 30, 30], np.float32) * (0.8 * spot)
    return cv2.warpAffine(image.astype(np.float32), move, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)


def coded_frame(film: Film, shown: np.ndarray) -> av.VideoFrame:
    """A picture in the film's format, turned as its camera held it."""
    coded = np.ascontiguousarray(TURNS[film.turn][2](shown))
    height, width = coded.shape[:2]
    if film.pix_fmt == "bgr0":
        rgb = np.clip(np.rint(coded), 0, 255).astype(np.uint8)
        return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="bgr0")
    layout = nearest_layout(film.pix_fmt)
    frame = av.VideoFrame(width, height, film.pix_fmt)
    planes = plane_views(frame, layout, writable=True)
    for plane in planes:
        plane[...] = 0
    matrix = ycbcr_matrix(ColourTags(*(film.codes or film.tags)), height)
    codes = cv2.transform(coded - matrix[:, 3].astype(np.float32), np.linalg.inv(matrix[:, :3]).astype(np.float32))
    add_delta(planes, layout, Box(0, 0, width, height), codes)
    return frame


@process_state_preserved()  # SVT-AV1 would make this process a real-time one, and all tests after this one with it
def write(folder: Path, film: Film, shown: list[np.ndarray]) -> Path:
    path = folder / film.name
    a, b, c, d = (ONE * number for number in TURNS[film.turn][0])
    with av.open(str(path), "w") as out:
        if film.cover:
            cover = out.add_stream("mjpeg", rate=1)
            cover.codec_context.width, cover.codec_context.height, cover.codec_context.pix_fmt = 32, 32, "yuvj420p"
            cover.disposition = Disposition.attached_pic
        stream = out.add_stream(film.codec, rate=25, options=dict(film.options))
        context = stream.codec_context
        frames = [coded_frame(film, picture) for picture in shown]
        context.width, context.height, context.pix_fmt = frames[0].width, frames[0].height, film.pix_fmt
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = film.tags
        if film.aspect:
            context.sample_aspect_ratio = film.aspect
        if film.interlaced:
            context.flags |= Flags.interlaced_dct
        if film.turn != "none":
            stream.set_display_matrix((a, b, 0, c, d, 0, 0, 0, W))
        sounds = [out.add_stream("aac", rate=48000) for _ in range(film.sounds)]
        if film.cover:
            still = av.VideoFrame(32, 32, "yuvj420p")
            for plane in still.planes:
                plane.update(bytes(plane.buffer_size))
            out.mux([*cover.encode(still), *cover.encode(None)])
        for index, frame in enumerate(frames):
            frame.pts = index
            frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = film.tags
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        for sound in sounds:
            wave = av.AudioFrame.from_ndarray(np.zeros((2, 9600), np.float32), format="fltp", layout="stereo")
            wave.sample_rate = 48000
            out.mux([*sound.encode(wave), *sound.encode(None)])
    return path


@dataclass(frozen=True)
class Decoded:
    """A file as a player sees it, read without lipblend's reader: pictures and matrix."""

    patches: list[np.ndarray]
    matrix: tuple[int, ...]


def decode(info: VideoInfo, turn: str) -> Decoded:
    """Y, Cb, Cr in 8-bit units of every picture, turned by NumPy."""
    patches, matrix = [], ()
    with av.open(str(info.path)) as container:
        for frame in container.decode(container.streams[info.stream_index]):
            data = [bytes(data) for data in frame.side_data if data.type.name == "DISPLAYMATRIX"]
            matrix = struct.unpack("=9i", data[0]) if data else ()
            if frame.format.name == "bgr0":
                rgb = frame.to_ndarray(format="rgb24").astype(np.float32)
                back = ycbcr_matrix(info.colour, frame.height)
                coded = cv2.transform(
                    rgb - back[:, 3].astype(np.float32), np.linalg.inv(back[:, :3]).astype(np.float32)
                )
            else:
                layout = nearest_layout(frame.format.name)
                planes = plane_views(frame, layout, writable=False)
                coded = extract_patch(planes, layout, Box(0, 0, frame.width, frame.height))
            patches.append(np.ascontiguousarray(TURNS[turn][1](coded)))
    return Decoded(patches, matrix)


def areas(mesh: np.ndarray, size: tuple[int, int], index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks of a picture as shown: away from the face; the cheeks and chin about the mouth; the mouth."""
    here = mesh + shift(mesh, size, index)
    x0, y0, x1, y1 = (*here.min(0), *here.max(0))
    grow = 0.3 * (x1 - x0)
    away = np.ones(size[::-1], bool)
    away[max(0, round(y0 - grow)) : round(y1 + grow), max(0, round(x0 - grow)) : round(x1 + grow)] = False
    lips = here[list(LIPS_OUTER)]
    mouth = np.zeros(size[::-1], np.uint8)
    cv2.fillPoly(mouth, [np.rint(lips).astype(np.int32)], 1)
    about = cv2.dilate(mouth, np.ones((41, 41), np.uint8)) - cv2.dilate(mouth, np.ones((15, 15), np.uint8))
    return away, about.astype(bool), mouth.astype(bool)
