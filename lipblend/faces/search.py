"""Find faces of any size: the whole picture first, then overlapping tiles that shrink until faces show.

The detector sees every picture at 128 x 128, and was measured to find each face whose width is at least 0.12 of the
picture's longer side, and none below 0.09. A picture without a face costs it 1.5 ms, whatever its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import Landmarks
from lipblend.media.planes import Box

Mesh = npt.NDArray[np.float32]
Detect = Callable[[npt.NDArray[np.uint8]], list[Mesh]]
RgbOf = Callable[[Box], npt.NDArray[np.uint8]]

SEEN_FRAC = 0.14
"""A face this wide, as a share of the picture's longer side, is found with something to spare."""
CROP_FACTOR = 1.9
"""Side of the square in which a face is looked at, over the longer side of its mesh; measured to jitter least."""
_SHRINK = 2.0
_TILES_OVERLAP = 0.5
_SAME_FACE_IOU = 0.3
_NEARLY_WHOLE = 0.8


def find_faces(
    rgb_of: RgbOf, width: int, height: int, detect: Detect, *, min_face_px: int, exhaustive: bool
) -> list[Mesh]:
    """Find the faces of a picture.

    Parameters
    ----------
    rgb_of : callable
        Gives the (h, w, 3) uint8 RGB of a box inside the picture.
    width, height : int
        Size of the picture, pixels.
    detect : callable
        Meshes of an RGB picture, in its own pixels (`FaceLandmarker.detect`).
    min_face_px : int
        Faces narrower than this are not looked for.
    exhaustive : bool
        Go down to the smallest tiles even when larger ones have shown faces; else stop at the first size that does.

    Returns
    -------
    list of (478, 2) float32
        One mesh a face, in pixels of the picture, largest first. Each was seen twice: what a tile's edge made
        up does not come back when it is looked at in the middle of a crop.
    """
    whole = rgb_of(Box(0, 0, width, height))
    found: list[Mesh] = []
    for side in (max(width, height), *tile_sides(width, height, min_face_px)):
        for tile in tiles(width, height, side):
            for mesh in detect(whole[tile.y0 : tile.y1, tile.x0 : tile.x1]):
                _add(found, shifted(mesh, tile), whole, detect, min_face_px)
        if found and not exhaustive:
            break
    return sorted(found, key=lambda mesh: -Landmarks(mesh).face_width_px)


def tile_sides(width: int, height: int, min_face_px: int) -> list[int]:
    """Sides of the square tiles to search, falling by at most half, down to where `min_face_px` is surely seen."""
    smallest = min_face_px / SEEN_FRAC
    side = max(width, height) / _SHRINK
    sides = []
    while side > smallest:
        sides.append(int(side))
        side /= _SHRINK
    # The last size is the smallest itself, unless the whole picture or the size before is as small already.
    last = sides[-1] if sides else max(width, height)
    if smallest < _NEARLY_WHOLE * last:
        sides.append(int(smallest))
    return sides


def tiles(width: int, height: int, side: int) -> Iterator[Box]:
    """Squares of `side` (clipped to the picture) that overlap by half and cover it, from the top left."""
    for y0 in _starts(height, side):
        for x0 in _starts(width, side):
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


def _starts(length: int, side: int) -> list[int]:
    if side >= length:
        return [0]
    count = int(np.ceil((length - side) / (side * (1 - _TILES_OVERLAP)))) + 1
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def _add(found: list[Mesh], mesh: Mesh, whole: npt.NDArray[np.uint8], detect: Detect, min_face_px: int) -> None:
    """Look at a mesh again in a crop of its own, and keep what is confirmed and new."""
    if any(overlap(mesh, known) >= _SAME_FACE_IOU for known in found):
        return
    height, width = whole.shape[:2]
    crop = crop_around(mesh, CROP_FACTOR).clipped(width, height)
    if crop.width < 2 or crop.height < 2:
        return
    again = detect(whole[crop.y0 : crop.y1, crop.x0 : crop.x1])
    candidates = [shifted(other, crop) for other in again]
    best = max(candidates, key=lambda other: overlap(mesh, other), default=None)
    if best is None or overlap(mesh, best) < _SAME_FACE_IOU or Landmarks(best).face_width_px < min_face_px:
        return
    if all(overlap(best, known) < _SAME_FACE_IOU for known in found):
        found.append(best)
