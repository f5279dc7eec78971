"""Reading the reference that meshes are brought onto: a picture, a video, or a JSON file of landmarks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_reading import read_faces
from lipblend.errors import InputError, NoFaceError
from lipblend.faces.landmarker import FaceLandmarker
from lipblend.faces.landmarks import MESH_POINTS, POINTS_68, STABLE
from lipblend.faces.search import find_faces
from lipblend.facestats.clip_faces import clip_faces, meshes_of
from lipblend.plan.choose import people_of_shot
from lipblend.settings import TrackSettings
from lipblend.video.probe import probe

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
_OTHER_LANDMARKS = {".npz", ".npy", ".csv"}
_WITHOUT_IRISES = 468
_EARS, _EARS_68 = (234, 454), (1, 15)
_LEAST_SPAN_PX = 4.0  # of the points; less are shares of the picture, not pixels
_MAX_JSON_BYTES = 200_000_000


@dataclass(frozen=True)
class Reference:
    """A reference mesh.

    Attributes
    ----------
    points : (478, 2), (468, 2) or (68, 2) float64
        Pixels, centres at +0.5.
    mesh_indices : (k,) int
        The points of the mesh that are fitted.
    own_indices : (k,) int
        The same points among ``points``.
    text : str
        Where it is from.
    """

    points: npt.NDArray[np.float64]
    mesh_indices: npt.NDArray[np.intp]
    own_indices: npt.NDArray[np.intp]
    text: str

    @property
    def fitted(self) -> npt.NDArray[np.float64]:
        """(k, 2): the points that are fitted."""
        return self.points[self.own_indices]

    @property
    def width_px(self) -> float:
        """Distance between the mesh points 234 and 454, pixels."""
        places = list(_EARS_68 if len(self.points) == len(POINTS_68) else _EARS)
        first, second = self.points[places]
        return float(np.hypot(*(second - first)))


def reference_of(points: npt.NDArray[np.floating[Any]], text: str) -> Reference:
    """A reference of 478 points of the mesh, of 468 (without irises), or of the 68-point view.

    Of the 68 points, the seven are fitted that are stable: bridge of the nose and corners of the eyes.
    """
    values = points.astype(np.float64)
    if len(values) == len(POINTS_68):
        own = np.flatnonzero(np.isin(POINTS_68, STABLE))
        return Reference(values, POINTS_68[own], own, text)
    stable = np.array(STABLE, np.intp)
    return Reference(values, stable, stable, text)


def load_reference(path: Path, *, model: Path, track: TrackSettings) -> Reference:
    """Read a reference.

    Of a picture the largest face counts. Of a video, the main face of the shot it fills most, in the frame that is
    turned least of those in which it was detected. Of a JSON file, the points, or those of the first row that
    `lipblend faces --landmarks` wrote.

    Raises
    ------
    InputError
        The file cannot be read, holds no landmarks, or holds them in another format than JSON.
    NoFaceError
        A picture or video without a face.
    """
    if path.suffix.lower() == ".json":
        return reference_of(_json_points(path), f"landmarks of {path.name}")
    if path.suffix.lower() in _OTHER_LANDMARKS:
        raise InputError(
            f"{path} is no reference: of landmarks, JSON files are read, and not '{path.suffix}'",
            hint="Write them with `lipblend faces VIDEO --landmarks FILE.json`, or name a picture or a video.",
        )
    if path.suffix.lower() in _PICTURES:
        return _of_picture(path, model, track)
    return _of_video(path, model, track)


def _of_picture(path: Path, model: Path, track: TrackSettings) -> Reference:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}", hint="Check the path.") from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise InputError(f"{path} is not a picture", hint="Give a PNG or JPEG picture, a video, or a JSON file.")
    rgb = np.ascontiguousarray(picture[..., ::-1], np.uint8)
    with FaceLandmarker(model, max_faces=track.max_faces, confidence=track.confidence) as landmarker:
        found = find_faces(rgb, landmarker.detect, min_face_px=track.min_face_px, exhaustive=False)
    if not found:
        raise _no_face(path)
    return reference_of(found[0], f"largest of {len(found)} faces of {path.name}")


def _of_video(path: Path, model: Path, track: TrackSettings) -> Reference:
    reading = read_faces(probe(path), model, track)
    main = max(clip_faces(reading, track).main, key=lambda each: each.weight, default=None)
    if main is None:
        raise _no_face(path)
    turn = np.abs(main.values["yaw_deg"])
    row = int(np.nanargmin(turn))
    start, stop = reading.shots[main.shot]
    people = people_of_shot(reading.tracks, reading.times_s, start, stop, max_gap_s=track.max_gap_s)
    mesh = next(mesh for frame, mesh in meshes_of(people[main.face]) if frame == start + row)
    return reference_of(mesh, f"frame {start + row} of {path.name}, turned by {turn[row]:.1f} degrees")


def _no_face(path: Path) -> NoFaceError:
    return NoFaceError(
        f"no face was found in the reference {path}", hint="Name a picture that shows one from the front."
    )


def _json_points(path: Path) -> npt.NDArray[np.float64]:
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise InputError(f"{path} is too large for landmarks", hint="Give one face in one picture.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}", hint="Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a JSON file: {error}", hint="Give a list of [x, y] points.") from error
    if isinstance(data, dict):
        rows = data.get("rows")
        data = rows[0] if isinstance(rows, list) and rows else data
        data = data.get("points") if isinstance(data, dict) else None
    hint = f"Give {MESH_POINTS}, {_WITHOUT_IRISES} or {len(POINTS_68)} points [x, y] in pixels: a list, or as points."
    try:
        points = np.array(data, np.float64)
    except (TypeError, ValueError):
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise InputError(f"{path} holds no list of landmarks", hint=hint)
    if len(points) not in (MESH_POINTS, _WITHOUT_IRISES, len(POINTS_68)):
        raise InputError(f"{path} holds {len(points)} landmarks", hint=hint)
    points = points[:, :2]
    if not np.isfinite(points).all():
        raise InputError(f"{path} holds landmarks that are not numbers", hint=hint)
    if np.ptp(points, axis=0).max() < _LEAST_SPAN_PX:
        span = float(np.ptp(points, axis=0).max())
        raise InputError(
            f"the landmarks of {path} span {span:.3g} px: they are not pixels",
            hint="Multiply shares of the picture by its width and height.",
        )
    return points
