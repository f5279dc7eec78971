"""What the program sees in a file: streams, time stamps, damage, faces."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lipblend.errors import InputError
from lipblend.faces.census import FaceReport, census
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import find_faces
from lipblend.media.describe import PictureReport, TimingReport, describe_picture, describe_timing
from lipblend.media.info import VideoInfo
from lipblend.media.planes import Box, to_rgb
from lipblend.media.probe import probe
from lipblend.media.reader import Frame, VideoReader
from lipblend.media.sampling import SampleReader, reachable, spread
from lipblend.media.survey import Survey, survey
from lipblend.settings import TrackSettings

SAMPLED_FRAMES = 24
"""Frames in which faces are looked for."""
DECODED_PIXELS = 1_500_000_000
"""Videos with no more pixels than this in all their frames are decoded whole (700 frames of 1920x1080)."""


@dataclass(frozen=True)
class DamageReport:
    """Damage.

    Attributes
    ----------
    marked_packets : int
        Packets that the demuxer marks as damaged, in the whole file.
    broken_off : str
        Why reading ended before the end of the file; empty when it did not.
    decoded_frames : int
        Pictures that were decoded to look for the following.
    whole : bool
        That was the whole video; else a sample of it.
    undecodable_packets, concealed_frames : int
        Packets that could not be decoded; pictures that the decoder patched up.
    decoding_failed : str
        Why decoding ended early; empty when it did not.
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
    """What the program sees in a file.

    Attributes
    ----------
    path : Path
    container, container_name : str
        FFmpeg's short and long name.
    video_stream : int
        Index of the stream that is "the video".
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
        None when they were not looked for.
    face_times_s : tuple of float
        Times of the frames that were looked at.
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

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {**asdict(self), "path": str(self.path)}


def inspect_file(path: Path, *, model: Path | None, track: TrackSettings) -> FileReport:
    """Look at a video file.

    All packets of its video stream are read; so many pictures are decoded as `DECODED_PIXELS` allows, which is all of
    them in short videos, and else a few after key frames spread over the video. So the time is bounded but for reading
    the file once.

    Parameters
    ----------
    path : Path
    model : Path or None
        Face landmarker bundle, checked; None to look for no faces.
    track : TrackSettings
        Least width, number and confidence of faces.

    Returns
    -------
    FileReport

    Raises
    ------
    InputError
        The file is missing, not a video, or no picture of it can be decoded. Damage further on is reported instead.
    ModelError
        The library cannot make use of the model.
    """
    info = probe(path)
    found = survey(info)
    look = _Look(info, found)
    if model is None:
        look.decode(None)
    else:
        with FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence) as landmarker:
            look.decode(_Finder(info, landmarker, track))
    labels = [asdict(label) for label in found.streams]
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
            decoded_frames=look.decoded,
            whole=look.whole,
            undecodable_packets=look.undecodable,
            concealed_frames=look.concealed,
            decoding_failed=look.failed,
        ),
        audio=tuple(asdict(sound) for sound in info.audio),
        subtitles=tuple(label for label in labels if label["kind"] == "subtitle"),
        other_streams=tuple(label for label in labels if label["kind"] != "subtitle"),
        chapters=tuple(asdict(chapter) for chapter in found.chapters),
        faces=census(look.faces) if model is not None else None,
        face_times_s=tuple(look.times_s),
    )


class _Finder:
    """Finds the faces of a frame, each frame on its own."""

    def __init__(self, info: VideoInfo, landmarker: FaceLandmarker, track: TrackSettings) -> None:
        self._info, self._landmarker, self._track = info, landmarker, track

    def faces(self, frame: Frame) -> list[Landmarks]:
        """The faces of a frame, largest first."""
        # The planes' own size, not the file's: a turned picture arrives upright.
        height, width = frame.planes[0].shape
        picture = to_rgb(
            frame.planes, frame.layout, self._info.colour, Box(0, 0, width, height), height=self._info.height
        )
        meshes = find_faces(picture, self._landmarker.detect, min_face_px=self._track.min_face_px, exhaustive=True)
        return [Landmarks(mesh) for mesh in meshes[: self._track.max_faces]]


class _Look:
    """The pictures that are decoded: all of a short video, a sample of a long one."""

    def __init__(self, info: VideoInfo, found: Survey) -> None:
        self._info, self._survey = info, found
        self.whole = found.packets * info.width * info.height <= DECODED_PIXELS
        self.decoded = self.undecodable = self.concealed = 0
        self.failed = ""
        self.times_s: list[float] = []
        self.faces: list[list[Landmarks]] = []

    def decode(self, finder: _Finder | None) -> None:
        """Decode, count damage, and look for faces in some of the pictures."""
        found = self._survey
        if self.whole:
            chosen = set(spread(range(found.packets), SAMPLED_FRAMES))
            reader = VideoReader(self._info)
        else:
            wanted = spread(reachable(found.stamps, found.keys), SAMPLED_FRAMES)
            chosen = set(range(len(wanted)))
            reader = SampleReader(self._info, wanted, found.keys)
        try:
            with reader:
                for frame in reader:
                    self.decoded = frame.index + 1
                    if finder is not None and frame.index in chosen:
                        self.times_s.append(frame.time_s)
                        self.faces.append(finder.faces(frame))
        except InputError as error:
            self.failed = error.message
        if isinstance(reader, SampleReader):
            self.decoded = reader.decoded
        self.undecodable, self.concealed = reader.corrupt_packets, reader.concealed_frames
