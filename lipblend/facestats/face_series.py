"""What is measured of one face in every frame of a shot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.faces.landmarks import STABLE, Landmarks
from lipblend.facestats.jitter import jitter_px
from lipblend.picture.similarity import Similarity

Rows = npt.NDArray[np.float64]
Mesh = npt.NDArray[np.float32]

MISSED, INTERPOLATED, DETECTED = 0, 1, 2
STATES = ("missed", "interpolated", "detected")
"""Names of the states of a face in a frame, by number."""

VALUES = ("x_px", "y_px", "width_px", "yaw_deg", "pitch_deg", "roll_deg", "opening", "jitter_px", "jitter_frac",
    "shape_jitter_frac",
)  # fmt: skip
"""Values of a face in a frame: middle of the mesh, width between the mesh points beside the ears, turn about the
vertical (positive looks to the picture's right), nod (positive looks down), tilt (positive is clockwise on the screen),
gap of the inner lips over the width of the mouth (0 to 1), jitter in pixels and in face widths, and jitter that is left
when shift, turn and scale of each frame are taken out, in face widths."""

_NOSE_TIP, _FACE_RIGHT, _FACE_LEFT = 1, 234, 454
# Fitted to MediaPipe's own head pose on 108 frames of ten clips: within 1 degree (rms) of changes in a clip, within
# 4 degrees between people, for nods up to 10 degrees.
_PITCH_DEG, _LEVEL_NOSE = 36.0, 0.24


@dataclass(frozen=True)
class FaceSeries:
    """One face in every frame of a shot.

    Attributes
    ----------
    shot, face : int
        Numbers from 0; faces count from the left in each shot, as for ``track.face``.
    start : int
        First frame of the shot.
    times_s : (n,) float64
        Of the shot's frames, seconds.
    state : (n,) uint8
        `MISSED`, `INTERPOLATED` or `DETECTED`.
    values : mapping of str to (n,) float64
        By the names in `VALUES`; NaN where there is none.
    """

    shot: int
    face: int
    start: int
    times_s: Rows
    state: npt.NDArray[np.uint8]
    values: Mapping[str, Rows]

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def weight(self) -> float:
        """Frames that show the face, times its median width: how much of the shot it fills."""
        shown = self.state != MISSED
        return float(shown.sum() * np.median(self.values["width_px"][shown])) if shown.any() else 0.0


def face_series(
    frames: Sequence[int],
    meshes: Sequence[Mesh],
    detected: npt.NDArray[np.bool_],
    times_s: Rows,
    *,
    shot: int = 0,
    face: int = 0,
    start: int = 0,
) -> FaceSeries:
    """Measure a face in the frames of a shot.

    Parameters
    ----------
    frames : sequence of int
        Frames of the clip that show it, each once, within the shot.
    meshes : sequence of (478, 2) float32
        Its mesh in each of them, pixels.
    detected : (n,) bool
        For each frame of the shot, whether faces were searched for in it.
    times_s : (n,) float64
        Times of the shot's frames, seconds, rising.
    shot, face, start : int
        See `FaceSeries`.
    """
    count = len(times_s)
    state = np.full(count, MISSED, np.uint8)
    values = {name: np.full(count, np.nan) for name in VALUES}
    still = np.full((count, len(STABLE), 2), np.nan)
    for frame, mesh in zip(frames, meshes, strict=True):
        row = frame - start
        state[row] = DETECTED if detected[row] else INTERPOLATED
        for name, value in _measures(mesh).items():
            values[name][row] = value
        still[row] = mesh[list(STABLE)]
    values["jitter_px"] = jitter_px(still, state == DETECTED, times_s)
    values["jitter_frac"] = values["jitter_px"] / values["width_px"]
    values["shape_jitter_frac"] = jitter_px(_shapes(still, values["width_px"]), state == DETECTED, times_s)
    return FaceSeries(shot, face, start, times_s, state, values)


def pitch_deg(face: Landmarks) -> float:
    """Rough nod of the head, degrees; positive looks down.

    From the height of the nose tip below points 234 and 454, over half their distance with the turn taken out. Who has
    a higher or lower nose gets another zero (4 degrees rms over people); changes of one person are within 1 degree rms.
    """
    points = face.points.astype(np.float64)
    across = points[_FACE_LEFT] - points[_FACE_RIGHT]
    half = float(across @ face.x_axis) / 2 / max(math.cos(face.yaw_rad), 0.1)
    down = float((points[_NOSE_TIP] - (points[_FACE_LEFT] + points[_FACE_RIGHT]) / 2) @ face.y_axis)
    return _PITCH_DEG * (down / half - _LEVEL_NOSE) if half > 0 else 0.0


def _shapes(still: Rows, widths_px: Rows) -> Rows:
    """The points of all rows (n, k, 2) on those of the first that has some, in face widths."""
    out = still.copy()
    known = np.flatnonzero(np.isfinite(still[:, 0, 0])).tolist()
    for row in known:
        first = still[known[0]] / widths_px[known[0]]
        out[row] = Similarity.between(still[row], first).apply(still[row])
    return out


def _measures(mesh: Mesh) -> dict[str, float]:
    face = Landmarks(mesh)
    x, y = mesh.mean(axis=0, dtype=np.float64).tolist()
    across, down = face.x_axis.tolist()
    return {
        "x_px": x,
        "y_px": y,
        "width_px": max(face.face_width_px, 1e-6),
        "yaw_deg": math.degrees(face.yaw_rad),
        "pitch_deg": pitch_deg(face),
        "roll_deg": math.degrees(math.atan2(down, across)),
        "opening": face.mouth_opening,
    }
