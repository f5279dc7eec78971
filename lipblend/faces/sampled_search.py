"""Find the faces of pictures far apart in time, without a complete search of each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.faces.search import (
    CROP_FACTOR,
    SAME_FACE_IOU,
    WIDE_CROP_FACTOR,
    Detect,
    Mesh,
    Sweep,
    add_confirmed,
    detect_around,
    find_faces,
    is_new,
    overlap,
)

_TILES_PER_PICTURE = 12
_MAX_FULL_SWEEPS = 8  # with a moving camera, or many shots, nearly every picture shows a new scene
_PLACES_PER_FACE = 2  # remembered places, relative to the maximum number of faces


class SampledSearch:
    """Find the faces of some pictures of one video, in order of time.

    The first picture is searched down to the smallest tiles. In later ones a face is searched where one was seen
    before, in the whole picture, and in some of its tiles (`Sweep`): those that changed most or waited longest, or all
    of them after a change of the scene, at most eight times. A picture of 1920x1080 takes about 15 detections instead
    of 128.

    Parameters
    ----------
    detect : callable
        See `lipblend.faces.search.find_faces`.
    width, height : int
        Size of the pictures.
    min_face_px : int
        Width of the smallest face to search for.
    max_faces : int
        Maximum number of faces per picture; the largest are returned.
    """

    def __init__(self, detect: Detect, width: int, height: int, *, min_face_px: int, max_faces: int) -> None:
        self._detect = detect
        self._min_face_px, self._max_faces = min_face_px, max_faces
        self._sweep = Sweep(width, height, min_face_px)
        self._places: list[Mesh] = []
        self._first = True
        self._full_sweeps_left = _MAX_FULL_SWEEPS

    def search(self, whole: npt.NDArray[np.uint8], time_s: float, *, new_scene: bool) -> list[Mesh]:
        """Search the next picture.

        Parameters
        ----------
        whole : (h, w, 3) uint8 RGB
        time_s : float
            Presentation time; rising.
        new_scene : bool
            The picture shows another scene than the previous one.

        Returns
        -------
        list of (478, 2) float32
            One mesh per face, in pixels of the picture, largest first. New ones are confirmed as in `find_faces`.
        """
        if self._first:
            self._first = False
            found = find_faces(whole, self._detect, min_face_px=self._min_face_px, exhaustive=True)
            self._sweep.mark_searched(whole, time_s)
        else:
            found = self._find_again(whole)
            full = new_scene and self._full_sweeps_left > 0
            self._full_sweeps_left -= full
            count = len(self._sweep) if full else _TILES_PER_PICTURE
            found += self._sweep.search(whole, time_s, self._detect, known=found, count=count)
        found = sorted(found, key=lambda mesh: -Landmarks(mesh).face_width_px)[: self._max_faces]
        elsewhere = [place for place in self._places if is_new(place, found)]
        self._places = [*found, *elsewhere][: _PLACES_PER_FACE * self._max_faces]
        return found

    def _find_again(self, whole: npt.NDArray[np.uint8]) -> list[Mesh]:
        """Faces at or near the places where faces were seen before. One that has moved has to be confirmed."""
        found: list[Mesh] = []
        for place in self._places:
            for factor in (CROP_FACTOR, WIDE_CROP_FACTOR):
                seen = detect_around(place, factor, whole, self._detect)
                seen = [mesh for mesh in seen if Landmarks(mesh).face_width_px >= self._min_face_px]
                for mesh in sorted(seen, key=lambda mesh: -overlap(place, mesh)):
                    if overlap(place, mesh) < SAME_FACE_IOU:
                        add_confirmed(found, mesh, whole, self._detect, self._min_face_px)
                    elif is_new(mesh, found):
                        found.append(mesh)
                if seen:
                    break
        return found
