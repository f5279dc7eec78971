"""onnxruntime sessions for models of the user's own: on one thread of the processor, without telemetry.

onnxruntime is an optional dependency (``pip install ".[restore]"`` in the checkout). It is imported when a model is
loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lipblend.errors import ModelError

_LOG_FATAL = 4  # every error is raised, and need not be logged as well


def start_session(path: Path, data: bytes, setting: str) -> tuple[Any, tuple[type[Exception], ...], str]:
    """A session, the exceptions that it may raise, and the library's name and version.

    Call it in `lipblend.runtime.native.guard.process_state_preserved`.

    Parameters
    ----------
    path : Path
        The model's file, for messages.
    data : bytes
        Its content.
    setting : str
        Key of the setting that names it, for messages.

    Raises
    ------
    ModelError
        onnxruntime is missing or cannot load the model.
    """
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as native
    except ImportError as error:
        raise ModelError(
            f"{setting} is {path}, but onnxruntime cannot be imported: {error}",
            hint=f'Run pip install ".[restore]" in the checkout of lipblend, or set {setting} to none.',
        ) from error
    onnxruntime.disable_telemetry_events()
    # They have no base class of their own.
    errors = tuple(kind for kind in vars(native).values() if isinstance(kind, type) and issubclass(kind, Exception))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_FATAL
    runtime = f"onnxruntime {onnxruntime.__version__}"
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]), errors, runtime
    except errors as error:
        raise ModelError(
            f"{path} is not an ONNX model that {runtime} can run",
            details=(one_line(error),),
            hint=f"Export it again as one .onnx file with its weights inside, or set {setting} to none.",
        ) from error


def one_line(error: Exception) -> str:
    """The text of an exception without line breaks."""
    return " ".join(str(error).split())
