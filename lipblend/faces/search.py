"""Find faces of any size: in the whole picture first, then in overlapping tiles that shrink until faces show.

The detector reduces every picture to 128 x 128. Measured: it finds every face at least 0.12 times as wide as the
picture's longer side, and none below 0.09. A picture without a face takes 1.5 ms, whatever its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box

Mesh = npt.NDArray[np.float32]
Detect = Callable[[npt.NDArray[np.uint8]], list[Mesh]]
RgbOf = Callable[[Box], npt.NDArray[np.uint8]]

DETECTABLE_FRAC = 0.14
"""Width of a face that is found reliably, as a share of the picture's longer side, with some margin."""
CROP_FACTOR = 1.9
"""Side of the square crop in which a face is detected, over the longer side of its mesh; measured to jitter least."""
WIDE_CROP_FACTOR = 3.0
"""The same for a face that has moved, or has been away."""
SAME_FACE_IOU = 0.3
"""Meshes whose bounding boxes overlap at least this much belong to the same face."""
_TILE_SHRINK = 2.0
_TILE_OVERLAP = 0.5
_SWEEP_DETECTABLE_FRAC = 0.12
_SWEEP_OVERLAP = 0.3
_SWEEP_SHRINK = _SWEEP_OVERLAP / _SWEEP_DETECTABLE_FRAC  # faces too large for a size's overlap are found at the next
_SWEEP_FACE_PX = 4  # width of the smallest face in the small picture that shows changes
_SWEEP_FLOOR_LEVELS = 2.0
_NEARLY_WHOLE = 0.8
_CONFIRMING_CROP_FACTORS = 1.5, 2.4
_MAX_DISTANCE_FRAC = 0.05  # face widths, mean over the mesh


def find_faces(whole: npt.NDArray[np.uint8], detect: Detect, *, min_face_px: int, exhaustive: bool) -> list[Mesh]:
    """Find the faces of a picture.

    Parameters
    ----------
    whole : (h, w, 3) uint8
        The picture, RGB.
    detect : callable
        Returns the meshes of an RGB picture, in its own pixels (`FaceLandmarker.detect`).
    min_face_px : int
        Width of the smallest face to search for.
    exhaustive : bool
        Search down to the smallest tiles even when larger ones have shown faces; else stop at the first size that does.

    Returns
    -------
    list of (478, 2) float32
        One mesh per face, in pixels of the picture, largest first, each confirmed (`add_confirmed`).
    """
    height, width = whole.shape[:2]
    found: list[Mesh] = []
    for side in (max(width, height), *tile_sides(width, height, min_face_px)):
        for tile in tiles(width, height, side):
            for mesh in detect(whole[tile.y0 : tile.y1, tile.x0 : tile.x1]):
                add_confirmed(found, shifted(mesh, tile), whole, detect, min_face_px)
        if found and not exhaustive:
            break
    return sorted(found, key=lambda mesh: -Landmarks(mesh).face_width_px)


