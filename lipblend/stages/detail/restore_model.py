"""A restoration model in an ONNX file of the user's own, run on the processor by onnxruntime.

onnxruntime is an optional dependency (``pip install ".[restore]"`` in the checkout). It is imported when a model is
loaded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipblend.errors import ModelError
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.settings import RestoreSettings
from lipblend.stages.onnx_session import one_line, start_session

Rgb = npt.NDArray[np.float32]

SIDE_STEP = 16
"""A model of any size is given sides that are multiples of this: many models halve the picture a few times."""

_GRAY = 128.0
_TRIAL_SIZES = ((64, 96), (96, 64))  # height, width
_MAX_SIDE = 4096
_MAX_SCALE = 16
_CONTRACT = "A model takes one picture (1, 3, height, width) of floats and gives one (1, 3, k height, k width)."


class RestoreModel:
    """A picture-to-picture model that has passed a trial run.

    One onnxruntime session, which threads may share. It computes on the calling thread.

    Parameters
    ----------
    settings : RestoreSettings
        ``model`` is the file, relative to the working folder; ``range`` and ``order`` describe its input.

    Attributes
    ----------
    size : (height, width) or None
        The only size that the model takes; None for any size whose sides are multiples of `SIDE_STEP`.
    scale : int
        Output size as a multiple of the input size.
    runtime : str
        Name and version of the library, on which results depend.

    Raises
    ------
    ModelError
        The file cannot be read, onnxruntime is missing or cannot load it, or a gray picture does not give a picture.
    """

    def __init__(self, settings: RestoreSettings) -> None:
        self._path = Path(settings.model)
        self._swap = settings.order == "bgr"
        self._white = 255.0 if settings.range == "byte" else 1.0
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"the restoration model {self._path} cannot be read: {error.strerror or error}",
                hint="Check restore.model, or set it to none.",
            ) from error
        with process_state_preserved():  # the first run may start parts of the library as well
            self._session, self._errors, self.runtime = start_session(self._path, data, "restore.model")
            self.size = self._declared_size()
            first, *others = [self.size] if self.size is not None else _TRIAL_SIZES
            self.scale = self._trial_scale(*first)
            for height, width in others:
                if (scale := self._trial_scale(height, width)) != self.scale:
                    raise self._unusable(f"it enlarges {self.scale} times at one size and {scale} times at another")

    def run(self, rgb: Rgb) -> tuple[Rgb, Rgb]:
        """Run the model on one picture.

        Parameters
        ----------
        rgb : (h, w, 3) float32
            R'G'B' 0 to 255; (h, w) is `size` where that is fixed.

        Returns
        -------
        shown : (h, w, 3) float32
            The input, with the same rounding as the output.
        output : (scale * h, scale * w, 3) float32
            Clipped to 0..255.

        Raises
        ------
        ModelError
            The model failed, or its output is not a picture.
        """
        height, width = rgb.shape[:2]
        scaled = (rgb[..., ::-1] if self._swap else rgb) * np.float32(self._white / 255)
        blob = np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)
        output = self._forward(blob)
        expected = (1, 3, self.scale * height, self.scale * width)
        if output.shape != expected:
            raise self._unusable(f"for a picture {blob.shape} it returned {output.shape}, expected {expected}")
        return self._to_rgb(blob), np.clip(self._to_rgb(output), 0, 255)

    def _to_rgb(self, blob: npt.NDArray[np.float32]) -> Rgb:
        picture = blob[0].transpose(1, 2, 0) * np.float32(255 / self._white)
        return np.ascontiguousarray(picture[..., ::-1] if self._swap else picture)

    def _forward(self, blob: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        try:
            (output,) = self._session.run(None, {self._session.get_inputs()[0].name: blob})
        except self._errors as error:
            raise self._unusable(f"it does not run on a picture {blob.shape}", one_line(error)) from error
        if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu":
            raise self._unusable(f"its output is {self._session.get_outputs()[0].type}, not numbers")
        output = np.asarray(output, np.float32)
        bad = int(np.count_nonzero(~np.isfinite(output)))
        if bad:
            raise self._unusable(f"{bad} of {output.size} numbers of its output are not finite (NaN or infinite)")
        return output

    def _declared_size(self) -> tuple[int, int] | None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        for count, what, nodes in ((len(inputs), "inputs", inputs), (len(outputs), "outputs", outputs)):
            if count != 1:
                raise self._unusable(f"it has {count} {what} ({', '.join(node.name for node in nodes)})")
        shape = tuple(length if isinstance(length, int) and length > 0 else 0 for length in inputs[0].shape)
        if len(shape) != 4 or shape[0] not in (0, 1) or shape[1] not in (0, 3):
            raise self._unusable(f"its input is {shape} (0 is any length)")
        if 0 in shape[2:]:
            return None
        if max(shape[2:]) > _MAX_SIDE:
            raise self._unusable(f"its input is {shape}, larger than {_MAX_SIDE} pixels a side")
        return shape[2], shape[3]

    def _trial_scale(self, height: int, width: int) -> int:
        shape = self._forward(np.full((1, 3, height, width), _GRAY * self._white / 255, np.float32)).shape
        scale = shape[2] // height if len(shape) == 4 else 0
        if not 1 <= scale <= _MAX_SCALE or shape != (1, 3, scale * height, scale * width):
            raise self._unusable(f"for a picture (1, 3, {height}, {width}) it returns {shape}")
        return scale

    def _unusable(self, reason: str, *details: str) -> ModelError:
        return ModelError(
            f"the restoration model {self._path} cannot be used: {reason}",
            details=details,
            hint=f"{_CONTRACT} Export it in that form, or set restore.model to none.",
        )
