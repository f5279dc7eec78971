"""The orientation in which a picture is displayed: the eight that a display matrix can describe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_UNIT = 1 << 16
_W_UNIT = 1 << 30
_TOLERANCE = 0.02  # of the larger element: one degree


@dataclass(frozen=True)
class Orientation:
    """A rotation by right angles, mirrored or not: transposed first, then flipped.

    Parameters
    ----------
    transposed : bool
        Rows become columns.
    flip_x, flip_y : bool
        Columns, rows in reverse order after the transposition.
    """

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def applied(self, plane: np.ndarray) -> np.ndarray:
        """The plane as displayed: a view, (h, w) or (w, h)."""
        turned = plane.T if self.transposed else plane
        return turned[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]

    def undone(self, plane: np.ndarray) -> np.ndarray:
        """The coded plane of one as displayed, the inverse of `applied`: a view, (h, w) or (w, h)."""
        straight = plane[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return straight.T if self.transposed else straight

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height as displayed, of a coded picture of the given size."""
        return (height, width) if self.transposed else (width, height)

    @property
    def matrix(self) -> tuple[int, ...]:
        """The display matrix of this orientation, nine numbers in FFmpeg's format."""
        x, y = (-_UNIT if self.flip_x else _UNIT), (-_UNIT if self.flip_y else _UNIT)
        turn = (0, y, 0, x, 0, 0) if self.transposed else (x, 0, 0, 0, y, 0)
        return (*turn, 0, 0, _W_UNIT)


UPRIGHT = Orientation()


def orientation_of(matrix: Sequence[int]) -> Orientation | None:
    """The orientation of a display matrix; None unless it is a multiple of a right angle (within a degree).

    Parameters
    ----------
    matrix : sequence of int
        Nine numbers ``a b u c d v x y w`` as in FFmpeg and ISO/IEC 14496-12: a point goes to
        ``(a x + c y, b x + d y)``, with y downwards. Empty for upright. Scale and shift are ignored.
    """
    if not matrix:
        return UPRIGHT
    a, b, _, c, d, *_ = matrix
    straight, crossed = min(abs(a), abs(d)), min(abs(b), abs(c))
    if straight > 0 and max(abs(b), abs(c)) <= _TOLERANCE * straight:
        return Orientation(False, a < 0, d < 0)
    if crossed > 0 and max(abs(a), abs(d)) <= _TOLERANCE * crossed:
        return Orientation(True, c < 0, b < 0)
    return None
