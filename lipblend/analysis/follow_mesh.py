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
_REACH = 3.0  # face widths around the first mesh within which it is followed


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
    face = Landmarks(mesh)
    step = work_step(face.face_width_px)
    info, reach = video.info, _REACH * face.face_width_px
    near = Box.around(mesh.min(0) - reach, mesh.max(0) + reach).clipped(info.upright_width, info.upright_height)
    unit = 2 * step  # whole chroma samples
    near = Box(*(side // unit * unit for side in (near.x0, near.y0, near.x1, near.y1)))
    if not (near.width and near.height):
        return
    corner = np.array([near.x0, near.y0], np.float32)
    with _Planes(video, sorted({int(shown[row]) for row in rows}), step, near, face) as plane_of:
        planes = (plane_of(int(shown[row])) for row in rows[1:])
        steps = carry(plane_of(int(shown[rows[0]])), (mesh - corner) / np.float32(step), planes)
        for row, each in zip(rows[1:], steps, strict=False):
            yield row, Carried(np.asarray(each.mesh * np.float32(step) + corner, np.float32), each.fit)


class _Planes:
    """Luma of a part of some frames, evened out and stored in a temporary file; decoded as far as it is asked for."""

    def __init__(self, scan: Scan, wanted: list[int], step: int, part: Box, face: Landmarks) -> None:
        self._info, self._step, self._part = scan.info, step, part
        self._place = {index: place for place, index in enumerate(wanted)}
        self._width = face.face_width_px / step
        self._frames = prefetch(scan.frames(wanted), _QUEUE)
        self._stored: StoredRows | None = None

    def __enter__(self) -> Callable[[int], Plane]:
        self._decoded = iter(self._frames.__enter__())
        return self._plane

    def __exit__(self, *error: object) -> None:
        self._frames.__exit__(*error)  # type: ignore[arg-type]

    def _plane(self, index: int) -> Plane:
        place = self._place[index]
        while self._stored is None or len(self._stored) <= place:
            plane = self._reduced(next(self._decoded))
            if self._stored is None:
                self._stored = StoredRows(plane.shape, np.uint8)
            self._stored.append(plane)
        return np.asarray(self._stored[place], np.uint8)

    def _reduced(self, frame: Frame) -> Plane:
        picture = frame.picture(self._info)
        luma = extract_reduced(picture.planes, picture.layout, self._part, self._step)[..., 0]
        return evened(np.ascontiguousarray(luma), self._width)
