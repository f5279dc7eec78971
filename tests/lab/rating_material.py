"""Clips whose names give everything away, and votes made by hand."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from lipblend.lab.rating.study import Study
from lipblend.output.synth import write_clip
from lipblend.quality.record import Evaluation, Headline, InputFile, Verdict
from lipblend.quality.report.report_files import json_bytes

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


def write_report(
    folder: Path, digest: str, headline: float | None, *, mark: float | None = 60.0, version: str = "1"
) -> Path:
    """report.json in `folder`, about a file with this digest: made-up numbers, for tests only."""
    passed = None if mark is None or headline is None else headline >= mark
    record = Evaluation(
        rows=(), shots=(), values={}, headline=None if headline is None else Headline(headline, ()),
        verdicts=(
            Verdict("score", headline, mark, passed, headline, None, None, ()),
            Verdict("seam", 0.5, 0.1, False, 0.5, 0.5, 0.0, ()),  # missed, but not the headline's mark
        ),
        matte="settings", settings={}, versions={"lipblend": version},
        inputs=(InputFile("original", "o.mp4", "11", 1), InputFile("result", f"{folder.name}.mp4", digest, 1)),
        notes=(), width=2, height=2, frame_rate=25.0, seconds=0.0,
    )  # fmt: skip
    folder.mkdir(parents=True)
    path = folder / "report.json"
    path.write_bytes(json_bytes(record))
    return path
