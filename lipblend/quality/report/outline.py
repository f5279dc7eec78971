"""A thin line around a place in a picture."""

from __future__ import annotations

import cv2
import numpy as np

from lipblend.quality.report.report_source import Rgb
from lipblend.quality.view import Region

_LINE_RGB, _EDGE_RGB = (0, 235, 255), (0, 30, 45)  # no face has this colour; the edge shows it on bright ground
_LINE_PX, _EDGE_PX = 2, 4
_SMOOTH_FRAC = 0.004  # of the picture's width


def outlined(picture: Rgb, region: Region) -> Rgb:
    """A picture with a line around a region; the region is scaled to the picture's size.

    Parameters
    ----------
    picture : (h, w, 3) uint8
    region : bool array of any size

    Returns
    -------
    (h, w, 3) uint8
    """
    height, width = picture.shape[:2]
    share = cv2.resize(region.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    share = cv2.GaussianBlur(share, (0, 0), max(0.5, _SMOOTH_FRAC * width))
    inside = np.zeros((height + 2, width + 2), np.uint8)  # closed at the picture's border
    inside[1:-1, 1:-1] = share > 0.5
    found, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(-1, -1))
    shown = picture.copy()
    for colour, thickness in ((_EDGE_RGB, _EDGE_PX), (_LINE_RGB, _LINE_PX)):
        cv2.drawContours(shown, found, -1, colour, thickness, cv2.LINE_AA)
    return shown
