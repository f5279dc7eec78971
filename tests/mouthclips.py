"""Clips of one talking face as `FaceView`s, and ways to damage the synced patch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.picture.formats import UNSPECIFIED, ColourTags
from lipblend.picture.patch import Box
from lipblend.picture.ycbcr import BT601, ycbcr_matrix
from lipblend.quality.view import FaceView

_LIMITED = 1
MATRIX = ycbcr_matrix(ColourTags(BT601, UNSPECIFIED, UNSPECIFIED, _LIMITED), 480)
RATE = 25.0


@dataclass
class TalkingFace:
    """Draws views of the portrait at a face width of 200 px; ``portrait`` and ``mesh`` are the conftest's."""

    portrait: np.ndarray
    mesh: Landmarks

    def __post_init__(self) -> None:
        scale = 200.0 / self.mesh.face_width_px
        small = cv2.resize(self.portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
        inverse = np.linalg.inv(MATRIX[:, :3])
        self.picture = (small - MATRIX[:, 3]) @ inverse.T.astype(np.float32)
        self.points = self.mesh.points.astype(np.float64) * scale
        middle = Landmarks(self.points.astype(np.float32)).mouth_centre
        self.box = Box(*np.rint([middle[0] - 140, middle[1] - 100, middle[0] + 140, middle[1] + 130]).astype(int))

    def view(
        self, *, at: tuple[float, float] = (0, 0), opened: float = 0.0, original_opened: float = 0.0, seed: int = 0
    ) -> FaceView:
        """The head at a place, with the synced and the original mouth opened by a number of pixels."""
        rng = np.random.default_rng(seed)
        (original, original_mesh), (synced, synced_mesh) = self._drawn(at, original_opened), self._drawn(at, opened)
        y, x = np.mgrid[: original.shape[0], : original.shape[1]]
        middle = original_mesh.mouth_centre - (self.box.x0, self.box.y0)
        reach = np.hypot((x - middle[0]) / 85, (y - middle[1] - 15) / 75)
        alpha = np.clip((1 - reach) * 8, 0, 1).astype(np.float32)
        # Generators are slightly soft, and their output is encoded again.
        synced = cv2.GaussianBlur(synced, (0, 0), 0.7)
        original, synced = ((each + rng.normal(0, 0.4, each.shape)).astype(np.float32) for each in (original, synced))
        result = original + alpha[..., None] * (synced - original)
        return FaceView(
            self.box, original, synced, result, alpha, alpha, original_mesh, synced_mesh, None, 1.0, MATRIX
        )  # fmt: skip

    def _drawn(self, at: tuple[float, float], opened: float) -> tuple[np.ndarray, Landmarks]:
        middle = Landmarks(self.points.astype(np.float32)).mouth_centre
        size = self.box.width, self.box.height
        x, y = np.meshgrid(
            (np.arange(size[0]) + self.box.x0 - at[0]).astype(np.float32),
            (np.arange(size[1]) + self.box.y0 - at[1]).astype(np.float32),
        )
        # Everything below the middle of the mouth moves down, which stretches the inside of the mouth.
        down = opened * np.clip((y - middle[1]) / (4 + opened), 0, 1) * np.clip(2 - np.abs(x - middle[0]) / 60, 0, 1)
        picture = cv2.remap(
            self.picture, x, (y - down).astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        points = self.points.copy()
        side = np.clip(2 - np.abs(points[:, 0] - middle[0]) / 60, 0, 1)
        points[:, 1] += opened * np.clip((points[:, 1] - middle[1]) / 4, 0, 1) * side
        return picture, Landmarks((points + at).astype(np.float32))

    def clip(self, count: int = 24, *, still: Sequence[int] = ()) -> list[FaceView]:
        """A drifting head with a talking mouth; in the frames of ``still`` neither moves."""
        views, time = [], 0
        for frame in range(count):
            time += frame not in still
            at = 6 * np.sin(time / 5), 4 * np.cos(time / 7)
            opened, original_opened = 14 + 12 * np.sin(time * 1.1), 5 + 5 * np.sin(time * 0.7 + 2)
            views.append(self.view(at=at, opened=opened, original_opened=original_opened, seed=frame))
        return views


def times(count: int) -> np.ndarray:
    return np.arange(count) / RATE


def painted(view: FaceView, patch: np.ndarray) -> FaceView:
    """The view with another synced patch inside the mask."""
    soft = cv2.GaussianBlur((view.contour > 0.02).astype(np.float32), (0, 0), 2)[..., None]
    return replace(view, synced=(view.synced + soft * (patch - view.synced)).astype(np.float32))


def moved(patch: np.ndarray, x: float, y: float) -> np.ndarray:
    matrix = np.array([[1, 0, x], [0, 1, y]])
    return cv2.warpAffine(patch, matrix, patch.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def blurred(view: FaceView) -> FaceView:
    return painted(view, cv2.GaussianBlur(view.synced, (0, 0), 0.02 * view.face_width_px))


def misplaced(view: FaceView) -> FaceView:
    return painted(view, moved(view.synced, 0.04 * view.face_width_px, 0))


def mixed(view: FaceView) -> FaceView:
    return painted(view, (view.synced + view.original) / 2)


def blocky(view: FaceView) -> FaceView:
    """Blocks of 8 pixels in a crop of 96, enlarged to the face, with a third of their detail left."""
    step = 8 / 96 * view.face_width_px
    rows, columns = ((np.arange(n) / step).astype(int) for n in view.synced.shape[:2])
    labels = rows[:, None] * (columns.max() + 1) + columns
    count = np.maximum(np.bincount(labels.ravel()), 1)
    means = [(np.bincount(labels.ravel(), view.synced[..., k].ravel()) / count)[labels] for k in range(3)]
    flat = np.stack(means, axis=-1)
    return painted(view, flat + 0.33 * (view.synced - flat))


def repeated(views: Sequence[FaceView], first: int, stop: int) -> list[FaceView]:
    """The patch of frame ``first`` repeated up to ``stop``, moved with the head, with new noise each time."""
    out, source = list(views), views[first]
    for i in range(first + 1, stop):
        shift = (views[i].original_mesh.points - source.original_mesh.points)[list(STABLE)].mean(0)
        noise = np.random.default_rng(1000 + i).normal(0, 0.5, source.synced.shape)
        out[i] = painted(views[i], moved(source.synced, *shift) + noise)
    return out


Damage = Callable[[FaceView], FaceView]
