"""The face mesh: its points by name, and measures of it.

Left and right are the *person's*, as in MediaPipe: the person's right eye is on the picture's left, unless the picture
is mirrored. The index sets follow MediaPipe's published connection lists; the 68-point view is the nearest match of the
mesh to the iBUG 300-W scheme (Sagonas et al., 2013, https://doi.org/10.1109/ICCVW.2013.59), with the jaw
points chosen at even steps along the outline.

Positions are (x, y) in pixels, x right and y down, and the centre of the first pixel lies at (0.5, 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from lipblend.picture.patch import Box

MESH_POINTS = 478
"""Points of the mesh; the last ten are the irises."""

Indices = tuple[int, ...]

# fmt: off
FACE_OVAL: Indices = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
"""Outline of the face, closed, from the top of the forehead along the person's left side."""
JAW: Indices = (
    127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148,
    152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356,
)
"""The part of the outline from the person's right ear through the chin to the left ear."""
LOWER_JAW: Indices = JAW[3:-3]
"""The part of the jaw below the nose (from 132 to 361)."""

LIPS_OUTER: Indices = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
)
"""Outer edge of the lips, closed, from the person's right corner along the upper lip."""
LIPS_INNER: Indices = (
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
)
"""Inner edge of the lips, closed, from the person's right corner along the upper lip."""

RIGHT_EYE: Indices = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE: Indices = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
"""Edges of the eyelids, closed, from the outer corner along the upper lid."""
RIGHT_BROW: Indices = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_BROW: Indices = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
"""Outlines of the brows, closed, from the outer end along the upper edge."""

NOSE_BASE: Indices = (98, 97, 2, 326, 327)
"""Under the nose, from wing to wing."""
NOSE: Indices = (168, 122, 174, 198, 209, 129, 98, 97, 2, 326, 327, 358, 429, 420, 399, 351)
"""Outline of the nose, closed."""

RIGHT_CHEEK: Indices = (116, 117, 118, 119, 100, 142, 203, 206, 216, 214, 192, 147, 123)
LEFT_CHEEK: Indices = (345, 346, 347, 348, 329, 371, 423, 426, 436, 434, 416, 376, 352)
CHIN: Indices = (43, 106, 182, 83, 18, 313, 406, 335, 273, 379, 378, 400, 377, 152, 148, 176, 149, 150)

STABLE: Indices = (168, 6, 197, 195, 5, 122, 351, 193, 417, 188, 412, 33, 133, 362, 263, 117, 346)
"""Points that hardly move during speech: bridge and root of the nose, corners of the eyes, cheekbones."""

POINTS_68: npt.NDArray[np.intp] = np.array([
    127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,  # 0-16 jaw
    70, 63, 105, 66, 107,                                                               # 17-21 right brow
    336, 296, 334, 293, 300,                                                            # 22-26 left brow
    168, 197, 5, 1,                                                                     # 27-30 bridge of the nose
    98, 97, 2, 326, 327,                                                                # 31-35 base of the nose
    33, 160, 158, 133, 153, 144,                                                        # 36-41 right eye
    362, 385, 387, 263, 373, 380,                                                       # 42-47 left eye
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,                                # 48-59 outer lips
    78, 81, 13, 311, 308, 402, 14, 178,                                                 # 60-67 inner lips
], np.intp)
"""Mesh index of each of the 68 points, (68,)."""
POINTS_68.setflags(write=False)

AREA_LOWER_FACE: Indices = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 35, 34, 33, 32, 31)
AREA_MOUTH: Indices = tuple(range(48, 68))
AREA_UPPER_FACE: Indices = (0, 1, 2, 31, 32, 33, 34, 35, 14, 15, 16, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17)
"""Areas as usually defined in the field, in 68-point numbering."""
# fmt: on

Outlines = tuple[Indices, ...]
REGIONS: Mapping[str, tuple[Outlines, Outlines]] = MappingProxyType(
    {
        "lips": ((LIPS_OUTER,), (LIPS_INNER,)),
        "mouth_interior": ((LIPS_INNER,), ()),
        "skin": ((FACE_OVAL,), (LIPS_OUTER, NOSE, RIGHT_EYE, LEFT_EYE, RIGHT_BROW, LEFT_BROW)),
        "nose": ((NOSE,), ()),
        "chin": ((CHIN,), ()),
        "left_cheek": ((LEFT_CHEEK,), ()),
        "right_cheek": ((RIGHT_CHEEK,), ()),
        "left_eye": ((LEFT_EYE,), ()),
        "right_eye": ((RIGHT_EYE,), ()),
        "left_brow": ((LEFT_BROW,), ()),
        "right_brow": ((RIGHT_BROW,), ()),
    }
)
"""Regions by name: closed outlines to fill, then outlines to subtract. Chin and cheeks are parts of the skin."""

