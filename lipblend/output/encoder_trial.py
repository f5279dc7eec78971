"""Whether an encoder starts on this machine, and what FFmpeg says where it does not."""

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

_SIZE = (320, 240)  # larger than the smallest pictures that hardware encodes
_PICTURES = 3


def try_encoder(encoder: str) -> str:
    """Encode a few grey pictures with a hardware encoder.

    A driver may crash or hang here: call it in a process of its own.

    Parameters
    ----------
    encoder : str
        One of `lipblend.output.hardware.HARDWARE_ENCODERS` that is in this FFmpeg.

    Returns
    -------
    str
        Empty when it works, else what FFmpeg says.
    """
    defaults = EncodeSettings()

    def encode() -> None:
        context = VideoCodecContext.create(encoder, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = _SIZE
        context.pix_fmt, context.time_base, context.framerate = "nv12", Fraction(1, 25), Fraction(25)
        context.options = hardware_options(encoder, crf=defaults.crf, preset=defaults.preset, depth=8).options
        made = 0
        for number in range(_PICTURES):
            picture = VideoFrame(*_SIZE, "nv12")
            for plane in picture.planes:
                plane.update(bytes([128]) * plane.buffer_size)
            picture.pts, picture.time_base = number, Fraction(1, 25)
            made += len(context.encode(picture))
        made += len(context.encode(None))
        if made != _PICTURES:
            raise ValueError(f"{made} of {_PICTURES} pictures came out")

    try:
        with process_state_preserved():
            encode()
    except (av.FFmpegError, ValueError) as error:
        return ffmpeg_words(encode) or reason(error)
    return ""


def ffmpeg_words(attempt: Callable[[], None]) -> str:
    """Do again what failed, and return the errors that FFmpeg logs meanwhile; empty when it logs none.

    PyAV keeps no log by default. Its level belongs to the whole process, and is put back afterwards.
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


def reason(error: Exception) -> str:
    """FFmpeg's words for an error code."""
    return getattr(error, "strerror", None) or str(error)
