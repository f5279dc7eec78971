"""Face meshes of one picture: MediaPipe's Face Landmarker in IMAGE mode."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lipblend.faces.bundle import without_entries
from lipblend.faces.landmarks import MESH_POINTS
from lipblend.faces.vision_task import VisionTask, check_confidence, load_library, points_px


class FaceLandmarker(VisionTask):
    """Find face meshes in RGB pictures, each picture on its own (IMAGE mode: no smoothing, no lag).

    Without network and log lines, see `VisionTask`. The bundle is loaded without unused networks
    (`lipblend.faces.bundle`): the meshes are the same, and detection takes about 10 % less time.

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

    def __init__(self, model: Path, *, max_faces: int, confidence: float) -> None:
        if max_faces < 1:
            raise ValueError(f"max_faces must be at least 1, got {max_faces}")
        check_confidence(confidence)
        super().__init__(model, lambda: _create_task(model, max_faces, confidence), "detect")

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
        meshes = [points_px(face, rgb) for face in self._run(rgb).face_landmarks]
        return [mesh for mesh in meshes if mesh.shape == (MESH_POINTS, 2) and bool(np.isfinite(mesh).all())]


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
