"""Whether a hand that a model found is borne out by what departs from the look of the face."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

_FAINT, _CLEAR = 0.7, 1.5  # departures
_NEAR_CELLS = 7  # a palm of the face's own colour departs along its edges only
_MIN_CELLS, _MIN_CLEAR_CELLS = 30, 20
_MIN_SUPPORT = 0.5  # of a wrong pose 0.45 at most, of the tenth least supported right ones 0.56


def is_borne_out(hand: Mask, departures: npt.NDArray[np.float32], skin: Mask) -> bool:
    """Whether a hand lies where the face departs from its look.

    A hand of another pose than the true one covers skin that is as usual, while there are clear departures. Where
    hardly anything departs, the hand has the face's colour, and nothing can be said against it.

    Parameters
    ----------
    hand : (64, 64) bool
    departures : (64, 64) float32
    skin : (64, 64) bool
        The face beside the mouth.
    """
    covered = hand & skin
    clear = np.count_nonzero((departures >= _CLEAR) & skin)
    if np.count_nonzero(covered) < _MIN_CELLS or clear < _MIN_CLEAR_CELLS:
        return True
    departing = ((cv2.blur(departures, (3, 3)) >= _FAINT) & skin).astype(np.uint8)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_NEAR_CELLS, _NEAR_CELLS))
    return bool(cv2.dilate(departing, brush)[covered].mean() >= _MIN_SUPPORT)
