"""Find faces of any size: the whole picture first, then overlapping tiles that shrink until faces show.

The detector sees every picture at 128 x 128, and was measured to find each face whose width is at least 0.12 of the
picture's longer side, and none below 0.09. A picture without a face costs it 1.5 ms, whatever its size.
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

SEEN_FRAC = 0.14
"""A face this wide, as a share of the picture's longer side, is found with something to spare."""
CROP_FACTOR = 1.9
"""Side of the square in which a face is looked at, over the longer side of its mesh; measured to jitter least."""
_SHRINK = 2.0
_TILES_OVERLAP = 0.5
_SWEEP_SEEN_FRAC = 0.12
_SWEEP_OVERLAP = 0.3
_SWEEP_SHRINK = _SWEEP_OVERLAP / _SWEEP_SEEN_FRAC  # what is too large for one size's overlap is seen at the next one
_SWEEP_FACE_PX = 4  # width of the least face in the small picture that tells where something has changed
_SWEEP_FLOOR_LEVELS = 2.0
SAME_FACE_IOU = 0.3
"""Meshes whose boxes share so much are one face."""
_NEARLY_WHOLE = 0.8
_OTHER_CROP_FACTORS = 1.5, 2.4
_MOST_APART = 0.05  # face widths, mean over the mesh


