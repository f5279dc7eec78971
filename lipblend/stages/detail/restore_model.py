"""An image model in a file of the user's own (ONNX), run on the processor by OpenCV.

The file is read once. `cv2.dnn.Net` keeps its layers' buffers in itself and must not be shared by threads, so every
thread that asks makes a net of its own from the same bytes.

The size of a model's input is read from the file, as OpenCV 5 no longer tells it.
ONNX: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.errors import ModelError
from lipblend.runtime.native.guard import process_state_preserved
from lipblend.settings import RestoreSettings

Rgb = npt.NDArray[np.float32]

SIDE_STEP = 16
"""A model without a fixed size is given sides that are multiples of this: many halve the picture a few times."""

_GRAY = 128.0
_TRIALS = ((64, 96), (96, 64))  # height, width
_LARGEST_SIDE = 4096
_LARGEST_SCALE = 16
_CONTRACT = "A model takes one picture (1, 3, height, width) of floats and gives one (1, 3, k height, k width)."


@dataclass(frozen=True)
class DeclaredInput:
    """One input of a model as its file declares it; 0 stands for a length that is left open."""

    name: str
    shape: tuple[int, ...]


class RestoreModel:
    """A picture-to-picture model that has passed a trial run.

    May be used by several threads at once. Equal pictures give equal results on any of them.

    Parameters
    ----------
    settings : RestoreSettings
        ``model`` is the file, looked for from the working folder as other paths are; ``range`` and ``order`` are what
        it wants.

    Attributes
    ----------
    size : (height, width) or None
        The only size that the model takes; None if it takes any whose sides are multiples of `SIDE_STEP`.
    scale : int
        How many times larger its output is.

    Raises
    ------
    ModelError
        The file is missing or no model that OpenCV can run, or what a gray picture gives is not a picture.
    """

    def __init__(self, settings: RestoreSettings) -> None:
        self._path = Path(settings.model)
        self._swap = settings.order == "bgr"
        self._white = 255.0 if settings.range == "byte" else 1.0
        try:
            self._data = np.frombuffer(self._path.read_bytes(), np.uint8)
        except OSError as error:
            raise ModelError(
                f"the restoration model {self._path} cannot be read: {error.strerror or error}",
                hint="Check restore.model, or set it to none.",
            ) from error
        self._own = threading.local()
        self._net()
        self.size = self._fixed_size()
        sides = [self.size] if self.size is not None else list(_TRIALS)
        self.scale = self._scale(*sides[0])
        for height, width in sides[1:]:
            if (other := self._scale(height, width)) != self.scale:
                raise self._wrong(f"it enlarges {self.scale} times at one size and {other} times at another")

    def run(self, rgb: Rgb) -> tuple[Rgb, Rgb]:
        """Run the model on one picture.

        Parameters
        ----------
        rgb : (h, w, 3) float32
            R'G'B' 0 to 255; (h, w) is `size` where that is fixed.

        Returns
        -------
        seen : (h, w, 3) float32
            What the model was shown, through the same roundings as the second.
        made : (scale * h, scale * w, 3) float32
            What it made of it, clipped to 0..255.

        Raises
        ------
        ModelError
            It failed, or gave something else than a picture.
        """
        height, width = rgb.shape[:2]
        given = (rgb[..., ::-1] if self._swap else rgb) * np.float32(self._white / 255)
        given = np.ascontiguousarray(given.transpose(2, 0, 1)[None], np.float32)
        out = self._forward(given)
        wanted = (1, 3, self.scale * height, self.scale * width)
        if out.shape != wanted:
            raise self._wrong(f"of a picture {given.shape} it made {out.shape}, not {wanted}")
        return self._levels(given), np.clip(self._levels(out), 0, 255)

    def _levels(self, blob: npt.NDArray[np.float32]) -> Rgb:
        picture = blob[0].transpose(1, 2, 0) * np.float32(255 / self._white)
        return np.ascontiguousarray(picture[..., ::-1] if self._swap else picture)

    def _forward(self, given: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        net, name = self._net()
        try:
            with nullcontext() if hasattr(self._own, "ran") else process_state_preserved():
                net.setInput(given)
                out = np.array(net.forward(name), np.float32)  # a copy: the net keeps its buffer for the next picture
            self._own.ran = True
        except cv2.error as error:
            raise self._wrong(f"it does not run on a picture {given.shape}", _said(error)) from error
        wrong = int(np.count_nonzero(~np.isfinite(out)))
        if wrong:
            raise self._wrong(f"{wrong} of {out.size} numbers of its output are not finite (NaN or infinite)")
        return out

    def _net(self) -> tuple[Any, str]:
        """This thread's own net, and its output's name."""
        if not hasattr(self._own, "net"):
            try:
                with process_state_preserved():
                    net = cv2.dnn.readNetFromONNX(self._data)
                    names = tuple(net.getUnconnectedOutLayersNames())
            except cv2.error as error:
                raise ModelError(
                    f"{self._path} is no ONNX model that OpenCV {cv2.__version__} can read",
                    details=(_said(error),),
                    hint="Export it again as one .onnx file with its weights inside, or set restore.model to none.",
                ) from error
            if len(names) != 1:
                raise self._wrong(f"it has {len(names)} outputs ({', '.join(names)})")
            self._own.net = net, names[0]
        found: tuple[Any, str] = self._own.net
        return found

    def _fixed_size(self) -> tuple[int, int] | None:
        inputs = declared_inputs(self._data.tobytes())
        if len(inputs) != 1:
            raise self._wrong(f"it has {len(inputs)} inputs ({', '.join(each.name for each in inputs)})")
        shape = inputs[0].shape
        if len(shape) != 4 or shape[0] not in (0, 1) or shape[1] not in (0, 3):
            raise self._wrong(f"its input is {shape} (0 is any length)")
        if 0 in shape[2:]:
            return None
        if max(shape[2:]) > _LARGEST_SIDE:
            raise self._wrong(f"its input is {shape}, larger than {_LARGEST_SIDE} pixels a side")
        return shape[2], shape[3]

    def _scale(self, height: int, width: int) -> int:
        out = self._forward(np.full((1, 3, height, width), _GRAY * self._white / 255, np.float32))
        scale = out.shape[2] // height if out.ndim == 4 else 0
        if not 1 <= scale <= _LARGEST_SCALE or out.shape != (1, 3, scale * height, scale * width):
            raise self._wrong(f"of a picture (1, 3, {height}, {width}) it makes {out.shape}")
        return scale

    def _wrong(self, what: str, *details: str) -> ModelError:
        return ModelError(
            f"the restoration model {self._path} cannot be used: {what}",
            details=details,
            hint=f"{_CONTRACT} Export it in that form, or set restore.model to none.",
        )


def declared_inputs(data: bytes) -> list[DeclaredInput]:
    """The inputs that a model wants to be given, from the bytes of its file.

    Raises
    ------
    ModelError
        The bytes are no protocol buffer.
    """
    found: list[DeclaredInput] = []
    weights: set[str] = set()
    for number, graph in _messages(data):
        if number != 7:  # ModelProto.graph
            continue
        for part, value in _messages(graph):
            if part == 5:  # GraphProto.initializer; older files name them among the inputs as well
                weights.update(bytes(name).decode() for field, name in _messages(value) if field == 8)
            elif part == 11:  # GraphProto.input
                found.append(_declared(value))
    return [each for each in found if each.name not in weights]


def _declared(value: memoryview) -> DeclaredInput:
    name, shape = "", []
    for field, inner in _messages(value):
        if field == 1:
            name = bytes(inner).decode()
        elif field == 2:  # TypeProto > tensor_type > shape > dim > dim_value
            for _, tensor in (each for each in _messages(inner) if each[0] == 1):
                for _, dims in (each for each in _messages(tensor) if each[0] == 2):
                    for _, dim in (each for each in _messages(dims) if each[0] == 1):
                        lengths = [length for number, length in _fields(dim) if number == 1]
                        shape.append(next((each for each in lengths if isinstance(each, int)), 0))
    return DeclaredInput(name, tuple(shape))


def _messages(data: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    for number, value in _fields(data):
        if isinstance(value, memoryview):
            yield number, value


def _fields(data: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers and values of a protocol buffer message, https://protobuf.dev/programming-guides/encoding/."""
    view, at = memoryview(data), 0
    while at < len(view):
        tag, at = _varint(view, at)
        kind = tag & 7
        if kind == 0:
            number, at = _varint(view, at)
            yield tag >> 3, number
            continue
        length = {1: 8, 5: 4}.get(kind, -1)
        if kind == 2:
            length, at = _varint(view, at)
        if length < 0 or at + length > len(view):
            raise ModelError("the restoration model's file is damaged", hint="Copy or export it again.")
        yield tag >> 3, view[at : at + length]
        at += length


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            break
        value |= (view[at] & 127) << shift
        at += 1
        if view[at - 1] < 128:
            return value, at
    raise ModelError("the restoration model's file is damaged", hint="Copy or export it again.")


def _said(error: cv2.error) -> str:
    return " ".join(str(error).split())
