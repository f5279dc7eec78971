"""Departures as they are stored: one byte a cell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lipblend.stages.occlusion.face_look import CELLS

DEPARTURES_SHAPE = (CELLS, CELLS)
_STEPS = 16  # to a departure of 1
_LARGEST = 255


def stored_departures(departures: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """From float32: in steps of 1/16, up to 15.9."""
    return np.clip(np.rint(departures * _STEPS), 0, _LARGEST).astype(np.uint8)


def read_departures(stored: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """To float32."""
    return np.asarray(stored / np.float32(_STEPS), np.float32)
