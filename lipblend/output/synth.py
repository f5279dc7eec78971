"""Encoding pictures and sound in memory as a video file: sample clips and test material."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from lipblend.errors import OutputError
from lipblend.output.encoders import container_format, deterministic_options
from lipblend.video.codecs import guarded_start

_BT709 = 1  # H.273 number, the same for matrix, primaries and transfer
_AUDIO_BLOCK = 1024
_THREADS = 2  # fixed, because it changes the encoder's output


def write_clip(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    frame_rate: Fraction,
    crf: float,
    sound: NDArray[np.float32] | None = None,
    sample_rate: int = 48000,
) -> int:
    """Encode pictures (H.264, 4:2:0, BT.709, limited range) and sound (AAC, mono) into a file.

    The result is deterministic: the same bytes on every machine with the same encoder versions.

    Parameters
    ----------
    path : Path
        .mp4, .mov or .mkv; replaced if it exists.
    frames : iterable of (h, w, 3) uint8 arrays
        RGB, all of one even size.
    frame_rate : Fraction
        Frames per second.
    crf : float
        Constant rate factor.
    sound : (n,) float32 array, optional
        Samples in [-1, 1].
    sample_rate : int
        Samples per second.

    Returns
    -------
    int
        Number of frames written.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    try:
        with av.open(str(path), "w", format=container_format(path)) as output:
            return _encode(output, frames, frame_rate, crf, sound, sample_rate)
    except OSError as error:  # FFmpeg's own errors are OSErrors too
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _encode(
    output: OutputContainer,
    frames: Iterable[NDArray[np.uint8]],
    frame_rate: Fraction,
    crf: float,
    sound: NDArray[np.float32] | None,
    sample_rate: int,
) -> int:
    video: VideoStream | None = None
    audio = output.add_stream("aac", rate=sample_rate, layout="mono") if sound is not None else None
    count = 0
    for picture in frames:
        if video is None:
            video = _video_stream(output, picture.shape[1], picture.shape[0], frame_rate, crf)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts, frame.time_base = count, 1 / frame_rate
        with guarded_start(video.codec_context):
            output.mux(video.encode(frame))
        count += 1
    if video is not None:
        output.mux(video.encode(None))
    if audio is not None and sound is not None:
        _encode_sound(output, audio, sound, sample_rate)
    return count


def _video_stream(output: OutputContainer, width: int, height: int, rate: Fraction, crf: float) -> VideoStream:
    options = {"crf": f"{crf:g}", "preset": "veryfast", **deterministic_options()}
    stream = output.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.thread_count = _THREADS
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = ColorRange.MPEG
    return stream


def _encode_sound(output: OutputContainer, stream: AudioStream, sound: NDArray[np.float32], sample_rate: int) -> None:
    for start in range(0, len(sound), _AUDIO_BLOCK):
        block = np.ascontiguousarray(sound[None, start : start + _AUDIO_BLOCK], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
        with guarded_start(stream.codec_context):
            output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
