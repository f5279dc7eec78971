"""A video file whose frame times are known, so that any frame of it can be read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from lipblend.picture.codemap import CodeMap
from lipblend.picture.picture import Picture
from lipblend.video.info import VideoInfo
from lipblend.video.ordered import frames_at
from lipblend.video.reader import Frame, VideoReader

_SLACK_S = 1e-6


@dataclass(frozen=True)
class Video:
    """One video file, read once.

    Attributes
    ----------
    info : VideoInfo
    pts : (n,) int64
        Time stamp of every frame, rising, in ``info.time_base``.
    exact : bool
        Whether these are the file's own time stamps; if not, frames cannot be sought
        (see `lipblend.video.ordered.frames_at`).
    cached : mapping of int to Frame
        Frames that are still in memory, by index; read-only. Only where an excerpt was analysed.
    """

    info: VideoInfo
    pts: npt.NDArray[np.int64]
    exact: bool
    cached: Mapping[int, Frame] = field(default_factory=dict)

    @classmethod
    def read(cls, info: VideoInfo) -> Video:
        """Read a video once for its time stamps."""
        with VideoReader(info) as reader:
            stamps = np.array([frame.pts for frame in reader])
            return cls(info, stamps, reader.bumped_pts == 0)

    def __len__(self) -> int:
        return len(self.pts)

    def frames(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Decode frames by index, in the order asked for."""
        return frames_at(self.info, self.pts, indices, exact=self.exact)

    def groups(self, wanted: Sequence[Sequence[int]]) -> Iterator[dict[int, Frame]]:
        """Decode groups of frames; a frame that the group before had too is not decoded again."""
        missing: list[list[int]] = []
        before: Sequence[int] = ()
        for group in wanted:
            missing.append([index for index in group if index not in before])
            before = group
        frames = self.frames([index for group in missing for index in group])
        held: dict[int, Frame] = {}
        for group, new in zip(wanted, missing, strict=True):
            held.update({index: next(frames) for index in new})
            held = {index: held[index] for index in group}
            yield held

    def frame(self, index: int) -> Frame:
        """One frame: the one in memory, or decoded."""
        if index in self.cached:
            return self.cached[index]
        excerpt = bool(self.pts[0] * self.info.time_base > self.info.start_s + _SLACK_S)
        return next(frames_at(self.info, self.pts, [index], exact=self.exact, window=excerpt))

    def picture(self, frame: Frame) -> Picture:
        """A frame of this video (or one composed from it) as a picture."""
        return frame.picture(self.info)

    def read_by(self, change: CodeMap | None) -> Video:
        """The same video with its colour codes read in another way (see `VideoInfo.read_by`)."""
        return self if change is None else replace(self, info=self.info.read_by(change))

    def without_cached(self) -> Video:
        """The same video without the frames in memory."""
        return replace(self, cached={}) if self.cached else self
