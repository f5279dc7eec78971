"""Writing the output: pictures encoded, everything else taken over; the file gets its name when it is whole."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Discard, Stream

from lipblend.errors import OutputError
from lipblend.output.coded import CodedPacket, encoder_picture, mend_decoding_time
from lipblend.output.encoders import container_format
from lipblend.output.encoding import add_video_stream, check_output, muxer_options
from lipblend.output.extras import dropped_streams, moved_chapters
from lipblend.output.joining import Joiner
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.sound.copying import StreamCopier
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.runtime.temporary import UnfinishedFile
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo
from lipblend.video.matroska import write_codec_delays
from lipblend.video.opening import open_source
from lipblend.video.reader import Frame

__all__ = ["VideoWriter", "check_output"]

_OWN_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder", "timecode", "duration")
_HINTS = {
    errno.ENOSPC: "The disk is full.",
    errno.EINVAL: "This container does not take the time stamps or the sound of the inputs as they are; try .mkv.",
}
_KEPT_VIDEO_TAGS = ("language", "title", "handler_name", "creation_time")


class VideoWriter:
    """Encode pictures into a file, beside the sound, subtitles, chapters and tags of its sources.

    A context manager. The file appears under its name when the with-block ends without an exception; otherwise nothing
    is left behind. Pictures keep the original's time stamps, time base, lengths, layout, colour tags, sample aspect
    and rotation.

    Parameters
    ----------
    path : Path
        The output; its suffix names the container.
    info : VideoInfo
        The original.
    encode : EncodeSettings
        Encoder and its numbers.
    audio : AudioPlan
        Where the sound comes from.
    extras_from : VideoInfo or None
        File whose subtitles, chapters and tags are kept; None for none.
    trim : bool
        End sound, subtitles and chapters with the last picture.
    overwrite : bool
        Replace a file of that name. Otherwise a name that is taken by the end is an error.

    Attributes
    ----------
    frames_written : int
    notes : list of str
        What the summary has to say: streams that were dropped, sound that was re-encoded ...

    Raises
    ------
    OutputError
        On entering, writing or leaving: the output cannot be written.
    InputError
        A source of sound or subtitles cannot be read.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        encode: EncodeSettings,
        audio: AudioPlan,
        extras_from: VideoInfo | None,
        trim: bool = False,
        overwrite: bool = True,
    ) -> None:
        self.frames_written = 0
        self.notes: list[str] = []
        self._path = Path(path)
        self._info = info
        self._encode = encode
        self._audio = audio
        self._extras = extras_from
        self._trim = trim
        self._overwrite = overwrite
        self._copiers: dict[Path, StreamCopier] = {}
        self._joiner = Joiner()
        self._direct = False
        self._held: Packet[Stream] | None = None
        self._first: tuple[int, int] | None = None
        self._end = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack, self._output_errors():
            self._file = UnfinishedFile(self._path)
            stack.callback(self._file.discard)
            self._container = self._open(stack)
            self._stream, notes = add_video_stream(self._container, self._path, self._info, self._encode)
            self.notes += notes
            self._add_extras(stack)
            with process_state_preserved():
                self._container.start_encoding()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack, self._output_errors():
            if kind is None:
                self._finish()

    def write(self, frame: Frame) -> None:
        """Encode one picture.

        Parameters
        ----------
        frame : Frame
            From the original, with its planes as they shall be. Its handle must not be changed afterwards.

        Raises
        ------
        OutputError
            The encoder or the disk refuses it.
        """
        with self._output_errors():
            picture = encoder_picture(frame, self._info, self._stream)
            with process_state_preserved() if not self._direct else nullcontext():
                packets = self._stream.encode(picture)
            self._direct = True
            self._end = frame.pts + frame.duration
            self.frames_written += 1
            for packet in packets:
                self._mux_video(packet)

    def begin_segment(self, shown: Sequence[int]) -> None:
        """Begin a segment that was encoded by itself (`lipblend.output.coded.SegmentEncoder`), instead of `write`.

        Parameters
        ----------
        shown : sequence of int
            Time stamps of its pictures, rising, in the output's time base.
        """
        self._joiner.begin(shown)

    def add_coded(self, packets: Iterable[CodedPacket]) -> None:
        """Write packets of the segment, in the encoder's order.

        Raises
        ------
        OutputError
            The disk refuses them, or they do not follow those before.
        """
        with self._output_errors():
            for packet in self._joiner.add(packets):
                self._mux_video(packet.packet(self._stream))

    def end_segment(self, header: bytes, *, frames: int, end: int) -> None:
        """End the segment.

        Parameters
        ----------
        header : bytes
            Of its encoder.
        frames : int
            Pictures in it.
        end : int
            When the last of them ends, in the output's time base.

        Raises
        ------
        OutputError
            The header is not the output's, so that the segment could not be decoded.
        """
        if header != bytes(self._stream.codec_context.extradata or b""):
            raise OutputError(
                f"{self._path}: {self._encode.encoder} gave segments of one video different headers",
                hint="Choose another encoder.",
            )
        with self._output_errors():
            for packet in self._joiner.end():
                self._mux_video(packet.packet(self._stream))
        self.frames_written += frames
        self._end = end

    def _open(self, stack: ExitStack) -> OutputContainer:
        container = av.open(
            str(self._file.path),
            "w",
            format=container_format(self._path),
            container_options=muxer_options(self._path, self._info),
            metadata_errors="replace",
        )

        def close() -> None:
            # Closing writes the index, which fails once more on a full disk.
            with suppress(av.FFmpegError, OSError):
                container.close()

        stack.callback(close)
        return container

    def _add_extras(self, stack: ExitStack) -> None:
        self._chapters: list[Any] = []
        audio = [] if self._audio.stream_index is None else [self._audio.stream_index]
        subtitles: list[int] = []
        if self._extras is not None:
            audio, subtitles = self._take_over(self._extras)
        if self._audio.source is not None:
            for index in audio:
                copier = self._copier(self._audio.source, stack)
                notes = copier.add(self._container, index, shift_s=self._audio.shift_s, from_s=self._audio.from_s)
                self.notes += (
                    notes if notes is not None else [f"sound stream {index} cannot be kept: no decoder for it"]
                )
        if self._extras is None:
            return
        for index in subtitles:
            copier = self._copier(self._extras.path, stack)
            if copier.add(self._container, index, shift_s=-self._extras.origin) is None:
                stream = copier.container.streams[index]
                codec = stream.codec_context.name if stream.codec_context else "unknown"
                self.notes.append(
                    f"subtitle stream {index} ({codec}) dropped: {self._path.suffix} cannot hold it as it is"
                )

    def _take_over(self, extras: VideoInfo) -> tuple[list[int], list[int]]:
        """Take over tags and chapters; returns which streams of sound and subtitles are to be kept."""
        with open_source(extras.path) as source:
            self._container.metadata.update(
                {tag: text for tag, text in source.metadata.items() if tag.lower() not in _OWN_TAGS}
            )
            video = source.streams[self._info.stream_index] if extras.path == self._info.path else None
            if video is not None:
                tags = {tag: video.metadata[tag] for tag in _KEPT_VIDEO_TAGS if tag in video.metadata}
                self._stream.metadata.update(tags)
                self._stream.disposition = video.disposition
            self._chapters = source.chapters()
            audio = self._audio_indices(source, extras)
            subtitles = [stream.index for stream in source.streams.subtitles if stream.discard != Discard.all]
            self.notes += dropped_streams(source, extras)
            if self._info.source_format != self._info.layout.name:
                taken = self._stream.pix_fmt
                self.notes.append(f"pictures converted from {self._info.source_format} to {taken}")
        return audio, subtitles

    def _audio_indices(self, source: InputContainer, extras: VideoInfo) -> list[int]:
        if self._audio.stream_index is None:
            return []
        if self._audio.taken == "original" and self._audio.source == extras.path:
            return [stream.index for stream in source.streams.audio]
        return [self._audio.stream_index]

    def _copier(self, path: Path, stack: ExitStack) -> StreamCopier:
        if path not in self._copiers:
            self._copiers[path] = StreamCopier(path)
            stack.callback(self._copiers[path].close)
        return self._copiers[path]

    def _mux_video(self, packet: Packet[Stream]) -> None:
        mend_decoding_time(packet)
        if self._first is None and packet.pts is not None and packet.dts is not None:
            self._first = packet.pts, packet.dts
        # One packet is held back, as the length of the very last one is known only at the end.
        held, self._held = self._held, packet
        if held is not None:
            self._mux_held(held)

    def _mux_held(self, packet: Packet[Stream]) -> None:
        stamp = packet.dts if packet.dts is not None else (packet.pts or 0)
        for copier in self._copiers.values():
            copier.copy_until(self._mux, stamp * self._info.time_base)
        self._container.mux(packet)

    def _mux(self, packets: Iterable[Packet[Stream]]) -> None:
        for packet in packets:
            self._container.mux(packet)

    def _finish(self) -> None:
        if not self.frames_written:
            raise OutputError(f"{self._path}: there is no picture to write")
        if self._direct:
            for packet in self._stream.encode(None):
                self._mux_video(packet)
        if self._held is not None:
            self._set_last_length(self._held)
            self._mux_held(self._held)
        end_s = self._end * self._info.time_base
        for copier in self._copiers.values():
            copier.copy_rest(self._mux, end_s if self._trim else None)
            if copier.corrupt_packets:
                self.notes.append(f"{copier.path.name}: {copier.corrupt_packets} sound packet(s) could not be decoded")
        origin = self._extras.origin if self._extras is not None else Fraction(0)
        chapters = moved_chapters(self._chapters, origin=origin, end_s=end_s if self._trim else None)
        if chapters:
            self._container.set_chapters(chapters)
        self._container.close()
        write_codec_delays(self._file.path, [stream for copier in self._copiers.values() for stream in copier.primed])
        self._file.publish(overwrite=self._overwrite)

    def _set_last_length(self, packet: Packet[Stream]) -> None:
        """Make the last packet in decoding order as long as it takes for the track to last as long as its pictures.

        mp4 and mov keep the distances of decoding times only. With B-frames and uneven lengths their sum falls short.
        """
        if self._container.format.name not in ("mp4", "mov") or self._first is None or packet.dts is None:
            return
        first_pts, first_dts = self._first
        packet.duration = max(1, (self._end - first_pts) - (packet.dts - first_dts))

    @contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            hint = _HINTS.get(error.errno or 0, "Check the folder and the free space.")
            raise OutputError(f"{self._path} cannot be written: {error.strerror or error}", hint=hint) from error
