"""Alpha channels: where they lie in a picture, who codes them, and pictures brought to another depth with them."""

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
"""Formats that ProRes encoders are handed in another depth: FFmpeg reads ProRes 4444 in 12 bits and writes it in 10."""
_RGB_ENCODERS = {"png": "rgba", "qtrle": "argb"}
_VP9_CONTAINERS = ("matroska", "webm")
_LOSSLESS = ("ffv1", "png", "qtrle", *_PRORES)

KEEPERS = ("ffv1", "prores_ks", "libvpx-vp9", "png", "qtrle")
"""Encoders that can keep an alpha channel, in some pixel format and container."""


def alpha_plane(picture: VideoFrame, layout: PixelLayout, *, writable: bool = False) -> np.ndarray | None:
    """View of a picture's alpha channel, (h, w) uint8 or uint16 as it is coded; None where it has none."""
    return _plane(picture, layout.planes, writable=writable) if layout.alpha else None


def is_opaque(picture: VideoFrame, layout: PixelLayout) -> bool:
    """Whether a picture has no alpha channel, or one that lets nothing through."""
    alpha = alpha_plane(picture, layout)
    return alpha is None or int(alpha.min()) == layout.code_max


def kept_format(codec: Codec, layout: PixelLayout, container: str, *, from_rgb: bool) -> str | None:
    """Pixel format in which an encoder and a container keep a layout's alpha channel; None where they do not.

    Parameters
    ----------
    codec : Codec
    layout : PixelLayout
        With an alpha channel.
    container : str
        FFmpeg's name.
    from_rgb : bool
        The pictures were RGB: encoders of RGB get them back as such.
    """
    if not layout.alpha:
        return None
    if codec.name == "libvpx-vp9":
        # Its alpha lies beside each packet, for which other containers have no room; other formats do not start.
        return layout.name if layout.name == "yuva420p" and container in _VP9_CONTAINERS else None
    if codec.name in _RGB_ENCODERS:
        return _RGB_ENCODERS[codec.name] if from_rgb and layout.name == "yuva444p" else None
    if codec.name in _PRORES and layout.name in _PRORES_FORMATS:
        return _PRORES_FORMATS[layout.name]
    known = {pixel_format.name for pixel_format in codec.video_formats or ()}
    return layout.name if codec.name in _LOSSLESS and layout.name in known else None


def lifted_format(codec: Codec, layout: PixelLayout) -> str | None:
    """Pixel format of another depth in which a ProRes encoder takes a layout without alpha channel."""
    return None if layout.alpha or codec.name not in _PRORES else _PRORES_FORMATS.get(layout.name)


def notes(encoder: str, layout: PixelLayout, taken: str, crf: float, *, opaque: bool, able: Sequence[str]) -> list[str]:
    """What the summary has to say of the alpha channel.

    Parameters
    ----------
    encoder : str
    layout : PixelLayout
        Of the pictures.
    taken : str
        The pixel format that the encoder gets.
    crf : float
    opaque : bool
        The first picture lets nothing through.
    able : sequence of str
        Encoders that keep such an alpha channel, each with a container.
    """
    found = []
    wanted = VideoFormat(taken, 64, 64)
    depth = wanted.components[0].bits
    if depth != layout.depth:
        also = ", the alpha channel too" if layout.alpha else ""
        found.append(f"pictures brought from {layout.depth} to the {depth} bits that {encoder} takes{also}")
    if not layout.alpha:
        return found
    if not any(part.is_alpha for part in wanted.components):
        which = "alpha channel (opaque in the first picture)" if opaque else "alpha channel"
        others = f"; what keeps it: {', '.join(able)}" if able else ""
        found.append(f"the original's {which} is not kept: {encoder} cannot code it in this container{others}")
    elif encoder not in _LOSSLESS and crf > 0:
        found.append(f"{encoder} codes the alpha channel as it does the colours, not without loss; --crf 0 keeps it")
    return found


def of_depth(picture: VideoFrame, layout: PixelLayout, wanted: str) -> VideoFrame:
    """A picture in the format `kept_format` or `lifted_format` chose, where that has another depth.

    Colours are scaled by powers of two, and rounded. Alpha counts to the largest code: its bits are repeated below, or
    the last ones cut off, so that one undoes the other and what is opaque stays so.
    """
    made = VideoFrame(picture.width, picture.height, wanted)
    depth = VideoFormat(wanted).components[0].bits
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


def as_rgb(picture: VideoFrame, wanted: str) -> VideoFrame:
    """A limited-range 4:4:4 picture with alpha as RGB; see `lipblend.picture.layouts.to_layout`, which it came from."""
    # By way of the planar format, as swscale changes alpha by 1 here and there straight to packed ones.
    planar = picture.reformat(
        format="gbrap",
        src_colorspace=picture.colorspace,
        src_color_range=RANGE_LIMITED,
        dst_color_range=RANGE_FULL,
        threads=1,
    )
    made = planar.reformat(format=wanted, src_color_range=RANGE_FULL, dst_color_range=RANGE_FULL)
    made.color_primaries, made.color_trc = picture.color_primaries, picture.color_trc
    made.color_range = RANGE_FULL
    return made


def beside(packet: Packet[Any]) -> bytes:
    """What a packet carries beside its own bytes: VP9's alpha; empty for none."""
    return bytes(packet.get_sidedata(_SIDE_DATA)) if packet.has_sidedata(_SIDE_DATA) else b""


def put_beside(packet: Packet[Any], data: bytes) -> None:
    """Give a packet what `beside` took from another one."""
    if data:
        make: Any = PacketSideData  # whose stub does not say that it takes a kind and a size
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
