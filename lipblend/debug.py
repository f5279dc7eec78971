"""Pictures of what a run did to a frame: mask, alpha, seam ring, overlay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.errors import OutputError
from lipblend.faces.landmarks import Landmarks
from lipblend.media.planes import to_rgb
from lipblend.render import FacePatch, Picture
from lipblend.stages.matte import Matte, ring_radius_px, seam_ring

Rgb = npt.NDArray[np.uint8]

_MASK_TINT = (255, 160, 0)
_SEAM_TINT = (0, 255, 120)
_ORIGINAL_DOTS = (80, 200, 255)
_SYNCED_DOTS = (255, 80, 200)


class DebugPictures:
    """Writes four PNG files a face into a folder: mask, alpha, seam ring and overlay, named by the frame's index.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Raises
    ------
    OutputError
        If the folder or a picture cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the folder {folder}: {error.strerror}", hint="Name another --debug-dir."
            ) from error
        self._folder = folder

    def save(self, index: int, picture: Picture, patches: Sequence[FacePatch]) -> None:
        """Write the pictures of one blended frame; ``picture`` is the finished one."""
        for number, patch in enumerate(patches):
            matte, face = patch.matte, patch.plan
            ring = seam_ring(matte.alpha, radius_px=ring_radius_px(face.original.face_width_px))
            overlaid = overlay(picture, matte, face.original, face.synced)
            which = f"_face{number}" if number else ""
            for name, image in (
                ("mask", matte.mask.astype(np.uint8) * 255),
                ("alpha", np.rint(matte.alpha * 255).astype(np.uint8)),
                ("ring", ring.astype(np.uint8) * 255),
                ("overlay", cv2.cvtColor(overlaid, cv2.COLOR_RGB2BGR)),
            ):
                path = self._folder / f"{index:06d}{which}_{name}.png"
                if not cv2.imwrite(str(path), image):
                    raise OutputError(f"cannot write {path}", hint="Check the folder's rights and the free space.")


def overlay(picture: Picture, matte: Matte, original: Landmarks, synced: Landmarks) -> Rgb:
    """The region of interest with alpha as a tint, the seam as a line and both meshes as dots: (h, w, 3) uint8 RGB."""
    image = to_rgb(picture.planes, picture.layout, picture.colour, matte.box, height=picture.height).astype(np.float32)
    tint = np.array(_MASK_TINT, np.float32)
    image += (0.35 * matte.alpha[..., None]) * (tint - image)
    shown = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    contours, _ = cv2.findContours((matte.alpha >= 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(shown, contours, -1, _SEAM_TINT, 1)
    for mesh, dots in ((original, _ORIGINAL_DOTS), (synced, _SYNCED_DOTS)):
        for x, y in mesh.points_68 - (matte.box.x0 + 0.5, matte.box.y0 + 0.5):
            cv2.circle(shown, (round(float(x)), round(float(y))), 1, dots, -1)
    return shown
