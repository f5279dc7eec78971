"""Trying whether an encoder starts on this machine, with FFmpeg's own error if it does not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from lipblend.output.hardware import hardware_options
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.settings import EncodeSettings

_SIZE = (320, 240)  # above the minimum of all hardware encoders
_PICTURES = 3


def try_encoder(encoder: str) -> str:
    """Encode a few grey pictures with a hardware encoder.

    The driver may crash or hang: call this in a separate process.

    Parameters
    ----------
    encoder : str
        One of `lipblend.output.hardware.HARDWARE_ENCODERS` that this FFmpeg has.

    Returns
    -------
    str
        FFmpeg's error; empty if it works.
    """
    defaults = EncodeSettings()

    def encode() -> None:
        context = VideoCodecContext.create(encoder, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = _SIZE
        context.pix_fmt, context.time_base, context.framerate = "nv12", Fraction(1, 25), Fraction(25)
        context.options = hardware_options(encoder, crf=defaults.crf, preset=defaults.preset, depth=8).options
        count = 0
        for number in range(_PICTURES):
            picture = VideoFrame(*_SIZE, "nv12")
            for plane in picture.planes:
                plane.update(bytes([128]) * plane.buffer_size)
            picture.pts, picture.time_base = number, Fraction(1, 25)
            count += len(context.encode(picture))
        count += len(context.encode(None))
        if count != _PICTURES:
            raise ValueError(f"only {count} of {_PICTURES} pictures were encoded")

    try:
        with process_state_preserved():
            encode()
    except (av.FFmpegError, ValueError) as error:
        return ffmpeg_log(encode) or error_text(error)
    return ""


def ffmpeg_log(attempt: Callable[[], None]) -> str:
    """Repeat a failed attempt, and return the errors that FFmpeg logs meanwhile.

    PyAV keeps no log by default. The log level is that of the whole process, and is restored afterwards.
    """
    level, skipping = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with process_state_preserved(), av.logging.Capture() as logs, suppress(av.FFmpegError, ValueError):
            attempt()
    finally:
        av.logging.set_skip_repeated(skipping)
        av.logging.set_level(level)
    return "; ".join(dict.fromkeys(" ".join(text.split()).rstrip(".") for _, _, text in logs))


def error_text(error: Exception) -> str:
    """FFmpeg's text of an error code."""
    return getattr(error, "strerror", None) or str(error)
