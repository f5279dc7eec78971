"""Meshes of a drawn head with a known size, place and pose, and shots of it."""

from __future__ import annotations

import numpy as np

from lipblend.faces.neutral_face import neutral_face
from lipblend.facestats.face_series import FaceSeries, face_series

EARS = 234, 454
NOSE_TIP = 1


def head(
    *,
    width: float = 100.0,
    x: float = 200.0,
    y: float = 150.0,
    turn: float = 0.0,
    tilt: float = 0.0,
    nod: float = 0.0,
) -> np.ndarray:
    """(478, 2) float32: a frontal mesh with its middle at a place; turn, nod (down) and tilt (clockwise) in degrees.

    Only the tip of the nose has depth: what yaw and pitch are read from.
    """
    mesh = neutral_face().astype(np.float64)
    mesh -= (mesh[EARS[0]] + mesh[EARS[1]]) / 2
    mesh[:, 0] -= mesh[NOSE_TIP, 0] * np.eye(len(mesh))[NOSE_TIP]  # the tip in the middle
    mesh[:, 0] *= np.cos(np.radians(turn))
    mesh[NOSE_TIP, 0] = 1.75 / 2 * np.sin(np.radians(turn))
    mesh[NOSE_TIP, 1] = 0.5 * (0.24 + nod / 36)
    cosine, sine = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    mesh = mesh @ np.array([[cosine, sine], [-sine, cosine]]) * width
    return (mesh - mesh.mean(0) + (x, y)).astype(np.float32)


def series(meshes: list[np.ndarray | None], *, rate: float = 25.0, interpolated: tuple[int, ...] = ()) -> FaceSeries:
    """A shot of a head; None where it is missed."""
    shown = [frame for frame, mesh in enumerate(meshes) if mesh is not None]
    detected = np.array([frame not in interpolated for frame in range(len(meshes))])
    times_s = np.arange(len(meshes)) / rate
    return face_series(shown, [mesh for mesh in meshes if mesh is not None], detected, times_s)
