"""Inspect a video file: streams, time stamps, damage, faces."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lipblend.analysis import cuts
from lipblend.errors import InputError
from lipblend.faces.census import FaceReport, census
from lipblend.faces.landmarker import BackgroundLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.sampled_search import SampledSearch
from lipblend.output.run_record import RunRecord, find_record
from lipblend.pairing.scan import Thumb, thumbnail
from lipblend.runtime.prefetch import prefetch
from lipblend.settings import TrackSettings
from lipblend.video.describe import PictureReport, TimingReport, describe_picture, describe_timing
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from lipblend.video.reader import Frame, VideoReader
from lipblend.video.seeking import SampleReader, reachable, spread
from lipblend.video.survey import Survey, survey

SAMPLED_FRAMES = 24
"""Frames in which faces are searched for."""
DECODED_PIXELS = 600_000_000
"""Videos with at most this many pixels in all frames are decoded completely (290 frames of 1920x1080, two seconds)."""
_AHEAD = 4  # decoded frames that wait in a queue


@dataclass(frozen=True)
class DamageReport:
    """Damage in a file.

    Attributes
    ----------
    marked_packets : int
        Packets in the whole file that the demuxer marks as damaged.
    broken_off : str
        Why reading stopped before the end of the file; otherwise empty.
    decoded_frames : int
        Frames decoded to find the following damage.
    whole : bool
        Whether the whole video was decoded, not a sample.
    undecodable_packets, concealed_frames : int
        Packets that could not be decoded; frames in which the decoder concealed errors.
    decoding_failed : str
        Why decoding stopped early; otherwise empty.
    """

    marked_packets: int
    broken_off: str
    decoded_frames: int
    whole: bool
    undecodable_packets: int
    concealed_frames: int
    decoding_failed: str


@dataclass(frozen=True)
class FileReport:
    """Report about a file.

    Attributes
    ----------
    path : Path
    container, container_name : str
        FFmpeg's short and long name.
    video_stream : int
        Index of the video stream that is used.
    picture : PictureReport
    timing : TimingReport
    damage : DamageReport
    audio : tuple of dict
        index, codec, sample_rate (Hz), channels, duration_s (the container's claim), language.
    subtitles, other_streams : tuple of dict
        index, kind, codec, language.
    chapters : tuple of dict
        start_s, title.
    faces : tuple of FaceReport or None
        None if faces were not searched for.
    face_times_s : tuple of float
        Times of the frames that were searched.
    record : RunRecord or None
        What lipblend recorded about the run that made the file.
    record_note : str
        What is wrong with the record, or empty.
    """

    path: Path
    container: str
    container_name: str
    video_stream: int
    picture: PictureReport
    timing: TimingReport
    damage: DamageReport
    audio: tuple[dict[str, Any], ...]
    subtitles: tuple[dict[str, Any], ...]
    other_streams: tuple[dict[str, Any], ...]
    chapters: tuple[dict[str, Any], ...]
    faces: tuple[FaceReport, ...] | None
    face_times_s: tuple[float, ...]
    record: RunRecord | None = None
    record_note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {**asdict(self), "path": str(self.path)}


def inspect_file(path: Path, *, model: Path | None, track: TrackSettings, every_frame: bool = False) -> FileReport:
    """Inspect a video file.

    All packets of its video stream are read. If it has at most `DECODED_PIXELS`, all frames are decoded; otherwise a
    sample near key frames. So the time is bounded, except for reading the file once. The face model is loaded
    meanwhile.

    Parameters
    ----------
    path : Path
    model : Path or None
        Face landmarker bundle, checked; None to search for no faces.
    track : TrackSettings
        Minimum width, number and confidence of faces.
    every_frame : bool
        Decode the whole video, however long, to count all damage.

    Raises
    ------
    InputError
        The file is missing, not a video, or no frame can be decoded. Later damage is reported instead.
    ModelError
        The face model cannot be loaded.
    """
    info = probe(path)
    with ExitStack() as stack:
        finder = None
        if model is not None:
            soon = BackgroundLandmarker(model, max_faces=track.max_faces, confidence=track.confidence)
            finder = _FaceFinder(info, stack.enter_context(soon), track)
        found = survey(info)
        decoding = _Decoding(info, found, whole=every_frame)
        decoding.run(finder)
    labels = [asdict(label) for label in found.streams]
    recorded = find_record(info.metadata)
    return FileReport(
        path=info.path,
        container=info.container,
        container_name=found.container_name,
        video_stream=info.stream_index,
        picture=describe_picture(info, found.profile),
        timing=describe_timing(info, found),
        damage=DamageReport(
            marked_packets=found.marked_corrupt,
            broken_off=found.broken_off,
            decoded_frames=decoding.decoded,
            whole=decoding.whole,
            undecodable_packets=decoding.undecodable,
            concealed_frames=decoding.concealed,
            decoding_failed=decoding.failed,
        ),
        audio=tuple(asdict(sound) for sound in info.audio),
        subtitles=tuple(label for label in labels if label["kind"] == "subtitle"),
        other_streams=tuple(label for label in labels if label["kind"] != "subtitle"),
        chapters=tuple(asdict(chapter) for chapter in found.chapters),
        faces=None if finder is None else finder.faces(),
        face_times_s=() if finder is None else tuple(finder.times_s),
        record=recorded.record,
        record_note=recorded.note,
    )


class _FaceFinder:
    """Finds the faces of selected frames, in order."""

    def __init__(self, info: VideoInfo, soon: BackgroundLandmarker, track: TrackSettings) -> None:
        self._info, self._threshold = info, track.cut_threshold
        self._search = SampledSearch(
            lambda rgb: soon.ready().detect(rgb),
            info.upright_width,
            info.upright_height,
            min_face_px=track.min_face_px,
            max_faces=track.max_faces,
        )
        self._thumb: Thumb | None = None
        self.pictures: list[list[Landmarks]] = []
        self.new_scenes: list[bool] = []
        self.times_s: list[float] = []

    def add(self, frame: Frame) -> None:
        picture = frame.picture(self._info).to_rgb()
        thumb = thumbnail(frame.planes[0], frame.layout.depth)
        new_scene = self._thumb is None or cuts.change(self._thumb, thumb) >= self._threshold
        self._thumb = thumb
        found = self._search.search(picture, frame.time_s, new_scene=new_scene)
        self.pictures.append([Landmarks(mesh) for mesh in found])
        self.new_scenes.append(new_scene)
        self.times_s.append(frame.time_s)

    def faces(self) -> tuple[FaceReport, ...]:
        return census(self.pictures, self.new_scenes)


class _Decoding:
    """Decodes all frames of a short video, or a sample of a long one."""

    def __init__(self, info: VideoInfo, found: Survey, *, whole: bool) -> None:
        self._info, self._survey = info, found
        self.whole = whole or found.packets * info.width * info.height <= DECODED_PIXELS
        self.decoded = self.undecodable = self.concealed = 0
        self.failed = ""

    def run(self, finder: _FaceFinder | None) -> None:
        """Decode, count damage, and find faces in some of the frames."""
        found = self._survey
        if self.whole:
            chosen = set(spread(range(found.packets), SAMPLED_FRAMES))
            reader = VideoReader(self._info)
        else:
            wanted = spread(reachable(found.stamps, found.keys), SAMPLED_FRAMES)
            chosen = set(range(len(wanted)))
            reader = SampleReader(self._info, wanted, found.keys)
        try:
            with reader, prefetch(reader, _AHEAD) as frames:
                for frame in frames:
                    self.decoded = frame.index + 1
                    if finder is not None and frame.index in chosen:
                        finder.add(frame)
        except InputError as error:
            self.failed = error.message
        if isinstance(reader, SampleReader):
            self.decoded = reader.decoded
        self.undecodable, self.concealed = reader.corrupt_packets, reader.concealed_frames
