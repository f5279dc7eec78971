"""What segmentation models see in front of the faces of a clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import COLUMNS
from lipblend.analysis.meshes_in_place import meshes_in_place
from lipblend.analysis.near_faces import Faces, NearFrames
from lipblend.faces.landmarks import Landmarks
from lipblend.picture.patch import Box
from lipblend.picture.picture import Picture
from lipblend.runtime.spill import NumberedRows
from lipblend.stages.occlusion.face_look import LOOK_GRID
from lipblend.stages.occlusion.occluder_model import OccluderModel
from lipblend.stages.occlusion.segmented import on_face, stored_cells

Rgb = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Cells = npt.NDArray[np.uint8]

_PERSON_WIDTHS = 3.0  # of the face: head and shoulders, as in the pictures that the segmenter was made for


class SegmentLooker:
    """Asks a model what lies in front of each face; see `lipblend.analysis.near_faces.Looker`.

    Parameters
    ----------
    column : str
        "segmented" or "person".
    faces : mapping
        Those in question, all of which are looked at.
    in_front : callable
        From a square picture around a face, (h, w, 3) uint8 RGB, to (h, w) float32 in [0, 1].
    crop_widths : float
        Side of that square, face widths.
    beyond : bool
        What lies just beside a face counts too (`lipblend.stages.occlusion.segmented.on_face`).
    """

    def __init__(
        self, column: str, faces: Faces, in_front: Callable[[Rgb], Plane], *, crop_widths: float, beyond: bool
    ) -> None:
        self.column, self.faces = column, faces
        self._in_front, self._crop_widths, self._beyond = in_front, crop_widths, beyond
        self._found = NumberedRows(*COLUMNS[column])

    @classmethod
    def of_model(cls, faces: Faces, model: OccluderModel) -> SegmentLooker:
        """Of a model of the user's own."""
        beyond = not model.mapping.output.face  # a model that only knows faces takes all around one for in front
        return cls(
            "segmented", faces, lambda rgb: model.predict(rgb).in_front, crop_widths=model.face_crop, beyond=beyond
        )

    @classmethod
    def of_person(cls, faces: Faces, segment: Callable[[Rgb], Plane]) -> SegmentLooker:
        """Of what is background within a face; ``segment`` gives the probability of a person."""
        return cls("person", faces, lambda rgb: 1 - segment(rgb), crop_widths=_PERSON_WIDTHS, beyond=False)

    def wanted(self, frames: Sequence[int]) -> Sequence[int]:
        """All."""
        return frames

    def look(self, frame: int, picture: Picture) -> None:
        """Ask the model about each face of a frame."""
        for table, row in self.faces[frame]:
            meshes = meshes_in_place(table, row)
            seen = upright_crop(picture, meshes[0], self._crop_widths)
            if seen is not None:
                rgb, box = seen
                cells = on_face(LOOK_GRID.sampled(self._in_front(rgb), box, meshes[0]), meshes, beyond=self._beyond)
                if cells.any():
                    self._found[row] = stored_cells(cells)

    def finished(self, frames: Sequence[int], near: NearFrames) -> Mapping[int, Cells]:
        """What was found, without faces that nothing lies in front of."""
        found, self._found = self._found, NumberedRows(*COLUMNS[self.column])
        return found


def upright_crop(picture: Picture, face: Landmarks, widths: float) -> tuple[Rgb, Box] | None:
    """A square around the middle of a face, and where it lies; None if it shows nothing of the picture.

    Beyond the picture its border goes on.
    """
    side = max(1, round(widths * face.face_width_px))
    left, top = (round(float(each) - side / 2) for each in (face.points.min(0) + face.points.max(0)) / 2)
    wanted = Box(left, top, left + side, top + side)
    box = wanted.clipped(*picture.size)
    if not (box.width and box.height):
        return None
    sides = box.y0 - wanted.y0, wanted.y1 - box.y1, box.x0 - wanted.x0, wanted.x1 - box.x1
    crop = cv2.copyMakeBorder(picture.to_rgb(box), *sides, cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8), wanted
