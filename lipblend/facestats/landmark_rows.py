"""The landmarks of a clip, and where they lie on a reference: one row for each face and frame that shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lipblend.analysis.face_reading import FaceReading
from lipblend.faces.landmarks import Indices
from lipblend.facestats.clip_faces import meshes_of
from lipblend.facestats.face_series import DETECTED, INTERPOLATED
from lipblend.facestats.face_summary import Spread
from lipblend.facestats.reference_fit import Fit, fit_matrix, moved, residual_px
from lipblend.facestats.reference_mesh import Reference
from lipblend.plan.choose import people_of_shot
from lipblend.settings import TrackSettings


@dataclass(frozen=True)
class Aligned:
    """Where the landmarks of each row lie on the reference.

    Attributes
    ----------
    reference : Reference
    fit : {"rigid", "similarity", "affine"}
    points : (n, k, 2) float32
        In the reference's pixels.
    matrices : (n, 2, 3) float64
        From the clip's pixels to the reference's.
    residual_px : (n,) float64
        `lipblend.facestats.reference_fit.residual_px` of the fitted points.
    """

    reference: Reference
    fit: Fit
    points: npt.NDArray[np.float32]
    matrices: npt.NDArray[np.float64]
    residual_px: npt.NDArray[np.float64]


@dataclass(frozen=True)
class LandmarkRows:
    """Landmarks by shot, face and frame.

    Attributes
    ----------
    shot, face, frame : (n,) int64
        Numbers from 0.
    time_s : (n,) float64
        Seconds from the first frame of the clip.
    state : (n,) uint8
        See `lipblend.facestats.face_series.STATES`.
    points : (n, k, 2) float32
        Pixels of the upright picture, centres at +0.5.
    size : (int, int)
        Width and height of that picture.
    aligned : Aligned, optional
    """

    shot: npt.NDArray[np.int64]
    face: npt.NDArray[np.int64]
    frame: npt.NDArray[np.int64]
    time_s: npt.NDArray[np.float64]
    state: npt.NDArray[np.uint8]
    points: npt.NDArray[np.float32]
    size: tuple[int, int]
    aligned: Aligned | None = None

    def __len__(self) -> int:
        return len(self.frame)

    def residual(self) -> Spread | None:
        """Residual over the rows, in pixels of the reference; None without a reference."""
        return None if self.aligned is None else Spread.of(self.aligned.residual_px)


def landmark_rows(
    reading: FaceReading, track: TrackSettings, *, kept: Indices, reference: Reference | None = None, fit: Fit
) -> LandmarkRows:
    """Collect the landmarks of a clip.

    Parameters
    ----------
    reading : FaceReading
    track : TrackSettings
        ``max_gap_s`` joins the parts of a track.
    kept : tuple of int
        The points of the mesh to keep, in this order.
    reference : Reference, optional
        What all meshes are brought onto.
    fit : {"rigid", "similarity", "affine"}
    """
    heads: list[tuple[int, int, int]] = []
    points: list[npt.NDArray[np.float32]] = []
    matrices: list[npt.NDArray[np.float64]] = []
    residuals: list[float] = []
    wanted = list(kept)
    for shot, (start, stop) in enumerate(reading.shots):
        people = people_of_shot(reading.tracks, reading.times_s, start, stop, max_gap_s=track.max_gap_s)
        for number, person in enumerate(people):
            for frame, mesh in meshes_of(person):
                heads.append((shot, number, frame))
                points.append(mesh[wanted])
                if reference is not None:
                    fitted = mesh[reference.mesh_indices].astype(np.float64)
                    matrices.append(fit_matrix(fitted, reference.fitted, fit))
                    residuals.append(residual_px(fitted, reference.fitted, matrices[-1]))
    head = np.array(heads, np.int64).reshape(-1, 3)
    places = np.array(points, np.float32).reshape(-1, len(wanted), 2)
    aligned = None
    if reference is not None:
        on = [moved(each, matrix) for each, matrix in zip(places, matrices, strict=True)]
        aligned = Aligned(
            reference,
            fit,
            np.array(on, np.float32).reshape(places.shape),
            np.array(matrices, np.float64).reshape(-1, 2, 3),
            np.array(residuals, np.float64),
        )
    frames = head[:, 2]
    return LandmarkRows(
        shot=head[:, 0],
        face=head[:, 1],
        frame=frames,
        time_s=(reading.times_s - reading.times_s[0])[frames],
        state=np.where(reading.detected[frames], DETECTED, INTERPOLATED).astype(np.uint8),
        points=places,
        size=reading.video.info.upright_size,
        aligned=aligned,
    )
