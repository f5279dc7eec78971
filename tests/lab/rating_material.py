"""Clips whose names give everything away, and votes made by hand."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from lipblend.lab.rating.study import Study
from lipblend.output.synth import write_clip

METHODS = ("zebramethod", "quaggamethod")
ORIGINALS = "okapioriginals"
WriteVotes = Callable[..., Path]
MakeStudy = Callable[..., Study]


def draw_clip(path: Path, *, grey: int, frames: int = 12, size: tuple[int, int] = (64, 48), sound: bool = True) -> Path:
    """A bright bar that moves 4 px a frame over grey; 25 frames a second."""
    pictures = []
    for index in range(frames):
        picture = np.full((size[1], size[0], 3), grey, np.uint8)
        picture[:, 4 * index : 4 * index + 4] = 250
        pictures.append(picture)
    wave = (0.1 * np.sin(np.arange(48000 * frames // 25) / 20)).astype(np.float32) if sound else None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_clip(path, pictures, frame_rate=Fraction(25), crf=20, sound=wave)
    return path