_MOUTH_RIGHT, _MOUTH_LEFT = 61, 291
_LIP_TOP_INNER, _LIP_BOTTOM_INNER = 13, 14
_FACE_RIGHT, _FACE_LEFT = 234, 454
_EYE_RIGHT_OUTER, _EYE_LEFT_OUTER = 33, 263
_NOSE_TIP = 1
# Distance of the nose tip in front of points 234 and 454, divided by half their distance. Fitted to MediaPipe's own
# head pose on three clips.
_NOSE_PROTRUSION = 1.75


@dataclass(frozen=True)
class Landmarks:
    """The mesh of one face in one picture.

    Parameters
    ----------
    points : (478, 2) float32
        (x, y) in pixels, pixel centres at +0.5. May lie outside the picture. Kept as a read-only copy.

    Raises
    ------
    ValueError
        If shape or dtype differ, or a value is not finite.
    """

    points: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.points.shape != (MESH_POINTS, 2) or self.points.dtype != np.float32:
            raise ValueError(
                f"expected ({MESH_POINTS}, 2) float32 landmarks, got {self.points.shape} {self.points.dtype}"
            )
        if not np.isfinite(self.points).all():
            raise ValueError("expected finite landmarks, got inf or nan")
        points = self.points.copy()
        points.setflags(write=False)
        object.__setattr__(self, "points", points)

    @property
    def points_68(self) -> npt.NDArray[np.float32]:
        """(68, 2) float32: the 68-point view."""
        return self.points[POINTS_68]

    @property
    def face_width_px(self) -> float:
        """Distance between points 234 and 454, ``w_f``, in pixels. It shrinks as the head turns away."""
        return math.dist(self.points[_FACE_LEFT].tolist(), self.points[_FACE_RIGHT].tolist())

    @property
    def x_axis(self) -> npt.NDArray[np.float64]:
        """(2,) unit vector from the person's right to the left; (1, 0) for an upright face or an empty mesh."""
        # Both spans: the eyes alone are close together, the cheeks alone tilt when the head turns.
        across = self._at(_EYE_LEFT_OUTER) - self._at(_EYE_RIGHT_OUTER) + self._at(_FACE_LEFT) - self._at(_FACE_RIGHT)
        length = float(np.hypot(*across))
        return across / length if length > 0 else np.array([1.0, 0.0])

    @property
    def y_axis(self) -> npt.NDArray[np.float64]:
        """(2,) unit vector towards the chin, perpendicular to `x_axis`."""
        x, y = self.x_axis
        return np.array([-y, x])

    @property
    def mouth_centre(self) -> npt.NDArray[np.float64]:
        """(2,) mean of the outer lip contour, pixels."""
        return np.asarray(self.points[list(LIPS_OUTER)].mean(axis=0, dtype=np.float64))

    @property
    def mouth_angle_rad(self) -> float:
        """Angle of the line through the mouth corners, -pi..pi; positive turns clockwise on the screen."""
        x, y = self._at(_MOUTH_LEFT) - self._at(_MOUTH_RIGHT)
        return float(np.arctan2(y, x))

    @property
    def mouth_opening(self) -> float:
        """Gap of the inner lips over the width of the mouth, clipped to 0..1."""
        gap = float(np.hypot(*(self._at(_LIP_BOTTOM_INNER) - self._at(_LIP_TOP_INNER))))
        width = float(np.hypot(*(self._at(_MOUTH_LEFT) - self._at(_MOUTH_RIGHT))))
        return min(1.0, gap / width) if width > 0 else 0.0

    @property
    def yaw_rad(self) -> float:
        """Rough turn of the head about the vertical, -pi/2..pi/2; positive looks to the picture's right.

        From the position of the nose tip between points 234 and 454. Within 1 degree (rms) of MediaPipe's own head
        pose for turns up to 17 degrees; not checked beyond.
        """
        middle = (self._at(_FACE_LEFT) + self._at(_FACE_RIGHT)) / 2
        half = float((self._at(_FACE_LEFT) - self._at(_FACE_RIGHT)) @ self.x_axis) / 2
        offset = float((self._at(_NOSE_TIP) - middle) @ self.x_axis)
        return float(np.arctan2(offset, _NOSE_PROTRUSION * max(half, 0.0))) if offset or half > 0 else 0.0

    def box(self) -> Box:
        """The smallest box of whole pixels around all points; it may extend outside the picture."""
        low = np.floor(self.points.min(axis=0)).astype(int)
        high = np.ceil(self.points.max(axis=0)).astype(int)
        return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))

    def _at(self, index: int) -> npt.NDArray[np.float64]:
        point: npt.NDArray[np.float64] = self.points[index].astype(np.float64)
        return point
