"""A face model that gets ready while other things are done."""

from __future__ import annotations

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
    model, max_faces, confidence
        See `FaceLandmarker`.
    """

    def __init__(self, model: Path, *, max_faces: int, confidence: float) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lipblend-face-model")
        self._made = self._thread.submit(FaceLandmarker, model, max_faces=max_faces, confidence=confidence)

    def ready(self) -> FaceLandmarker:
        """The landmarker, once it is made.

        Raises
        ------
        ModelError, ValueError
            As `FaceLandmarker`.
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
