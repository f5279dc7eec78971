"""Occluder models of the user's own: tiny ones whose output is known, and those that are rejected."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from patience import HANG_S

from lipblend.errors import ModelError, SettingsError
from lipblend.stages.occlusion.occluder_model import OccluderModel
from tests.onnxfiles import Node, model

# Pixels of four colours that a model can tell apart: its channels are red, green, blue and what is left.
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0)}
SIDE = 32
Load = Callable[..., OccluderModel]


def picture() -> np.ndarray:
    """Four stripes, (32, 32, 3) uint8."""
    return np.repeat(np.repeat(np.uint8([list(COLOURS.values())]), 8, axis=1), SIDE, axis=0)


def stripes(plane: np.ndarray) -> list[float]:
    assert (plane.shape, plane.dtype) == ((SIDE, SIDE), np.float32)
    return [round(float(plane[16, x]), 3) for x in (4, 12, 20, 28)]


def convolved(
    weights: list[list[float]], *, after: str = "", size: tuple[int | str, int | str] = (SIDE, SIDE), bias: float = 0.0
) -> bytes:
    """A 1x1 convolution of R, G and B, (out, 3), and perhaps one operator more."""
    kernel = np.asarray(weights, np.float32)[:, :, None, None]
    nodes = [Node("Conv", ("x", "k", "b"), ("a" if after else "y",), {"kernel_shape": (1, 1)})]
    if after == "ArgMax":
        nodes += [Node("ArgMax", ("a",), ("i",), {"axis": 1}), Node("Cast", ("i",), ("y",), {"to": 1})]
    elif after:
        nodes.append(Node(after, ("a",), ("y",)))
    return model(nodes, weights={"k": kernel, "b": np.full(len(weights), bias, np.float32)}, size=size)


BY_COLOUR = convolved([[9, 0, 0], [0, 9, 0], [0, 0, 9], [-9, -9, -9]])
"""Logits of the classes red, green, blue and black."""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(data: bytes, mapping: str) -> OccluderModel:
        (tmp_path / "m.onnx").write_bytes(data)
        (tmp_path / "m.yaml").write_text(mapping, encoding="utf-8")
        return OccluderModel(tmp_path / "m.onnx")

    return loaded


def test_one_channel_says_what_is_in_front(load: Load) -> None:
    data = convolved([[1, 0, 0]])
    found = load(data, "output: {kind: probability}").predict(picture())
    assert stripes(found.in_front) == [1, 0, 0, 0]
    assert (found.skin, found.lips, found.nose) == (None, None, None)
    free = load(data, "output: {kind: probability, invert: true}").predict(picture())
    assert stripes(free.in_front) == [0, 1, 1, 1]


def test_one_channel_of_logits(load: Load) -> None:
    found = load(convolved([[4, 0, 0]], bias=-2), "output: {kind: logits}").predict(picture())
    assert stripes(found.in_front) == [0.881, 0.119, 0.119, 0.119]


def test_classes_in_front_or_of_the_face(load: Load) -> None:
    front = load(BY_COLOUR, "output: {kind: logits, occluder: [0, 3], lips: [1], nose: [2], skin: [1, 2]}")
    found = front.predict(picture())
    # Black is told from the others by no logit at all: four equal classes, two of which are in front.
    assert stripes(found.in_front) == [1, 0, 0, 0.5]
    assert found.lips is not None
    assert found.nose is not None
    assert found.skin is not None
    assert stripes(found.lips) == [0, 1, 0, 0.25]
    assert stripes(found.nose) == [0, 0, 1, 0.25]
    assert stripes(found.skin) == [0, 1, 1, 0.5]
    face = load(BY_COLOUR, "output: {kind: logits, face: [1]}").predict(picture())
    assert stripes(face.in_front) == [1, 0, 1, 0.75]


def test_class_numbers(load: Load) -> None:
    data = convolved([[9, 0, 0], [0, 9, 0], [0, 0, 9]], after="ArgMax")
    found = load(data, "output: {kind: classes, face: [1, 2], nose: [2]}").predict(picture())
    assert stripes(found.in_front) == [1, 0, 0, 1]
    assert found.nose is not None
    assert stripes(found.nose) == [0, 0, 1, 0]


def test_channels_last(load: Load) -> None:
    """The size of the test's models is (channels, *size): here rows, columns and channels."""
    data = model([Node("Identity", ("x",), ("y",))], size=(SIDE, 3), channels=SIDE)
    found = load(data, "input: {layout: nhwc}\noutput: {kind: probability, occluder: [2], lips: [1]}")
    assert found.size == (SIDE, SIDE)
    assert stripes(found.predict(picture()).in_front) == [0, 0, 1, 0]
    turned = model([Node("Transpose", ("x",), ("y",), {"perm": (0, 3, 1, 2)})], size=(SIDE, 3), channels=SIDE)
    apart = load(turned, "input: {layout: nhwc}\noutput: {kind: probability, layout: nchw, occluder: [2]}")
    assert stripes(apart.predict(picture()).in_front) == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("order: bgr", [0, 0, 1, 0]),
        ("scale: 1/510", [0.5, 0, 0, 0]),
        ("scale: 1, std: [255, 1, 1]", [1, 0, 0, 0]),
        ("mean: [0.25, 0, 0], std: [0.75, 1, 1]", [1, 0, 0, 0]),
        ("order: bgr, mean: [0.5, 0, 0]", [0, 0, 0.5, 0]),
    ],
)
def test_the_input_is_prepared_as_described(words: str, expected: list[float], load: Load) -> None:
    found = load(convolved([[1, 0, 0]]), f"input: {{{words}}}\noutput: {{kind: probability}}").predict(picture())
    assert stripes(found.in_front) == expected


