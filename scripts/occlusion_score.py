"""How well a composite keeps what is before the mouth, and still shows the new mouth beside it.

Grey levels are those of the decoded frames. M is where the thing covers the picture by more than half (occ.npz).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from lipblend.errors import InputError
from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.lab.ablation.triples import Triple

Grey = NDArray[np.int16]
Mask = NDArray[np.bool_]

_DIFFERENT = 15  # grey levels by which two pictures must differ
_SAME = 8  # grey levels up to which a pixel counts as kept
_BESIDE_PX = 4  # from M on
_OUTLINE_PX = 3  # on both sides
_MOUTH_FRAC = 0.03  # face widths around the lips
_LEAST_SHARE = 0.002  # of the lower face must be in M for a frame with a thing over it
COLUMNS = ("kept", "lower", "lower_in", "mouth_beside", "mouth_without", "lost", "edge_flicker")


@dataclass
class _Mean:
    total: float = 0.0
    count: int = 0

    def add(self, values: NDArray[np.generic]) -> None:
        self.total += float(np.sum(values, dtype=np.float64))
        self.count += values.size

    @property
    def value(self) -> float:
        return self.total / self.count if self.count else float("nan")

    @property
    def psnr(self) -> float:
        """With the means of squares; at most that of an error of a tenth of a grey level."""
        return float(10 * np.log10(255**2 / max(self.value, 0.01)))


@dataclass
class Tally:
    """The measures of a clip, frame by frame."""

    means: dict[str, _Mean] = field(default_factory=lambda: {name: _Mean() for name in (*COLUMNS, "calm_flicker")})
    last: NDArray[np.int16] | None = None

    def add(self, frames: Mapping[str, Grey], covered: Mask, mesh: NDArray[np.float32]) -> None:
        """Add a frame.

        Parameters
        ----------
        frames : mapping of str to (h, w) int16
            Grey pictures ``orig``, ``synced``, ``truth``, ``result``, and ``bare``, ``bare_truth``: the composite and
            the truth of the triple without anything before the face.
        covered : (h, w) bool
            M.
        mesh : (478, 2) float32
        """
        orig, synced, truth, result = (frames[name] for name in ("orig", "synced", "truth", "result"))
        lower, mouth, lips = regions(mesh, (orig.shape[0], orig.shape[1]))
        error, kept = result - truth, np.abs(result - orig) <= _SAME
        self.means["kept"].add(kept[covered & (np.abs(orig - synced) > _DIFFERENT)])
        self.means["lower"].add(error[lower].astype(np.float32) ** 2)
        near = dilated(covered, _BESIDE_PX)
        stale = kept & (np.abs(error) > _DIFFERENT)
        self.means["lost"].add(stale[lips & ~near & (np.abs(truth - orig) > _DIFFERENT)])
        if (covered & lower).sum() >= _LEAST_SHARE * max(1, lower.sum()):
            self.means["lower_in"].add(error[lower].astype(np.float32) ** 2)
            beside = mouth & ~near
            self.means["mouth_beside"].add(error[beside].astype(np.float32) ** 2)
            bare = frames["bare"] - frames["bare_truth"]
            self.means["mouth_without"].add(bare[beside].astype(np.float32) ** 2)
            if self.last is not None:
                outline = dilated(covered, _OUTLINE_PX) & dilated(~covered, _OUTLINE_PX)
                change = np.abs(error - self.last)
                self.means["edge_flicker"].add(change[outline & lower])
                self.means["calm_flicker"].add(change[lower & ~dilated(covered, _OUTLINE_PX)])
        self.last = error

    def values(self) -> dict[str, float]:
        """The columns of the table; NaN where there was nothing to measure."""
        found = {name: self.means[name].value for name in ("kept", "lost")}
        for name in ("lower", "lower_in", "mouth_beside", "mouth_without"):
            found[name] = self.means[name].psnr
        edge, calm = self.means["edge_flicker"].value, self.means["calm_flicker"].value
        found["edge_flicker"] = edge / max(calm, 0.05) if np.isfinite(calm) else float("nan")
        return {name: found[name] for name in COLUMNS}


def regions(mesh: NDArray[np.float32], shape: tuple[int, int]) -> tuple[Mask, Mask, Mask]:
    """Lower face, lips with a margin, and lips with what is between them."""
    face = Landmarks(np.ascontiguousarray(mesh, np.float32))
    size, across, down = face.face_width_px, face.x_axis, face.y_axis
    middle = face.mouth_centre + 0.12 * size * down
    corners = ((-0.55, -0.38), (0.55, -0.38), (0.5, 0.42), (-0.5, 0.42))
    box = np.array([middle + size * (x * across + y * down) for x, y in corners])
    lower, lips = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(lower, box.astype(np.int32), 1)
    cv2.fillConvexPoly(lips, cv2.convexHull(face.points[list(LIPS_OUTER)].astype(np.int32)), 1)
    mouth = dilated(lips.astype(bool), max(1, round(_MOUTH_FRAC * size)))
    return lower.astype(bool), mouth, lips.astype(bool)


def dilated(mask: Mask, by_px: int) -> Mask:
    """All pixels within a distance of a mask, rows and columns."""
    kernel = np.ones((2 * by_px + 1, 2 * by_px + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)


def grey_frames(path: Path) -> Iterator[Grey]:
    """The frames of a video in grey, one by one."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            grey: Grey = cv2.cvtColor(frame.to_ndarray(format="bgr24"), cv2.COLOR_BGR2GRAY).astype(np.int16)
            yield grey


def read_masks(path: Path) -> Iterator[Mask]:
    """M of every frame from occ.npz; unpacked one by one."""
    stored = np.load(path)
    packed, (count, height, width) = stored["arr_0"], stored["arr_1"].tolist()
    for index in range(count):
        first, stop = index * height * width, (index + 1) * height * width
        bits = np.unpackbits(packed[first // 8 : -(-stop // 8)])
        yield bits[first % 8 : first % 8 + height * width].reshape(height, width).astype(bool)


def score(made: Triple, result: Path, bare: Path, bare_truth: Path) -> dict[str, float]:
    """The measures of a result.

    Parameters
    ----------
    made : Triple
        With something before the mouth.
    result : Path
        Its composite.
    bare, bare_truth : Path
        The composite and the truth of the triple that it was made from.
    """
    folder = made.original.parent
    paths = {
        "orig": made.original, "synced": made.synced, "truth": made.truth,
        "result": result, "bare": bare, "bare_truth": bare_truth,
    }  # fmt: skip
    with np.load(folder / "meshes.npz") as stored:
        meshes = stored["arr_0"]
    tally, seen = Tally(), 0
    streams: Iterable[tuple[Grey, ...]] = zip(*map(grey_frames, paths.values()), strict=False)
    for mask, mesh, frames in zip(read_masks(folder / "occ.npz"), meshes, streams, strict=False):
        height, width = mask.shape
        cut = {name: frame[:height, :width] for name, frame in zip(paths, frames, strict=True)}
        tally.add(cut, mask, mesh)
        seen += 1
    if seen < len(meshes):
        raise InputError(f"{result} or a video beside it has {seen} of {len(meshes)} frames")
    return tally.values()
