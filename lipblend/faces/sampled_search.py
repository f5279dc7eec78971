"""The faces of pictures that lie far apart in time, without searching each of them from scratch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import (
    CROP_FACTOR,
    SAME_FACE_IOU,
    Detect,
    Mesh,
    Sweep,
    add_confirmed,
    crop_around,
    find_faces,
    overlap,
    shifted,
)

_TILES_A_PICTURE = 12
_FULL_SWEEPS = 8  # a camera that moves, or a clip of many shots, shows a new scene in nearly every picture
_WIDE_CROP_FACTOR = 3.0
_PLACES_A_FACE = 2  # places that are remembered, over the most faces of a picture


class SampledSearch:
    """Find the faces of some pictures of one video, in the order of time.

    The first picture is searched down to the smallest tiles. In the later ones a face is looked for where one was seen
    before; beside those the picture is looked at as a whole, and some tiles of it (`Sweep`): those that changed most or
    waited longest, and after a change of the scene all of them, eight times at most. A picture of 1920x1080 takes about
    15 looks instead of 128.

    Parameters
    ----------
    detect : callable
        See `lipblend.faces.search.find_faces`.
    width, height : int
        Size of the pictures.
    min_face_px : int
        Faces narrower than this are not looked for.
    max_faces : int
        At most so many a picture; the largest are taken.
    """

    def __init__(self, detect: Detect, width: int, height: int, *, min_face_px: int, max_faces: int) -> None:
        self._detect = detect
        self._min_face_px, self._max_faces = min_face_px, max_faces
        self._sweep = Sweep(width, height, min_face_px)
        self._places: list[Mesh] = []
        self._first = True
        self._full_sweeps = _FULL_SWEEPS

    def look(self, whole: npt.NDArray[np.uint8], time_s: float, *, new_scene: bool) -> list[Mesh]:
        """Look at the next picture.

        Parameters
        ----------
        whole : (h, w, 3) uint8 RGB
        time_s : float
            When it is shown; rising.
        new_scene : bool
            It shows another scene than the picture before.

        Returns
        -------
        list of (478, 2) float32
            One mesh a face, in pixels of the picture, largest first. New ones are confirmed as in `find_faces`.
        """
        if self._first:
            self._first = False
            found = find_faces(whole, self._detect, min_face_px=self._min_face_px, exhaustive=True)
            self._sweep.looked_everywhere(whole, time_s)
        else:
            found = self._seen_again(whole)
            full = new_scene and self._full_sweeps > 0
            self._full_sweeps -= full
            count = len(self._sweep) if full else _TILES_A_PICTURE
            found += self._sweep.look(whole, time_s, self._detect, known=found, count=count)
        found = sorted(found, key=lambda mesh: -Landmarks(mesh).face_width_px)[: self._max_faces]
        elsewhere = [place for place in self._places if all(overlap(place, mesh) < SAME_FACE_IOU for mesh in found)]
        self._places = [*found, *elsewhere][: _PLACES_A_FACE * self._max_faces]
        return found

    def _seen_again(self, whole: npt.NDArray[np.uint8]) -> list[Mesh]:
        """Faces where there were some before: each where it was, or not far from there."""
        found: list[Mesh] = []
        for place in self._places:
            for factor in (CROP_FACTOR, _WIDE_CROP_FACTOR):
                seen = self._in_crop(whole, place, factor)
                for mesh in sorted(seen, key=lambda mesh: -overlap(place, mesh)):
                    self._take(found, mesh, place, whole)
                if seen:
                    break
        return found

    def _take(self, found: list[Mesh], mesh: Mesh, place: Mesh, whole: npt.NDArray[np.uint8]) -> None:
        """Keep a face that is new; one that is not where it was has to be confirmed."""
        if overlap(place, mesh) < SAME_FACE_IOU:
            add_confirmed(found, mesh, whole, self._detect, self._min_face_px)
        elif all(overlap(mesh, known) < SAME_FACE_IOU for known in found):
            found.append(mesh)

    def _in_crop(self, whole: npt.NDArray[np.uint8], place: Mesh, factor: float) -> list[Mesh]:
        height, width = whole.shape[:2]
        crop = crop_around(place, factor).clipped(width, height)
        if crop.width < 2 or crop.height < 2:
            return []
        seen = [shifted(mesh, crop) for mesh in self._detect(whole[crop.y0 : crop.y1, crop.x0 : crop.x1])]
        return [mesh for mesh in seen if Landmarks(mesh).face_width_px >= self._min_face_px]
