"""A similarity transform of the plane: turn, scale and shift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Similarity:
    """``x' = cosine x - sine y + right``, ``y' = sine x + cosine y + down``, in pixels.

    ``cosine`` and ``sine`` are those of the turn, times the scale. Positive turns are clockwise on the screen.
    """

    cosine: float = 1.0
    sine: float = 0.0
    right: float = 0.0
    down: float = 0.0

    @classmethod
    def between(cls, source: npt.NDArray[np.floating[Any]], target: npt.NDArray[np.floating[Any]]) -> Similarity:
        """The least-squares similarity of points (n, 2) onto others; a mere shift if all source points coincide.

        Umeyama 1991, https://doi.org/10.1109/34.88573, in the plane, without reflection.
        """
        middle, goal = source.mean(0, dtype=np.float64), target.mean(0, dtype=np.float64)
        a, b = source - middle, target - goal
        size = float((a * a).sum())
        if size == 0:
            return cls(1.0, 0.0, *(goal - middle).tolist())
        cosine = float((a * b).sum()) / size
        sine = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / size
        right, down = goal - (cosine * middle[0] - sine * middle[1], sine * middle[0] + cosine * middle[1])
        return cls(cosine, sine, float(right), float(down))

    @classmethod
    def robust(
        cls, source: npt.NDArray[np.floating[Any]], target: npt.NDArray[np.floating[Any]], *, scale_px: float
    ) -> Similarity:
        """The similarity that most points (n, 2) follow; those that miss it by more than ``scale_px`` count little.

        Iteratively reweighted least squares with the weights of Geman and McClure 1987, from a scale four times as
        large; the weighted fit is Umeyama's, see `between`.
        """
        first, second = source.astype(np.float64), target.astype(np.float64)
        state = cls(1.0, 0.0, *np.median(second - first, axis=0).tolist())
        for wide in (4.0, 4.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0):
            missed = ((first @ state.matrix[:, :2].T + state.matrix[:, 2] - second) ** 2).sum(1)
            weight = 1 / (1 + missed / (wide * scale_px) ** 2) ** 2
            middle, goal = (np.average(each, axis=0, weights=weight) for each in (first, second))
            root = np.sqrt(weight)[:, None]
            a, b = (first - middle) * root, (second - goal) * root
            size = max(float((a * a).sum()), 1e-12)
            cosine, sine = float((a * b).sum()) / size, float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / size
            right, down = goal - (cosine * middle[0] - sine * middle[1], sine * middle[0] + cosine * middle[1])
            state = cls(cosine, sine, float(right), float(down))
        return state

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """(2, 3): turn and scale, and the shift."""
        return np.array([[self.cosine, -self.sine, self.right], [self.sine, self.cosine, self.down]])

    def warp_matrix(self, corner: npt.ArrayLike = (0.0, 0.0)) -> npt.NDArray[np.float64]:
        """(2, 3) for OpenCV, whose first pixel's centre is 0, in a picture whose top left corner is ``corner``."""
        first = np.asarray(corner, np.float64) + 0.5
        matrix = self.matrix
        matrix[:, 2] += matrix[:, :2] @ first - first
        return matrix

    @property
    def scale(self) -> float:
        """Lengths grow by this factor."""
        return math.hypot(self.cosine, self.sine)

    @property
    def turn_rad(self) -> float:
        """Angle of the turn, -pi..pi."""
        return math.atan2(self.sine, self.cosine)

    def apply(self, points: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
        """Points (..., 2) moved along."""
        matrix = self.matrix
        return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)

    def inverse(self) -> Similarity:
        """The transform back."""
        size = self.cosine**2 + self.sine**2
        cosine, sine = self.cosine / size, -self.sine / size
        return Similarity(
            cosine,
            sine,
            -(cosine * self.right - sine * self.down),
            -(sine * self.right + cosine * self.down),
        )

    def then(self, later: Similarity) -> Similarity:
        """This transform followed by another."""
        right, down = later.matrix @ (self.right, self.down, 1.0)
        return Similarity(
            later.cosine * self.cosine - later.sine * self.sine,
            later.sine * self.cosine + later.cosine * self.sine,
            float(right),
            float(down),
        )

    def scaled(self, factor: float) -> Similarity:
        """The transform of the same picture resized by a factor."""
        return Similarity(self.cosine, self.sine, self.right * factor, self.down * factor)

    def offset_px(self, points: npt.NDArray[np.floating[Any]]) -> float:
        """The largest distance by which points (n, 2) are moved."""
        return float(np.hypot(*(self.apply(points) - points).T).max())


NOWHERE = Similarity()
"""The identity."""
