"""The frames of a result, decoded with the pictures they were made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.picture.picture import Picture
from lipblend.plan.frame_plan import FramePlan
from lipblend.render.bridging import bridging_pictures
from lipblend.render.frame import NO_PICTURES
from lipblend.runtime.prefetch import prefetch
from lipblend.video.keep_matte import KeepMatte
from lipblend.video.video import Video

Plane = npt.NDArray[np.float32]

_QUEUE = 4  # decoded frames waiting per stream


@dataclass(frozen=True)
class Shown:
    """A frame of a result, and the pictures it was made from.

    Attributes
    ----------
    index : int
        In the result.
    original, synced : Picture or None
        None where there are none.
    result : Picture
    bridging : mapping of int to Picture
        By synced frame: those that bridge the synced one, if it is broken.
    keep : (h, w) float32 in [0, 1] or None
        What stayed the original's; None without a matte, or without an original.
    alpha : (h, w) float32 in [0, 1] or None
        What was given as the alpha of the new mouth; None likewise.
    """

    index: int
    original: Picture | None
    synced: Picture | None
    result: Picture
    bridging: Mapping[int, Picture]
    keep: Plane | None = None
    alpha: Plane | None = None


def shown_frames(
    analysis: ClipAnalysis,
    result: Video,
    wanted: Sequence[tuple[int, FramePlan | None]],
    keep: KeepMatte | None,
    matte: KeepMatte | None = None,
) -> Iterator[Shown]:
    """Decode some frames of a result, by rising index, with what they were made from.

    Parameters
    ----------
    analysis : ClipAnalysis
    result : Video
    wanted : sequence of (int, FramePlan or None)
        Frame of the result, and the row of the plan that it shows.
    keep, matte : KeepMatte or None
        What stayed the original's, and the alpha of the new mouth that was given.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    original, synced = analysis.original, analysis.synced
    rows = [row for _, row in wanted if row is not None]
    shown = [row.original_index for row in rows]
    with (
        prefetch(original.frames(shown), _QUEUE) as original_frames,
        prefetch(synced.frames([row.synced_index for row in rows if row.synced_index >= 0]), _QUEUE) as synced_frames,
        prefetch(bridging_pictures(synced, [row.bridging_indices for row in rows]), _QUEUE) as bridging,
        prefetch(result.frames([index for index, _ in wanted]), _QUEUE) as result_frames,
        _planes(keep, original, shown) as kept,
        _planes(matte, original, shown) as given,
    ):
        for index, row in wanted:
            made_from: tuple[Picture | None, Picture | None] = (None, None)
            others, plane, alpha = NO_PICTURES, None, None
            if row is not None:
                partner = synced.picture(next(synced_frames)) if row.synced_index >= 0 else None
                made_from = original.picture(next(original_frames)), partner
                others, plane, alpha = next(bridging), next(kept), next(given)
            yield Shown(index, *made_from, result.picture(next(result_frames)), others, plane, alpha)


def _planes(
    matte: KeepMatte | None, original: Video, shown: Sequence[int]
) -> AbstractContextManager[Iterator[Plane | None]]:
    """The planes of a matte for some frames of the original; None for each without one."""
    return nullcontext(repeat(None)) if matte is None else prefetch(matte.planes(original, shown), _QUEUE)
