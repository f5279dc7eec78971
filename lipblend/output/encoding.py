"""The output's video stream: container by suffix, encoder by name, and checks that they fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
from av.codec import Codec
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import OutputError
from lipblend.output.encoder_trial import error_text, ffmpeg_log
from lipblend.output.encoders import (
    Y4M,
    able_encoders,
    alpha_keepers,
    check_speed_preset,
    container_format,
    encoder_format,
    encoder_options,
    find_encoder,
    has_crf,
    memory_output,
)
from lipblend.output.hardware import family_of, start_error
from lipblend.picture import alpha_channel as alpha
from lipblend.picture.formats import RANGE_FULL, UNSPECIFIED
from lipblend.picture.hdr import CARRIER_OPTIONS, encoder_parameters
from lipblend.picture.layouts import nearest_layout
from lipblend.picture.orientation import UPRIGHT, orientation_of
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.runtime.output_paths import check_file_writable
from lipblend.runtime.standard_output import is_stream
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo

_ARCHIVAL = ("ffv1", "ffvhuff", "huffyuv", "utvideo")
"""Encoders that mp4 and mov can hold, but hardly any player supports there."""
_CAPTIONS_ENCODER = "libx264"
_MIN_BITS_PER_PIXEL = Fraction(1, 8)
_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


def check_output(
    path: Path, info: VideoInfo, encode: EncodeSettings, inputs: Iterable[Path], *, overwrite: bool = True
) -> None:
    """Check that an output can be encoded and written, before any work. Nothing is left on the disk.

    Parameters
    ----------
    path : Path
        The output.
    info : VideoInfo
        The original, whose layout, size and time base the output takes over.
    encode : EncodeSettings
    inputs : iterable of Path
        Files that must not be overwritten.
    overwrite : bool
        An existing file is acceptable.

    Raises
    ------
    OutputError
        The suffix is unknown; the file cannot be written (see `lipblend.runtime.output_paths.check_file_writable`); the
        encoder does not support the pixel format, the size or the container.
    SettingsError
        The encoder or its speed preset is unknown, or the crf is beyond the encoder's scale.
    """
    path = Path(path)
    container_format(path)
    if not is_stream(path):
        check_file_writable(path, inputs=inputs, overwrite=overwrite)
    check_encoder(path, info, encode)


def check_encoder(path: Path, info: VideoInfo, encode: EncodeSettings) -> None:
    """Check that pictures like the original's can be encoded into the container of an output, which is not touched.

    Raises
    ------
    OutputError
        The suffix is unknown; the encoder does not support the pixel format, the size or the container.
    SettingsError
        The encoder or its speed preset is unknown, or the crf is beyond the encoder's scale.
    """
    name = container_format(path)

    def start() -> None:
        with process_state_preserved(), memory_output(name) as container:
            add_video_stream(container, path, info, encode)
            container.start_encoding()

    try:
        start()
    except (av.FFmpegError, ValueError) as error:
        if family_of(encode.encoder):
            raise start_error(encode.encoder, ffmpeg_log(start) or error_text(error)) from error
        raise OutputError(
            f"{encode.encoder} cannot encode {info.width}x{info.height} {info.layout.name} "
            f"with time base {info.time_base} into {path.suffix}: {error_text(error)}",
            hint=f"Check crf ({encode.crf:g}) and preset ({encode.preset}), or choose another encoder; "
            f"ffv1 in .mkv takes any size.",
        ) from error


def in_encoder_format(picture: VideoFrame, wanted: str) -> VideoFrame:
    """Convert a picture to the pixel format that `add_video_stream` chose, without changing its samples.

    ``yuvj420p`` is full-range ``yuv420p``; the semi-planar formats of graphics hardware hold the same samples in
    another order. An alpha channel is dropped if the format has none. For formats of another depth and for RGB, which
    do change samples, see `lipblend.picture.alpha_channel`.
    """
    if picture.format.name == wanted:
        return picture
    target = VideoFormat(wanted)
    if target.is_rgb:
        return alpha.alpha_to_rgb(picture, wanted)
    layout = nearest_layout(picture.format.name)
    if target.components[0].bits != layout.depth:
        return alpha.convert_depth(picture, layout, wanted)
    full = picture.format.name.startswith("yuvj")
    # The same range on both sides, so that nothing is scaled.
    renamed = picture.reformat(format=wanted, src_color_range=RANGE_FULL, dst_color_range=RANGE_FULL)
    renamed.color_range = RANGE_FULL if full else picture.color_range
    return renamed


def add_video_stream(
    container: OutputContainer,
    path: Path,
    info: VideoInfo,
    encode: EncodeSettings,
    more: Mapping[str, str] = _NO_OPTIONS,
) -> tuple[VideoStream, list[str]]:
    """Add the video stream to an open output: encoder, size, layout, clock, colour tags, sample aspect and rotation.

    ``more`` are options of the encoder besides those of the settings.

    Returns
    -------
    stream : VideoStream
    notes : list of str
        For the summary.

    Raises
    ------
    OutputError
        The encoder does not support the pixel format, the size or the container.
    SettingsError
        The encoder or its speed preset is unknown, or the crf is beyond the encoder's scale.
    """
    codec = find_encoder(encode.encoder)
    check_speed_preset(codec.name, encode.preset)
    pixel_format = _checked_format(codec, info, container, path)
    options, notes = encoder_options(encode, codec, info.layout.depth)
    options |= more
    is_mov = container.format.name in ("mp4", "mov")
    if codec.name in _ARCHIVAL and is_mov:
        notes.append(f"hardly any player supports {codec.name} in {path.suffix}; it is usually stored in .mkv")
    notes += [*_add_hdr(options, info, codec.name), *_dropped_side_data(info, codec.name)]
    keepers = alpha_keepers(info, path.suffix.lower())
    notes += alpha.alpha_notes(
        codec.name, info.layout, pixel_format, encode.crf, opaque=info.opaque, alternatives=keepers
    )
    try:
        stream: VideoStream = container.add_stream(codec.name, rate=_rate(info), options=options)  # type: ignore[assignment]
    except (av.FFmpegError, ValueError) as error:
        raise OutputError(
            f"{path.suffix} cannot hold the output of {codec.name}",
            hint=f"Encoders for {path.suffix}: {_able_text(info, container)}. Nearly every encoder works with .mkv.",
        ) from error
    _describe_pictures(stream, info, pixel_format)
    stream.codec_context.thread_count = encode.threads
    if container.format.name == Y4M:
        stream.time_base = 1 / _rate(info)  # its header has the rate as the time base
    matrix = _kept_matrix(info, container.format.name)
    if matrix:
        stream.set_display_matrix(matrix)
    if info.interlaced:
        notes += _set_interlaced(stream, info)
    if (codec.name == "libx265" or codec.name.startswith("hevc_")) and is_mov:
        # QuickTime plays hvc1 only.
        stream.codec_context.codec_tag = "hvc1"
    if codec.lossy and not has_crf(codec.name) and not codec.intra_only:
        minimum = int(info.width * info.height * _rate(info) * _MIN_BITS_PER_PIXEL)
        stream.codec_context.bit_rate = max(info.bit_rate or 0, minimum)
        notes.append(f"{codec.name}: bit rate set to {stream.codec_context.bit_rate // 1000} kbit/s")
    return stream, notes


def _checked_format(codec: Codec, info: VideoInfo, container: OutputContainer, path: Path) -> str:
    """Pixel format for an encoder; an `OutputError` if it supports none, or not the size."""
    pixel_format = encoder_format(codec, info, container.format.name)
    if pixel_format is None:
        kept = alpha_keepers(info, path.suffix.lower())
        with_alpha = f" With its alpha channel: {', '.join(kept)}." if kept else ""
        raise OutputError(
            f"{codec.name} cannot encode {info.layout.name}",
            hint=f"Encoders that can, in {path.suffix}: {_able_text(info, container)}.{with_alpha}",
        )
    if family_of(codec.name) and (
        info.width % (1 << info.layout.chroma_w_shift) or info.height % (1 << info.layout.chroma_h_shift)
    ):
        raise OutputError(
            f"{codec.name} cannot encode {info.width}x{info.height}: graphics hardware takes even sizes only",
            hint="Leave out --encoder, or use ffv1 in .mkv, which takes any size.",
        )
    return pixel_format


def _able_text(info: VideoInfo, container: OutputContainer) -> str:
    return ", ".join(able_encoders(info, container.format.name)) or "none known"


def _describe_pictures(stream: VideoStream, info: VideoInfo, pixel_format: str) -> None:
    """Set the encoder's size, format, clock, colour tags and sample aspect."""
    context, colour = stream.codec_context, info.colour
    context.width, context.height, context.pix_fmt = info.width, info.height, pixel_format
    context.time_base = info.time_base
    # x264 takes "slices only", PyAV's default, as sliced threads: slower, and more bits.
    context.thread_type = "AUTO"
    # Without this flag the duration of the last frame is lost.
    context.flags |= Flags.frame_duration
    context.colorspace, context.color_primaries = colour.matrix, colour.primaries
    context.color_trc, context.color_range = colour.transfer, colour.range
    if VideoFormat(pixel_format).is_rgb:
        context.colorspace, context.color_range = UNSPECIFIED, RANGE_FULL
    if info.sample_aspect is not None:
        context.sample_aspect_ratio = info.sample_aspect


