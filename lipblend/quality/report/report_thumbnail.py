"""A small picture of a clip's worst moment, from its report's page."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import numpy as np

_RESULT = re.compile(rb'<figure class="result"><img src="data:image/jpeg;base64,([A-Za-z0-9+/=]+)"')
_MAX_BYTES = 4_000_000
"""The worst moment is at the beginning of a page; a video that follows may be large."""
_MAX_SIDE_PX = 160
_QUALITY = 80


def report_thumbnail(page: Path) -> bytes | None:
    """The result at its worst moment as a JPEG file of at most 160 px, from a ``report.html``.

    None if the page does not exist, cannot be read, or shows no moment.
    """
    try:
        with page.open("rb") as file:
            start = file.read(_MAX_BYTES)
    except OSError:
        return None
    found = _RESULT.search(start)
    return None if found is None else _small(base64.b64decode(found[1]))


def _small(jpeg: bytes) -> bytes | None:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        return None
    scale = _MAX_SIDE_PX / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes() if done else None
