"""Which faces there are in a handful of pictures spread over a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks

_FARTHEST = 1.0  # face widths between the middles of one face in two pictures
_MOST_GROWTH = 1.7
_SAME_PLACE_FRAC = 1.5
_BRIEF_SHARE = 0.1


@dataclass(frozen=True)
class Sighting:
    """One face through some frames of a shot.

    Attributes
    ----------
    frames : frozenset of int
        Frames in which it is seen, by any count.
    x, y : float
        Middle of its mesh, mean over these frames, pixels.
    width_px : float
        Of the mesh, mean.
    """

    frames: frozenset[int]
    x: float
    y: float
    width_px: float


def lasting_sightings(sightings: Sequence[Sighting]) -> list[int]:
    """Which of them are seen for a tenth of the longest one's time or more."""
    least = _BRIEF_SHARE * max((len(each.frames) for each in sightings), default=0)
    return [number for number, each in enumerate(sightings) if len(each.frames) >= least]


def people_from_left(sightings: Sequence[Sighting]) -> list[list[int]]:
    """Give the people of a shot their numbers.

    Sightings in about the same place and size that never show at the same time are one person. People are numbered from
    left to right by mean position; after them, so that they move no number, those who are only seen for a moment.

    Parameters
    ----------
    sightings : sequence of Sighting

    Returns
    -------
    list of list of int
        For each person, in order, its sightings.
    """
    lasting = set(lasting_sightings(sightings))
    people: list[list[int]] = []
    for number in sorted(range(len(sightings)), key=lambda each: -len(sightings[each].frames)):
        new = sightings[number]
        for person in people:
            first = sightings[person[0]]
            if _in_the_same_place(new, first) and all(new.frames.isdisjoint(sightings[n].frames) for n in person):
                person.append(number)
                break
        else:
            people.append([number])

    def place(person: list[int]) -> tuple[bool, float]:
        counts = [len(sightings[each].frames) for each in person]
        middle = float(np.average([sightings[each].x for each in person], weights=counts))
        return not any(each in lasting for each in person), middle

    return sorted(people, key=place)


def _in_the_same_place(new: Sighting, first: Sighting) -> bool:
    apart = float(np.hypot(new.x - first.x, new.y - first.y))
    widths = new.width_px, first.width_px
    return apart <= _SAME_PLACE_FRAC * first.width_px and max(widths) <= _MOST_GROWTH * min(widths)


@dataclass(frozen=True)
class FaceReport:
    """One face, in the frames that were looked at. Lengths are pixels of the upright picture, angles degrees.

    Attributes
    ----------
    index : int
        As for ``--face INDEX`` in a clip of one shot: from the left by mean position, from 0, then those seen only for
        a moment.
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


def census(pictures: Sequence[Sequence[Landmarks]], new_scenes: Sequence[bool] = ()) -> tuple[FaceReport, ...]:
    """Tell the faces of a clip apart by place and size, and number them as `people_from_left` does.

    Parameters
    ----------
    pictures : sequence of sequences of Landmarks
        The faces of each picture looked at, in order of time.
    new_scenes : sequence of bool, optional
        For each picture, whether it shows another scene than the one before. With it, a face that is seen in one
        picture only is left out where the picture before or after shows the same scene without it.

    Returns
    -------
    tuple of FaceReport
    """
    groups: list[list[tuple[int, Landmarks]]] = []
    for picture, faces in enumerate(pictures):
        # The nearest pairs first; a face continues one group, and a group takes one face of a picture.
        pairs = sorted(
            (
                (_distance(group[-1][1], face), number, at)
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
                groups[joined[at]].append((picture, face))
            else:
                groups.append([(picture, face)])
    if new_scenes:
        groups = [group for group in groups if not _only_once([picture for picture, _ in group], new_scenes)]
    people = people_from_left([_sighting(group) for group in groups])
    return tuple(
        _report(index, [face for number in person for _, face in groups[number]], len(pictures))
        for index, person in enumerate(people)
    )


def _only_once(pictures: Sequence[int], new_scenes: Sequence[bool]) -> bool:
    """Whether what was seen in these pictures was seen once, though the scene was looked at more often."""
    first = pictures[0]
    goes_on = first + 1 < len(new_scenes) and not new_scenes[first + 1]
    return len(pictures) == 1 and (not new_scenes[first] or goes_on)


def _sighting(group: Sequence[tuple[int, Landmarks]]) -> Sighting:
    x, y = np.mean([_middle(face) for _, face in group], axis=0)
    width_px = float(np.mean([np.ptp(face.points[:, 0]) for _, face in group]))
    return Sighting(frozenset(picture for picture, _ in group), float(x), float(y), width_px)


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
