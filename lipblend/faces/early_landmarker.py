"""A face model that gets ready while other things are done."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from lipblend.faces.landmarker import FaceLandmarker


class LandmarkerSoon:
    """A `FaceLandmarker` that a thread of its own makes; a context manager that closes it.

    Making one takes a quarter of a second of mostly native work (MediaPipe's import, reading the networks, a first
    picture), beside which a file can be probed and decoded.

    Parameters
    ----------
    model : Path or callable
        The bundle, or what finds it (`lipblend.faces.models.resolve_model`), called on that thread.
    max_faces, confidence
        See `FaceLandmarker`.

    Attributes
    ----------
    max_faces, confidence
    """

    def __init__(self, model: Path | Callable[[], Path], *, max_faces: int, confidence: float) -> None:
        self.max_faces, self.confidence = max_faces, confidence
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lipblend-face-model")

        def made() -> FaceLandmarker:
            found = model if isinstance(model, Path) else model()
            return FaceLandmarker(found, max_faces=max_faces, confidence=confidence)

        self._made = self._thread.submit(made)

    def ready(self) -> FaceLandmarker:
        """The landmarker, once it is made.

        Raises
        ------
        ModelError, ValueError
            As `FaceLandmarker`, or what finds the model.
        """
        return self._made.result()

    def close(self) -> None:
        """Free it, as soon as it is made. May be called again."""
        self._thread.shutdown()
        if self._made.exception() is None:
            self._made.result().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