def _set_interlaced(stream: VideoStream, info: VideoInfo) -> list[str]:
    """Keep the header's field order; returns notes."""
    context = stream.codec_context
    context.field_order = info.field_order
    if context.name == "libx264" and info.interlaced_pictures:
        context.flags |= Flags.interlaced_dct  # x264 takes the field order from the pictures
        return []
    return [f"the original is interlaced; {context.name} stores it as progressive frames"]


def _add_hdr(options: dict[str, str], info: VideoInfo, encoder: str) -> list[str]:
    """Add the HDR metadata to the encoder's options; returns notes on what cannot be kept."""
    display, light = info.mastering_display, info.content_light
    notes = []
    if display is not None or light is not None:
        parameters = encoder_parameters(encoder, display, light, transfer=info.colour.transfer, depth=info.layout.depth)
        if parameters:
            key = CARRIER_OPTIONS[encoder]
            options[key] = ":".join(filter(None, [options.get(key), *parameters]))
        else:
            notes.append(
                f"HDR mastering data of the original is not kept: {encoder} does not support it "
                f"({', '.join(CARRIER_OPTIONS)} do)"
            )
    if info.hdr_dropped:
        notes.append(f"HDR metadata of the original is not kept: {', '.join(info.hdr_dropped)}")
    return notes


def _dropped_side_data(info: VideoInfo, encoder: str) -> list[str]:
    """Notes on side data of the original's pictures that is not kept."""
    notes = []
    if info.captions and encoder != _CAPTIONS_ENCODER:
        notes.append(
            f"closed captions of the original are not kept: {encoder} does not write them ({_CAPTIONS_ENCODER} does)"
        )
    if info.data_dropped:
        notes.append(f"side data of the original's pictures is not kept: {', '.join(info.data_dropped)}")
    return notes


def _kept_matrix(info: VideoInfo, container_name: str) -> tuple[int, ...]:
    """The original's display matrix, without the scale that its sample aspect already contains.

    Matroska and WebM keep exact right angles only, so they get the plain matrix.
    """
    turn = orientation_of(info.display_matrix)
    if turn is None or turn == UPRIGHT:
        return info.display_matrix if turn is None else ()
    exact = info.display_matrix[:6] == turn.matrix[:6]
    return info.display_matrix if exact and container_name in ("mp4", "mov") else turn.matrix


def _rate(info: VideoInfo) -> Fraction:
    return (info.frame_rate or Fraction(25)).limit_denominator(100_000)
