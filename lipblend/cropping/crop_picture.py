"""Cutting a crop out of a picture, and putting one back."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.formats import ColourTags
from lipblend.picture.frame_mapping import FrameMapping, extract_mapped
from lipblend.picture.light import SDR, transfer_kind
from lipblend.picture.patch import Box, ChromaGrid, Patch
from lipblend.picture.picture import Picture
from lipblend.picture.planes import displayed
from lipblend.picture.ycbcr import change_of_encoding, ycbcr_matrix
from lipblend.video.info import VideoInfo

Matrix = npt.NDArray[np.float64]


def cut_crop(
    picture: Picture, matrix: Matrix, info: VideoInfo, fill: tuple[int, int, int], *, lanczos: bool = False
) -> list[npt.NDArray[Any]]:
    """Cut a crop out of a picture, resampled once from its own planes.

    Cubic interpolation, low-passed where it is reduced; chroma keeps its siting.

    Parameters
    ----------
    picture : Picture
        High dynamic range is shown as on a standard screen.
    matrix : (2, 3) float64
        From the picture's pixels to the crop's.
    info : VideoInfo
        The crop: its size, layout and colour tags.
    fill : (int, int, int)
        R, G and B beyond the picture's border, 0 to 255.
    lanczos : bool
        Interpolate by Lanczos' kernel, which keeps more detail of what is enlarged than the cubic one.

    Returns
    -------
    list of (h, w) uint8 or uint16
        Y, Cb and Cr, as the layout has them.
    """
    whole = Box(0, 0, info.width, info.height)
    mapping = FrameMapping.of(matrix).inverse()
    kernel = cv2.INTER_LANCZOS4 if lanczos else cv2.INTER_CUBIC
    codes = extract_mapped(picture.planes, picture.layout, whole, mapping, interpolation=kernel)
    codes = as_standard(codes, picture, info.colour)
    inside = coverage(mapping, (info.width, info.height), picture.size)
    if not inside.all():
        square = np.vstack([ycbcr_matrix(info.colour, info.height), [0, 0, 0, 1]])
        colour = np.linalg.inv(square) @ [*fill, 1]
        codes[~inside] = colour[:3].astype(np.float32)
    patch = Patch.of(codes, ChromaGrid(info.layout, whole))
    planes = [patch.luma, patch.chroma[..., 0], patch.chroma[..., 1]]
    layout, dtype = info.layout, np.uint8 if info.layout.depth == 8 else np.uint16
    return [np.clip(np.rint(plane * layout.code_scale), 0, layout.code_max).astype(dtype) for plane in planes]


def as_standard(codes: npt.NDArray[np.float32], picture: Picture, target: ColourTags) -> npt.NDArray[np.float32]:
    """A picture's codes, (h, w, 3) float32, in the encoding of a standard video."""
    if transfer_kind(picture.colour.transfer) == SDR:
        change = change_of_encoding(picture.colour, target, picture.height)
        return codes if change is None else np.asarray(cv2.transform(codes, change.astype(np.float32)), np.float32)
    rgb = displayed(np.clip(np.rint(codes), 0, 255).astype(np.uint8), picture.colour, picture.height)
    back = np.linalg.inv(np.vstack([ycbcr_matrix(target, picture.height), [0, 0, 0, 1]]))[:3]
    return np.asarray(cv2.transform(rgb.astype(np.float32), back), np.float32)


def coverage(
    mapping: FrameMapping, size: tuple[int, int], source: tuple[int, int], origin: tuple[int, int] = (0, 0)
) -> npt.NDArray[np.bool_]:
    """Pixels of a target of a size whose centres lie within a source of a size, (height, width) bool.

    ``mapping`` leads from the target's pixels to the source's, ``origin`` is the target's corner.
    """
    across, down = np.meshgrid(np.arange(size[0]) + 0.5 + origin[0], np.arange(size[1]) + 0.5 + origin[1])
    places = mapping.to_synced(np.stack([across, down], axis=-1))
    return np.asarray(((places >= 0) & (places <= np.array(source))).all(axis=-1))
