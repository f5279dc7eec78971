"""Writing the output: pictures are encoded, sound and extras taken over; the file appears when it is complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from lipblend.errors import OutputError
from lipblend.output.coded import CodedPacket, correct_decoding_time, encoder_picture, reach_end
from lipblend.output.encoders import container_format
from lipblend.output.encoding import add_video_stream
from lipblend.output.extras import Extras, moved_chapters, read_extras
from lipblend.output.joining import Joiner
from lipblend.output.muxing import clock_notes, muxer_options, output_errors
from lipblend.output.run_record import tags_with_record
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.sound.codec_delay import write_codec_delays
from lipblend.output.sound.copying import StreamCopier
from lipblend.runtime.files import UnfinishedFile
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.runtime.standard_output import StandardOutput, is_stream
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame


class VideoWriter:
    """Encode pictures into a file, together with the sound, subtitles, chapters and tags of its sources.

    A context manager. The file appears under its name when the with-block ends without an exception; otherwise nothing
    is left behind. Pictures keep the original's time stamps, time base, durations, layout, colour tags, sample aspect
    and rotation.

    Parameters
    ----------
    path : Path
        The output; its suffix determines the container.
    info : VideoInfo
        The original.
    encode : EncodeSettings
    audio : AudioPlan
        Where the sound comes from.
    extras_from : VideoInfo or None
        File whose subtitles, chapters and tags are kept.
    record : str
        Record of the run for the tag ``comment`` (`lipblend.output.run_record`); empty for none. Needs ``extras_from``.
    trim : bool
        End sound, subtitles and chapters with the last picture.
    overwrite : bool
        Replace an existing file. Otherwise a name that is taken at the end is an error.
    more_options : mapping of str to str
        Options of the encoder besides those of the settings.
    sound_codec : str, optional
        Encoder of all sound that is not plain PCM; by default, sound is copied where the container can hold it.

    Attributes
    ----------
    frames_written : int
    notes : list of str
        Notes for the summary: dropped streams, re-encoded sound and so on.

    Raises
    ------
    OutputError
        On entering, writing or leaving: the output cannot be written.
    InputError
        A source of sound or extras cannot be read.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        *,
        encode: EncodeSettings,
        audio: AudioPlan,
        extras_from: VideoInfo | None,
        record: str = "",
        trim: bool = False,
        overwrite: bool = True,
        more_options: Mapping[str, str] = MappingProxyType({}),
        sound_codec: str | None = None,
    ) -> None:
        self._more_options, self._sound_codec = more_options, sound_codec
        self.frames_written = 0
        self.notes: list[str] = []
        self._path = Path(path)
        self._info = info
        self._encode = encode
        self._audio = audio
        self._extras_info, self._record = extras_from, record
        self._trim = trim
        self._overwrite = overwrite
        self._chapters: list[Any] = []
        self._copiers: dict[Path, StreamCopier] = {}
        self._joiner = Joiner()
        self._encodes = False
        self._held: Packet[Stream] | None = None
        self._first: tuple[int, int] | None = None
        self._end = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack, output_errors(self._path):
            file: UnfinishedFile | StandardOutput
            file = StandardOutput() if is_stream(self._path) else UnfinishedFile(self._path)
            self._file = file
            stack.callback(file.discard)
            self._container = self._open(stack)
            self._stream, notes = add_video_stream(
                self._container, self._path, self._info, self._encode, self._more_options
            )
            self.notes += notes
            extras = read_extras(self._extras_info) if self._extras_info is not None else None
            if extras is not None:
                self._add_tags_and_chapters(extras)
            self._add_sound(extras, stack)
            if extras is not None:
                self._add_subtitles(extras, stack)
            with process_state_preserved():
                self._container.start_encoding()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack, output_errors(self._path):
            if kind is None:
                self._finish()

    def write(self, frame: Frame) -> None:
        """Encode one frame.

        Parameters
        ----------
        frame : Frame
            From the original, with the finished planes. Its handle must not be changed afterwards.

        Raises
        ------
        OutputError
            It cannot be encoded or written.
        """
        with output_errors(self._path):
            picture = encoder_picture(frame, self._info, self._stream)
            with process_state_preserved() if not self._encodes else nullcontext():
                packets = self._stream.encode(picture)
            self._encodes = True
            self._end = frame.pts + frame.duration
            self.frames_written += 1
            for packet in packets:
                self._mux_video(packet)

    def begin_segment(self, shown: Sequence[int]) -> None:
        """Begin a segment encoded by `lipblend.output.coded.SegmentEncoder`; an alternative to `write`.

        Parameters
        ----------
        shown : sequence of int
            Presentation times of its pictures, ascending, in the output's time base.
        """
        self._joiner.begin(shown)
        self.notes += [note for note in clock_notes(self._container.format.name, shown) if note not in self.notes]

    def add_coded(self, packets: Iterable[CodedPacket]) -> None:
        """Write packets of the segment, in the encoder's order.

        Raises
        ------
        OutputError
            They cannot be written, or do not follow the packets before.
        """
        with output_errors(self._path):
            for packet in self._joiner.add(packets):
                self._mux_video(packet.packet(self._stream))

    def end_segment(self, header: bytes, *, frames: int, end: int) -> None:
        """End the segment.

        Parameters
        ----------
        header : bytes
            The decoder configuration of its encoder.
        frames : int
            Number of frames in it.
        end : int
            End of the last frame, in the output's time base.

        Raises
        ------
        OutputError
            The header differs from the output's, so the segment could not be decoded.
        """
        if header != bytes(self._stream.codec_context.extradata or b""):
            raise OutputError(
                f"{self._path}: {self._encode.encoder} produced segments with different headers",
                hint="Choose another encoder.",
            )
        with output_errors(self._path):
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
            # Closing writes the index, which fails again on a full disk.
            with suppress(av.FFmpegError, OSError):
                container.close()

        stack.callback(close)
        return container

    def _add_tags_and_chapters(self, extras: Extras) -> None:
        tags, notes = tags_with_record(extras.tags, self._record)
        self._container.metadata.update(tags)
        if self._extras_info is not None and self._extras_info.path == self._info.path:
            self._stream.metadata.update(extras.video_tags)
            self._stream.disposition = extras.video_disposition
        self._chapters = extras.chapters
        self.notes += [*notes, *extras.notes]
        if self._info.source_format != self._info.layout.name:
            self.notes.append(f"pictures converted from {self._info.source_format} to {self._stream.pix_fmt}")

    def _add_sound(self, extras: Extras | None, stack: ExitStack) -> None:
        plan = self._audio
        if plan.source is None or plan.stream_index is None:
            return
        indices = [plan.stream_index]
        same_file = self._extras_info is not None and plan.source == self._extras_info.path
        if extras is not None and plan.taken == "original" and same_file:
            indices = extras.sound_indices
        for index in indices:
            copier = self._copier(plan.source, stack)
            notes = copier.add(
                self._container, index, shift_s=plan.shift_s, from_s=plan.from_s, codec=self._sound_codec
            )
            self.notes += notes if notes is not None else [f"sound stream {index} dropped: there is no decoder for it"]

    def _add_subtitles(self, extras: Extras, stack: ExitStack) -> None:
        assert self._extras_info is not None
        for index in extras.subtitle_indices:
            copier = self._copier(self._extras_info.path, stack)
            if copier.add(self._container, index, shift_s=-self._extras_info.origin) is None:
                stream = copier.container.streams[index]
                codec = stream.codec_context.name if stream.codec_context else "unknown"
                self.notes.append(f"subtitle stream {index} ({codec}) dropped: {self._path.suffix} cannot hold it")

    def _copier(self, path: Path, stack: ExitStack) -> StreamCopier:
        if path not in self._copiers:
            self._copiers[path] = StreamCopier(path)
            stack.callback(self._copiers[path].close)
        return self._copiers[path]

    def _mux_video(self, packet: Packet[Stream]) -> None:
        correct_decoding_time(packet)
        if self._first is None and packet.pts is not None and packet.dts is not None:
            self._first = packet.pts, packet.dts
        # One packet is held back, because the duration of the last one is known only at the end.
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
            raise OutputError(f"{self._path}: there is no frame to write")
        if self._encodes:
            for packet in self._stream.encode(None):
                self._mux_video(packet)
        if self._held is not None:
            if self._container.format.name in ("mp4", "mov") and self._first is not None:
                reach_end(self._held, self._first, self._end)
            self._mux_held(self._held)
        end_s = self._end * self._info.time_base
        for copier in self._copiers.values():
            copier.copy_rest(self._mux, end_s if self._trim else None)
            if copier.corrupt_packets:
                self.notes.append(f"{copier.path.name}: {copier.corrupt_packets} sound packet(s) could not be decoded")
        origin = self._extras_info.origin if self._extras_info is not None else Fraction(0)
        chapters = moved_chapters(self._chapters, origin=origin, end_s=end_s if self._trim else None)
        if chapters:
            self._container.set_chapters(chapters)
        self._container.close()
        write_codec_delays(self._file.path, [stream for copier in self._copiers.values() for stream in copier.primed])
        self._file.publish(overwrite=self._overwrite)
