"""Track faces through a video: each face in a crop of its own, under a number that stays with it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lipblend.faces.flattened import flattened, on_flattened
from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import (
    CROP_FACTOR,
    WIDE_CROP_FACTOR,
    Detect,
    Mesh,
    RgbOf,
    Sweep,
    add_confirmed,
    crop_around,
    find_faces,
    overlap,
    shifted,
)
from lipblend.faces.search_schedule import DueSearch, SearchSchedule
from lipblend.picture.patch import Box

_RESIZE_AT = 0.12
"""A crop keeps its size until the face has grown or shrunk by this share, so that size steps do not show."""
_KEEP_LOST_S = 1.0
"""A face that returns to its place within this time keeps its number."""
_KEEP_OVER_CUT_S = 0.3
"""The same for a face lost at an apparent cut: a flash is shorter than this."""
_SAME_PLACE_IOU = 0.7
"""A face that overlaps its last position this much at an apparent cut is the same face."""
_DUPLICATE_IOU = 0.4
"""Two meshes that overlap this much are one face."""
_MAX_MOVE = 0.8  # of the longer side of the mesh, from one frame to the next
_MAX_GROWTH = 1.7
_MIN_DETECTION_PX = 400
"""Larger crops are reduced to no less than this. The network uses 256 px, but reducing crops to that cost 0.16 dB on
one of three triples, though the meshes jittered no more (within 4 % on four pairs)."""

ReducedOf = Callable[[Box, int], npt.NDArray[np.uint8]]


class Detector(Protocol):
    """The part of `lipblend.faces.landmarker.FaceLandmarker` that the tracker uses."""

    def detect(self, rgb: npt.NDArray[np.uint8]) -> list[Mesh]:
        """Meshes of an RGB picture, in its own pixels."""
        ...


@dataclass(frozen=True)
class TrackedFace:
    """One face in one frame.

    Parameters
    ----------
    track_id : int
        Constant while it is the same face; never reused by one tracker.
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
    expires_s: float | None
    """None while the face is visible; else the time until which it may return."""

    @property
    def visible(self) -> bool:
        return self.expires_s is None

    def moved_to(self, mesh: Mesh) -> _Track:
        side_px = _crop_side_px(mesh)
        keep_side = abs(side_px - self.crop_side_px) <= _RESIZE_AT * self.crop_side_px
        return _Track(self.track_id, mesh, self.crop_side_px if keep_side else side_px, None)


