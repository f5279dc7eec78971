"""The planar YCbCr layout for each pixel format, and the conversion to it."""

from __future__ import annotations

from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from lipblend.errors import InputError
from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED, ColourTags, PixelLayout
from lipblend.picture.ycbcr import BT601, BT709, HD_HEIGHT

_RGB_MATRIX = 0
_DEPTHS = (8, 9, 10, 12, 14, 16)
_SAMPLING = {(0, 0): "444", (1, 0): "422", (1, 1): "420", (0, 1): "440", (2, 0): "411", (2, 2): "410"}
_DEPTH_WITHOUT_ALPHA = 14  # FFmpeg has no planar YCbCr format of that depth with alpha
_SHIFTS = {64: 0, 32: 1, 16: 2}


def nearest_layout(source_format: str) -> PixelLayout:
    """The planar YCbCr layout that stores a pixel format (FFmpeg's name) with the least loss.

    Planar YCbCr and grey formats are kept (also ``yuvj420p``, which implies full range). Others keep their depth and
    chroma sampling: ``nv12`` gives ``yuv420p``, ``p010le`` gives ``yuv420p10le``, RGB gives 4:4:4. An alpha channel
    becomes a separate plane; grey pictures with alpha become 4:4:4, as there is no planar format for them.

    Raises
    ------
    InputError
        Floating-point, Bayer and other formats without such a layout.
    """
    pixel_format = VideoFormat(source_format, 64, 64)
    parts = [part for part in pixel_format.components if not part.is_alpha]
    alpha = len(parts) < len(pixel_format.components)
    deepest = max((part.bits for part in parts), default=0)
    as_rgb = pixel_format.is_rgb or pixel_format.has_palette
    depth = 8 if as_rgb and deepest < 8 else next((known for known in _DEPTHS if known >= deepest), 0)
    if alpha and depth == _DEPTH_WITHOUT_ALPHA:
        depth = 16
    if depth == 0 or pixel_format.is_bayer:
        raise _unsupported(source_format)
    suffix = "" if depth == 8 else f"{depth}le"
    grey = len(parts) == 1 and not as_rgb
    if grey and not alpha:
        return PixelLayout(f"gray{suffix}", depth, 0, 0, 1)
    w_shift, h_shift = (
        (0, 0) if as_rgb or grey else (_SHIFTS[pixel_format.chroma_width()], _SHIFTS[pixel_format.chroma_height()])
    )
    name = (
        source_format if source_format.startswith("yuvj") else f"yuv{'a' * alpha}{_SAMPLING[w_shift, h_shift]}p{suffix}"
    )
    try:
        VideoFormat(name)
    except ValueError as error:
        raise _unsupported(source_format) from error
    return PixelLayout(name, depth, w_shift, h_shift, 3, alpha=alpha)


def colour_tags(frame: VideoFrame, layout: PixelLayout) -> ColourTags:
    """The colour tags of a picture after conversion to ``layout``.

    RGB is converted to limited-range BT.709 (from 720 lines) or BT.601.
    """
    matrix, value_range = int(frame.colorspace), int(frame.color_range)
    if _is_rgb(frame):
        matrix, value_range = (BT709 if frame.height >= HD_HEIGHT else BT601), RANGE_LIMITED
    elif layout.name.startswith("yuvj"):
        value_range = RANGE_FULL
    return ColourTags(matrix, int(frame.color_primaries), int(frame.color_trc), value_range)


def to_layout(frame: VideoFrame, layout: PixelLayout, colour: ColourTags) -> VideoFrame:
    """Convert a decoded picture to ``layout``, without its time stamps; the same object if it has that layout."""
    if frame.format.name == layout.name:
        return frame
    if _is_rgb(frame):
        if layout.alpha and not frame.format.is_planar and layout.depth == 8:
            # swscale changes some alpha codes by 1 when it converts packed RGB to YCbCr directly.
            frame = frame.reformat(format="gbrap", src_color_range=RANGE_FULL, dst_color_range=RANGE_FULL)
        # On one thread: on several, swscale reads planar RGB of more than 8 bits while it is still being written.
        converted = frame.reformat(
            format=layout.name,
            src_color_range=RANGE_FULL,
            dst_colorspace="ITU709" if colour.matrix == BT709 else "ITU601",
            dst_color_range=RANGE_LIMITED,
            threads=1,
        )
    else:
        # The same range on both sides: otherwise swscale would rescale full-range pictures.
        grey = len(frame.format.components) <= 2  # swscale takes grey for full range whatever its tag
        value_range = RANGE_FULL if grey else colour.range or RANGE_LIMITED
        converted = frame.reformat(format=layout.name, src_color_range=value_range, dst_color_range=value_range)
    return converted


def _is_rgb(frame: VideoFrame) -> bool:
    return frame.format.is_rgb or frame.format.has_palette or int(frame.colorspace) == _RGB_MATRIX


def _unsupported(source_format: str) -> InputError:
    return InputError(
        f"pixel format {source_format} is not supported", hint="Convert the video to yuv420p or yuv422p10le first."
    )