def test_crops_of_any_size_and_memory_order(load: Load) -> None:
    made = load(convolved([[1, 0, 0]], size=("h", "w")), "input: {size: [64, 48]}\noutput: {kind: probability}")
    assert made.size == (64, 48)
    assert made.runtime.startswith("onnxruntime ")
    assert made.face_crop == 1.6
    large = np.repeat(np.repeat(picture(), 5, axis=0), 7, axis=1)
    plane = made.predict(large).in_front
    assert plane.shape == (160, 224)
    assert plane[:, :48].min() > 0.99
    assert plane[:, 64:].max() < 0.01
    np.testing.assert_array_equal(made.predict(np.asfortranarray(large)).in_front, plane)
    mirrored = made.predict(large[:, ::-1]).in_front
    np.testing.assert_allclose(mirrored[:, ::-1], plane, atol=1e-5)
    for bad in (large.astype(np.float32), large[..., 0], large[:0]):
        with pytest.raises(ValueError, match=r"expected \(h, w, 3\) uint8"):
            made.predict(bad)


def test_an_output_is_chosen_by_its_name(load: Load) -> None:
    nodes = [Node("Identity", ("x",), ("y",)), Node("Neg", ("x",), ("z",))]
    data = model(nodes, size=(SIDE, SIDE), outputs=("y", "z"))
    found = load(data, "output: {name: z, kind: logits, occluder: [0]}").predict(picture())
    assert stripes(found.in_front)[0] < 0.2
    with pytest.raises(ModelError, match=r"2 outputs \(y, z\); output.name chooses one"):
        load(data, "output: {kind: logits, occluder: [0]}")
    with pytest.raises(ModelError, match="no output w, but y, z"):
        load(data, "output: {name: w, kind: logits, occluder: [0]}")


@pytest.mark.parametrize(
    ("data", "mapping", "message"),
    [
        (BY_COLOUR, "output: {kind: logits}", r"\(1, 4, 32, 32\), expected one channel: the mapping names no classes"),
        (BY_COLOUR, "output: {kind: logits, face: [4]}", "names class 4; its output has 0 to 3"),
        (BY_COLOUR, "output: {kind: logits, face: [1], nose: [7]}", "names class 7"),
        (BY_COLOUR, "output: {kind: probability, face: [1]}", "is it of kind logits"),
        (BY_COLOUR, "output: {kind: classes, face: [1]}", "expected one class number per pixel"),
        (convolved([[1, 0, 0]]), "output: {kind: classes, face: [1]}", "not class numbers"),
        (BY_COLOUR, "input: {size: [64, 64]}\noutput: {kind: logits, face: [1]}", "takes 32x32 pixels.* says 64x64"),
        (BY_COLOUR, "input: {layout: nhwc}\noutput: {kind: logits, face: [1]}", "which is not nhwc"),
        (convolved([[1, 0, 0]], size=("h", "w")), "output: {kind: logits}", "any size; input.size chooses one"),
        (convolved([[1, 0, 0]], bias=float("nan")), "output: {kind: logits}", "not finite"),
        (b"no model", "output: {kind: logits}", "is not an ONNX model that onnxruntime"),
    ],
)  # fmt: skip
def test_models_that_do_not_fit(data: bytes, mapping: str, message: str, load: Load, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        load(data, mapping)
    assert str(tmp_path / "m.onnx") in caught.value.message
    assert "occlusion.model" in caught.value.hint


def test_a_file_or_its_mapping_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    with pytest.raises(ModelError, match="cannot be read"):
        OccluderModel(path)
    path.write_bytes(convolved([[1, 0, 0]]))
    with pytest.raises(ModelError, match=r"has no mapping file .*m\.yaml"):
        OccluderModel(path)
    other = tmp_path / "other.yaml"
    other.write_text("output: {kind: probability}")
    assert OccluderModel(path, other).size == (SIDE, SIDE)
    other.write_text("output: {kind: what}")
    with pytest.raises(SettingsError, match=r"other\.yaml: output\.kind"):
        OccluderModel(path, other)


def test_onnxruntime_is_imported_with_the_first_model_only() -> None:
    code = "import sys, lipblend.stages.occlusion.occluder_model; print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=HANG_S)
    assert done.stdout == "False\n"
