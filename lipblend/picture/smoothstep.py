"""The Hermite smooth-step, used for every soft transition."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=np.floating)


def smoothstep(value: NDArray[F] | float) -> NDArray[F]:
    """``x^2 (3 - 2 x)`` with x the value clipped to 0..1, in the value's own dtype."""
    x: NDArray[F] = np.clip(value, 0, 1)
    curve: NDArray[F] = x * x * (3 - 2 * x)
    return curve
