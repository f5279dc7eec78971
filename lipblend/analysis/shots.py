"""Where a video is cut into shots: by its small pictures and the motion of its faces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lipblend.analysis import cuts
from lipblend.faces.tracks import TrackedFace
from lipblend.pairing.scan import Thumb


def find_shots(
    thumbs: Sequence[Thumb], shown: Sequence[int], moves: Sequence[float], *, threshold: float
) -> npt.NDArray[np.intp]:
    """Rows that start a new shot, including the first.

    Parameters
    ----------
    thumbs : sequence of (h, w) uint8
        Small grey pictures of a video.
    shown : sequence of int
        The picture that each row shows.
    moves : sequence of float
        `least_move` of each row from the one before.
    threshold : float, 8-bit levels
        See `lipblend.analysis.cuts.find_cuts`.

    Returns
    -------
    (m,) int
    """
    changes = [cuts.change(thumbs[first], thumbs[second]) for first, second in pairwise(shown)]
    return cuts.find_cuts(np.array([0.0, *changes]), np.array(moves), threshold=threshold)


def least_move(previous: tuple[TrackedFace, ...], faces: tuple[TrackedFace, ...]) -> float:
    """The smallest distance of a face from any face of the previous frame, in face widths; 0 if there is none."""
    moves = [
        float(np.abs(new.landmarks.points - old.landmarks.points).mean()) / max(old.landmarks.face_width_px, 1.0)
        for new in faces
        for old in previous
    ]
    return min(moves, default=0.0)
