"""What is stored of each video while it is read once: times, small grey pictures, faces, colour samples."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.colour_samples import ColourSamples
from lipblend.pairing.timeline import Clock
from lipblend.picture.shrink import area_mean
from lipblend.runtime.spill import StoredRows, StoredSequence
from lipblend.video import y4m
from lipblend.video.info import VideoInfo
from lipblend.video.ordered import frames_at
from lipblend.video.reader import Frame, VideoReader
from lipblend.video.seeking import WindowReader

Thumb = npt.NDArray[np.uint8]

_THUMB_PIXELS = 5184  # 96 x 54
_CUT_SHORT_TOLERANCE_S = 0.25
_MAX_KEPT_BYTES = 400_000_000  # frames of a window, per video
_MAX_QUEUE = 100


@dataclass(frozen=True)
class Seen:
    """A decoded frame with what was found in it; not ``detected`` if its faces were interpolated."""

    frame: Frame
    faces: tuple[TrackedFace, ...]
    thumb: Thumb
    detected: bool = True

    @property
    def time_s(self) -> float:
        """Presentation time, seconds."""
        return self.frame.time_s


def _integers() -> MutableSequence[int]:
    return array("q")


def _floats() -> MutableSequence[float]:
    return array("d")


@dataclass
class Scan:
    """One video, with one entry per frame.

    Attributes
    ----------
    info : VideoInfo
    pts, durations : sequence of int
        In ``info.time_base``.
    times_s : sequence of float
    thumbs : sequence of (h, w) uint8
        Small grey pictures, see `thumbnail`; stored in a file.
    faces : sequence of tuple of TrackedFace
        In the frame's own pixels; stored in a file.
    colours : ColourSamples
        Small colour pictures of some frames.
    damage : tuple of str
        Damage found in the file, for the summary.
    exact_times : bool
        Every frame has the time stamp from the file, so that it can be found again by it.
    window_pts : (int, int) or None
        First and last time stamp of the frames to read; None for all.
    keep_frames : bool
        Keep the decoded frames of a window.
    kept_frames : dict of int to Frame
        These frames, by index, so that they need not be decoded again; at most 400 MB.
    """

    info: VideoInfo
    pts: MutableSequence[int] = field(default_factory=_integers)
    durations: MutableSequence[int] = field(default_factory=_integers)
    times_s: MutableSequence[float] = field(default_factory=_floats)
    thumbs: Sequence[Thumb] = field(default_factory=StoredRows)
    faces: Sequence[tuple[TrackedFace, ...]] = field(default_factory=StoredSequence)
    colours: ColourSamples = field(default_factory=ColourSamples)
    damage: tuple[str, ...] = ()
    exact_times: bool = True
    window_pts: tuple[int, int] | None = None
    keep_frames: bool = True
    kept_frames: dict[int, Frame] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pts)

    def reader(self) -> VideoReader:
        """Open the video, or its window, for reading."""
        return VideoReader(self.info) if self.window_pts is None else WindowReader(self.info, *self.window_pts)

    def queue_length(self, default: int) -> int:
        """How many frames may wait to be recorded: of a window as many as may be kept, else `default`.

        The face search in the original's first frame takes long; the synced video can be read meanwhile.
        """
        if self.window_pts is None or not self.keep_frames:
            return default
        info = self.info
        frame_bytes = info.width * info.height * 3 * (2 if info.layout.depth > 8 else 1)
        return max(default, min(_MAX_KEPT_BYTES // frame_bytes, _MAX_QUEUE))

    def clock(self) -> Clock:
        """When the frames are shown. Complete once all are recorded."""
        return Clock(np.array(self.times_s), None if self.window_pts is None else self.info.start_s)

    def frames(self, wanted: Sequence[int]) -> Iterator[Frame]:
        """Frames by index, read again; read-only. See `lipblend.video.ordered.frames_at`."""
        if all(index in self.kept_frames for index in wanted):  # also if `wanted` is empty
            return iter([self.kept_frames[index] for index in wanted])
        return frames_at(self.info, self.pts, wanted, exact=self.exact_times, window=self.window_pts is not None)

    def record(self, seen: Iterable[Seen]) -> Iterator[Seen]:
        """Store what the scan holds of each frame, and pass the frames on."""
        thumbs, faces = self.thumbs, self.faces
        assert isinstance(thumbs, StoredRows)
        assert isinstance(faces, StoredSequence)
        for item in seen:
            self.pts.append(item.frame.pts)
            self.durations.append(item.frame.duration)
            self.times_s.append(item.time_s)
            thumbs.append(item.thumb)
            faces.append(item.faces)
            self.colours.add(len(self) - 1, item.frame, item.thumb.shape[::-1])
            if self.window_pts is not None and self.keep_frames:
                frame_bytes = sum(plane.nbytes for plane in item.frame.planes)
                if frame_bytes * (len(self.kept_frames) + 1) <= _MAX_KEPT_BYTES:
                    self.kept_frames[len(self) - 1] = item.frame
            yield item

    def finish(self, reader: VideoReader) -> None:
        """Copy what the reader noticed: damage, and whether time stamps are exact."""
        self.exact_times = reader.bumped_pts == 0
        if isinstance(reader, WindowReader):
            self.exact_times &= reader.unplaced == 0
            self.damage = tuple(_damage(self.info, reader))
            return
        # The last frame's own duration says nothing: the reader extends it to the end given by the container.
        period_s = float(np.median(np.diff(self.times_s))) if len(self) > 1 else 0.0
        end_s = self.times_s[-1] + period_s if self.pts else 0.0
        self.damage = (*_missing(self.info, len(self), end_s), *_damage(self.info, reader))


def thumb_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the small picture of a frame: same aspect ratio, about 5000 pixels."""
    scale = (_THUMB_PIXELS / (width * height)) ** 0.5
    return max(8, round(width * scale)), max(8, round(height * scale))


