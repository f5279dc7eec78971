"""Where the frames of a face crop were cut out of its original."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class CropPlaces:
    """The frames of a crop and their places in the original.

    Attributes
    ----------
    source_index : (n,) int64
        Original frame that each crop frame was cut from.
    times_s : (n,) float64 or None
        Times of these frames since the original's first one, seconds; None if the record does not tell.
    matrices : (n, 2, 3) float64
        From the original's upright pixels to the crop's, pixel centres at +0.5 in both.
    size : (int, int)
        Width and height of the crop that the matrices lead to; a synced crop of another size is this one, scaled.
    rate : float or None
        Frames of the crop per second; None for that of the synced crop.
    present : (n,) bool
        Frames that show a face.
    digest : str
        SHA-256 of the record, in hexadecimal digits.
    name : str
        Its file name.
    size_bytes : int
        Its length.
    """

    source_index: npt.NDArray[np.int64]
    times_s: npt.NDArray[np.float64] | None
    matrices: npt.NDArray[np.float64]
    size: tuple[int, int]
    rate: float | None
    present: npt.NDArray[np.bool_]
    digest: str
    name: str = ""
    size_bytes: int = 0

    def __len__(self) -> int:
        return len(self.source_index)

    def only_present(self) -> Self:
        """Without the frames that show no face, as by generators that skip them."""
        kept = self.present
        times_s = None if self.times_s is None else self.times_s[kept]
        return replace(
            self,
            source_index=self.source_index[kept],
            times_s=times_s,
            matrices=self.matrices[kept],
            present=kept[kept],
        )

    def scaled_to(self, size: tuple[int, int]) -> npt.NDArray[np.float64]:
        """The matrices to a crop of another (width, height)."""
        factors = np.array(size, np.float64) / self.size
        return np.asarray(self.matrices * factors[:, None])
