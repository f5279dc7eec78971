"""FFmpeg's encoders and decoders: which are available, how they are started, and the decoder of a video stream."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.runtime.native.guard import process_state_preserved
from lipblend.video.opening import DECODER_OPTIONS, DECODER_THREADS, prepare_decoder

# FFmpeg's own decoders of VP8 and VP9 ignore the alpha channel in the packets' side data.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def missing_codecs(names: Iterable[str], mode: Literal["r", "w"]) -> list[str]:
    """Names for which this FFmpeg has no decoder (``r``) or encoder (``w``)."""
    return [name for name in names if not _is_available(name, mode)]


def guarded_start(codec: CodecContext | None) -> AbstractContextManager[None]:
    """Guard a call that encodes or decodes, if it is the one that starts the codec.

    Starting a codec may change the state of the process; see `lipblend.runtime.native.guard`. With None nothing is
    guarded.
    """
    return nullcontext() if codec is None or codec.is_open else process_state_preserved()


class Decoder:
    """Decode the packets of a stream on several threads, rejecting pictures beyond the size limits.

    VP8 and VP9 streams with an alpha channel are decoded by libvpx, all others by FFmpeg's default decoder.

    Parameters
    ----------
    stream : VideoStream
        Its container must stay open.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        prepare_decoder(stream)
        self._libvpx: VideoCodecContext | None = None
        if has_side_alpha(stream) and not lacks_alpha_decoder(stream):
            name = _ALPHA_DECODERS[stream.codec_context.name]
            libvpx = Codec(name, "r").create("video")
            libvpx.extradata = stream.codec_context.extradata
            libvpx.thread_count, libvpx.options = DECODER_THREADS, dict(DECODER_OPTIONS)
            self._libvpx = libvpx

    def decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        """Return the pictures that a packet completes; an empty packet ends the stream."""
        with guarded_start(self._libvpx or self._stream.codec_context):
            return packet.decode() if self._libvpx is None else list(self._libvpx.decode(packet))

    def finish(self) -> list[VideoFrame]:
        """Return the pictures that are still delayed."""
        codec = self._libvpx or self._stream.codec_context
        with guarded_start(codec):
            return list(codec.decode(None))

    def flush(self) -> None:
        """Drop delayed pictures after a seek. The container flushes the stream's own decoder itself."""
        if self._libvpx is not None and self._libvpx.is_open:
            self._libvpx.flush_buffers()


def has_side_alpha(stream: VideoStream) -> bool:
    """Whether a stream has an alpha channel in its packets' side data (VP8 and VP9 in Matroska and WebM)."""
    return stream.codec_context.name in _ALPHA_DECODERS and stream.metadata.get("alpha_mode") == "1"


def lacks_alpha_decoder(stream: VideoStream) -> bool:
    """Whether a stream has such an alpha channel and this FFmpeg lacks the decoder for it."""
    return has_side_alpha(stream) and bool(missing_codecs([_ALPHA_DECODERS[stream.codec_context.name]], "r"))


def _is_available(name: str, mode: Literal["r", "w"]) -> bool:
    try:
        Codec(name, mode)
    except UnknownCodecError:
        return False
    return True
