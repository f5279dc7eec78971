"""Faces named by points in frames: the face whose mesh holds the point, in the shot of that frame only.

Whether a face in another shot is the same person's cannot be told from what is known of it. The proportions of the mesh
follow the pose: of eleven people, the nearest mesh of another time was that of the same person in 12 of 22 cases. Skin
colour follows the light.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_tracks import FaceTrack, Mesh
from lipblend.errors import NoFaceError
from lipblend.settings.face_points import FacePoint, check_point

_NEAR_S = 0.5
_SLACK_S = 1e-6


def points_in(
    points: Sequence[FacePoint], times_s: npt.NDArray[np.float64], start: int, stop: int
) -> list[tuple[FacePoint, int]]:
    """The points of a shot, and the frame that each is in.

    Parameters
    ----------
    points : sequence of FacePoint
    times_s : (n,) float64
        Times of all frames of the clip, ascending.
    start, stop : int
        The shot, half-open.

    Raises
    ------
    SettingsError
        A point is in a frame that the clip does not have.
    """
    frames = [(point, _frame_at(point, times_s)) for point in points]
    return [(point, frame) for point, frame in frames if start <= frame < stop]


def named_numbers(
    points: Sequence[tuple[FacePoint, int]], faces: Sequence[FaceTrack], times_s: npt.NDArray[np.float64]
) -> list[int]:
    """Which faces of a shot hold its points; without repetition, in the order of the points.

    The frame in which a face is seen and that is nearest to the point's counts, up to half a second away. Where several
    faces hold a point, it names the one whose middle is nearest, in sizes of the face.

    Raises
    ------
    NoFaceError
        No face holds a point.
    """
    numbers = [_number(point, frame, faces, times_s) for point, frame in points]
    return list(dict.fromkeys(numbers))


def _frame_at(point: FacePoint, times_s: npt.NDArray[np.float64]) -> int:
    """The frame that is shown at a point's time."""
    count = len(times_s)
    length_s = float(times_s[-1] - times_s[0]) + (float(np.median(np.diff(times_s))) if count > 1 else 0.0)
    check_point(point, count, length_s)
    if isinstance(point.at, int):
        return point.at
    return max(0, int(np.searchsorted(times_s, times_s[0] + float(point.at) + _SLACK_S, side="right")) - 1)


def _number(point: FacePoint, frame: int, faces: Sequence[FaceTrack], times_s: npt.NDArray[np.float64]) -> int:
    seen = list(_seen_near(frame, faces, times_s))
    away = [(distance, number) for number, mesh in seen if (distance := _distance(point, mesh)) is not None]
    if away:
        return min(away)[1]
    when = f"{times_s[frame] - times_s[0]:.2f} s (frame {frame})"
    places = "; ".join(_place(mesh) for _, mesh in sorted(seen, key=lambda each: float(each[1][:, 0].mean())))
    raise NoFaceError(
        f"no face holds the point {point} (track.face) at {when}: there {_are(len(seen))}{places}",
        hint="Give a point in a face, in pixels of the upright picture: `lipblend probe` shows where faces are.",
    )


def _are(count: int) -> str:
    return "is none" if not count else "is one, " if count == 1 else f"are {count}, "


def _seen_near(frame: int, faces: Sequence[FaceTrack], times_s: npt.NDArray[np.float64]) -> Iterator[tuple[int, Mesh]]:
    """The faces that are seen around a frame: their numbers, and their meshes nearest to it in time."""
    for number, face in enumerate(faces):
        away_s = np.abs(times_s[np.array(face.frames)] - times_s[frame])
        nearest = int(away_s.argmin())
        if away_s[nearest] <= _NEAR_S + _SLACK_S:
            yield number, face.original[nearest]


def _distance(point: FacePoint, mesh: Mesh) -> float | None:
    """From the middle of a mesh's box to a point in it, in half sizes of the box; None for one outside."""
    low, high = mesh.min(0), mesh.max(0)
    away = np.abs((point.x, point.y) - (low + high) / 2) / np.maximum((high - low) / 2, 1e-6)
    return float(np.linalg.norm(away)) if (away <= 1).all() else None


def _place(mesh: Mesh) -> str:
    (left, top), (right, bottom) = mesh.min(0).tolist(), mesh.max(0).tolist()
    return f"x {left:.0f} to {right:.0f}, y {top:.0f} to {bottom:.0f}"
