"""Versions of the libraries that results depend on."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version

import cv2

OPENCV = "opencv-python"


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Version of each installed distribution, by name; `OPENCV` may come from any of its distributions.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        A distribution is not installed.
    """
    return {name: cv2.__version__ if name == OPENCV else version(name) for name in names}
