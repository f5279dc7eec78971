"""Which original frame a crop shows when, and where it is cut: from the faces of a video to rows of the crop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_reading import FaceReading
from lipblend.analysis.face_tracks import FaceTrack
from lipblend.cropping.crop_poses import FEATURES, canvas_of, crop_matrix, crop_poses, face_features, filled
from lipblend.cropping.crop_profiles import CropProfile
from lipblend.errors import SettingsError
from lipblend.plan.choose import choose_faces
from lipblend.plan.smoothing import reject_outliers
from lipblend.settings import TrackSettings
from lipblend.settings.face_points import names_points
from lipblend.video.info import VideoInfo

Rows = npt.NDArray[np.float64]

BRIDGE_S = 0.5
"""A face that is hidden or missed for no longer counts as present."""

_STEADY = 0.1  # of the period, by which frame times of a constant rate may be off
_DEFAULT_RATE = Fraction(25)


@dataclass(frozen=True)
class SourceFrame:
    """Where a crop lies in one frame of the original.

    Attributes
    ----------
    matrix : (2, 3) float64
        From the original's pixels to the crop's.
    box : (4,) float64 or None
        Left, top, right and bottom of the face; None without one.
    found : bool
        The face was found there; otherwise a gap was bridged, if there is a box.
    width_px : float
        Of the face's mesh; 0 without one.
    """

    matrix: Rows
    box: Rows | None
    found: bool
    width_px: float


def source_frames(
    reading: FaceReading, size: tuple[int, int], profile: CropProfile, track: TrackSettings
) -> list[SourceFrame] | None:
    """Place the crop in every frame of the original; None if no shot shows the face.

    A shot without the face takes the place in the shot before it, or in the first that shows it.

    Parameters
    ----------
    reading : FaceReading
    size : (int, int)
        Width and height of the crop.
    profile : CropProfile
    track : TrackSettings
        ``face`` selects it.

    Raises
    ------
    SettingsError
        Points name several faces of a shot.
    """
    canvas, times_s, stretch = canvas_of(profile), reading.times_s, pixel_shape(reading.video.info)
    square = np.diag([*stretch, 1.0])
    shots: list[list[SourceFrame] | int] = []
    for start, stop in reading.shots:
        faces = choose_faces(reading.tracks, times_s, start, stop, max_gap_s=track.max_gap_s, face=track.face)
        if names_points(track.face):
            _check_one_face(faces, track.face)
        features, valid = _features(faces, start, stop, profile, stretch)
        if not valid.any():
            shots.append(stop - start)
            continue
        poses = crop_poses(features, valid, times_s[start:stop], profile)
        shown = filled(features, valid, times_s[start:stop])
        near = _near(valid, times_s[start:stop])
        shots.append(
            [
                SourceFrame(
                    crop_matrix(pose, size, canvas) @ square,
                    row[:4] / np.tile(stretch, 2) if present else None,
                    bool(found),
                    float(row[2] - row[0]) if present else 0.0,
                )
                for pose, row, present, found in zip(poses, shown, near, valid, strict=True)
            ]
        )
    return _held(shots)


def _check_one_face(faces: Sequence[FaceTrack], points: str | int) -> None:
    seen: set[int] = set()
    for face in faces:
        if not seen.isdisjoint(face.frames):
            raise SettingsError(
                f"the points {points} name several faces of one shot, and a crop shows one",
                hint="Give one point for each shot, and make a crop for each face, or use --face all.",
            )
        seen.update(face.frames)


def output_times(reading: FaceReading, rate: Fraction) -> npt.NDArray[np.int64]:
    """The original frame that each frame of a crop shows: the nearest in time; (n,) int64."""
    times_s = reading.times_s - reading.times_s[0]
    end_s = float(times_s[-1] + reading.durations_s[-1])
    wanted = np.arange(max(1, round(end_s * float(rate)))) / float(rate)
    return np.searchsorted((times_s[1:] + times_s[:-1]) / 2, wanted, side="right").astype(np.int64)


def crop_rate(reading: FaceReading, info: VideoInfo, asked: Fraction | None) -> tuple[Fraction, bool]:
    """The crop's frame rate, and whether it has the original's frames one by one.

    The original's own rate, if it is constant, and its mean otherwise, unless another is asked for.
    """
    steps = np.diff(reading.times_s)
    own = info.frame_rate or _DEFAULT_RATE
    if len(steps):
        steady = bool((np.abs(steps - np.median(steps)) <= _STEADY * np.median(steps)).all())
        if not steady or abs(float(own) * float(np.median(steps)) - 1) > _STEADY:
            own = Fraction(1 / float(steps.mean())).limit_denominator(1001)
    else:
        steady = True
    if asked is None or asked == own:
        return own, steady
    return asked, False


def pixel_shape(info: VideoInfo) -> tuple[float, float]:
    """Width and height of a pixel of the upright picture, one of them 1: a crop has square pixels."""
    aspect = float(info.sample_aspect or 1)
    return (1.0, aspect) if info.orientation.transposed else (aspect, 1.0)


def _features(
    faces: Sequence[FaceTrack], start: int, stop: int, profile: CropProfile, stretch: tuple[float, float]
) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """`face_features` of the frames of a shot, and which have some; the first of several faces counts."""
    rows, valid = np.zeros((stop - start, FEATURES)), np.zeros(stop - start, bool)
    for face in faces:  # pieces of one person's track
        for frame, mesh in zip(face.frames, face.original, strict=True):
            rows[frame - start], valid[frame - start] = (
                face_features(mesh * np.array(stretch, np.float32), profile.align),
                True,
            )
    if valid.any():
        valid = reject_outliers(rows[:, :4], valid, np.maximum(rows[:, 2] - rows[:, 0], 1.0), limit=0.5)
    return rows, valid


def _near(valid: npt.NDArray[np.bool_], times_s: Rows) -> npt.NDArray[np.bool_]:
    """Frames in which the face was found, or that lie in a short gap between two that show it."""
    known = np.flatnonzero(valid)
    out = valid.copy()
    for first, second in pairwise(known):
        if times_s[second] - times_s[first] <= BRIDGE_S + 1e-9:
            out[first:second] = True
    return out


def _held(shots: Sequence[list[SourceFrame] | int]) -> list[SourceFrame] | None:
    known = [shot for shot in shots if isinstance(shot, list)]
    if not known:
        return None
    out: list[SourceFrame] = []
    last = known[0][0].matrix
    for shot in shots:
        rows = shot if isinstance(shot, list) else [SourceFrame(last, None, False, 0.0)] * shot
        out += rows
        last = rows[-1].matrix
    return out


def visibility(box: Rows | None, size: tuple[int, int]) -> float:
    """Share of a face's box that lies in a picture of a size; 0 without a face."""
    if box is None:
        return 0.0
    left, top, right, bottom = box
    whole = max((right - left) * (bottom - top), 1e-9)
    width, height = min(right, size[0]) - max(left, 0), min(bottom, size[1]) - max(top, 0)
    return float(np.clip(max(width, 0) * max(height, 0) / whole, 0, 1))


def shown_runs(frames: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each frame with the number of times it is shown in a row."""
    last, count = -1, 0
    for frame in frames:
        if frame == last:
            count += 1
            continue
        if count:
            yield last, count
        last, count = frame, 1
    if count:
        yield last, count
