"""The people of a clip, told apart by the place and size of their faces in some of its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks

_MAX_MOVE = 1.0  # face widths between the centres of one face in two pictures
_MAX_GROWTH = 1.7
_SAME_PLACE_FRAC = 1.5  # face widths
_MIN_LASTING_SHARE = 0.1


@dataclass(frozen=True)
class Sighting:
    """One face through some frames of a shot.

    Attributes
    ----------
    frames : frozenset of int
        Frames in which it is visible, in any consistent numbering.
    x, y : float
        Centre of its mesh, mean over these frames, pixels.
    width_px : float
        Width of the mesh, mean.
    """

    frames: frozenset[int]
    x: float
    y: float
    width_px: float


def lasting_sightings(sightings: Sequence[Sighting]) -> list[int]:
    """Indices of the sightings that last at least 10 % as long as the longest one."""
    minimum = _MIN_LASTING_SHARE * max((len(each.frames) for each in sightings), default=0)
    return [number for number, each in enumerate(sightings) if len(each.frames) >= minimum]


def people_from_left(sightings: Sequence[Sighting]) -> list[list[int]]:
    """Number the people of a shot.

    Sightings of about the same place and size that never occur in the same frame are one person. People are numbered
    from left to right by mean position. Those visible only briefly come last, so that they do not change the other
    numbers.

    Parameters
    ----------
    sightings : sequence of Sighting

    Returns
    -------
    list of list of int
        The sightings of each person, in order.
    """
    lasting = set(lasting_sightings(sightings))
    people: list[list[int]] = []
    for number in sorted(range(len(sightings)), key=lambda each: -len(sightings[each].frames)):
        new = sightings[number]
        for person in people:
            first = sightings[person[0]]
            if _same_place(new, first) and all(new.frames.isdisjoint(sightings[n].frames) for n in person):
                person.append(number)
                break
        else:
            people.append([number])

    def order(person: list[int]) -> tuple[bool, float]:
        counts = [len(sightings[each].frames) for each in person]
        x = float(np.average([sightings[each].x for each in person], weights=counts))
        return not any(each in lasting for each in person), x

    return sorted(people, key=order)


def _same_place(new: Sighting, first: Sighting) -> bool:
    distance_px = float(np.hypot(new.x - first.x, new.y - first.y))
    widths = new.width_px, first.width_px
    return distance_px <= _SAME_PLACE_FRAC * first.width_px and max(widths) <= _MAX_GROWTH * min(widths)


@dataclass(frozen=True)
class FaceReport:
    """One face in the sampled frames. Lengths are pixels of the upright picture, angles degrees.

    Attributes
    ----------
    index : int
        Number in a clip of one shot, as for the setting ``track.face``: from 0, from the left by mean position, then
        faces visible only briefly.
    x, y : float
        Centre of the face, median over the frames.
    width_px, width_least_px, width_most_px : float
        Distance between the mesh points beside the ears: median, minimum and maximum.
    tilt_deg : float
        Median tilt of the head; positive is clockwise on the screen.
    turn_deg, turn_least_deg, turn_most_deg : float
        Turn about the vertical: median, minimum and maximum; positive looks to the picture's right. Rough beyond 17
        degrees.
    frames : int
        Number of sampled frames in which it was found.
    share : float
        The same as a share of the sampled frames, 0..1.
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
    """Tell the faces of a clip apart by place and size, and number them as in `people_from_left`.

    Parameters
    ----------
    pictures : sequence of sequences of Landmarks
        The faces of each sampled picture, in order of time.
    new_scenes : sequence of bool, optional
        For each picture, whether it shows another scene than the previous one. If given, a face visible in one picture
        only is left out if the previous or next picture shows the same scene without it.

    Returns
    -------
    tuple of FaceReport
    """
    groups = _grouped_by_place(pictures)
    if new_scenes:
        groups = [group for group in groups if not _is_transient([picture for picture, _ in group], new_scenes)]
    people = people_from_left([_sighting(group) for group in groups])
    return tuple(
        _report(index, [face for number in person for _, face in groups[number]], len(pictures))
        for index, person in enumerate(people)
    )


def _grouped_by_place(pictures: Sequence[Sequence[Landmarks]]) -> list[list[tuple[int, Landmarks]]]:
    """Groups of (picture index, face): each face continues the group whose last face is nearest."""
    groups: list[list[tuple[int, Landmarks]]] = []
    for picture, faces in enumerate(pictures):
        pairs = [
            (_distance(group[-1][1], face), number, at)
            for number, group in enumerate(groups)
            for at, face in enumerate(faces)
        ]
        # Nearest pairs first; a face continues one group, and a group takes one face per picture.
        joined: dict[int, int] = {}
        for distance, number, at in sorted(pairs, key=lambda pair: pair[0]):
            if distance <= _MAX_MOVE and at not in joined and number not in joined.values():
                joined[at] = number
        for at, face in enumerate(faces):
            if at in joined:
                groups[joined[at]].append((picture, face))
            else:
                groups.append([(picture, face)])
    return groups


def _is_transient(pictures: Sequence[int], new_scenes: Sequence[bool]) -> bool:
    """Whether a face was found in one picture only, though its scene was sampled more often."""
    first = pictures[0]
    scene_continues = first + 1 < len(new_scenes) and not new_scenes[first + 1]
    return len(pictures) == 1 and (not new_scenes[first] or scene_continues)


def _sighting(group: Sequence[tuple[int, Landmarks]]) -> Sighting:
    x, y = np.mean([_centre(face) for _, face in group], axis=0)
    width_px = float(np.mean([np.ptp(face.points[:, 0]) for _, face in group]))
    return Sighting(frozenset(picture for picture, _ in group), float(x), float(y), width_px)


def _centre(face: Landmarks) -> npt.NDArray[np.float64]:
    return np.asarray(face.points.mean(axis=0, dtype=np.float64))


def _distance(first: Landmarks, second: Landmarks) -> float:
    """Distance between centres, in sizes of the larger face; infinite if sizes differ too much for one face."""
    # The longer side of the mesh: the width shrinks as a head turns.
    sizes = [float(np.ptp(face.points, axis=0).max()) for face in (first, second)]
    if max(sizes) > _MAX_GROWTH * min(sizes):
        return float("inf")
    return float(np.hypot(*(_centre(first) - _centre(second)))) / max(sizes)


def _report(index: int, group: list[Landmarks], sampled: int) -> FaceReport:
    centre = np.median([_centre(face) for face in group], axis=0)
    widths = [face.face_width_px for face in group]
    turns = [float(np.degrees(face.yaw_rad)) for face in group]
    axes = np.mean([face.x_axis for face in group], axis=0)
    return FaceReport(
        index=index,
        x=round(float(centre[0]), 1),
        y=round(float(centre[1]), 1),
        width_px=round(float(np.median(widths)), 1),
        width_least_px=round(min(widths), 1),
        width_most_px=round(max(widths), 1),
        tilt_deg=round(float(np.degrees(np.arctan2(axes[1], axes[0]))), 1),
        turn_deg=round(float(np.median(turns)), 1),
        turn_least_deg=round(min(turns), 1),
        turn_most_deg=round(max(turns), 1),
        frames=len(group),
        share=len(group) / sampled,
    )
