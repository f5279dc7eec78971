"""A mesh followed through the frames of a video by the texture of the face; frames are decoded again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from lipblend.analysis.reduced_pair import work_step
from lipblend.analysis.texture_motion import Carried, Plane, Points, carry, evened
from lipblend.faces.landmarks import Landmarks
from lipblend.pairing.scan import Scan
from lipblend.picture.patch import Box
from lipblend.picture.planes import extract_reduced
from lipblend.runtime.prefetch import prefetch
from lipblend.runtime.spill import StoredRows
from lipblend.video.reader import Frame

_QUEUE = 2


def follow_mesh(video: Scan, shown: npt.NDArray[np.int64], mesh: Points, rows: range) -> Iterator[tuple[int, Carried]]:
    """Carry a mesh from row to row, until its texture is lost.

    Parameters
    ----------
    video : Scan
        Read completely.
    shown : (n,) int64
        The frame of the video in each row.
    mesh : (478, 2) float32
        In the first of the rows, pixels.
    rows : range
        Rows in the order in which they are followed, forwards or backwards.

    Yields
    ------
    row : int
        From the second on.
    carried : Carried
        In pixels of the video.
    """
    if len(rows) < 2:
        return
    step = work_step(Landmarks(mesh).face_width_px)
    with _Planes(video, sorted({int(shown[row]) for row in rows}), step, mesh) as plane_of:
        planes = (plane_of(int(shown[row])) for row in rows[1:])
        steps = carry(plane_of(int(shown[rows[0]])), mesh / np.float32(step), planes)
        for row, each in zip(rows[1:], steps, strict=False):
            yield row, Carried(np.asarray(each.mesh * np.float32(step), np.float32), each.fit)


class _Planes:
    """Luma of some frames at one size, evened out and stored in a temporary file; decoded as far as it is asked for."""

    def __init__(self, scan: Scan, wanted: list[int], step: int, mesh: Points) -> None:
        self._info, self._step, self._wanted = scan.info, step, wanted
        self._width = Landmarks(mesh).face_width_px / step
        self._frames = prefetch(scan.frames(wanted), _QUEUE)
        self._stored: StoredRows | None = None

    def __enter__(self) -> Callable[[int], Plane]:
        self._decoded = iter(self._frames.__enter__())
        return self._plane

    def __exit__(self, *error: object) -> None:
        self._frames.__exit__(*error)  # type: ignore[arg-type]

    def _plane(self, index: int) -> Plane:
        place = self._wanted.index(index)
        while self._stored is None or len(self._stored) <= place:
            plane = self._reduced(next(self._decoded))
            if self._stored is None:
                self._stored = StoredRows(plane.shape, np.uint8)
            self._stored.append(plane)
        return np.asarray(self._stored[place], np.uint8)

    def _reduced(self, frame: Frame) -> Plane:
        picture, step = frame.picture(self._info), self._step
        width, height = (side // (2 * step) * 2 * step for side in picture.size)
        luma = extract_reduced(picture.planes, picture.layout, Box(0, 0, width, height), step)[..., 0]
        return evened(np.ascontiguousarray(luma), self._width)