class FaceTracker:
    """Find and track the faces of one video, frame by frame.

    The first frame of a shot is searched down to the smallest tiles. After that a face is detected in a crop around its
    last position. While no face is tracked, every frame is searched as a whole, and all its tiles when the last face
    has just been lost and every `search_every_s`. While a face is tracked, the whole frame and a few tiles of it (see
    `Sweep`) are searched every `search_every_s`. Where a tracked face is lost, or a complete search finds none, a dark
    or glaring picture is searched again in a flattened copy (`lipblend.faces.flattened`).

    A flash looks like a cut. Therefore faces keep their numbers if they are found at their last position, and complete
    searches out of turn are limited (see `SearchSchedule`).

    Parameters
    ----------
    landmarker : Detector
        Not used by anyone else at the same time.
    width, height : int
        Frame size, pixels.
    min_face_px : int
        Width of the smallest face to search for, pixels. Tracked faces may become smaller.
    search_every_s : float
        Time between two searches, seconds.
    max_faces : int
        Maximum number of faces tracked at once; the largest are taken.
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
        self._detect: Detect = landmarker.detect
        self._detect_flattened = on_flattened(landmarker.detect)
        self._width = width
        self._height = height
        self._min_face_px = min_face_px
        self._max_faces = max_faces
        self._tracks: list[_Track] = []
        self._next_id = 0
        self._schedule = SearchSchedule(search_every_s)
        self._sweep = Sweep(width, height, min_face_px)

    def fork(self) -> FaceTracker:
        """An independent copy that continues from the current state. Do not use both at the same time."""
        fork = copy(self)
        fork._schedule = copy(self._schedule)
        fork._sweep = self._sweep.fork()
        return fork

    def step(
        self, rgb_of: RgbOf, *, new_shot: bool, time_s: float, reduced_of: ReducedOf | None = None
    ) -> tuple[TrackedFace, ...]:
        """Process the next frame.

        Parameters
        ----------
        rgb_of : callable
            Returns the (h, w, 3) uint8 RGB of a `Box` inside the frame.
        new_shot : bool
            The frame looks like the first after a cut: only a face that has hardly moved keeps its number, and the
            whole frame is searched.
        time_s : float
            Presentation time; never decreases within a shot.
        reduced_of : callable, optional
            Returns the same reduced by an integer factor, used for the crops of large faces. Both sides of the box are
            multiples of twice the factor.

        Returns
        -------
        tuple of TrackedFace
            The faces of this frame, by rising `track_id`.
        """
        had_face = any(track.visible for track in self._tracks)
        self._follow(reduced_of or (lambda box, _: rgb_of(box)), time_s, new_shot=new_shot)
        visible = [track for track in self._tracks if track.visible]
        if len(visible) < self._max_faces:
            lost_last = had_face and not visible
            search = self._schedule.next(time_s, tracking=bool(visible), out_of_turn=new_shot or lost_last)
            if search is not None:
                self._add(self._find(search, rgb_of, time_s, visible, new_shot=new_shot))
        seen = sorted((track for track in self._tracks if track.visible), key=lambda track: track.track_id)
        return tuple(TrackedFace(track.track_id, Landmarks(track.mesh)) for track in seen)

    def _follow(self, crop_of: ReducedOf, time_s: float, *, new_shot: bool) -> None:
        """Assign to each track the mesh that overlaps it most; each mesh continues at most one track."""
        min_overlap = _SAME_PLACE_IOU if new_shot else 0.0
        pairs = [
            (iou, number, mesh)
            for number, track in enumerate(self._tracks)
            for mesh in self._candidates(crop_of, track)
            if (iou := overlap(track.mesh, mesh)) >= min_overlap
        ]
        taken: dict[int, Mesh] = {}
        for _, number, mesh in sorted(pairs, key=lambda pair: -pair[0]):
            if number not in taken and all(overlap(mesh, other) < _DUPLICATE_IOU for other in taken.values()):
                taken[number] = mesh
        keep_s = _KEEP_OVER_CUT_S if new_shot else _KEEP_LOST_S
        tracks = []
        for number, track in enumerate(self._tracks):
            if number in taken:
                tracks.append(track.moved_to(taken[number]))
                continue
            expires_s = time_s + keep_s if track.expires_s is None else track.expires_s
            if time_s <= expires_s:
                tracks.append(replace(track, expires_s=expires_s))
        self._tracks = tracks

    def _candidates(self, crop_of: ReducedOf, track: _Track) -> list[Mesh]:
        if track.visible:
            near = self._continued(track, crop_of, self._detect, CROP_FACTOR, track.crop_side_px)
            if near:
                return near
        wide = self._continued(track, crop_of, self._detect, WIDE_CROP_FACTOR)
        if wide or not track.visible:
            return wide
        return self._continued(track, crop_of, self._detect_flattened, CROP_FACTOR, track.crop_side_px)

    def _continued(
        self, track: _Track, crop_of: ReducedOf, detect: Detect, factor: float, side_px: float | None = None
    ) -> list[Mesh]:
        found = self._detect_in(crop_of, crop_around(track.mesh, factor, side_px), detect)
        return [mesh for mesh in found if _continues(track.mesh, mesh)]

    def _detect_in(self, crop_of: ReducedOf, crop: Box, detect: Detect) -> list[Mesh]:
        inside = crop.clipped(self._width, self._height)
        if inside.width < 2 or inside.height < 2:
            return []
        step = max(1, min(inside.width, inside.height) // _MIN_DETECTION_PX)
        if step > 1:
            x0, y0 = inside.x0 & ~1, inside.y0 & ~1
            width, height = (side // (2 * step) * (2 * step) for side in (inside.x1 - x0, inside.y1 - y0))
            inside = Box(x0, y0, x0 + width, y0 + height)
        rgb = crop_of(inside, step)
        scale = np.float32(inside.width / rgb.shape[1])
        return [shifted(mesh * scale, inside) for mesh in detect(rgb)]

    def _find(
        self, search: DueSearch, rgb_of: RgbOf, time_s: float, visible: list[_Track], *, new_shot: bool
    ) -> list[Mesh]:
        """Search the frame for new faces."""
        whole = rgb_of(Box(0, 0, self._width, self._height))
        if search.complete:
            self._sweep.mark_searched(whole, time_s)
            exhaustive = self._exhaustive and (search.first or new_shot)
            found = find_faces(whole, self._detect, min_face_px=self._min_face_px, exhaustive=exhaustive)
            copy = None if found or visible else flattened(whole)
            if copy is None:
                return found
            return find_faces(copy, self._detect, min_face_px=self._min_face_px, exhaustive=False)
        if visible:
            known = [track.mesh for track in visible]
            return self._sweep.search(whole, time_s, self._detect, known=known, count=search.tiles)
        found = []
        for mesh in self._detect(whole):
            add_confirmed(found, mesh, whole, self._detect, self._min_face_px)
        return found

    def _add(self, found: list[Mesh]) -> None:
        """Assign found meshes to lost tracks nearby, and new numbers to the others."""
        visible = [track for track in self._tracks if track.visible]
        lost = [track for track in self._tracks if not track.visible]
        for mesh in found:
            if len(visible) >= self._max_faces:
                break
            if any(overlap(mesh, track.mesh) >= _DUPLICATE_IOU for track in visible):
                continue
            near = [track for track in lost if _continues(track.mesh, mesh)]
            returned = max(near, key=partial(_overlap_with, mesh), default=None)
            if returned is not None:
                lost.remove(returned)
                visible.append(returned.moved_to(mesh))
            else:
                visible.append(_Track(self._next_id, mesh, _crop_side_px(mesh), None))
                self._next_id += 1
        self._tracks = visible + lost


def _crop_side_px(mesh: Mesh) -> float:
    return CROP_FACTOR * float(np.ptp(mesh, axis=0).max())


def _overlap_with(mesh: Mesh, track: _Track) -> float:
    return overlap(track.mesh, mesh)


def _continues(previous: Mesh, mesh: Mesh) -> bool:
    """Whether a mesh can be the same face a moment later: near, and of similar size."""
    previous_px, current_px = float(np.ptp(previous, axis=0).max()), float(np.ptp(mesh, axis=0).max())
    if current_px > _MAX_GROWTH * previous_px or previous_px > _MAX_GROWTH * current_px:
        return False
    distance_px = float(np.hypot(*(previous.mean(axis=0) - mesh.mean(axis=0))))
    return distance_px <= _MAX_MOVE * previous_px
