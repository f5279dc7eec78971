"""Drawn pictures as frames of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from lipblend.picture.alpha_channel import alpha_plane
from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED, ColourTags, PixelLayout
from lipblend.picture.layouts import nearest_layout
from lipblend.picture.orientation import UPRIGHT
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame, plane_views

_BT709 = ColourTags(1, 1, 1, RANGE_LIMITED)
_GREY = ColourTags(2, 2, 2, RANGE_FULL)


def drawn_info(like: VideoInfo, width: int, height: int, *, grey: bool = False) -> VideoInfo:
    """Describe a video of drawn pictures with the clock of another one: 8 bits, upright, square pixels.

    Grey pictures are full range; others are BT.709 in 4:2:0, or in 4:4:4 if a side is odd.
    """
    name = "gray" if grey else "yuv420p" if width % 2 == 0 and height % 2 == 0 else "yuv444p"
    return replace(
        like,
        width=width,
        height=height,
        layout=nearest_layout(name),
        source_format=name,
        colour=_GREY if grey else _BT709,
        sample_aspect=None,
        rotation=0,
        display_matrix=(),
        interlaced=False,
        interlaced_pictures=False,
        field_order=0,
        mastering_display=None,
        content_light=None,
        hdr_dropped=(),
        warnings=(),
    )


def patch_info(like: VideoInfo, colour: ColourTags) -> VideoInfo:
    """Describe a video that lies on another one picture by picture, 10 bits in 4:4:4 with alpha.

    Size, clock, sample aspect and rotation are the other's.
    """
    layout = nearest_layout("yuva444p10le")
    return replace(
        like,
        layout=layout,
        source_format=layout.name,
        colour=colour,
        interlaced=False,
        interlaced_pictures=False,
        field_order=0,
        mastering_display=None,
        content_light=None,
        hdr_dropped=(),
        warnings=(),
        opaque=False,
        captions=False,
        data_dropped=(),
    )


def patch_frame(planes: Sequence[NDArray[np.uint16]], info: VideoInfo, *, index: int, pts: int, duration: int) -> Frame:
    """Make a frame of Y, Cb, Cr and alpha, each (h, w) uint16 as coded, for a video of `patch_info`."""
    handle = VideoFrame(info.width, info.height, info.layout.name)
    views = plane_views(handle, info.layout, UPRIGHT, writable=True)
    alpha = alpha_plane(handle, info.layout, writable=True)
    assert alpha is not None
    for view, plane in zip((*views, alpha), planes, strict=True):
        view[...] = plane
    # ProRes takes them from the pictures.
    handle.colorspace, handle.color_range = info.colour.matrix, info.colour.range
    handle.color_primaries, handle.color_trc = info.colour.primaries, info.colour.transfer
    return Frame(index, pts, duration, 0.0, views, info.layout, handle)


def frame_of_planes(
    planes: Sequence[NDArray[Any]], layout: PixelLayout, *, index: int, pts: int, duration: int
) -> Frame:
    """Make a frame for a `lipblend.output.writer.VideoWriter` from planes, uint8 or uint16 as the layout says.

    The layout is that of `drawn_info`, or one with more bits.
    """
    height, width = planes[0].shape
    handle = VideoFrame(width, height, layout.name)
    views = plane_views(handle, layout, UPRIGHT, writable=True)
    for view, plane in zip(views, planes, strict=True):
        view[...] = plane
    return Frame(index, pts, duration, 0.0, views, layout, handle)


def drawn_frame(image: NDArray[np.uint8], layout: PixelLayout, *, index: int, pts: int, duration: int) -> Frame:
    """Make a frame from a picture in memory, for a `lipblend.output.writer.VideoWriter`.

    Parameters
    ----------
    image : (h, w) or (h, w, 3) uint8
        Grey, or RGB.
    layout : PixelLayout
        From `drawn_info`.
    index, pts, duration : int
        See `Frame`.
    """
    if image.ndim == 2:
        handle = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="gray")
    else:
        handle = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
            format=layout.name, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
    planes = plane_views(handle, layout, UPRIGHT, writable=False)
    return Frame(index, pts, duration, 0.0, planes, layout, handle)
