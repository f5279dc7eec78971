"""Pictures of what stays in front of the faces, and of how it was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.picture import Picture
from lipblend.render.face_patch import FacePatch
from lipblend.render.frame import FrameResult
from lipblend.stages.occlusion.front_matte import cells_in_box
from lipblend.stages.occlusion.hand_shape import hand_mask

Rgb = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

WAY_RGB: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "departures": (255, 60, 60),
        "model": (60, 220, 220),
        "person": (80, 220, 80),
        "hands": (255, 80, 255),
        "strands": (255, 230, 0),
        "matte": (90, 140, 255),
    }
)
"""Colour of each way of finding; ``matte`` is the user's own."""
WAYS_LEGEND = "red departures, cyan model, green person, magenta hands, yellow strands, blue the user's matte"
OUTLINE_RGB = (255, 255, 255)
_TINT = 0.45
_DOT_FRAC, _MIN_DOT_PX = 0.008, 1.0  # radius, of the face's width


def front_of_frame(result: FrameResult, size: tuple[int, int]) -> Plane:
    """What stays the original's in front of the faces of a whole frame, (h, w) float32 in [0, 1]; 0 beyond the faces.

    What the user keeps is part of it everywhere. ``size`` is (width, height).
    """
    whole = np.zeros((size[1], size[0]), np.float32) if result.keep is None else result.keep.copy()
    for patch in result.patches:
        if patch.front is not None:
            box = patch.matte.box
            part = whole[box.y0 : box.y1, box.x0 : box.x1]
            np.maximum(part, patch.front.share, out=part)
    return whole


def planes_by_way(patch: FacePatch) -> Iterator[tuple[str, Plane]]:
    """How what stays in front of a face was found: (h, w) float32 in [0, 1] in the matte's box, not yet refined."""
    if patch.front is None:
        return
    box, face = patch.matte.box, patch.plan
    for way, cells in face.ways:
        yield way, cells_in_box(np.asarray(cells / np.float32(255), np.float32), box, face.original)
    if face.hands:
        yield "hands", np.maximum.reduce([hand_mask(points, box, forearm=0.0) for points in face.hands])
    if patch.front.strands is not None:
        yield "strands", patch.front.strands
    if patch.front.kept is not None:
        yield "matte", patch.front.kept


def shown_ways(patch: FacePatch) -> tuple[str, ...]:
    """The ways that found something in the matte's box."""
    return tuple(way for way, plane in planes_by_way(patch) if plane.max(initial=0.0) > 0.5)


def ways_picture(picture: Picture, patch: FacePatch) -> Rgb:
    """The matte's box with what was found tinted by its way, hands as points, and what stays outlined in white.

    Parameters
    ----------
    picture : Picture
        Of the whole frame.
    patch : FacePatch

    Returns
    -------
    (h, w, 3) uint8 RGB
    """
    box = patch.matte.box
    image = picture.to_rgb(box).astype(np.float32)
    for way, plane in planes_by_way(patch):
        image += _TINT * plane[..., None] * (np.array(WAY_RGB[way], np.float32) - image)
    shown = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    radius = round(max(_MIN_DOT_PX, _DOT_FRAC * patch.plan.original.face_width_px))
    for points in patch.plan.hands if patch.front is not None else ():
        for x, y in points - (box.x0 + 0.5, box.y0 + 0.5):
            cv2.circle(shown, (round(float(x)), round(float(y))), radius, WAY_RGB["hands"], -1)
    if patch.front is not None:
        draw_outline(shown, patch.front.share)
    return shown


def draw_outline(image: Rgb, plane: Plane) -> None:
    """Draw a white line around what is half in front or more, in place; both of one size."""
    inside = (plane >= 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, contours, -1, OUTLINE_RGB, 1)


def grey_codes(plane: Plane) -> npt.NDArray[np.uint8]:
    """(h, w) uint8: 255 for 1."""
    return np.rint(255 * plane).astype(np.uint8)
