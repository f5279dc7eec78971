"""Whether a file decodes whole: every picture and every sound packet, without an error of a decoder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from lipblend.errors import InputError
from lipblend.video.codecs import guarded_start
from lipblend.video.info import VideoInfo
from lipblend.video.opening import open_source, select_streams
from lipblend.video.probe import probe, stream_end
from lipblend.video.reader import VideoReader

_STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}
_SHORTER_S = 0.5  # sound or, in containers that do not count frames, pictures that end so much before their stream does


def decodes_whole(path: Path, *, frames: int | None = None) -> str:
    """Why a file does not decode whole; empty if it does. Pictures and sound are read at the same time.

    Ends that are missing are found in every format; in Matroska and WebM less than half a second only with ``frames``.
    Changed bytes within a picture are found in most H.264 files, but rarely in H.265, VP9, AV1 and FFV1, whose decoders
    make something of any bytes: there only a digest tells.

    Parameters
    ----------
    path : Path
    frames : int, optional
        Frames that it must have; by default what its container says.
    """
    try:
        info = probe(path)
        with ThreadPoolExecutor(2, thread_name_prefix="lipblend-decode") as threads:
            found = [threads.submit(each, info) for each in (_sound_damage, _PictureDamage(frames))]
            return "; ".join(filter(None, (each.result() for each in reversed(found))))
    except InputError as error:
        return error.message


class _StrictReader(VideoReader):
    """Stops concealing what a decoder notices: such packets count as corrupt."""

    def _prepare(self, packet: Packet[VideoStream], stream: VideoStream) -> None:
        if not stream.codec_context.is_open:
            stream.codec_context.options = {**stream.codec_context.options, **_STRICT}


class _PictureDamage:
    """What is wrong with the pictures of a file; empty if nothing is."""

    def __init__(self, frames: int | None) -> None:
        self._frames = frames

    def __call__(self, info: VideoInfo) -> str:
        count, last_s, longest_s = 0, info.start_s, 0.0
        with _StrictReader(info) as reader:
            for frame in reader:
                longest_s = max(longest_s, frame.time_s - last_s)
                count, last_s = count + 1, frame.time_s
        expected = info.frame_count if self._frames is None else self._frames
        faults = []
        if expected is not None and count != expected:
            faults.append(f"{count} of {expected} frames can be decoded")
        if reader.corrupt_packets:
            faults.append(f"{reader.corrupt_packets} packets cannot be decoded")
        if reader.concealed_frames:
            faults.append(f"{reader.concealed_frames} frames are damaged")
        length_s = info.duration_s
        if not faults and info.frame_count is None and length_s is not None:
            # The reader lets the last frame last until the end that the container names.
            missing_s = info.start_s + length_s - last_s - longest_s
            if missing_s > _SHORTER_S:
                faults.append(f"the last {missing_s:.1f} s of {length_s:.1f} s are missing")
        return "; ".join(faults)


def _sound_damage(info: VideoInfo) -> str:
    """What is wrong with the sound streams of a file; empty if nothing is."""
    if not info.audio:
        return ""
    damaged, ends = dict.fromkeys((sound.index for sound in info.audio), 0), dict[int, Fraction]()
    with open_source(info.path) as container:
        streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
        select_streams(container, list(streams))
        expected = {
            stream.index: stream_end(container, stream, stream.time_base or Fraction(1, av.time_base), trimmed=False)
            for stream in streams
        }
        try:
            for packet in container.demux(streams):
                if packet.pts is not None and packet.time_base is not None:
                    end = (packet.pts + (packet.duration or 0)) * packet.time_base
                    ends[packet.stream.index] = max(end, ends.get(packet.stream.index, end))
                damaged[packet.stream.index] += not _decodes(packet) or packet.is_corrupt
        except (av.FFmpegError, OSError) as error:
            return f"the sound cannot be read further: {error.strerror or error}"
    faults = [f"{count} packets of sound stream {index} cannot be decoded" for index, count in damaged.items() if count]
    for index, said in expected.items():
        missing_s = 0.0 if said is None else float(said - ends.get(index, Fraction(0)))
        if missing_s > _SHORTER_S:
            faults.append(f"the last {missing_s:.1f} s of sound stream {index} are missing")
    return "; ".join(faults)


def _decodes(packet: Packet[Stream]) -> bool:
    try:
        with guarded_start(packet.stream.codec_context):
            packet.decode()
    except av.InvalidDataError:
        return False
    return True
