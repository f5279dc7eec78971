"""The output's video stream: container by suffix, encoder by name, and what has to fit together."""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import OutputError, SettingsError
from lipblend.media import alpha
from lipblend.media.hardware import (
    HARDWARE_ENCODERS,
    family_of,
    hardware_options,
    refuse_surfaces,
    start_failed,
)
from lipblend.media.hdr import CARRIER_OPTIONS, encoder_parameters
from lipblend.media.info import RANGE_FULL, UNSPECIFIED, VideoInfo
from lipblend.media.layouts import nearest_layout
from lipblend.media.orientation import UPRIGHT, orientation_of
from lipblend.media.places import check_place
from lipblend.media.speed import SVT_PRESETS, check_speed_preset
from lipblend.media.temporary import name_taken
from lipblend.media.trial import ffmpeg_words, reason
from lipblend.media.x264 import steady_options
from lipblend.native.guard import process_kept
from lipblend.settings import EncodeSettings

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Container format for each suffix of an output."""

_ARCHIVAL = ("ffv1", "ffvhuff", "huffyuv", "utvideo")
"""Encoders that mp4 and mov can hold, but hardly any player expects there."""
_X26_MOST_CRF = 51
_SUGGESTED = ("libx264", "libx265", "ffv1", "libsvtav1", "libvpx-vp9", "prores_ks")
_SEMI_PLANAR = {
    "yuv420p": "nv12", "yuv422p": "nv16", "yuv420p10le": "p010le", "yuv422p10le": "p210le",
    "yuv444p10le": "yuv444p10msble",
}  # fmt: skip
"""The same samples in the order that hardware takes: chroma interleaved, or 10 bits at the top of 16."""
_CAPTIONS_KEPT = "libx264"
_ALPHA_SUFFIXES = (".mov", ".mkv", ".webm")
_LEAST_BITS_PER_PIXEL = Fraction(1, 8)
_MOV_LEAST_TIMESCALE = 10000


def container_format(path: Path) -> str:
    """FFmpeg's name of the container for an output path.

    Raises
    ------
    OutputError
        A suffix that is not known.
    """
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise OutputError(
            f"{path}: the suffix {path.suffix or '(none)'} names no video container",
            hint=f"Use one of {', '.join(FORMATS)}.",
        ) from None


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
        with process_kept(), nowhere(name) as container:
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
    is left out where the format has none. Where it has another depth or is RGB, see `lipblend.media.alpha`.
    """
    if picture.format.name == wanted:
        return picture
    target = VideoFormat(wanted)
    if target.is_rgb:
        return alpha.as_rgb(picture, wanted)
    layout = nearest_layout(picture.format.name)
    if target.components[0].bits != layout.depth:
        return alpha.of_depth(picture, layout, wanted)
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
    codec = _codec(encode.encoder)
    check_speed_preset(codec.name, encode.preset)
    pixel_format = _encoder_format(codec, info, container.format.name)
    if pixel_format is None:
        able = ", ".join(_able_encoders(info, container.format.name)) or "none known"
        kept = _alpha_keepers(info, path.suffix.lower())
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
    options, notes = _options(encode, codec, info.layout.depth)
    if codec.name in _ARCHIVAL and container.format.name in ("mp4", "mov"):
        notes.append(f"hardly any player takes {codec.name} in {path.suffix}: .mkv is what it is usually kept in")
    notes += [*_add_hdr(options, info, codec.name), *_lost_beside(info, codec.name)]
    keepers = _alpha_keepers(info, path.suffix.lower())
    notes += alpha.notes(codec.name, info.layout, pixel_format, encode.crf, opaque=info.opaque, able=keepers)
    try:
        stream: VideoStream = container.add_stream(codec.name, rate=_rate(info), options=options)  # type: ignore[assignment]
    except (av.FFmpegError, ValueError) as error:
        able = ", ".join(_able_encoders(info, container.format.name)) or "none known"
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
    if codec.lossy and not _knows_crf(codec.name) and not codec.intra_only:
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


