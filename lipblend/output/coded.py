"""Encoding a segment by itself: a fresh encoder, and its packets as plain bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.packet import Packet
from av.stream import Stream
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from lipblend.errors import OutputError
from lipblend.output.encoders import container_format, memory_output
from lipblend.output.encoding import add_video_stream, in_encoder_format
from lipblend.picture.alpha_channel import alpha_side_data, set_alpha_side_data
from lipblend.settings import EncodeSettings
from lipblend.video.codecs import guarded_start
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame

_MAX_DELAY_S = 3600


@dataclass(frozen=True, slots=True)
class CodedPacket:
    """One packet of an encoder: its bytes, and its time stamps in the output's time base."""

    data: bytes
    pts: int
    dts: int
    duration: int
    keyframe: bool
    side_data: bytes = b""
    """The alpha channel of VP9, which is coded separately."""

    def packet(self, stream: Stream) -> Packet[Stream]:
        """The packet for a muxer."""
        made: Packet[Stream] = av.Packet(self.data)
        made.stream = stream
        made.time_base = stream.codec_context.time_base
        made.pts, made.dts, made.duration = self.pts, self.dts, self.duration
        made.is_keyframe = self.keyframe
        set_alpha_side_data(made, self.side_data)
        return made


class SegmentEncoder:
    """An encoder for one segment, which begins with a key frame and refers to no other segment.

    A context manager. It is set up exactly as the stream of a `lipblend.output.writer.VideoWriter` for the same path,
    video and settings, which takes its packets.

    Parameters
    ----------
    path : Path
        The output; its suffix determines the container.
    info : VideoInfo
        The original, with the output's clock and size.
    encode : EncodeSettings

    Raises
    ------
    OutputError
        On entering, encoding or finishing: the encoder fails.
    """

    def __init__(self, path: Path, info: VideoInfo, encode: EncodeSettings) -> None:
        self._path, self._info, self._encode = path, info, encode

    def __enter__(self) -> Self:
        self._container = memory_output(container_format(self._path))
        try:
            self._stream, _ = add_video_stream(self._container, self._path, self._info, self._encode)
        except BaseException:
            self._container.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def header(self) -> bytes:
        """The decoder configuration, known once a picture was encoded."""
        return bytes(self._stream.codec_context.extradata or b"")

    def encode(self, frame: Frame) -> list[CodedPacket]:
        """Encode one frame; see `lipblend.output.writer.VideoWriter.write`."""
        return self._packets(encoder_picture(frame, self._info, self._stream))

    def finish(self) -> list[CodedPacket]:
        """Return the packets that are still delayed."""
        return self._packets(None)

    def _packets(self, picture: VideoFrame | None) -> list[CodedPacket]:
        try:
            with guarded_start(self._stream.codec_context):
                return list(_coded(self._stream.encode(picture)))
        except (av.FFmpegError, OSError) as error:
            raise OutputError(
                f"{self._encode.encoder} cannot encode {self._path.name}: {error.strerror or error}"
            ) from error


def encoder_picture(frame: Frame, info: VideoInfo, stream: VideoStream) -> VideoFrame:
    """A frame's picture with its time stamps, in the encoder's pixel format."""
    wanted = stream.codec_context.pix_fmt
    picture = frame.handle if wanted is None else in_encoder_format(frame.handle, wanted)
    picture.pts, picture.duration, picture.time_base = frame.pts, frame.duration, info.time_base
    # Otherwise the encoder would have to use the source's key frames and B-frames.
    picture.pict_type = PictureType.NONE
    return picture


def reach_end(packet: Packet[Stream], first: tuple[int, int], end: int) -> None:
    """Extend the last packet in decoding order, so that the track lasts as long as its pictures.

    mp4 and mov keep the differences of decoding times only. With B-frames and varying durations their sum falls short.

    Parameters
    ----------
    packet : Packet
    first : (int, int)
        Presentation and decoding time of the first packet.
    end : int
        End of the last picture. All in the output's time base.
    """
    if packet.dts is not None:
        first_pts, first_dts = first
        packet.duration = max(1, (end - first_pts) - (packet.dts - first_dts))


def correct_decoding_time(packet: Packet[Any]) -> None:
    """Replace a decoding time that is after the presentation time, or more than an hour before, by that time.

    libx265 takes the decoding times of a video with two pictures from uninitialised memory.
    """
    if packet.pts is None or packet.dts is None or packet.time_base is None:
        return
    if not 0 <= (packet.pts - packet.dts) * packet.time_base <= _MAX_DELAY_S:
        packet.dts = packet.pts


def _coded(packets: Iterable[Packet[VideoStream]]) -> Iterable[CodedPacket]:
    for packet in packets:
        correct_decoding_time(packet)
        pts = packet.pts if packet.pts is not None else (packet.dts or 0)
        dts = packet.dts if packet.dts is not None else pts
        yield CodedPacket(bytes(packet), pts, dts, packet.duration or 0, packet.is_keyframe, alpha_side_data(packet))
