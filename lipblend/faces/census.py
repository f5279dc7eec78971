"""Which faces there are in a handful of pictures spread over a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks

_FARTHEST = 1.0  # face widths between the middles of one face in two pictures
_MOST_GROWTH = 1.7


@dataclass(frozen=True)
class FaceReport:
    """One face, in the frames that were looked at. Lengths are pixels of the upright picture, angles degrees.

    Attributes
    ----------
    index : int
        0 is the leftmost by mean position.
    x, y : float
        Middle of the face: the median over the frames.
    width_px, width_least_px, width_most_px : float
        Distance of the mesh points beside the ears: median, least and most.
    tilt_deg : float
        Median tilt of the head; positive is clockwise on the screen.
    turn_deg, turn_least_deg, turn_most_deg : float
        Turn about the vertical, median, least and most; positive looks to the picture's right. Rough beyond 17 degrees.
    frames : int
        In how many of the frames looked at it was found.
    share : float
        The same, as a share of them, 0..1.
    """

    index: int
    x: float
    y: float
    width_px: float
    width_least_px: float
    width_most_px: float
    tilt_deg: float
    turn_deg: float
    turn_least_deg: float
    turn_most_deg: float
    frames: int
    share: float


def census(pictures: Sequence[Sequence[Landmarks]]) -> tuple[FaceReport, ...]:
    """Tell the faces of a clip apart by place and size, and number them from left to right.

    Parameters
    ----------
    pictures : sequence of sequences of Landmarks
        The faces of each picture looked at, in order of time.

    Returns
    -------
    tuple of FaceReport
    """
    groups: list[list[Landmarks]] = []
    for faces in pictures:
        # The nearest pairs first; a face continues one group, and a group takes one face of a picture.
        pairs = sorted(
            (
                (_distance(group[-1], face), number, at)
                for number, group in enumerate(groups)
                for at, face in enumerate(faces)
            ),
            key=lambda pair: pair[0],
        )
        joined: dict[int, int] = {}
        for distance, number, at in pairs:
            if distance <= _FARTHEST and at not in joined and number not in joined.values():
                joined[at] = number
        for at, face in enumerate(faces):
            if at in joined:
                groups[joined[at]].append(face)
            else:
                groups.append([face])
    groups.sort(key=lambda group: float(np.mean([_middle(face)[0] for face in group])))
    return tuple(_report(index, group, len(pictures)) for index, group in enumerate(groups))


def _middle(face: Landmarks) -> npt.NDArray[np.float64]:
    return np.asarray(face.points.mean(axis=0, dtype=np.float64))


def _distance(before: Landmarks, after: Landmarks) -> float:
    """Between the middles, in widths of the larger face; infinite where sizes differ too much for one face."""
    # The longer side of the mesh: the width shrinks as a head turns.
    sizes = [float(np.ptp(face.points, axis=0).max()) for face in (before, after)]
    if max(sizes) > _MOST_GROWTH * min(sizes):
        return float("inf")
    return float(np.hypot(*(_middle(before) - _middle(after)))) / max(sizes)


def _report(index: int, group: list[Landmarks], looked_at: int) -> FaceReport:
    middles = np.median([_middle(face) for face in group], axis=0)
    widths = [face.face_width_px for face in group]
    turns = [float(np.degrees(face.yaw_rad)) for face in group]
    axes = np.mean([face.x_axis for face in group], axis=0)
    return FaceReport(
        index=index,
        x=round(float(middles[0]), 1),
        y=round(float(middles[1]), 1),
        width_px=round(float(np.median(widths)), 1),
        width_least_px=round(min(widths), 1),
        width_most_px=round(max(widths), 1),
        tilt_deg=round(float(np.degrees(np.arctan2(axes[1], axes[0]))), 1),
        turn_deg=round(float(np.median(turns)), 1),
        turn_least_deg=round(min(turns), 1),
        turn_most_deg=round(max(turns), 1),
        frames=len(group),
        share=len(group) / looked_at,
    )
