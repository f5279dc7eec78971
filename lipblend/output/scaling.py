"""Scaling of pictures, for previews."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from lipblend.video.info import VideoInfo
from lipblend.video.opening import MIN_SIDE_PX


def scaled_info(info: VideoInfo, factor: Fraction) -> VideoInfo:
    """The video at another size: whole chroma samples, at least 16 px per side; not interlaced, as lines are mixed."""
    width, height = (
        max(MIN_SIDE_PX, (round(length * factor) >> shift << shift))
        for length, shift in ((info.width, info.layout.chroma_w_shift), (info.height, info.layout.chroma_h_shift))
    )
    return replace(info, width=width, height=height, interlaced=False, interlaced_pictures=False, field_order=0)


def scaled_picture(picture: VideoFrame, info: VideoInfo) -> VideoFrame:
    """Scale a picture to a video's size by area averaging, colours unchanged; itself if it has that size."""
    if (picture.width, picture.height) == (info.width, info.height):
        return picture
    small = picture.reformat(
        width=info.width,
        height=info.height,
        interpolation=Interpolation.AREA,
        src_color_range=picture.color_range,
        dst_color_range=picture.color_range,
        src_colorspace=picture.colorspace,
        dst_colorspace=picture.colorspace,
    )
    small.colorspace, small.color_range = picture.colorspace, picture.color_range
    small.color_primaries, small.color_trc = picture.color_primaries, picture.color_trc
    return small
