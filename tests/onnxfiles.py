"""Tiny ONNX models, written byte by byte: protocol buffers need no package of their own to be written.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_ATTRIBUTE_INT, _ATTRIBUTE_STRING, _ATTRIBUTE_INTS = 2, 3, 7  # AttributeProto.AttributeType
Attribute = int | str | Sequence[int]
Dims = Sequence[int | str]


@dataclass(frozen=True)
class Node:
    """One operator: its type, the names of what goes in and out, its attributes."""

    operator: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: dict[str, Attribute] = field(default_factory=dict)


def model(
    nodes: Sequence[Node],
    *,
    weights: dict[str, np.ndarray] | None = None,
    size: tuple[int | str, int | str] = ("h", "w"),
    channels: int = 3,
    outputs: Sequence[str] = ("y",),
    name_weights: bool = False,
) -> bytes:
    """A model with one float input ``x`` of (1, channels, *size); words in the size leave it open.

    Older exporters name the weights among the inputs as well (``name_weights``).
    """
    graph = b"".join(_part(1, _node(each)) for each in nodes) + _text(2, "graph")
    graph += b"".join(_part(5, _tensor(name, values)) for name, values in (weights or {}).items())
    graph += _part(11, _value("x", (1, channels, *size)))
    if name_weights:
        graph += b"".join(_part(11, _value(name, values.shape)) for name, values in (weights or {}).items())
    graph += b"".join(_part(12, _value(name, ("n", "c", "oh", "ow"))) for name in outputs)
    return _number(1, 8) + _part(8, _text(1, "") + _number(2, 13)) + _part(7, graph)


def conv(kernel: np.ndarray, **more: object) -> bytes:
    """One convolution, (out, in, 3, 3), that keeps the size (zeros beyond the border)."""
    node = Node("Conv", ("x", "k"), ("y",), {"kernel_shape": (3, 3), "pads": (1, 1, 1, 1)})
    return model([node], weights={"k": kernel}, **more)  # type: ignore[arg-type]


def _node(node: Node) -> bytes:
    out = b"".join(_text(1, name) for name in node.inputs) + b"".join(_text(2, name) for name in node.outputs)
    out += _text(3, f"{node.operator}_{node.outputs[0]}") + _text(4, node.operator)
    return out + b"".join(_part(5, _attribute(name, value)) for name, value in node.attributes.items())


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _ATTRIBUTE_INT)
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, _ATTRIBUTE_STRING)
    return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, _ATTRIBUTE_INTS)


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind, stored = (_INT64, "<i8") if values.dtype.kind == "i" else (_FLOAT, "<f4")
    dims = b"".join(_number(1, each) for each in values.shape)
    return dims + _number(2, kind) + _text(8, name) + _part(9, np.ascontiguousarray(values, stored).tobytes())


def _value(name: str, dims: Dims) -> bytes:
    shape = b"".join(_part(1, _number(1, each) if isinstance(each, int) else _text(2, each)) for each in dims)
    return _text(1, name) + _part(2, _part(1, _number(1, _FLOAT) + _part(2, shape)))


def _number(tag: int, value: int) -> bytes:
    return _varint(tag << 3) + _varint(value)


def _text(tag: int, text: str) -> bytes:
    return _part(tag, text.encode())


def _part(tag: int, data: bytes) -> bytes:
    return _varint(tag << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
