"""Face meshes of one picture: MediaPipe's Face Landmarker in IMAGE mode."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lipblend.errors import LipblendError, ModelError
from lipblend.faces.bundle import without_entries
from lipblend.faces.landmarks import MESH_POINTS
from lipblend.faces.lazy_imports import lazy_imports
from lipblend.faces.nativelog import native_log_hidden
from lipblend.faces.offline import NetworkStatus, no_profiling_on_this_thread, refuse_network_on_this_thread
from lipblend.runtime.native.guard import process_state_preserved

_WARM_UP_PX = 64
# Normalised positions times the size count from the centre of the first pixel (measured: a picture whose pixels are
# repeated k times gives k p + (k - 1) / 2). Elsewhere in lipblend that centre lies at (0.5, 0.5).
_PIXEL_CENTRE = np.float32(0.5)
_VISION = "mediapipe.tasks.python.vision"
_UNUSED_MODULES = (f"{_VISION}.drawing_styles", f"{_VISION}.drawing_utils", "matplotlib.pyplot", "sounddevice")
"""Imported by the library for drawing and recording: more than half of its import time."""


class FaceLandmarker:
    """Find face meshes in RGB pictures, each picture on its own (IMAGE mode: no smoothing, no lag).

    The task is created on a thread that cannot open sockets (`lipblend.faces.offline`), since the library would contact
    its maker otherwise, and with its log lines hidden (`lipblend.faces.nativelog`). The library's own threads descend
    from that thread. The bundle is loaded without unused networks (`lipblend.faces.bundle`): the meshes are the same,
    and detection takes about 10 % less time.

    `detect` may be called from any thread. Calls on one object take turns, so create one object per thread.

    Parameters
    ----------
    model : Path
        Path of ``face_landmarker.task``, checked (`lipblend.faces.models.resolve_model`).
    max_faces : int
        Maximum number of faces per picture, >= 1.
    confidence : float
        Minimum confidence of detection and of the mesh, 0..1.

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

    def __init__(self, model: Path, *, max_faces: int, confidence: float) -> None:
        if max_faces < 1:
            raise ValueError(f"max_faces must be at least 1, got {max_faces}")
        if not 0 <= confidence <= 1:
            raise ValueError(f"confidence must lie in 0..1, got {confidence}")
        if not model.is_file():
            raise ModelError(f"the model {model} is not a file")
        self._task: Any = None
        failure: list[BaseException] = []

        def create() -> None:
            self.network = refuse_network_on_this_thread()
            no_profiling_on_this_thread()
            try:
                self._task = _create_task(model, max_faces, confidence)
                # Some log lines appear with the first picture only; trigger them here.
                _run(self._task, np.zeros((_WARM_UP_PX, _WARM_UP_PX, 3), np.uint8))
            except BaseException as error:  # noqa: BLE001 - raised again on the calling thread
                failure.append(error)

        with process_state_preserved(), native_log_hidden():
            thread = threading.Thread(target=create, name="lipblend-face-landmarker")
            thread.start()
            thread.join()
        if failure:
            self.close()
            if not isinstance(failure[0], RuntimeError | ValueError | OSError):
                raise failure[0]
            raise ModelError(
                f"MediaPipe cannot use the model {model}", details=tuple(str(failure[0]).splitlines()[:3])
            ) from failure[0]

    def detect(self, rgb: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        """Find the faces of one picture.

        Parameters
        ----------
        rgb : (h, w, 3) uint8
            Need not be contiguous. At least one pixel.

        Returns
        -------
        list of (478, 2) float32
            Meshes in pixels of `rgb`, x right and y down, pixel centres at +0.5. Points may lie outside the picture.

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
            raise ValueError("this FaceLandmarker is closed")
        try:
            result = _run(self._task, rgb)
        except RuntimeError as error:
            raise LipblendError(f"MediaPipe failed on a picture of {rgb.shape[1]}x{rgb.shape[0]}: {error}") from error
        size = np.array([rgb.shape[1], rgb.shape[0]], np.float32)
        meshes = [
            np.array([(p.x, p.y) for p in face], np.float32) * size + _PIXEL_CENTRE for face in result.face_landmarks
        ]
        return [mesh for mesh in meshes if mesh.shape == (MESH_POINTS, 2) and bool(np.isfinite(mesh).all())]

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


class BackgroundLandmarker:
    """A `FaceLandmarker` that is created on a thread of its own; a context manager that closes it.

    Creation takes a quarter of a second of mostly native work (importing MediaPipe, loading the networks, a first
    picture), during which a file can be probed and decoded.

    Parameters
    ----------
    model : Path or callable
        The bundle, or a function that locates it (`lipblend.faces.models.resolve_model`), called on that thread.
    max_faces, confidence
        See `FaceLandmarker`. Also attributes.
    """

    def __init__(self, model: Path | Callable[[], Path], *, max_faces: int, confidence: float) -> None:
        self.max_faces, self.confidence = max_faces, confidence
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lipblend-face-model")

        def create() -> FaceLandmarker:
            path = model if isinstance(model, Path) else model()
            return FaceLandmarker(path, max_faces=max_faces, confidence=confidence)

        self._landmarker = self._thread.submit(create)

    def ready(self) -> FaceLandmarker:
        """Wait for the landmarker.

        Raises
        ------
        ModelError, ValueError
            As raised by `FaceLandmarker`, or by the function that locates the model.
        """
        return self._landmarker.result()

    def close(self) -> None:
        """Wait for the landmarker and free it. May be called more than once."""
        self._thread.shutdown()
        if self._landmarker.exception() is None:
            self._landmarker.result().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load_library() -> None:
    """Import the library ahead of the first `FaceLandmarker`.

    Raises
    ------
    ImportError
        If a part of it is not installed.
    """
    with lazy_imports(*_UNUSED_MODULES):
        import mediapipe.tasks  # noqa: F401


def _create_task(model: Path, max_faces: int, confidence: float) -> Any:
    load_library()
    from mediapipe import tasks

    vision = tasks.vision
    options = vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(
            model_asset_buffer=without_entries(model.read_bytes()), delegate=tasks.BaseOptions.Delegate.CPU
        ),
        running_mode=vision.RunningMode.IMAGE,
        num_faces=max_faces,
        min_face_detection_confidence=confidence,
        min_face_presence_confidence=confidence,
    )
    return vision.FaceLandmarker.create_from_options(options)


def _run(task: Any, rgb: npt.NDArray[np.uint8]) -> Any:
    import mediapipe

    # The library ignores strides, so a non-contiguous picture would look sheared.
    picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
    return task.detect(picture)
