"""Encoders: their options for quality and speed, and the pixel formats and containers that they support."""

from __future__ import annotations

import difflib
import io
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer

from lipblend.errors import OutputError, SettingsError
from lipblend.output.hardware import (
    HARDWARE_ENCODERS,
    family_of,
    hardware_options,
    has_speed_preset,
    reject_surface_encoders,
)
from lipblend.picture import alpha_channel as alpha
from lipblend.runtime.standard_output import STREAM_FORMATS, is_stream
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Container format by the suffix of an output."""

SVT_PRESETS = {
    "ultrafast": "12", "superfast": "11", "veryfast": "10", "faster": "9", "fast": "8",
    "medium": "6", "slow": "4", "slower": "3", "veryslow": "2", "placebo": "1",
}  # fmt: skip
"""x264's speed presets as SVT-AV1's numbers."""

Y4M = "yuv4mpegpipe"
"""FFmpeg's name of the y4m container."""
Y4M_OPTIONS = {"strict": "-1"}
"""Options of the muxer yuv4mpegpipe: formats beyond 8 bits are an extension of y4m."""
_TRIAL_OPTIONS = {Y4M: Y4M_OPTIONS}
_SVT_NUMBERS = range(-1, 14)
_X26_MAX_CRF = 51
_SUGGESTED = ("libx264", "libx265", "ffv1", "libsvtav1", "libvpx-vp9", "prores_ks")
_SEMI_PLANAR = {
    "yuv420p": "nv12", "yuv422p": "nv16", "yuv420p10le": "p010le", "yuv422p10le": "p210le",
    "yuv444p10le": "yuv444p10msble",
}  # fmt: skip
"""Formats of graphics hardware with the same samples: chroma interleaved, or 10 bits at the top of 16."""
_ALPHA_SUFFIXES = (".mov", ".mkv", ".webm")
_OPENCV_AVX512_SKX = 256  # CV_CPU_AVX512_SKX: F, CD, BW, DQ, VL; the features that x264_cpu_detect requires


def container_format(path: Path) -> str:
    """FFmpeg's name of the container for an output path.

    Raises
    ------
    OutputError
        The suffix is unknown.
    """
    if is_stream(path):
        return STREAM_FORMATS[path.suffix]
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise OutputError(
            f"{path}: '{path.suffix}' is not a supported video container",
            hint=f"Use one of {', '.join(FORMATS)}.",
        ) from None


def memory_output(name: str) -> OutputContainer:
    """Open an in-memory output of a container format, for trials."""
    return av.open(io.BytesIO(), "w", format=name, options=_TRIAL_OPTIONS.get(name, {}))


def find_encoder(encoder: str) -> Codec:
    """Find an encoder by name.

    Raises
    ------
    SettingsError
        There is no such encoder, or it does not encode video.
    OutputError
        It accepts pictures in GPU memory only.
    """
    reject_surface_encoders(encoder)
    try:
        codec = Codec(encoder, "w")
    except UnknownCodecError:
        close = difflib.get_close_matches(encoder, [*_SUGGESTED, *HARDWARE_ENCODERS], n=1)
        meant = f"Did you mean {close[0]}? " if close else ""
        built = ", ".join(name for name in HARDWARE_ENCODERS if name in av.codecs_available)
        raise SettingsError(
            f"this FFmpeg has no encoder '{encoder}'",
            hint=f"{meant}Use one of {', '.join(_available())}"
            + (f"; on graphics hardware: {built}." if built else "."),
        ) from None
    if codec.type != "video":
        raise SettingsError(f"{encoder} encodes {codec.type}, not video", hint=f"Use one of {', '.join(_available())}.")
    return codec


def encoder_options(encode: EncodeSettings, codec: Codec, depth: int) -> tuple[dict[str, str], list[str]]:
    """Options of an encoder for quality and speed, and notes for the summary: which of the two it ignores, if given.

    Raises
    ------
    SettingsError
        The crf is beyond the encoder's scale.
    """
    crf = f"{encode.crf:g}"
    if family_of(codec.name):
        hardware = hardware_options(codec.name, crf=encode.crf, preset=encode.preset, depth=depth)
        ignored = [] if has_speed_preset(codec.name) else _preset_ignored(encode, codec.name)
        return hardware.options, [*hardware.notes, *ignored]
    if codec.name in ("libx264", "libx265") and encode.crf > _X26_MAX_CRF:
        raise SettingsError(
            f"{codec.name} takes crf 0 to {_X26_MAX_CRF}, not {encode.crf:g}", hint="Choose a smaller --crf."
        )
    if codec.name == "libx264":
        # crf 0 is lossless with 8 bits only, qp 0 also with 10 bits.
        quality = {"qp": "0"} if encode.crf == 0 else {"crf": crf}
        return {"preset": encode.preset, **quality, **deterministic_options()}, []
    if codec.name == "libx265":
        return {"preset": encode.preset, "crf": crf, "x265-params": "log-level=error"}, []
    if codec.name == "libsvtav1":
        return {"preset": SVT_PRESETS.get(encode.preset, encode.preset), "crf": crf}, []
    if codec.name == "libvpx-vp9":
        return {"crf": crf, "b": "0", "row-mt": "1"}, _preset_ignored(encode, codec.name)
    given = [name for name in ("crf", "preset") if name in encode.model_fields_set]
    lossless = " (it is lossless)" if codec.lossless and not codec.lossy else ""
    note = f"{codec.name} has neither crf nor speed preset: {' and '.join(given)} ignored{lossless}"
    return {}, [note] if given else []


