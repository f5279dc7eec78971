"""What is kept of each video after it was read once: times, small grey pictures, faces."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.sparse import SparsePictures
from lipblend.pairing.timeline import Clock
from lipblend.runtime.spill import StoredSequence
from lipblend.runtime.spill_rows import StoredRows
from lipblend.video.info import VideoInfo
from lipblend.video.ordered import frames_at
from lipblend.video.reader import Frame, VideoReader
from lipblend.video.stretch import WindowReader

Thumb = npt.NDArray[np.uint8]

_THUMB_PIXELS = 5184  # 96 x 54
_CUT_SHORT_S = 0.25
_KEPT_BYTES = 400_000_000  # of the frames of a window, a video
_MOST_AHEAD = 100


@dataclass(frozen=True)
class Seen:
    """A decoded frame with what was found in it."""

    frame: Frame
    faces: tuple[TrackedFace, ...]
    thumb: Thumb

    @property
    def time_s(self) -> float:
        """Presentation time, seconds."""
        return self.frame.time_s


def _whole_numbers() -> MutableSequence[int]:
    return array("q")


def _numbers() -> MutableSequence[float]:
    return array("d")


@dataclass
class Scan:
    """One video, one entry a frame.

    Attributes
    ----------
    info : VideoInfo
    pts, durations : sequence of int
        In ``info.time_base``.
    times_s : sequence of float
    thumbs : sequence of (h, w) uint8
        Small grey pictures, see `thumbnail`; they lie in a file.
    faces : sequence of tuple of TrackedFace
        In the frame's own pixels; they lie in a file.
    colours : SparsePictures
        Small colour pictures of some frames.
    damage : tuple of str
        What was wrong with the file, for the summary.
    exact_times : bool
        Every frame carries the time stamp that the file gives it, so that it can be found again by it.
    window_pts : (int, int) or None
        Only the frames with time stamps from the one to the other are read; None for all.
    kept : dict of int to Frame
        Frames of a window, by index, so that they need not be decoded again; empty where they would take too much
        memory.
    keeps : bool
        Frames of a window are kept.
    """

    info: VideoInfo
    pts: MutableSequence[int] = field(default_factory=_whole_numbers)
    durations: MutableSequence[int] = field(default_factory=_whole_numbers)
    times_s: MutableSequence[float] = field(default_factory=_numbers)
    thumbs: Sequence[Thumb] = field(default_factory=StoredRows)
    faces: Sequence[tuple[TrackedFace, ...]] = field(default_factory=StoredSequence)
    colours: SparsePictures = field(default_factory=SparsePictures)
    damage: tuple[str, ...] = ()
    exact_times: bool = True
    window_pts: tuple[int, int] | None = None
    kept: dict[int, Frame] = field(default_factory=dict)
    keeps: bool = True

    def __len__(self) -> int:
        return len(self.pts)

    def reader(self) -> VideoReader:
        """A reader of the frames that are wanted."""
        return VideoReader(self.info) if self.window_pts is None else WindowReader(self.info, *self.window_pts)

    def ahead(self, usual: int) -> int:
        """How many frames may wait until they are recorded: of a window as many as may be kept, else the usual.

        The first frame of the original is searched for long; the synced video can be done meanwhile.
        """
        if self.window_pts is None or not self.keeps:
            return usual
        info = self.info
        most_bytes = info.width * info.height * 3 * (2 if info.layout.depth > 8 else 1)
        return max(usual, min(_KEPT_BYTES // most_bytes, _MOST_AHEAD))

    def clock(self) -> Clock:
        """When the frames are shown, once they are read."""
        return Clock(np.array(self.times_s), None if self.window_pts is None else self.info.start_s)

    def frames(self, wanted: Sequence[int]) -> Iterator[Frame]:
        """Frames by index, once more, not to be written to; see `lipblend.video.ordered.frames_at`."""
        if all(index in self.kept for index in wanted):  # also where none is wanted
            return iter([self.kept[index] for index in wanted])
        return frames_at(self.info, self.pts, wanted, exact=self.exact_times, window=self.window_pts is not None)

    def recorded(self, seen: Iterable[Seen]) -> Iterator[Seen]:
        """Hand frames on, and keep what is to be kept of each."""
        thumbs, faces = self.thumbs, self.faces
        assert isinstance(thumbs, StoredRows)
        assert isinstance(faces, StoredSequence)
        for item in seen:
            self.pts.append(item.frame.pts)
            self.durations.append(item.frame.duration)
            self.times_s.append(item.time_s)
            thumbs.append(item.thumb)
            faces.append(item.faces)
            self.colours.see(len(self) - 1, item.frame, item.thumb.shape[::-1])
            if self.window_pts is not None and self.keeps:
                self._keep(item.frame)
            yield item

    def _keep(self, frame: Frame) -> None:
        size = sum(plane.nbytes for plane in frame.planes)
        if size * (len(self.kept) + 1) <= _KEPT_BYTES:
            self.kept[len(self) - 1] = frame

    def finish(self, reader: VideoReader) -> None:
        """Take over what the reader noticed."""
        self.exact_times = reader.bumped_pts == 0
        if isinstance(reader, WindowReader):
            self.exact_times &= reader.unplaced == 0
            self.damage = tuple(_damage(self.info, reader))
            return
        # The last frame's own length says nothing: the reader stretches it to the end that the container names.
        usual_s = float(np.median(np.diff(self.times_s))) if len(self) > 1 else 0.0
        end_s = self.times_s[-1] + usual_s if self.pts else 0.0
        self.damage = (*_missing(self.info, len(self), end_s), *_damage(self.info, reader))


def thumb_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the small picture of a frame: its shape, about 5000 pixels."""
    scale = (_THUMB_PIXELS / (width * height)) ** 0.5
    return max(8, round(width * scale)), max(8, round(height * scale))


def to_small(shape: tuple[int, ...], info: VideoInfo) -> tuple[float, float]:
    """Factors across and down, from whole frames to a small picture of a shape (h, w, ...)."""
    return shape[1] / info.upright_width, shape[0] / info.upright_height


def thumbnail(luma: npt.NDArray[np.generic], depth: int) -> Thumb:
    """The small grey picture of a frame, area-averaged, in 8-bit levels."""
    height, width = luma.shape
    size, small = thumb_size(width, height), np.asarray(luma)
    # Halving is several times as fast as the one large step.
    while not (small.shape[0] % 2 or small.shape[1] % 2) and small.shape[1] >= 4 * size[0]:
        small = np.asarray(cv2.resize(small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA))
    small = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA))
    return np.asarray(small >> (depth - 8) if depth > 8 else small, np.uint8)


def _missing(info: VideoInfo, count: int, end_s: float) -> Iterator[str]:
    """What the container promises and the decoder did not give: a number of frames, or else a length."""
    promised = info.frame_count or 0
    if count < promised - max(1, promised // 50):
        yield f"{info.path.name} is damaged or cut short: {count} of {promised} frames could be decoded"
    elif not promised and info.duration_s and end_s - info.start_s < 0.98 * info.duration_s - _CUT_SHORT_S:
        yield (
            f"{info.path.name} is damaged or cut short: its picture ends after {end_s - info.start_s:.2f} of "
            f"{info.duration_s:.2f} s"
        )


def _damage(info: VideoInfo, reader: VideoReader) -> Iterator[str]:
    for count, what in (
        (reader.corrupt_packets, "packets could not be decoded"),
        (reader.concealed_frames, "frames are damaged"),
        (reader.bumped_pts, "frames had a time stamp that does not rise, and were moved on"),
    ):
        if count:
            yield f"{info.path.name}: {count} {what}"
