"""Footage that a perfect result would show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipblend.errors import InputError
from lipblend.picture.frame_mapping import UNMOVED
from lipblend.picture.picture import Picture
from lipblend.quality.evaluation.views import in_original
from lipblend.quality.evaluation.walk import Walk
from lipblend.quality.reference_measures import LpipsModel
from lipblend.quality.view import FaceView
from lipblend.video.probe import probe
from lipblend.video.video import Video


@dataclass(frozen=True)
class Reference:
    """A reference video.

    Attributes
    ----------
    video : Video
    by_original : bool
        It goes frame by frame with the original, not with the result.
    lpips : LpipsModel or None
    notes : tuple of str
    """

    video: Video
    by_original: bool
    lpips: LpipsModel | None
    notes: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, walk: Walk) -> Reference:
        """Open a reference.

        Raises
        ------
        InputError
            It cannot be read, or its size or number of frames is neither the result's nor the original's.
        """
        info = probe(path)
        video = Video.read(info)
        original, result = walk.original, walk.result
        if info.upright_size != original.info.upright_size or len(video) not in (len(result.rows), len(original)):
            size, wanted = info.upright_size, original.info.upright_size
            raise InputError(
                f"the reference has {len(video)} frames of {size[0]}x{size[1]}, the original {len(original)} of "
                f"{wanted[0]}x{wanted[1]}, the result {len(result.rows)}",
                hint="Give footage with a frame for every frame of the original, or of the result.",
            )
        lpips, why = LpipsModel.load()
        notes = () if lpips is not None else (f"LPIPS was not measured: {why}",)
        return cls(video, len(video) != len(result.rows), lpips, notes)

    def pictures(self, walk: Walk, indices: Sequence[int]) -> Iterator[Picture]:
        """The reference's frames for frames of the result, by rising index."""
        wanted = [walk.row(index).original_index for index in indices] if self.by_original else list(indices)
        for frame in self.video.frames(wanted):
            yield self.video.picture(frame)

    def patch(self, view: FaceView, picture: Picture, walk: Walk) -> npt.NDArray[np.float32]:
        """What the reference shows in a view's box, in the original's encoding."""
        info = walk.original.info
        return in_original(picture, view.box, UNMOVED, info.colour, info.height)