def find_faces(whole: npt.NDArray[np.uint8], detect: Detect, *, min_face_px: int, exhaustive: bool) -> list[Mesh]:
    """Find the faces of a picture.

    Parameters
    ----------
    whole : (h, w, 3) uint8
        The picture, RGB.
    detect : callable
        Meshes of an RGB picture, in its own pixels (`FaceLandmarker.detect`).
    min_face_px : int
        Faces narrower than this are not looked for.
    exhaustive : bool
        Go down to the smallest tiles even when larger ones have shown faces; else stop at the first size that does.

    Returns
    -------
    list of (478, 2) float32
        One mesh a face, in pixels of the picture, largest first, each confirmed (`add_confirmed`).
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
    """Look for further faces beside known ones, a few tiles at a time: cheap, and in time everywhere.

    The tiles that have changed most since they were looked at, and those that have waited longest, come first: so a
    newcomer before a still background is found within a step or two, and all tiles take turns when the camera moves.
    They overlap less than those of `find_faces`, and a face needs 0.12 of a tile: 46 tiles instead of 125 for faces of
    40 px in 1920x1080.

    Parameters
    ----------
    width, height : int
        Size of the pictures.
    min_face_px : int
        Faces narrower than this are not looked for.
    """

    def __init__(self, width: int, height: int, min_face_px: int) -> None:
        self._min_face_px = min_face_px
        sides = _falling(max(width, height), min_face_px / _SWEEP_SEEN_FRAC, _SWEEP_SHRINK)
        self._tiles = [tile for side in sides for tile in tiles(width, height, side, _SWEEP_OVERLAP)]
        self._scale = min(1.0, _SWEEP_FACE_PX / min_face_px)
        self._looked: list[tuple[float, npt.NDArray[np.float32] | None]] = [(-np.inf, None)] * len(self._tiles)

    def look(
        self, whole: npt.NDArray[np.uint8], time_s: float, detect: Detect, *, known: Sequence[Mesh], count: int
    ) -> list[Mesh]:
        """Look at a picture as a whole, and at `count` tiles of it, of all sizes.

        Known faces are blanked out first: a tile without a face costs the detector 1.5 ms, one with a face 8 ms.

        Parameters
        ----------
        whole : (h, w, 3) uint8 RGB
        time_s : float
            When it is shown; rising.
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
        open_tiles = [number for number, tile in enumerate(self._tiles) if not any(_inside(tile, k) for k in known)]
        waiting = {number: self._urgency(number, small, time_s) for number in open_tiles}
        chosen = sorted(open_tiles, key=lambda each: -waiting[each])[:count]
        for number in chosen:
            self._looked[number] = (time_s, small)
        blanked = _blanked(whole, known)
        found = list(known)
        for tile in (Box(0, 0, whole.shape[1], whole.shape[0]), *(self._tiles[number] for number in chosen)):
            for mesh in detect(blanked[tile.y0 : tile.y1, tile.x0 : tile.x1]):
                add_confirmed(found, shifted(mesh, tile), whole, detect, self._min_face_px)
        return found[len(known) :]

    def __len__(self) -> int:
        """How many tiles there are."""
        return len(self._tiles)

    def fork(self) -> Sweep:
        """One that goes on from here by itself."""
        other = copy(self)
        other._looked = list(self._looked)
        return other

    def looked_everywhere(self, whole: npt.NDArray[np.uint8], time_s: float) -> None:
        """Take note that a picture was searched otherwise."""
        self._looked = [(time_s, self._small(whole))] * len(self._tiles)

    def _small(self, whole: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        small = cv2.resize(whole[..., 1], None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.blur(small, (3, 3)), np.float32)

    def _urgency(self, number: int, small: npt.NDArray[np.float32], time_s: float) -> float:
        """Seconds waited times the largest change in grey levels."""
        looked_s, before = self._looked[number]
        if before is None:
            return float("inf")
        tile, scale = self._tiles[number], self._scale
        part = np.s_[int(tile.y0 * scale) : int(tile.y1 * scale) + 1, int(tile.x0 * scale) : int(tile.x1 * scale) + 1]
        changed = float(np.abs(small[part] - before[part]).max())
        return (time_s - looked_s) * (changed + _SWEEP_FLOOR_LEVELS)


def tile_sides(width: int, height: int, min_face_px: int) -> list[int]:
    """Sides of the square tiles to search, falling by at most half, down to where `min_face_px` is surely seen."""
    return _falling(max(width, height), min_face_px / SEEN_FRAC, _SHRINK)


def _falling(longest: int, smallest: float, shrink: float) -> list[int]:
    side = longest / shrink
    sides = []
    while side > smallest:
        sides.append(int(side))
        side /= shrink
    # The last size is the smallest itself, unless the whole picture or the size before is as small already.
    last = sides[-1] if sides else longest
    if smallest < _NEARLY_WHOLE * last:
        sides.append(int(smallest))
    return sides


def tiles(width: int, height: int, side: int, overlapping: float = _TILES_OVERLAP) -> Iterator[Box]:
    """Squares of `side` (clipped to the picture) that overlap by that share and cover it, from the top left."""
    for y0 in _starts(height, side, overlapping):
        for x0 in _starts(width, side, overlapping):
            yield Box(x0, y0, min(x0 + side, width), min(y0 + side, height))


def crop_around(mesh: Mesh, factor: float, side_px: float | None = None) -> Box:
    """The square about a mesh's middle, `factor` times its longer side (or `side_px`) wide; it may reach outside."""
    low, high = mesh.min(axis=0), mesh.max(axis=0)
    side = round(float(side_px if side_px is not None else factor * float((high - low).max())))
    side = max(side, 2)
    x0, y0 = (round(float(v)) for v in (low + high) / 2 - side / 2)
    return Box(x0, y0, x0 + side, y0 + side)


def shifted(mesh: Mesh, box: Box) -> Mesh:
    """A mesh in a box's pixels, in the picture's."""
    return mesh + np.array([box.x0, box.y0], np.float32)


def overlap(first: Mesh, second: Mesh) -> float:
    """Intersection over union of the boxes around two meshes, 0..1."""
    low = np.maximum(first.min(axis=0), second.min(axis=0))
    high = np.minimum(first.max(axis=0), second.max(axis=0))
    shared = float(np.prod(np.maximum(high - low, 0)))
    union = float(np.prod(np.ptp(first, axis=0)) + np.prod(np.ptp(second, axis=0))) - shared
    return shared / union if union > 0 else 0.0


def _blanked(whole: npt.NDArray[np.uint8], faces: Sequence[Mesh]) -> npt.NDArray[np.uint8]:
    """A copy with each face's box in one colour."""
    copy = whole.copy()
    for mesh in faces:
        (x0, y0), (x1, y1) = np.floor(mesh.min(axis=0)).astype(int), np.ceil(mesh.max(axis=0)).astype(int)
        part = copy[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        if part.size:
            part[...] = part[::4, ::4].mean(axis=(0, 1)).astype(np.uint8)
    return copy


def _inside(tile: Box, mesh: Mesh) -> bool:
    """Whether a face covers a tile."""
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
    """Look at a mesh again in crops of its own, and keep what is confirmed and new.

    What a tile's edge made up does not come back in the middle of a crop. And what only looks like a face, a fold or a
    hand, is seen in one crop and not in another, or elsewhere in it: so the mesh must come back in a smaller and in a
    larger crop, to within 0.05 of its width in the mean. Measured on 28 clips: all 672 sightings of faces came back in
    both, 0.017 apart at most; of 18 of folds, hands and flower beds one in the smaller crop, none in the larger.

    Parameters
    ----------
    found : list of (478, 2) float32
        Known faces; the new one is added, as it is seen in the first crop.
    mesh : (478, 2) float32
        What may be a face, in pixels of the picture.
    whole : (h, w, 3) uint8 RGB
    detect : callable
        See `find_faces`.
    min_face_px : int
        Narrower faces are not kept.
    """
    if any(overlap(mesh, known) >= SAME_FACE_IOU for known in found):
        return
    best = _again(mesh, CROP_FACTOR, whole, detect)
    if best is None or Landmarks(best).face_width_px < min_face_px:
        return
    if any(overlap(best, known) >= SAME_FACE_IOU for known in found):
        return
    most_px = _MOST_APART * Landmarks(best).face_width_px
    for factor in _OTHER_CROP_FACTORS:
        other = _again(best, factor, whole, detect)
        if other is None or float(np.hypot(*(other - best).T).mean()) > most_px:
            return
    found.append(best)


def confirmed(meshes: Sequence[Mesh], whole: npt.NDArray[np.uint8], detect: Detect, min_face_px: int) -> list[Mesh]:
    """Those of some meshes that are confirmed, each face once; see `add_confirmed`."""
    found: list[Mesh] = []
    for mesh in meshes:
        add_confirmed(found, mesh, whole, detect, min_face_px)
    return found


def _again(mesh: Mesh, factor: float, whole: npt.NDArray[np.uint8], detect: Detect) -> Mesh | None:
    """The same face as it is seen in a crop about it, `factor` times as large; None where there is none."""
    height, width = whole.shape[:2]
    crop = crop_around(mesh, factor).clipped(width, height)
    if crop.width < 2 or crop.height < 2:
        return None
    seen = [shifted(other, crop) for other in detect(whole[crop.y0 : crop.y1, crop.x0 : crop.x1])]
    best = max(seen, key=lambda other: overlap(mesh, other), default=None)
    return best if best is not None and overlap(mesh, best) >= SAME_FACE_IOU else None
