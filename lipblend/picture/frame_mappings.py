"""Where the original's pixels lie in each frame of a synced video whose crop follows the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipblend.picture.frame_mapping import FrameMapping


@dataclass(frozen=True, eq=False)
class FrameMappings:
    """One `FrameMapping` for each frame of the synced video.

    Parameters
    ----------
    rows : (n, 2, 3) float64
        Matrices from the original's pixels to the synced frame's, pixel centres at +0.5 in both.

    Raises
    ------
    ValueError
        The array has another shape, or a matrix cannot be inverted.
    """

    rows: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.rows.ndim != 3 or self.rows.shape[1:] != (2, 3) or not len(self.rows):
            raise ValueError(f"mappings must be (n, 2, 3), got {self.rows.shape}")
        if not np.isfinite(self.rows).all() or (np.linalg.det(self.rows[:, :, :2]) == 0).any():
            raise ValueError("mappings must be finite and invertible")

    @property
    def is_identity(self) -> bool:
        """Never: a video whose frames all lie in place has a `FrameMapping`."""
        return False

    def is_exact(self, original: tuple[int, int], synced: tuple[int, int]) -> bool:
        """Never, see `FrameMapping.is_exact`."""
        return False

    def at(self, frame: int) -> FrameMapping:
        """The mapping of a synced frame, by its index.

        Raises
        ------
        IndexError
            There is no such frame.
        """
        if frame < 0:
            raise IndexError(f"there is no synced frame {frame}")
        return FrameMapping.of(self.rows[frame])


Mappings = FrameMapping | FrameMappings
"""Of a whole video: one mapping for all its frames, or one for each."""
