"""The mean of frontal faces with a closed mouth: what stands in for a mesh that cannot be found."""

from __future__ import annotations

from importlib import resources

import numpy as np
import numpy.typing as npt

_FILE = "neutral_face.csv"


def neutral_face() -> npt.NDArray[np.float32]:
    """The mesh, (478, 2) float32 face widths, x right and y down from the middle of the mouth.

    The mean of the most frontal frames of 15 people, each turned upright and scaled to its `Landmarks.face_width_px`.
    """
    text = resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    return np.array([line.split(",") for line in text.split()], np.float32)
