"""Hands in one picture: MediaPipe's Hand Landmarker in IMAGE mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lipblend.faces.vision_task import VisionTask, check_confidence, load_library, points_px

Side = Literal["left", "right", ""]

HAND_POINTS = 21
MOST_HANDS = 4
_SIDES: Mapping[str, Side] = {"Left": "left", "Right": "right"}


@dataclass(frozen=True)
class Hand:
    """One hand that was found.

    Attributes
    ----------
    points : (21, 2) float32
        Pixels of the picture, x right and y down, pixel centres at +0.5. 0 is the wrist; 1 to 4 the thumb; 5 to 8, 9
        to 12, 13 to 16 and 17 to 20 the other fingers, each from the knuckle to the tip. May lie outside the picture.
    confidence : float
        Of the handedness, 0..1; the library gives no other.
    handedness : str
        ``left``, ``right``, or empty if the library does not say: the person's own, in a picture that is not mirrored
        (seen with MediaPipe 1.2, whose documentation says the opposite).
    """

    points: npt.NDArray[np.float32]
    confidence: float
    handedness: Side


class HandLandmarker(VisionTask):
    """Find hands in RGB pictures, each picture on its own (IMAGE mode: no smoothing, no lag).

    Without network and log lines, see `VisionTask`. `detect` may be called from any thread.

    Parameters
    ----------
    model : Path
        Path of ``hand_landmarker.task``, checked (`lipblend.faces.models.resolve_model`).
    max_hands : int
        Maximum number of hands per picture, 1..4.
    confidence : float
        Minimum confidence of the palm's detection and of the hand in its box, 0..1.

    Raises
    ------
    ModelError
        If the library cannot load the file.
    """

    def __init__(self, model: Path, *, max_hands: int = 2, confidence: float = 0.5) -> None:
        if not 1 <= max_hands <= MOST_HANDS:
            raise ValueError(f"max_hands must lie in 1..{MOST_HANDS}, got {max_hands}")
        check_confidence(confidence)
        super().__init__(model, lambda: _create_hands(model, max_hands, confidence), "detect")

    def detect(self, rgb: npt.NDArray[np.uint8]) -> list[Hand]:
        """Find the hands of one picture.

        Parameters
        ----------
        rgb : (h, w, 3) uint8
            Need not be contiguous. At least one pixel. A hand is found best where its palm takes a tenth to a half of
            the picture, so a crop of a face finds hands that the whole frame does not, and the other way round.

        Returns
        -------
        list of Hand

        Raises
        ------
        ValueError
            If `rgb` has another shape or dtype, or the object is closed.
        LipblendError
            If the library fails on the picture.
        """
        result = self._run(rgb)
        hands = []
        for landmarks, classes in zip(result.hand_landmarks, result.handedness, strict=True):
            points = points_px(landmarks, rgb)
            if points.shape == (HAND_POINTS, 2) and bool(np.isfinite(points).all()):
                side = _SIDES.get(classes[0].category_name, "") if classes else ""
                hands.append(Hand(points, float(classes[0].score) if classes else 0.0, side))
        return hands


def _create_hands(model: Path, max_hands: int, confidence: float) -> Any:
    load_library()
    from mediapipe import tasks

    vision = tasks.vision
    options = vision.HandLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_buffer=model.read_bytes(), delegate=tasks.BaseOptions.Delegate.CPU),
        running_mode=vision.RunningMode.IMAGE,
        num_hands=max_hands,
        min_hand_detection_confidence=confidence,
        min_hand_presence_confidence=confidence,
    )
    return vision.HandLandmarker.create_from_options(options)
