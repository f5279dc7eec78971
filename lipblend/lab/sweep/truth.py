"""The real footage that a perfect result would show, for a sweep with ``--reference``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.errors import InputError
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from lipblend.video.reader import Frame
from lipblend.video.video import Video


@dataclass(frozen=True)
class Truth:
    """A reference video.

    Attributes
    ----------
    video : Video
    """

    video: Video

    @classmethod
    def of(cls, path: Path, original_info: VideoInfo) -> Truth:
        """Open a reference and count its frames.

        Raises
        ------
        InputError
            It cannot be read, or has another size than the original.
        """
        info = probe(path)
        if info.upright_size != original_info.upright_size:
            (w, h), (wanted_w, wanted_h) = info.upright_size, original_info.upright_size
            raise InputError(
                f"the reference is {w}x{h}, the original {wanted_w}x{wanted_h}",
                hint="Give footage of the original's size.",
            )
        return cls(Video.read(info))

    def check(self, clip: ClipAnalysis, rows: int) -> None:
        """Check that it has a frame for each of the output's ``rows`` frames, or for every frame of the original.

        Raises
        ------
        InputError
            It does not.
        """
        count = len(self.video.pts)
        if count not in (rows, len(clip.original.pts)):
            raise InputError(
                f"the reference has {count} frames, the original {len(clip.original.pts)}, the output {rows}",
                hint="Give footage with a frame for every frame of the original, or of the output.",
            )

    def frames(self, wanted: Sequence[int], clip: ClipAnalysis, rows: int) -> Iterator[Frame]:
        """Its frames for some of the output's ``rows`` frames."""
        if len(self.video.pts) == rows:
            return self.video.frames(wanted)
        return self.video.frames(clip.original_index[list(wanted)].tolist())
