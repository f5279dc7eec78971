"""One of MediaPipe's vision tasks in IMAGE mode, created so that it neither phones home nor writes to stderr."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lipblend.errors import LipblendError, ModelError
from lipblend.faces.lazy_imports import lazy_imports
from lipblend.faces.nativelog import native_log_hidden
from lipblend.faces.offline import NetworkStatus, no_profiling_on_this_thread, refuse_network_on_this_thread
from lipblend.runtime.native.guard import process_state_preserved

Rgb = npt.NDArray[np.uint8]

PIXEL_CENTRE = np.float32(0.5)
"""Normalised positions times the size count from the centre of the first pixel (measured: a picture whose pixels are
repeated k times gives k p + (k - 1) / 2). Elsewhere in lipblend that centre lies at (0.5, 0.5)."""

_WARM_UP_PX = 64
_VISION = "mediapipe.tasks.python.vision"
_UNUSED_MODULES = (f"{_VISION}.drawing_styles", f"{_VISION}.drawing_utils", "matplotlib.pyplot", "sounddevice")
"""Imported by the library for drawing and recording: more than half of its import time."""


class VisionTask:
    """Base of the classes that find something in RGB pictures, each picture on its own (no smoothing, no lag).

    The task is created on a thread that cannot open sockets (`lipblend.faces.offline`), since the library would contact
    its maker otherwise, and with its log lines hidden (`lipblend.faces.nativelog`). The library's own threads descend
    from that thread.

    It may be used from any thread. Calls on one object take turns, so create one object per thread.

    Parameters
    ----------
    model : Path
        The model file, checked (`lipblend.faces.models.resolve_model`).
    create : callable
        Makes the library's task; called on the guarded thread.
    method : str
        The task's method that takes one picture.

    Attributes
    ----------
    network : NetworkStatus
        Whether the library is cut off from the network, and if not, why.

    Raises
    ------
    ModelError
        If the library cannot load the file.
    """

    network: NetworkStatus

    def __init__(self, model: Path, create: Callable[[], Any], method: str) -> None:
        self._task: Any = None
        self._method = method
        if not model.is_file():
            raise ModelError(f"the model {model} is not a file")
        failure: list[BaseException] = []

        def work() -> None:
            self.network = refuse_network_on_this_thread()
            no_profiling_on_this_thread()
            try:
                self._task = create()
                # Some log lines appear with the first picture only; trigger them here.
                self._call(np.zeros((_WARM_UP_PX, _WARM_UP_PX, 3), np.uint8))
            except BaseException as error:  # noqa: BLE001 - raised again on the calling thread
                failure.append(error)

        with process_state_preserved(), native_log_hidden():
            thread = threading.Thread(target=work, name="lipblend-vision-task")
            thread.start()
            thread.join()
        if failure:
            self.close()
            if not isinstance(failure[0], RuntimeError | ValueError | OSError):
                raise failure[0]
            raise ModelError(
                f"MediaPipe cannot use the model {model}", details=tuple(str(failure[0]).splitlines()[:3])
            ) from failure[0]

    def _run(self, rgb: Rgb) -> Any:
        """The library's result for one picture.

        Raises
        ------
        ValueError
            If `rgb` has another shape or dtype, or the object is closed.
        LipblendError
            If the library fails on the picture.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise ValueError(f"expected (h, w, 3) uint8, got {rgb.shape} {rgb.dtype}")
        if self._task is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        try:
            return self._call(rgb)
        except RuntimeError as error:
            raise LipblendError(f"MediaPipe failed on a picture of {rgb.shape[1]}x{rgb.shape[0]}: {error}") from error

    def _call(self, rgb: Rgb) -> Any:
        import mediapipe

        # The library ignores strides, so a non-contiguous picture would look sheared.
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
        return getattr(self._task, self._method)(picture)

    def close(self) -> None:
        """Free the task. May be called more than once."""
        if self._task is not None:
            task, self._task = self._task, None
            task.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load_library() -> None:
    """Import the library ahead of the first task.

    Raises
    ------
    ImportError
        If a part of it is not installed.
    """
    with lazy_imports(*_UNUSED_MODULES):
        import mediapipe.tasks  # noqa: F401


def points_px(landmarks: Any, rgb: Rgb) -> npt.NDArray[np.float32]:
    """Normalised landmarks of the library as (n, 2) float32 pixels of the picture, pixel centres at +0.5."""
    size = np.array([rgb.shape[1], rgb.shape[0]], np.float32)
    return np.array([(point.x, point.y) for point in landmarks], np.float32) * size + PIXEL_CENTRE


def check_confidence(confidence: float) -> None:
    """Raise ValueError for a confidence outside 0..1."""
    if not 0 <= confidence <= 1:
        raise ValueError(f"confidence must lie in 0..1, got {confidence}")
