"""Versions of what results depend on."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version

import cv2

OPENCV = "opencv-python"


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Version of each installed distribution, by name; OpenCV's own word for `OPENCV`, which has several distributions.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        One is not installed.
    """
    return {name: cv2.__version__ if name == OPENCV else version(name) for name in names}
