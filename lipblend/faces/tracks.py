"""Follow faces through a clip: each in a crop of its own, under a number that stays with it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import (
    CROP_FACTOR,
    Mesh,
    RgbOf,
    Sweep,
    confirmed,
    crop_around,
    find_faces,
    overlap,
    shifted,
)
from lipblend.picture.patch import Box

_WIDE_CROP_FACTOR = 3.0
"""Crop for a face that was not where it had been, or has been away."""
_RESIZE_AT = 0.12
"""A crop keeps its size until the face has grown or shrunk by this share, so that its steps do not show."""
_KEEP_LOST_S = 1.0
"""A face that comes back to its place within this time is the same face."""
_KEEP_OVER_CUT_S = 0.3
"""The same for one that went with what looked like a cut: a flash is over by then."""
_STAYED_IOU = 0.7
"""A face that is so much where it was has not been cut away."""
_TILES_A_SECOND = 16.0
_SPARE_SEARCHES = 4.0
_SPARE_EVERY_S = 2.0
_TAKEN_IOU = 0.4
_FARTHEST = 0.8
_MOST_GROWTH = 1.7


_SEEN_PX = 400
"""Larger crops are reduced, to no less than this. The network sees a face at 256 px; crops that were reduced to that
cost 0.16 dB on one of three triples, though the meshes jittered no more (within 4 % on four pairs)."""

ReducedOf = Callable[[Box, int], npt.NDArray[np.uint8]]


class Detector(Protocol):
    """What the tracker needs of `lipblend.faces.landmarker.FaceLandmarker`."""

    def detect(self, rgb: npt.NDArray[np.uint8]) -> list[Mesh]:
        """Meshes of an RGB picture, in its own pixels."""
        ...


@dataclass(frozen=True)
class TrackedFace:
    """One face of one frame.

    Parameters
    ----------
    track_id : int
        The same number as long as it is the same face; never given twice by one tracker.
    landmarks : Landmarks
        In pixels of the frame.
    """

    track_id: int
    landmarks: Landmarks


@dataclass(frozen=True)
class _Track:
    track_id: int
    mesh: Mesh
    crop_side_px: float
    forget_s: float | None
    """None while it is seen; else until when it is waited for."""

    @property
    def live(self) -> bool:
        return self.forget_s is None


class FaceTracker:
    """Find and follow the faces of one video, frame after frame.

    The first frame of a shot is searched down to the smallest tiles. From then on a face is looked for in a crop about
    its last place. While nothing is tracked, every frame is looked at as a whole, and tile by tile when the last face
    has just been lost and every `search_every_s`; while something is tracked, the whole frame is looked at every
    `search_every_s`, and a few tiles of it (see `Sweep`).

    A flash looks like a cut. So faces are looked for where they were first, and keep their numbers if they are there;
    and searches out of turn are rationed: four in reserve, and one more every two seconds.

    Parameters
    ----------
    landmarker : Detector
        Not used by anyone else at the same time.
    width, height : int
        Frame size, pixels.
    min_face_px : int
        Narrowest face searched for, pixels. Faces already followed are kept below it.
    search_every_s : float
        Time between two searches, seconds.
    max_faces : int
        At most so many faces are followed at once; the largest are taken.
    exhaustive : bool
        Search the first frame of a shot down to the smallest tiles even when larger ones have shown faces.
    """

    def __init__(
        self,
        landmarker: Detector,
        width: int,
        height: int,
        *,
        min_face_px: int,
        search_every_s: float,
        max_faces: int,
        exhaustive: bool = True,
    ) -> None:
        self._exhaustive = exhaustive
        self._detect = landmarker.detect
        self._width = width
        self._height = height
        self._min_face_px = min_face_px
        self._search_every_s = search_every_s
        self._max_faces = max_faces
        self._tracks: list[_Track] = []
        self._next_id = 0
        self._searched_s: float | None = None
        self._sweep = Sweep(width, height, min_face_px)
        self._spare = _SPARE_SEARCHES
        self._spare_s = 0.0

    def fork(self) -> FaceTracker:
        """A tracker that goes on from here by itself; only one of the two is to be used at a time."""
        other = copy(self)
        other._sweep = self._sweep.fork()
        return other

    def step(
        self, rgb_of: RgbOf, *, new_shot: bool, time_s: float, reduced_of: ReducedOf | None = None
    ) -> tuple[TrackedFace, ...]:
        """Look at the next frame.

        Parameters
        ----------
        rgb_of : callable
            Gives the (h, w, 3) uint8 RGB of a `Box` inside the frame.
        new_shot : bool
            The frame looks like the first after a cut: only a face that has hardly moved counts as the same one, and
            the whole frame is searched.
        time_s : float
            Its presentation time, not falling within a shot.
        reduced_of : callable, optional
            Gives the same at a whole fraction of the size; the crops about large faces are then looked at reduced. Both
            sides of the box are multiples of twice that fraction's denominator.

        Returns
        -------
        tuple of TrackedFace
            The faces seen in this frame, by rising `track_id`.
        """
        had_face = any(track.live for track in self._tracks)
        self._follow(reduced_of or _never_reduced(rgb_of), time_s, new_shot=new_shot)
        live = [track for track in self._tracks if track.live]
        if len(live) < self._max_faces:
            gone = had_face and not live
            self._take(self._search(rgb_of, time_s, live=live, new_shot=new_shot, gone=gone))
        seen = [track for track in self._tracks if track.live]
        return tuple(TrackedFace(track.track_id, Landmarks(track.mesh)) for track in sorted(seen, key=_by_id))

    def _follow(self, crop_of: ReducedOf, time_s: float, *, new_shot: bool) -> None:
        """Give each track the mesh that continues it best; a mesh continues one track at most."""
        least = _STAYED_IOU if new_shot else 0.0
        pairs = [
            (how_near, number, mesh)
            for number, track in enumerate(self._tracks)
            for mesh in self._candidates(crop_of, track)
            if (how_near := overlap(track.mesh, mesh)) >= least
        ]
        taken: dict[int, Mesh] = {}
        for _, number, mesh in sorted(pairs, key=lambda pair: -pair[0]):
            if number not in taken and all(overlap(mesh, other) < _TAKEN_IOU for other in taken.values()):
                taken[number] = mesh
        keep_s = _KEEP_OVER_CUT_S if new_shot else _KEEP_LOST_S
        tracks = []
        for number, track in enumerate(self._tracks):
            if number in taken:
                tracks.append(self._moved(track, taken[number]))
                continue
            forget_s = time_s + keep_s if track.forget_s is None else track.forget_s
            if time_s <= forget_s:
                tracks.append(_Track(track.track_id, track.mesh, track.crop_side_px, forget_s))
        self._tracks = tracks

    def _candidates(self, crop_of: ReducedOf, track: _Track) -> list[Mesh]:
        if track.live:
            near = self._in_crop(crop_of, crop_around(track.mesh, CROP_FACTOR, track.crop_side_px))
            near = [mesh for mesh in near if _continues(track.mesh, mesh)]
            if near:
                return near
        wide = self._in_crop(crop_of, crop_around(track.mesh, _WIDE_CROP_FACTOR))
        return [mesh for mesh in wide if _continues(track.mesh, mesh)]

    def _in_crop(self, crop_of: ReducedOf, crop: Box) -> list[Mesh]:
        inside = crop.clipped(self._width, self._height)
        if inside.width < 2 or inside.height < 2:
            return []
        step = max(1, min(inside.width, inside.height) // _SEEN_PX)
        if step > 1:
            x0, y0 = inside.x0 & ~1, inside.y0 & ~1
            width, height = (side // (2 * step) * (2 * step) for side in (inside.x1 - x0, inside.y1 - y0))
            inside = Box(x0, y0, x0 + width, y0 + height)
        rgb = crop_of(inside, step)
        scale = np.float32(inside.width / rgb.shape[1])
        return [shifted(mesh * scale, inside) for mesh in self._detect(rgb)]

    def _moved(self, track: _Track, mesh: Mesh) -> _Track:
        wanted = self._crop_side(mesh)
        steady = abs(wanted - track.crop_side_px) <= _RESIZE_AT * track.crop_side_px
        return _Track(track.track_id, mesh, track.crop_side_px if steady else wanted, None)

    @staticmethod
    def _crop_side(mesh: Mesh) -> float:
        return CROP_FACTOR * float(np.ptp(mesh, axis=0).max())

    def _search(self, rgb_of: RgbOf, time_s: float, *, live: list[_Track], new_shot: bool, gone: bool) -> list[Mesh]:
        """Faces of the frame, as thoroughly as it is due; ``gone``: the last face was lost in this frame."""
        first = self._searched_s is None
        waited_s = time_s - (time_s if self._searched_s is None else self._searched_s)
        due = first or waited_s >= self._search_every_s
        out_of_turn = new_shot or gone
        if live and not due and not out_of_turn:
            return []
        thorough = first or (due and not live) or (out_of_turn and self._spends_spare(time_s))
        if thorough or due:
            self._searched_s = time_s
        whole = rgb_of(Box(0, 0, self._width, self._height))
        if thorough:
            self._sweep.looked_everywhere(whole, time_s)
            everywhere = self._exhaustive and (first or new_shot)
            return find_faces(whole, self._detect, min_face_px=self._min_face_px, exhaustive=everywhere)
        if live:
            known = [track.mesh for track in live]
            count = max(1, round(_TILES_A_SECOND * waited_s)) if due else 0
            return self._sweep.look(whole, time_s, self._detect, known=known, count=count)
        return confirmed(self._detect(whole), whole, self._detect, self._min_face_px)

    def _spends_spare(self, time_s: float) -> bool:
        """Whether a search out of turn can be afforded; if so, it is counted."""
        self._spare = min(_SPARE_SEARCHES, self._spare + (time_s - self._spare_s) / _SPARE_EVERY_S)
        self._spare_s = time_s
        if self._spare < 1:
            return False
        self._spare -= 1
        return True

    def _take(self, found: list[Mesh]) -> None:
        """Give found meshes to lost tracks near by, and new numbers to the others."""
        live = [track for track in self._tracks if track.live]
        lost = [track for track in self._tracks if not track.live]
        for mesh in found:
            if len(live) >= self._max_faces:
                break
            if any(overlap(mesh, track.mesh) >= _TAKEN_IOU for track in live):
                continue
            near = [track for track in lost if _continues(track.mesh, mesh)]
            back = max(near, key=partial(_overlap_with, mesh), default=None)
            if back is not None:
                lost.remove(back)
                live.append(self._moved(back, mesh))
            else:
                live.append(_Track(self._next_id, mesh, self._crop_side(mesh), None))
                self._next_id += 1
        self._tracks = live + lost


def _never_reduced(rgb_of: RgbOf) -> ReducedOf:
    return lambda box, _: rgb_of(box)


def _by_id(track: _Track) -> int:
    return track.track_id


def _overlap_with(mesh: Mesh, track: _Track) -> float:
    return overlap(track.mesh, mesh)


def _continues(before: Mesh, after: Mesh) -> bool:
    """Whether a mesh can be the same face a moment later: near by and of much the same size."""
    size_before = float(np.ptp(before, axis=0).max())
    size_after = float(np.ptp(after, axis=0).max())
    if size_after > _MOST_GROWTH * size_before or size_before > _MOST_GROWTH * size_after:
        return False
    apart = float(np.hypot(*(before.mean(axis=0) - after.mean(axis=0))))
    return apart <= _FARTHEST * size_before
