"""Where people are in one picture: MediaPipe's Image Segmenter with the selfie model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipblend.errors import LipblendError
from lipblend.faces.vision_task import VisionTask, load_library


class PersonSegmenter(VisionTask):
    """How likely each pixel of an RGB picture shows a person, each picture on its own.

    Without network and log lines, see `VisionTask`. `segment` may be called from any thread. The network sees 256 x 256
    pixels, so what is thinner than a 256th of the picture is lost.

    Parameters
    ----------
    model : Path
        Path of ``selfie_segmenter.tflite``, checked (`lipblend.faces.models.resolve_model`).

    Raises
    ------
    ModelError
        If the library cannot load the file.
    """

    def __init__(self, model: Path) -> None:
        super().__init__(model, lambda: _create_segmenter(model), "segment")

    def segment(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """The probability of a person at each pixel.

        Parameters
        ----------
        rgb : (h, w, 3) uint8
            Need not be contiguous. At least one pixel.

        Returns
        -------
        (h, w) float32
            0 background to 1 person. An own copy.

        Raises
        ------
        ValueError
            If `rgb` has another shape or dtype, or the object is closed.
        LipblendError
            If the library fails on the picture.
        """
        masks = self._run(rgb).confidence_masks
        if not masks:
            raise LipblendError(f"MediaPipe gave no mask of people for a picture of {rgb.shape[1]}x{rgb.shape[0]}")
        plane = np.array(masks[-1].numpy_view(), np.float32).reshape(rgb.shape[:2])
        return np.asarray(np.clip(plane, 0, 1), np.float32)


def _create_segmenter(model: Path) -> Any:
    load_library()
    from mediapipe import tasks

    vision = tasks.vision
    options = vision.ImageSegmenterOptions(
        base_options=tasks.BaseOptions(model_asset_buffer=model.read_bytes(), delegate=tasks.BaseOptions.Delegate.CPU),
        running_mode=vision.RunningMode.IMAGE,
        output_confidence_masks=True,
        output_category_mask=False,
    )
    return vision.ImageSegmenter.create_from_options(options)
