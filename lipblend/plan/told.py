"""What the summary says of the frames of a plan."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.settings import Settings, TrackSettings


@dataclass
class Told:
    """Counts of frames for the summary.

    Attributes
    ----------
    borrowed : int
        Whose synced mesh is the original's.
    unchanged : int
        That the generator left unchanged.
    carried : int
        Blended with a mesh that was carried there.
    stand_in : int
        Blended with a neutral mesh.
    moved : int
        Whose face was brought back from elsewhere in the synced picture.
    moved_px : float
        The farthest.
    bent : int
        Whose synced picture is distorted around the face.
    unparsed : int
        In which the parser showed none of a region of the mask.
    unnamed : int
        Shots, not frames, that no point of ``track.face`` lies in.
    """

    borrowed: int = 0
    unchanged: int = 0
    carried: int = 0
    stand_in: int = 0
    moved: int = 0
    moved_px: float = 0.0
    bent: int = 0
    unparsed: int = 0
    unnamed: int = 0


def told_notes(told: Told, settings: Settings) -> Iterator[str]:
    """For the summary."""
    if told.unnamed:
        yield (
            f"{told.unnamed} shot{'s have' if told.unnamed > 1 else ' has'} no point of track.face and "
            f"{'are' if told.unnamed > 1 else 'is'} the original's own, because no face is "
            "recognised from shot to shot (add a point for each: X,Y@TIME;X,Y@TIME)"
        )
    if told.moved:
        yield (
            f"{told.moved} frames in which the generator drew the face elsewhere (up to {told.moved_px:.1f} px): it "
            "was brought back"
        )
    if told.bent:
        yield f"{told.bent} frames that the generator distorted around the face: they were straightened"
    if told.carried:
        yield (
            f"{told.carried} frames in which no face was found: it was followed there by the motion of its texture "
            "(track.carry_s)"
        )
    if told.stand_in:
        yield (
            f"{told.stand_in} frames in which no face was found: the part that the generator changed was blended "
            "(track.stand_in = false leaves it)"
        )
    if told.unparsed:
        yield (
            f"{told.unparsed} frames in which the parser does not show every region of the mask in both videos: the "
            "face mesh draws it there"
        )
    if told.borrowed:
        yield f"{told.borrowed} synced frames without a face of their own: the original's mesh was used"
    if told.unchanged and settings.track.face not in ("changed", "all"):
        yield (
            f"the generator did not change the face asked for ({settings.track.face}) in {told.unchanged} frames: "
            "there is nothing to blend there"
        )


def range_notes(
    inside: npt.NDArray[np.bool_],
    times_s: npt.NDArray[np.float64],
    shots: Sequence[tuple[int, int]],
    track: TrackSettings,
) -> Iterator[str]:
    """That a range is too short for the patch to appear in full between its two fades.

    Parameters
    ----------
    inside : (n,) bool
        Frames in the ranges.
    times_s : (n,) float64
    shots : sequence of (int, int)
        Half-open; the patch does not fade at their ends.
    track : TrackSettings
    """
    cuts = {end for shot in shots for end in shot}
    edges = np.flatnonzero(np.diff(inside.astype(np.int8))) + 1
    for start, stop in itertools.pairwise(edges.tolist()):
        if inside[start] and not cuts & {start, stop} and times_s[stop] - times_s[start] < 2 * track.ramp_s:
            yield (
                f"the range of frames {start} to {stop - 1} is shorter than its two fades (track.ramp_s = "
                f"{track.ramp_s:g} s): the patch is nowhere at full strength there"
            )
