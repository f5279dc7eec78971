"""Alpha channels: their plane in a picture, the encoders that keep them, and conversion to another depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from av.codec import Codec
from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED, PixelLayout

_SIDE_DATA: Final = "matroska_block_additional"
_PRORES = ("prores_ks", "prores_aw", "prores")
_PRORES_FORMATS = {
    "yuva444p": "yuva444p10le", "yuva444p12le": "yuva444p10le", "yuv444p12le": "yuv444p10le",
}  # fmt: skip
"""Formats of another depth that ProRes encoders take: FFmpeg decodes ProRes 4444 in 12 bits and encodes it in 10."""
_RGB_ENCODERS = {"png": "rgba", "qtrle": "argb"}
_VP9_CONTAINERS = ("matroska", "webm")
_LOSSLESS = ("ffv1", "png", "qtrle", *_PRORES)

ALPHA_ENCODERS = ("ffv1", "prores_ks", "libvpx-vp9", "png", "qtrle")
"""Encoders that can keep an alpha channel, in some pixel format and container."""


def alpha_plane(picture: VideoFrame, layout: PixelLayout, *, writable: bool = False) -> np.ndarray | None:
    """View of a picture's alpha channel, (h, w) uint8 or uint16 codes; None without one."""
    return _plane(picture, layout.planes, writable=writable) if layout.alpha else None


def is_opaque(picture: VideoFrame, layout: PixelLayout) -> bool:
    """Whether a picture has no alpha channel, or a fully opaque one."""
    alpha = alpha_plane(picture, layout)
    return alpha is None or int(alpha.min()) == layout.code_max


def alpha_format(codec: Codec, layout: PixelLayout, container: str, *, from_rgb: bool) -> str | None:
    """Pixel format in which an encoder and a container (FFmpeg's name) keep a layout's alpha channel; None if not.

    Pictures that were RGB (``from_rgb``) are converted back for encoders of RGB.
    """
    if not layout.alpha:
        return None
    if codec.name == "libvpx-vp9":
        # Its alpha is side data of each packet, which other containers cannot store. Other formats fail to start.
        return layout.name if layout.name == "yuva420p" and container in _VP9_CONTAINERS else None
    if codec.name in _RGB_ENCODERS:
        return _RGB_ENCODERS[codec.name] if from_rgb and layout.name == "yuva444p" else None
    if codec.name in _PRORES and layout.name in _PRORES_FORMATS:
        return _PRORES_FORMATS[layout.name]
    known = {pixel_format.name for pixel_format in codec.video_formats or ()}
    return layout.name if codec.name in _LOSSLESS and layout.name in known else None


def prores_format(codec: Codec, layout: PixelLayout) -> str | None:
    """Pixel format of another depth that a ProRes encoder needs for a layout without alpha channel; None if not."""
    return None if layout.alpha or codec.name not in _PRORES else _PRORES_FORMATS.get(layout.name)


def alpha_notes(
    encoder: str, layout: PixelLayout, target: str, crf: float, *, opaque: bool, alternatives: Sequence[str]
) -> list[str]:
    """Notes for the summary on a lost or changed alpha channel or depth.

    ``target`` is the encoder's pixel format. ``opaque`` says that the first picture is fully opaque. ``alternatives``
    are encoders that would keep the alpha channel, each with a container.
    """
    notes = []
    pixel_format = VideoFormat(target, 64, 64)
    depth = pixel_format.components[0].bits
    if depth != layout.depth:
        also = " (with the alpha channel)" if layout.alpha else ""
        notes.append(f"pictures converted from {layout.depth} to {depth} bits{also} for {encoder}")
    if not layout.alpha:
        return notes
    if not any(part.is_alpha for part in pixel_format.components):
        which = "alpha channel (opaque in the first picture)" if opaque else "alpha channel"
        others = f"; these keep it: {', '.join(alternatives)}" if alternatives else ""
        notes.append(f"the original's {which} is not kept: {encoder} cannot encode it in this container{others}")
    elif encoder not in _LOSSLESS and crf > 0:
        notes.append(f"{encoder} compresses the alpha channel with losses, as the colours; --crf 0 keeps it exactly")
    return notes


def convert_depth(picture: VideoFrame, layout: PixelLayout, target: str) -> VideoFrame:
    """Convert a picture to a format from `alpha_format` or `prores_format` that has another depth.

    Colours are scaled by powers of two and rounded. Alpha codes are extended by repeating their high bits, or their low
    bits are cut off: one undoes the other, and opaque stays opaque.
    """
    made = VideoFrame(picture.width, picture.height, target)
    depth = VideoFormat(target).components[0].bits
    more = depth - layout.depth
    for index in range(layout.planes + layout.alpha):
        codes = _plane(picture, index, writable=False).astype(np.int32)
        alpha = index == layout.planes
        if more > 0:
            changed = (codes << more) | (codes >> (layout.depth - more) if alpha else 0)
        else:
            changed = codes >> -more if alpha else np.minimum((codes + (1 << (-more - 1))) >> -more, (1 << depth) - 1)
        _plane(made, index, writable=True)[...] = changed
    made.colorspace, made.color_range = picture.colorspace, picture.color_range
    made.color_primaries, made.color_trc = picture.color_primaries, picture.color_trc
    return made


def alpha_to_rgb(picture: VideoFrame, target: str) -> VideoFrame:
    """A limited-range 4:4:4 picture with alpha as RGB; the inverse of `lipblend.picture.layouts.to_layout`."""
    # Through the planar format: swscale changes some alpha codes by 1 when it converts to packed ones directly.
    planar = picture.reformat(
        format="gbrap",
        src_colorspace=picture.colorspace,
        src_color_range=RANGE_LIMITED,
        dst_color_range=RANGE_FULL,
        threads=1,
    )
    made = planar.reformat(format=target, src_color_range=RANGE_FULL, dst_color_range=RANGE_FULL)
    made.color_primaries, made.color_trc = picture.color_primaries, picture.color_trc
    made.color_range = RANGE_FULL
    return made


def alpha_side_data(packet: Packet[Any]) -> bytes:
    """The alpha channel that VP9 stores as side data of a packet; empty for none."""
    return bytes(packet.get_sidedata(_SIDE_DATA)) if packet.has_sidedata(_SIDE_DATA) else b""


def set_alpha_side_data(packet: Packet[Any], data: bytes) -> None:
    """Attach side data from `alpha_side_data` to a packet."""
    if data:
        make: Any = PacketSideData  # its stub lacks the arguments
        carrier = make(packet_sidedata_type_from_literal(_SIDE_DATA), len(data))
        carrier.update(data)
        packet.set_sidedata(carrier)


def _plane(picture: VideoFrame, index: int, *, writable: bool) -> np.ndarray:
    plane = picture.planes[index]
    dtype = np.dtype(np.uint8 if picture.format.components[0].bits == 8 else np.uint16)
    stride = plane.line_size
    offset = -stride * (plane.height - 1) if stride < 0 else 0
    view: np.ndarray = np.ndarray(
        (plane.height, plane.width), dtype, memoryview(plane), offset, (stride, dtype.itemsize)
    )
    view.flags.writeable = writable
    return view


def alpha_codes(alpha: np.ndarray, depth: int, bits: int) -> np.ndarray:
    """Alpha codes of another depth: low bits cut off, or high bits repeated."""
    if bits <= depth:
        return np.asarray(alpha >> (depth - bits), np.uint8 if bits == 8 else np.uint16)
    wide = alpha.astype(np.uint32)
    return np.asarray((wide << (bits - depth)) | (wide >> max(0, 2 * depth - bits)), np.uint16)
