"""The face model, and short clips of people made from the portrait."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from studio import SIZE, Shown, Studio

from lipblend.faces.landmarks import Landmarks
from lipblend.faces.models import resolve_model
from lipblend.output.synth import write_clip


@pytest.fixture(scope="session")
def model_path() -> Path:
    return resolve_model("face_landmarker")


@pytest.fixture(scope="session")
def film(
    portrait: np.ndarray, face: Landmarks, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, list[Shown]], Path]:
    """Write a clip of 25 frames/s, 480x270."""
    studio = Studio(portrait, face.points, tmp_path_factory.mktemp("studio"))

    def make(name: str, frames: list[Shown]) -> Path:
        path = studio.folder / name
        if not path.exists():
            pictures = [studio.picture(shown, SIZE, synced=False) for shown in frames]
            write_clip(path, pictures, frame_rate=Fraction(25), crf=12)
        return path

    return make