def _preset_ignored(encode: EncodeSettings, encoder: str) -> list[str]:
    """The note of an encoder without speed presets, if one was given."""
    return [f"{encoder} has no speed preset: it is ignored"] if "preset" in encode.model_fields_set else []


def check_speed_preset(encoder: str, preset: str) -> None:
    """Reject a speed preset that an encoder does not have. x264 would print its own complaint on stderr.

    Raises
    ------
    SettingsError
        The preset is unknown. Encoders without presets accept any.
    """
    if encoder not in ("libx264", "libx265", "libsvtav1") or preset in SVT_PRESETS:
        return
    numbers = ""
    if encoder == "libsvtav1":
        if preset in map(str, _SVT_NUMBERS):
            return
        numbers = f", or a number from {_SVT_NUMBERS[0]} to {_SVT_NUMBERS[-1]}"
    raise SettingsError(f"{encoder} has no preset '{preset}'", hint=f"Use one of {', '.join(SVT_PRESETS)}{numbers}.")


def deterministic_options() -> dict[str, str]:
    """FFmpeg options that make libx264 give the same bytes for the same pictures; empty on processors without AVX-512.

    x264's AVX-512 version of ``mbtree_propagate_list`` handles macroblocks in groups of eight and does not mask those
    of the last group that lie beyond the end of a row. Unless the picture's width in macroblocks is a multiple of
    eight, it reads the row below, and for the last row uninitialised memory, and adds it to the costs from which
    quantisers are derived. The AVX2 version gives the same result as the C code on every machine. Report with numbers:
    docs/lab/x264-avx512-mbtree.md.
    """
    # Requesting features that a processor lacks would crash; one with AVX-512 has AVX2.
    return {"x264-params": "asm=avx2"} if cv2.checkHardwareSupport(_OPENCV_AVX512_SKX) else {}


def has_crf(encoder: str) -> bool:
    """Whether crf sets an encoder's quality."""
    return encoder in ("libx264", "libx265", "libsvtav1", "libvpx-vp9") or family_of(encoder) is not None


def encoder_format(codec: Codec, info: VideoInfo, container_name: str) -> str | None:
    """Pixel format in which an encoder takes a layout unchanged, with its alpha channel if possible; None if it cannot.

    ProRes and RGB encoders may take a converted one; see `lipblend.picture.alpha_channel`.
    """
    kept = alpha.alpha_format(codec, info.layout, container_name, from_rgb=info.from_rgb)
    if kept is not None:
        return kept
    layout = info.layout.opaque
    known = {pixel_format.name for pixel_format in codec.video_formats or ()}
    unranged = layout.name.replace("yuvj", "yuv")
    names = (layout.name, unranged, _SEMI_PLANAR.get(unranged))
    same = next((name for name in names if name and (name in known or not known)), None)
    return same or alpha.prores_format(codec, layout)


def able_encoders(info: VideoInfo, container_name: str) -> list[str]:
    """Common encoders that can encode a video for a container format."""
    with memory_output(container_name) as container:
        fitting = container.supported_codecs
    return [n for n in _available() if n in fitting and encoder_format(Codec(n, "w"), info, container_name)]


def alpha_keepers(info: VideoInfo, suffix: str) -> list[str]:
    """Encoders that keep the alpha channel of a video, each with the first suitable container."""
    found: dict[str, str] = {}
    # mp4 is left out: hardly any player supports alpha in it.
    for each in (*([suffix] if suffix in FORMATS else []), *_ALPHA_SUFFIXES) if info.layout.alpha else ():
        name = FORMATS[each]
        with memory_output(name) as container:
            fitting = container.supported_codecs
        for encoder in alpha.ALPHA_ENCODERS:
            if name != "mp4" and encoder in fitting and encoder in av.codecs_available:
                codec = Codec(encoder, "w")
                if alpha.alpha_format(codec, info.layout, name, from_rgb=info.from_rgb):
                    found.setdefault(encoder, f"{encoder} in {each}")
    return list(found.values())


def _available() -> Sequence[str]:
    return [name for name in _SUGGESTED if name in av.codecs_available]