def to_small(shape: tuple[int, ...], info: VideoInfo) -> tuple[float, float]:
    """Factors along x and y from whole frames to a small picture of shape (h, w, ...)."""
    return shape[1] / info.upright_width, shape[0] / info.upright_height


def thumbnail(luma: npt.NDArray[np.generic], depth: int) -> Thumb:
    """Reduce luma to the small grey picture of a frame: (h, w) uint8, area-averaged, in 8-bit levels."""
    height, width = luma.shape
    small = area_mean(np.asarray(luma), thumb_size(width, height))
    return np.asarray(small >> (depth - 8) if depth > 8 else small, np.uint8)


def _missing(info: VideoInfo, count: int, end_s: float) -> Iterator[str]:
    """Frames, or else seconds, that the container declares and the decoder did not return."""
    declared = info.frame_count or 0
    if count < declared - max(1, declared // 50):
        yield f"{info.path.name} is damaged or cut short: {count} of {declared} frames could be decoded"
    elif not declared and info.duration_s and end_s - info.start_s < 0.98 * info.duration_s - _CUT_SHORT_TOLERANCE_S:
        yield (
            f"{info.path.name} is damaged or cut short: its picture ends after {end_s - info.start_s:.2f} of "
            f"{info.duration_s:.2f} s"
        )


def _damage(info: VideoInfo, reader: VideoReader) -> Iterator[str]:
    for count, what in (
        (reader.corrupt_packets, "packets could not be decoded"),
        (reader.concealed_frames, "frames are damaged"),
        (reader.bumped_pts, "frames had a time stamp not later than the one before; their times were increased"),
    ):
        if count:
            yield f"{info.path.name}: {count} {what}"
    if info.container == y4m.CONTAINER and y4m.ends_within_a_frame(info):
        yield f"{info.path.name} is cut short: it ends within a frame"
