"""The output's video stream: container by suffix, encoder by name, and what has to fit together."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import OutputError
from lipblend.output.encoder_trial import ffmpeg_words, reason
from lipblend.output.encoders import (
    able_encoders,
    alpha_keepers,
    container_format,
    encoder_format,
    encoder_options,
    find_encoder,
    knows_crf,
    nowhere,
)
from lipblend.output.hardware import family_of, start_failed
from lipblend.output.speed import check_speed_preset
from lipblend.picture import alpha_channel as alpha
from lipblend.picture.formats import RANGE_FULL, UNSPECIFIED
from lipblend.picture.hdr import CARRIER_OPTIONS, encoder_parameters
from lipblend.picture.layouts import nearest_layout
from lipblend.picture.orientation import UPRIGHT, orientation_of
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.runtime.places import check_place
from lipblend.runtime.temporary import name_taken
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo

_ARCHIVAL = ("ffv1", "ffvhuff", "huffyuv", "utvideo")
"""Encoders that mp4 and mov can hold, but hardly any player expects there."""
_CAPTIONS_KEPT = "libx264"
_LEAST_BITS_PER_PIXEL = Fraction(1, 8)
_MOV_LEAST_TIMESCALE = 10000


def check_output(
    path: Path, info: VideoInfo, encode: EncodeSettings, inputs: Iterable[Path], *, overwrite: bool = True
) -> None:
    """Find out, before any work, whether an output can be written. Nothing is written.

    Parameters
    ----------
    path : Path
        The output.
    info : VideoInfo
        The original, whose layout, size and time base the output takes over.
    encode : EncodeSettings
        Encoder and its numbers.
    inputs : iterable of Path
        Files that must not be overwritten.
    overwrite : bool
        A file of that name is no error.

    Raises
    ------
    OutputError
        An unknown suffix, a missing or read-only folder, an output that is an input, a folder, a device, or there
        already; an encoder that cannot take the pixel format or the size, or does not fit the container.
    SettingsError
        An encoder or a speed preset that is unknown, or a crf beyond the encoder's scale.
    """
    path = Path(path)
    name = container_format(path)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist", hint="Create it first, or choose another output.")
    if path.is_dir():
        raise OutputError(f"{path} is a folder", hint="Name a file.")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is a device, a pipe or a socket", hint="Name a file; it is written in one piece.")
    if os.path.lexists(path) and not overwrite:
        raise name_taken(path)
    for taken in inputs:
        if path.absolute().resolve() == Path(taken).absolute().resolve() or (
            path.exists() and Path(taken).exists() and os.path.samefile(path, taken)
        ):
            raise OutputError(f"{path} is an input of this run", hint="Choose another name for the output.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"the folder {folder} cannot be written to", hint="Choose another output folder.")
    check_place(folder)

    def start() -> None:
        with process_state_preserved(), nowhere(name) as container:
            add_video_stream(container, path, info, encode)
            container.start_encoding()

    try:
        start()
    except (av.FFmpegError, ValueError) as error:
        if family_of(encode.encoder):
            raise start_failed(encode.encoder, ffmpeg_words(start) or reason(error)) from error
        raise OutputError(
            f"{encode.encoder} cannot encode {info.width}x{info.height} {info.layout.name} "
            f"with time base {info.time_base} into {path.suffix}: {reason(error)}",
            hint=f"Check crf ({encode.crf:g}) and preset ({encode.preset}), or choose another encoder; "
            f"ffv1 in .mkv takes any size.",
        ) from error


def in_encoder_format(picture: VideoFrame, wanted: str) -> VideoFrame:
    """The same samples in the pixel format that `add_video_stream` chose.

    ``yuvj420p`` is full-range ``yuv420p``; `_SEMI_PLANAR` formats hold the samples in another order. An alpha channel
    is left out where the format has none. Where it has another depth or is RGB, see `lipblend.picture.alpha_channel`.
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
    # The same range on both sides: nothing is scaled.
    renamed = picture.reformat(format=wanted, src_color_range=RANGE_FULL, dst_color_range=RANGE_FULL)
    renamed.color_range = RANGE_FULL if full else picture.color_range
    return renamed


