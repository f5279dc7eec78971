"""The decoder of a video stream: FFmpeg's own, or libvpx, which alone reads the alpha channels of VP8 and VP9."""

from __future__ import annotations

from av.codec import Codec
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipblend.video.codecs import missing_codecs
from lipblend.video.opening import DECODER_OPTIONS, DECODER_THREADS, prepare_decoder
from lipblend.video.starting import starting

_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


class Decoder:
    """Decodes the packets of a stream, on several cores, and refuses pictures beyond the limits.

    Parameters
    ----------
    stream : VideoStream
        Of a container that stays open.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        prepare_decoder(stream)
        self._own: VideoCodecContext | None = None
        if alpha_beside(stream) and not alpha_lost(stream):
            name = _ALPHA_DECODERS[stream.codec_context.name]
            own = Codec(name, "r").create("video")
            own.extradata = stream.codec_context.extradata
            own.thread_count, own.options = DECODER_THREADS, dict(DECODER_OPTIONS)
            self._own = own

    def decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        """The pictures that a packet completes; an empty packet ends the stream."""
        with starting(self._own or self._stream.codec_context):
            return packet.decode() if self._own is None else list(self._own.decode(packet))

    def finish(self) -> list[VideoFrame]:
        """The pictures that are held back."""
        codec = self._own or self._stream.codec_context
        with starting(codec):
            return list(codec.decode(None))

    def restart(self) -> None:
        """Forget what was decoded, after the container was sought in."""
        if self._own is not None and self._own.is_open:  # the container does so to the stream's own
            self._own.flush_buffers()


def alpha_beside(stream: VideoStream) -> bool:
    """Whether a stream has an alpha channel that lies beside its packets (Matroska and WebM)."""
    return stream.codec_context.name in _ALPHA_DECODERS and stream.metadata.get("alpha_mode") == "1"


def alpha_lost(stream: VideoStream) -> bool:
    """Whether such a channel cannot be read, as this FFmpeg lacks the decoder for it."""
    return alpha_beside(stream) and bool(missing_codecs([_ALPHA_DECODERS[stream.codec_context.name]], "r"))
