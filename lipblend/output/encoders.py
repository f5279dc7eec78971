"""Encoders: which there are, what they are told, and which pixel formats and containers go with them."""

from __future__ import annotations

import difflib
import io
from collections.abc import Sequence
from pathlib import Path

import av
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer

from lipblend.errors import OutputError, SettingsError
from lipblend.output.hardware import HARDWARE_ENCODERS, family_of, hardware_options, refuse_surfaces
from lipblend.output.speed import SVT_PRESETS
from lipblend.output.x264 import steady_options
from lipblend.picture import alpha_channel as alpha
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""Container format for each suffix of an output."""
_X26_MOST_CRF = 51
_SUGGESTED = ("libx264", "libx265", "ffv1", "libsvtav1", "libvpx-vp9", "prores_ks")
_SEMI_PLANAR = {
    "yuv420p": "nv12", "yuv422p": "nv16", "yuv420p10le": "p010le", "yuv422p10le": "p210le",
    "yuv444p10le": "yuv444p10msble",
}  # fmt: skip
"""The same samples in the order that hardware takes: chroma interleaved, or 10 bits at the top of 16."""
_ALPHA_SUFFIXES = (".mov", ".mkv", ".webm")


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


def nowhere(name: str) -> OutputContainer:
    """A container of a format (see `container_format`) in memory, to try things on."""
    return av.open(io.BytesIO(), "w", format=name)


def find_encoder(encoder: str) -> Codec:
    """The encoder of a name.

    Raises
    ------
    SettingsError
        None of that name, or not of video.
    OutputError
        One that takes surfaces of graphics hardware only.
    """
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


def encoder_options(encode: EncodeSettings, codec: Codec, depth: int) -> tuple[dict[str, str], list[str]]:
    """Options of an encoder for quality and speed, and what the summary has to say about them.

    Raises
    ------
    SettingsError
        A crf beyond the encoder's scale.
    """
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


def knows_crf(encoder: str) -> bool:
    """Whether an encoder is told its quality by crf."""
    return encoder in ("libx264", "libx265", "libsvtav1", "libvpx-vp9") or family_of(encoder) is not None


def encoder_format(codec: Codec, info: VideoInfo, container_name: str) -> str | None:
    """Pixel format in which an encoder takes a layout: with its alpha channel, or all but that, without any change.

    ProRes encoders and, for what was RGB, those of RGB are exceptions; see `lipblend.picture.alpha_channel`.
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
    """Usual encoders that can put a video into a container of a format."""
    with nowhere(container_name) as container:
        fitting = container.supported_codecs
    return [n for n in _available() if n in fitting and encoder_format(Codec(n, "w"), info, container_name)]


def alpha_keepers(info: VideoInfo, suffix: str) -> list[str]:
    """Encoders that keep the alpha channel of a video, each with the first container in which it does."""
    found: dict[str, str] = {}
    # Hardly any player takes what mp4 can hold of them.
    for each in (suffix, *_ALPHA_SUFFIXES) if info.layout.alpha else ():
        name = FORMATS[each]
        with nowhere(name) as container:
            fitting = container.supported_codecs
        for encoder in alpha.ALPHA_ENCODERS:
            if name != "mp4" and encoder in fitting and encoder in av.codecs_available:
                codec = Codec(encoder, "w")
                if alpha.alpha_format(codec, info.layout, name, from_rgb=info.from_rgb):
                    found.setdefault(encoder, f"{encoder} in {each}")
    return list(found.values())


def _available() -> Sequence[str]:
    return [name for name in _SUGGESTED if name in av.codecs_available]
