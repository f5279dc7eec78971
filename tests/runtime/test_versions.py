"""Versions of the libraries that results depend on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import cv2
import pytest

from lipblend.runtime import versions
from lipblend.runtime.versions import OPENCV, library_versions


def test_opencv_may_come_from_any_of_its_distributions(monkeypatch: pytest.MonkeyPatch) -> None:
    def other_opencv(name: str) -> str:
        if name.startswith("opencv"):
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(versions, "version", other_opencv)
    assert library_versions(["numpy", OPENCV]) == {"numpy": version("numpy"), OPENCV: cv2.__version__}


def test_a_distribution_that_is_not_installed() -> None:
    with pytest.raises(PackageNotFoundError):
        library_versions(["no-such-distribution"])