def add_video_stream(
    container: OutputContainer, path: Path, info: VideoInfo, encode: EncodeSettings
) -> tuple[VideoStream, list[str]]:
    """Add the video stream to an output that is open: encoder, size, layout, clock, colour, shape and rotation.

    Returns
    -------
    stream : VideoStream
    notes : list of str
        What the summary has to say about it.

    Raises
    ------
    OutputError
        An encoder that fits neither the pixel format nor the container.
    SettingsError
        An encoder, a speed preset or a crf that is unknown.
    """
    codec = find_encoder(encode.encoder)
    check_speed_preset(codec.name, encode.preset)
    pixel_format = encoder_format(codec, info, container.format.name)
    if pixel_format is None:
        able = ", ".join(able_encoders(info, container.format.name)) or "none known"
        kept = alpha_keepers(info, path.suffix.lower())
        with_alpha = f" With its alpha channel: {', '.join(kept)}." if kept else ""
        raise OutputError(
            f"{codec.name} cannot encode {info.layout.name}",
            hint=f"Encoders that can, in {path.suffix}: {able}.{with_alpha}",
        )
    if family_of(codec.name) and (
        info.width % (1 << info.layout.chroma_w_shift) or info.height % (1 << info.layout.chroma_h_shift)
    ):
        raise OutputError(
            f"{codec.name} cannot encode {info.width}x{info.height}: graphics hardware takes even sizes only",
            hint="Leave out --encoder, or use ffv1 in .mkv, which takes any size.",
        )
    options, notes = encoder_options(encode, codec, info.layout.depth)
    if codec.name in _ARCHIVAL and container.format.name in ("mp4", "mov"):
        notes.append(f"hardly any player takes {codec.name} in {path.suffix}: .mkv is what it is usually kept in")
    notes += [*_add_hdr(options, info, codec.name), *_lost_beside(info, codec.name)]
    keepers = alpha_keepers(info, path.suffix.lower())
    notes += alpha.alpha_notes(
        codec.name, info.layout, pixel_format, encode.crf, opaque=info.opaque, alternatives=keepers
    )
    try:
        stream: VideoStream = container.add_stream(codec.name, rate=_rate(info), options=options)  # type: ignore[assignment]
    except (av.FFmpegError, ValueError) as error:
        able = ", ".join(able_encoders(info, container.format.name)) or "none known"
        raise OutputError(
            f"{path.suffix} cannot hold what {codec.name} makes",
            hint=f"Encoders that fit {path.suffix}: {able}. Nearly everything fits .mkv.",
        ) from error
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = info.width, info.height, pixel_format
    context.time_base = info.time_base
    # x264 reads "slices only", PyAV's default, as sliced threads: slower, and more bits.
    context.thread_type = "AUTO"
    # Without it the length of the last picture is lost.
    context.flags |= Flags.frame_duration
    colour = info.colour
    context.colorspace, context.color_primaries = colour.matrix, colour.primaries
    context.color_trc, context.color_range = colour.transfer, colour.range
    if VideoFormat(pixel_format).is_rgb:
        context.colorspace, context.color_range = UNSPECIFIED, RANGE_FULL
    if info.sample_aspect is not None:
        context.sample_aspect_ratio = info.sample_aspect
    matrix = _kept_matrix(info, container.format.name)
    if matrix:
        stream.set_display_matrix(matrix)
    if info.interlaced:
        # The header keeps saying so. x264 takes the order of the fields from the pictures.
        context.field_order = info.field_order
        if codec.name == "libx264" and info.interlaced_pictures:
            context.flags |= Flags.interlaced_dct
        else:
            notes.append(f"the original is interlaced; {codec.name} stores it as progressive frames")
    if (codec.name == "libx265" or codec.name.startswith("hevc_")) and container.format.name in ("mp4", "mov"):
        # QuickTime plays hvc1 only.
        context.codec_tag = "hvc1"
    if codec.lossy and not knows_crf(codec.name) and not codec.intra_only:
        least = int(info.width * info.height * _rate(info) * _LEAST_BITS_PER_PIXEL)
        context.bit_rate = max(info.bit_rate or 0, least)
        notes.append(f"{codec.name}: bit rate set to {context.bit_rate // 1000} kbit/s")
    return stream, notes


def muxer_options(path: Path, info: VideoInfo) -> dict[str, str]:
    """Options of the container for an output.

    Edit lists of mp4 and mov count in the movie's time scale, milliseconds by default; the track's own scale keeps
    start and end exact.
    """
    if container_format(path) not in ("mp4", "mov"):
        return {}
    scale = info.time_base.denominator
    while scale < _MOV_LEAST_TIMESCALE:
        scale *= 2
    return {"movie_timescale": str(scale)}


def _add_hdr(options: dict[str, str], info: VideoInfo, encoder: str) -> list[str]:
    """Hand the HDR metadata to the encoder by its options; returns what cannot be kept."""
    display, light = info.mastering_display, info.content_light
    dropped = list(info.hdr_dropped)
    notes = []
    if display is not None or light is not None:
        parameters = encoder_parameters(encoder, display, light, transfer=info.colour.transfer, depth=info.layout.depth)
        if parameters:
            key = CARRIER_OPTIONS[encoder]
            options[key] = ":".join(filter(None, [options.get(key), *parameters]))
        else:
            notes.append(
                f"HDR mastering data of the original is not kept: {encoder} cannot carry it "
                f"({', '.join(CARRIER_OPTIONS)} can)"
            )
    if dropped:
        notes.append(f"HDR metadata of the original is not kept: {', '.join(dropped)}")
    return notes


def _lost_beside(info: VideoInfo, encoder: str) -> list[str]:
    """What lies beside the original's pictures and is not kept, in words."""
    notes = []
    if info.captions and encoder != _CAPTIONS_KEPT:
        notes.append(
            f"closed captions of the original are not kept: {encoder} does not write them ({_CAPTIONS_KEPT} does)"
        )
    if info.data_dropped:
        notes.append(f"data beside the original's pictures is not kept: {', '.join(info.data_dropped)}")
    return notes


def _kept_matrix(info: VideoInfo, container_name: str) -> tuple[int, ...]:
    """The display matrix for an output: the original's, without the scale that its sample aspect holds already.

    Matroska and WebM keep exact right angles only, so the plain matrix goes there.
    """
    turn = orientation_of(info.display_matrix)
    if turn is None or turn == UPRIGHT:
        return info.display_matrix if turn is None else ()
    exact = info.display_matrix[:6] == turn.matrix[:6]
    return info.display_matrix if exact and container_name in ("mp4", "mov") else turn.matrix


def _rate(info: VideoInfo) -> Fraction:
    return (info.frame_rate or Fraction(25)).limit_denominator(100_000)