def _options(encode: EncodeSettings, codec: Codec, depth: int) -> tuple[dict[str, str], list[str]]:
    crf = f"{encode.crf:g}"
    if family_of(codec.name):
        hardware = hardware_options(codec.name, crf=encode.crf, preset=encode.preset, depth=depth)
        return hardware.options, list(hardware.notes)
    if codec.name in ("libx264", "libx265") and encode.crf > _X26_MOST_CRF:
        raise SettingsError(
            f"{codec.name} takes crf 0 to {_X26_MOST_CRF}, not {encode.crf:g}", hint="Choose a smaller --crf."
        )
    if codec.name == "libx264":
        # crf 0 is lossless with 8 bits only; qp 0 is with 10 bits too.
        quality = {"qp": "0"} if encode.crf == 0 else {"crf": crf}
        return {"preset": encode.preset, **quality, **steady_options()}, []
    if codec.name == "libx265":
        return {"preset": encode.preset, "crf": crf, "x265-params": "log-level=error"}, []
    if codec.name == "libsvtav1":
        return {"preset": SVT_PRESETS.get(encode.preset, encode.preset), "crf": crf}, []
    if codec.name == "libvpx-vp9":
        return {"crf": crf, "b": "0", "row-mt": "1"}, ["libvpx-vp9 has no preset: it is ignored"]
    lossless = " (it is lossless)" if codec.lossless and not codec.lossy else ""
    return {}, [f"{codec.name} knows neither crf nor preset: both are ignored{lossless}"]


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


def _knows_crf(encoder: str) -> bool:
    return encoder in ("libx264", "libx265", "libsvtav1", "libvpx-vp9") or family_of(encoder) is not None


def _codec(encoder: str) -> Codec:
    refuse_surfaces(encoder)
    try:
        codec = Codec(encoder, "w")
    except UnknownCodecError:
        close = difflib.get_close_matches(encoder, [*_SUGGESTED, *HARDWARE_ENCODERS], n=1)
        meant = f"Did you mean {close[0]}? " if close else ""
        built = ", ".join(name for name in HARDWARE_ENCODERS if name in av.codecs_available)
        raise SettingsError(
            f"there is no encoder '{encoder}' in this FFmpeg",
            hint=f"{meant}Use one of {', '.join(_available())}"
            + (f"; on graphics hardware: {built}." if built else "."),
        ) from None
    if codec.type != "video":
        raise SettingsError(f"{encoder} encodes {codec.type}, not video", hint=f"Use one of {', '.join(_available())}.")
    return codec


def _available() -> Sequence[str]:
    return [name for name in _SUGGESTED if name in av.codecs_available]


def _able_encoders(info: VideoInfo, container_name: str) -> list[str]:
    with nowhere(container_name) as container:
        fitting = container.supported_codecs
    return [n for n in _available() if n in fitting and _encoder_format(Codec(n, "w"), info, container_name)]


def _alpha_keepers(info: VideoInfo, suffix: str) -> list[str]:
    """Encoders that keep the alpha channel of a video, each with the first container in which it does."""
    found: dict[str, str] = {}
    # Hardly any player takes what mp4 can hold of them.
    for each in (suffix, *_ALPHA_SUFFIXES) if info.layout.alpha else ():
        name = FORMATS[each]
        with nowhere(name) as container:
            fitting = container.supported_codecs
        for encoder in alpha.KEEPERS:
            if name != "mp4" and encoder in fitting and encoder in av.codecs_available:
                codec = Codec(encoder, "w")
                if alpha.kept_format(codec, info.layout, name, from_rgb=info.from_rgb):
                    found.setdefault(encoder, f"{encoder} in {each}")
    return list(found.values())


def _encoder_format(codec: Codec, info: VideoInfo, container_name: str) -> str | None:
    """Pixel format in which an encoder takes a layout: with its alpha channel, or all but that, without any change.

    ProRes encoders and, for what was RGB, those of RGB are exceptions; see `lipblend.media.alpha`.
    """
    kept = alpha.kept_format(codec, info.layout, container_name, from_rgb=info.from_rgb)
    if kept is not None:
        return kept
    layout = info.layout.opaque
    known = {pixel_format.name for pixel_format in codec.video_formats or ()}
    unranged = layout.name.replace("yuvj", "yuv")
    names = (layout.name, unranged, _SEMI_PLANAR.get(unranged))
    same = next((name for name in names if name and (name in known or not known)), None)
    return same or alpha.lifted_format(codec, layout)


def _rate(info: VideoInfo) -> Fraction:
    return (info.frame_rate or Fraction(25)).limit_denominator(100_000)


def nowhere(name: str) -> OutputContainer:
    """A container of a format (see `container_format`) in memory, to try things on."""
    return av.open(io.BytesIO(), "w", format=name)
