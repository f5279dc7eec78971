"""Tiny restoration models whose output is known."""

from __future__ import annotations

import numpy as np

from tests.onnxfiles import Node, conv, model

SMOOTH = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32)  # a Laplacian


def kernel(one: np.ndarray) -> np.ndarray:
    """The same 3x3 kernel for each channel by itself."""
    out = np.zeros((3, 3, 3, 3), np.float32)
    for channel in range(3):
        out[channel, channel] = one
    return out


CENTRE = np.zeros((3, 3), np.float32)
CENTRE[1, 1] = 1
SHARPENING = conv(kernel(CENTRE + SMOOTH / 8))
IDENTITY = model([Node("Identity", ("x",), ("y",))])
DOUBLING = [
    Node("Conv", ("x", "k"), ("a",), {"kernel_shape": (1, 1)}),
    Node("DepthToSpace", ("a",), ("y",), {"blocksize": 2, "mode": "CRD"}),
]
REPEATING = {"k": np.repeat(np.eye(3, dtype=np.float32), 4, 0).reshape(12, 3, 1, 1)}


def reshaped(side: int) -> bytes:
    """Identity of one size only."""
    nodes = [Node("Reshape", ("x", "s"), ("a",)), Node("Reshape", ("a", "t"), ("y",))]
    return model(nodes, weights={"s": np.array([1, -1]), "t": np.array([1, 3, side, side])}, size=(side, side))