class Sweep:
    """Search for more faces beside known ones, a few tiles per picture: cheap, and complete over time.

    Tiles that changed most since their last search, and tiles that waited longest, come first. A new face in front of a
    still background is found within a step or two, and all tiles take turns when the camera moves. Tiles overlap less
    than those of `find_faces`, and a face needs 0.12 of a tile: 46 tiles instead of 125 for faces of 40 px in
    1920x1080.

    Parameters
    ----------
    width, height : int
        Size of the pictures.
    min_face_px : int
        Width of the smallest face to search for.
    """

    def __init__(self, width: int, height: int, min_face_px: int) -> None:
        self._min_face_px = min_face_px
        sides = _falling_sides(max(width, height), min_face_px / _SWEEP_DETECTABLE_FRAC, _SWEEP_SHRINK)
        self._tiles = [tile for side in sides for tile in tiles(width, height, side, _SWEEP_OVERLAP)]
        self._scale = min(1.0, _SWEEP_FACE_PX / min_face_px)
        self._searched: list[tuple[float, npt.NDArray[np.float32] | None]] = [(-np.inf, None)] * len(self._tiles)

    def search(
        self, whole: npt.NDArray[np.uint8], time_s: float, detect: Detect, *, known: Sequence[Mesh], count: int
    ) -> list[Mesh]:
        """Search a picture as a whole, and `count` tiles of it, of all sizes.

        Known faces are blanked out first: a tile without a face takes the detector 1.5 ms, one with a face 8 ms.

        Parameters
        ----------
        whole : (h, w, 3) uint8 RGB
        time_s : float
            Presentation time; rising.
        detect : callable
            See `find_faces`.
        known : sequence of (478, 2) float32
            Faces that need not be found.
        count : int

        Returns
        -------
        list of (478, 2) float32
            New faces, confirmed as in `find_faces`.
        """
        small = self._small(whole)
        free = [number for number, tile in enumerate(self._tiles) if not any(_covers(mesh, tile) for mesh in known)]
        urgency = {number: self._urgency(number, small, time_s) for number in free}
        chosen = sorted(free, key=lambda number: -urgency[number])[:count]
        for number in chosen:
            self._searched[number] = (time_s, small)
        blanked = _blanked(whole, known)
        found = list(known)
        for tile in (Box(0, 0, whole.shape[1], whole.shape[0]), *(self._tiles[number] for number in chosen)):
            for mesh in detect(blanked[tile.y0 : tile.y1, tile.x0 : tile.x1]):
                add_confirmed(found, shifted(mesh, tile), whole, detect, self._min_face_px)
        return found[len(known) :]

    def __len__(self) -> int:
        """Number of tiles."""
        return len(self._tiles)

    def fork(self) -> Sweep:
        """An independent copy that continues from the current state."""
        fork = copy(self)
        fork._searched = list(self._searched)
        return fork

    def mark_searched(self, whole: npt.NDArray[np.uint8], time_s: float) -> None:
        """Record that a picture was searched completely by other means."""
        self._searched = [(time_s, self._small(whole))] * len(self._tiles)

    def _small(self, whole: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        small = cv2.resize(whole[..., 1], None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.blur(small, (3, 3)), np.float32)

    def _urgency(self, number: int, small: npt.NDArray[np.float32], time_s: float) -> float:
        """Seconds since the last search times the largest change in grey levels."""
        searched_s, previous = self._searched[number]
        if previous is None:
            return float("inf")
        tile, scale = self._tiles[number], self._scale
        part = np.s_[int(tile.y0 * scale) : int(tile.y1 * scale) + 1, int(tile.x0 * scale) : int(tile.x1 * scale) + 1]
        change = float(np.abs(small[part] - previous[part]).max())
        return (time_s - searched_s) * (change + _SWEEP_FLOOR_LEVELS)


def tile_sides(width: int, height: int, min_face_px: int) -> list[int]:
    """Sides of the tiles to search, each at least half the previous, down to where `min_face_px` is detectable."""
    return _falling_sides(max(width, height), min_face_px / DETECTABLE_FRAC, _TILE_SHRINK)


def _falling_sides(longest: int, smallest: float, shrink: float) -> list[int]:
    side = longest / shrink
    sides = []
    while side > smallest:
        sides.append(int(side))
        side /= shrink
    # The last size is `smallest`, unless the whole picture or the previous size is nearly as small.
    last = sides[-1] if sides else longest
    if smallest < _NEARLY_WHOLE * last:
        sides.append(int(smallest))
    return sides


def tiles(width: int, height: int, side: int, overlapping: float = _TILE_OVERLAP) -> Iterator[Box]:
    """Squares of `side` that cover the picture from the top left, clipped to it, and overlap by a share of the side."""
    for y0 in _starts(height, side, overlapping):
        for x0 in _starts(width, side, overlapping):
            yield Box(x0, y0, min(x0 + side, width), min(y0 + side, height))


def crop_around(mesh: Mesh, factor: float, side_px: float | None = None) -> Box:
    """The square around a mesh, `factor` times its longer side (or `side_px`) wide; may extend outside the picture."""
    low, high = mesh.min(axis=0), mesh.max(axis=0)
    side = round(float(side_px if side_px is not None else factor * float((high - low).max())))
    side = max(side, 2)
    x0, y0 = (round(float(v)) for v in (low + high) / 2 - side / 2)
    return Box(x0, y0, x0 + side, y0 + side)


def detect_around(mesh: Mesh, factor: float, whole: npt.NDArray[np.uint8], detect: Detect) -> list[Mesh]:
    """Detect faces in a crop around a mesh, `factor` times its longer side wide; in pixels of the picture."""
    height, width = whole.shape[:2]
    crop = crop_around(mesh, factor).clipped(width, height)
    if crop.width < 2 or crop.height < 2:
        return []
    return [shifted(found, crop) for found in detect(whole[crop.y0 : crop.y1, crop.x0 : crop.x1])]


def shifted(mesh: Mesh, box: Box) -> Mesh:
    """Convert a mesh from pixels of a box to pixels of the picture."""
    return mesh + np.array([box.x0, box.y0], np.float32)


def overlap(first: Mesh, second: Mesh) -> float:
    """Intersection over union (IoU) of the bounding boxes of two meshes, 0..1."""
    low = np.maximum(first.min(axis=0), second.min(axis=0))
    high = np.minimum(first.max(axis=0), second.max(axis=0))
    shared = float(np.prod(np.maximum(high - low, 0)))
    union = float(np.prod(np.ptp(first, axis=0)) + np.prod(np.ptp(second, axis=0))) - shared
    return shared / union if union > 0 else 0.0


def is_new(mesh: Mesh, known: Sequence[Mesh]) -> bool:
    """Whether a mesh belongs to none of the known faces."""
    return all(overlap(mesh, face) < SAME_FACE_IOU for face in known)


def _blanked(whole: npt.NDArray[np.uint8], faces: Sequence[Mesh]) -> npt.NDArray[np.uint8]:
    """A copy with each face's box in one colour."""
    blanked = whole.copy()
    for mesh in faces:
        (x0, y0), (x1, y1) = np.floor(mesh.min(axis=0)).astype(int), np.ceil(mesh.max(axis=0)).astype(int)
        part = blanked[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        if part.size:
            part[...] = part[::4, ::4].mean(axis=(0, 1)).astype(np.uint8)
    return blanked


def _covers(mesh: Mesh, tile: Box) -> bool:
    (left, top), (right, bottom) = mesh.min(axis=0), mesh.max(axis=0)
    return bool(left <= tile.x0 and top <= tile.y0 and tile.x1 <= right and tile.y1 <= bottom)


def _starts(length: int, side: int, overlapping: float) -> list[int]:
    if side >= length:
        return [0]
    count = int(np.ceil((length - side) / (side * (1 - overlapping)))) + 1
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def add_confirmed(
    found: list[Mesh], mesh: Mesh, whole: npt.NDArray[np.uint8], detect: Detect, min_face_px: int
) -> None:
    """Detect a mesh again in crops around it, and add it to `found` if it is confirmed and new.

    False detections at the edge of a tile disappear in the middle of a crop. Objects that look like a face, such as a
    fold or a hand, are detected in one crop and not in another, or elsewhere in it. So the mesh must be found again in
    a smaller and in a larger crop, within a mean distance of 0.05 of its width. Measured on 28 clips: all 672 faces
    were found in both, at most 0.017 apart; of 18 folds, hands and flower beds one in the smaller crop, none in the
    larger.

    Parameters
    ----------
    found : list of (478, 2) float32
        Known faces. The new one is added as detected in the first crop.
    mesh : (478, 2) float32
        The candidate, in pixels of the picture.
    whole : (h, w, 3) uint8 RGB
    detect : callable
        See `find_faces`.
    min_face_px : int
        Minimum width of a face to add.
    """
    if not is_new(mesh, found):
        return
    best = _same_face_in_crop(mesh, CROP_FACTOR, whole, detect)
    if best is None or Landmarks(best).face_width_px < min_face_px or not is_new(best, found):
        return
    max_distance_px = _MAX_DISTANCE_FRAC * Landmarks(best).face_width_px
    for factor in _CONFIRMING_CROP_FACTORS:
        again = _same_face_in_crop(best, factor, whole, detect)
        if again is None or float(np.hypot(*(again - best).T).mean()) > max_distance_px:
            return
    found.append(best)


def _same_face_in_crop(mesh: Mesh, factor: float, whole: npt.NDArray[np.uint8], detect: Detect) -> Mesh | None:
    seen = detect_around(mesh, factor, whole, detect)
    best = max(seen, key=lambda other: overlap(mesh, other), default=None)
    return best if best is not None and overlap(mesh, best) >= SAME_FACE_IOU else None
