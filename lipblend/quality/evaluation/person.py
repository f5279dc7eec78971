"""One person through a shot: what is remembered of the frames before, and how they look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lipblend.quality.face_scores import FaceScores, same_face
from lipblend.quality.fault_traits import Traits, traits
from lipblend.quality.reference_measures import SeenFace
from lipblend.quality.view import FaceView
from lipblend.quality.visible.over_time import OverTime
from lipblend.quality.visible.person_look import PersonLook, learn_look
from lipblend.quality.visible.work_face import WorkFace, work_face

_LOOK_FRAMES = 16


class Shown(Protocol):
    """What shows the faces of chosen frames: `lipblend.quality.evaluation.walk.Walk`."""

    def views(self, indices: Sequence[int], /) -> Iterator[tuple[int, tuple[FaceView, ...]]]:
        """Index and faces of frames, given by rising index."""
        ...


@dataclass(frozen=True)
class FaceLook:
    """How a person looks over a shot, and where they were seen, by which they are found."""

    places: tuple[tuple[int, FaceView], ...]  # frame and view
    look: PersonLook | None


class Person:
    """One face through a shot, an entry per frame; nan and None where it is not blended.

    Parameters
    ----------
    count : int
        Frames of the shot.
    frame_rate : float
    look : PersonLook or None

    Attributes
    ----------
    last : tuple of int and SeenFace, or None
        The frame of the shot in which the face was seen last, and what was seen.
    alpha : (count,) float64
    casts : (count, 3) float64
    openings : (count, 2) float64
        Of the result and of the synced video.
    traits : list of Traits or None
        Of what the generator drew, broken or not.
    bridged : set of int
        Frames in which that is broken and bridged: the synced picture of the views is the bridge.
    over_time : OverTime
    """

    def __init__(self, count: int, frame_rate: float, look: PersonLook | None) -> None:
        self.look, self.over_time = look, OverTime(count, frame_rate, look)
        self.last: tuple[int, SeenFace] | None = None
        self.alpha = np.full(count, np.nan)
        self.casts = np.full((count, 3), np.nan)
        self.openings = np.full((count, 2), np.nan)
        self.traits: list[Traits | None] = [None] * count
        self.bridged: set[int] = set()

    def note(self, place: int, seen: SeenFace, scores: FaceScores) -> None:
        """Remember one frame."""
        view = seen.view
        self.last = place, seen
        self.alpha[place] = scores.values.get("alpha", np.nan)
        if scores.cast is not None:
            self.casts[place] = scores.cast
        made, spoken = view.detected_result, view.detected_synced
        if view.weight >= 1 and made is not None and spoken is not None:
            self.openings[place] = made.mouth_opening, spoken.mouth_opening
        self.traits[place] = traits(view)
        if view.broken is not None:
            self.bridged.add(place)
        self.over_time.add(place, view)


class LookLearner:
    """Learns how the people look who are seen in some frames of a shot."""

    def __init__(self) -> None:
        self._last: list[FaceView] = []
        self._places: list[list[tuple[int, FaceView]]] = []
        self._faces: list[list[WorkFace]] = []

    def add(self, index: int, views: Sequence[FaceView]) -> None:
        """Look at the faces of a frame."""
        for view in views:
            number = same_face(view, self._last)
            if number is None:
                self._last.append(view)
                self._places.append([])
                self._faces.append([])
                number = len(self._last) - 1
            self._last[number] = view
            self._places[number].append((index, view))
            self._faces[number].append(work_face(view))

    def looks(self) -> list[FaceLook]:
        """What was learnt, of each person."""
        return [
            FaceLook(tuple(places), learn_look(seen)) for places, seen in zip(self._places, self._faces, strict=True)
        ]


def look_of(index: int, view: FaceView, looks: Sequence[FaceLook]) -> PersonLook | None:
    """The look of the person in a view of a frame: of who was seen there at the time nearest to it."""
    nearest = [min(each.places, key=lambda place: abs(place[0] - index))[1] for each in looks]
    number = same_face(view, nearest)
    return looks[number].look if number is not None else None


def look_frames(indices: Sequence[int]) -> list[int]:
    """The frames of a shot from which looks are learnt: up to 16, spread evenly."""
    return sorted({indices[int(place)] for place in np.linspace(0, len(indices) - 1, _LOOK_FRAMES)})


def face_looks(walk: Shown, indices: Sequence[int]) -> list[FaceLook]:
    """How the people of a shot look, from some of its frames."""
    learner = LookLearner()
    for index, views in walk.views(look_frames(indices)):
        learner.add(index, views)
    return learner.looks()
