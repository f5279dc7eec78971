"""The frame rate of a series of frame times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_MIN_STEP_S = 1e-6


def frame_rate(times_s: Sequence[float] | npt.NDArray[np.float64], *, single: float = 25.0) -> float:
    """Frames per second, from the median distance; ``single`` for fewer than two frames."""
    if len(times_s) < 2:
        return single
    return 1 / max(float(np.median(np.diff(times_s))), _MIN_STEP_S)
