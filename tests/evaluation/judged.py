"""A pair and its composite, damaged in known ways and judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from studio import LEFT, LOSSLESS, Film, Person, Shown, Studio, at

from lipblend import composite
from lipblend.faces.landmarks import LIPS_OUTER, Landmarks
from lipblend.output.synth import write_clip
from lipblend.picture.planes import to_rgb
from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate
from lipblend.quality.record import Evaluation
from lipblend.settings import Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

CLASSIC = {
    "seam_max": 0.12, "ring_ssim_min": 0.92, "colour_step_max": 1.0, "alpha_flicker_max": 0.08, "overspill_max": 0.001,
    "lip_corr_min": 0.99, "untouched_max": 0.0, "colour_drift_max": 2.3,
}  # fmt: skip
"""Marks for the classic numbers, which are not judged by default."""
PERSON = at(LEFT, width=110.0, x=230.0)
SETTINGS = Settings.model_validate({**LOSSLESS, "gate": CLASSIC})


def rgb_frames(path: Path) -> list[np.ndarray]:
    info = probe(path)
    with VideoReader(info) as reader:
        return [to_rgb(frame.planes, frame.layout, info.colour, height=info.height) for frame in reader]


@dataclass
class Made:
    """A pair, its composite, and where the mouth is."""

    film: Film
    output: Path
    lips: list[np.ndarray]
    """Outer lip contours, (k, 2), a frame."""

    def judge(self, result: Path, matte: str = "auto", settings: Settings = SETTINGS, **more: object) -> Evaluation:
        pair, kept = (self.film.original, self.film.synced), self.output.parent / "analyses"
        return evaluate(
            *pair, result, settings=settings, options=EvaluateOptions(matte=matte, cache=kept, **more)
        ).record

    def damaged(self, name: str, change: Callable[[int, np.ndarray], np.ndarray]) -> Path:
        """The composite with every frame changed, (h, w, 3) float32 RGB in and out."""
        path = self.output.with_name(f"{name}.mp4")
        frames = [change(i, frame.astype(np.float32)) for i, frame in enumerate(rgb_frames(self.output))]
        pictures = [np.clip(np.rint(frame), 0, 255).astype(np.uint8) for frame in frames]
        write_clip(path, pictures, frame_rate=Fraction(25), crf=1)
        return path

    def inside(self, frame: int, grow: float = 1.6) -> np.ndarray:
        """(h, w, 1) float32: 1 in an ellipse about the mouth, well inside the seam for 1."""
        middle, size = self.lips[frame].mean(0), np.ptp(self.lips[frame], axis=0)
        mask = np.zeros((270, 480), np.float32)
        box = ((float(middle[0]), float(middle[1])), (float(grow * size[0]), float(2 * grow * size[1])), 0.0)
        cv2.ellipse(mask, box, 1.0, -1)
        return mask[..., None]


def make(portrait: np.ndarray, face: Landmarks, folder: Path, frames: int) -> Made:
    """A pair in which the portrait drifts, and its composite."""
    studio = Studio(portrait, face.points, folder)
    people: list[Person] = [at(PERSON, x=230.0 + 0.6 * i, y=130 + 0.3 * i) for i in range(frames)]
    film = studio.film([Shown((person,)) for person in people])
    output = film.original.with_name("composite.mp4")
    composite(film.original, film.synced, output, settings=SETTINGS)
    lips = []
    for person in people:
        place = studio.place(person)
        lips.append(face.points[list(LIPS_OUTER)] @ place[:, :2].T + place[:, 2])
    return Made(film, output, lips)


def value(record: Evaluation, key: str) -> float | None:
    return next(verdict.value for verdict in record.verdicts if verdict.key == key)


def worst(record: Evaluation, key: str) -> float:
    found = next(verdict.worst for verdict in record.verdicts if verdict.key == key)
    assert found is not None
    return found


def visibility(record: Evaluation) -> dict[str, float]:
    """How visible each part is: 1 is just visible."""
    assert record.headline is not None
    return {part.key: part.visibility for part in record.headline.parts}


def failed(record: Evaluation) -> set[str]:
    return {verdict.key for verdict in record.verdicts if verdict.passed is False}
