"""Restoration models: what is used of their output, which are rejected, and independence of threads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from patience import HANG_S
from restore_models import CENTRE, DOUBLING, IDENTITY, REPEATING, SHARPENING, SMOOTH, kernel, reshaped

from lipblend.errors import ModelError
from lipblend.picture.formats import ColourTags
from lipblend.picture.ycbcr import ycbcr_matrix
from lipblend.settings import RestoreSettings
from lipblend.stages.detail.restore import Restorer, load_restorer
from tests.onnxfiles import Node, conv, model

MATRIX = ycbcr_matrix(ColourTags(1, 1, 1, 1), 768)
LIPS = np.array([[40.3, 50.2], [100.6, 50.9], [101.2, 81.7], [39.8, 80.4]], np.float32)
WIDTH_PX = 200.0
INNER = np.s_[52:80, 42:98]  # within the lips' bounds: full weight


def patch(seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    planes = np.dstack([rng.uniform(80, 160, (140, 150)), *rng.uniform(118, 138, (2, 140, 150))]).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(planes, (0, 0), 0.8), np.float32)


def restored(restorer: Restorer, picture: np.ndarray) -> np.ndarray:
    return restorer.restore(picture, lips=LIPS, face_width_px=WIDTH_PX, matrix=MATRIX)


@pytest.mark.parametrize("more", [{}, {"range": "byte"}, {"order": "bgr"}])
@pytest.mark.parametrize(
    "data",
    [IDENTITY, conv(kernel(CENTRE)), reshaped(48), reshaped(256), model(DOUBLING, weights=REPEATING)],
    ids=["identity", "conv", "fixed-small", "fixed-large", "x2"],
)
def test_model_that_adds_nothing_changes_no_bit(
    data: bytes, more: dict[str, str], loaded: Callable[..., Restorer]
) -> None:
    picture = patch()
    np.testing.assert_array_equal(restored(loaded(data, **more), picture), picture)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_sharpening_model_equals_its_kernel(strength: float, loaded: Callable[..., Restorer]) -> None:
    picture = patch()
    out = restored(loaded(SHARPENING, strength=strength), picture)
    # Linear and equal for R, G and B: the same kernel applies to Y, Cb and Cr.
    added = cv2.filter2D(picture, -1, SMOOTH / 8)
    expected = picture + strength * (added - cv2.GaussianBlur(added, (0, 0), 0.05 * WIDTH_PX))
    assert np.abs(expected - picture)[INNER].max() > 3 * strength
    np.testing.assert_allclose(out[INNER], expected[INNER], atol=0.25)  # the low-pass reaches beyond the crop
    np.testing.assert_allclose(np.diff(out[INNER], axis=1), np.diff(expected[INNER], axis=1), atol=0.02)


def test_golden_restoration(loaded: Callable[..., Restorer]) -> None:
    """What a sharpening model adds to a known texture at defaults: in the fade, and at full weight.

    At full weight it is ``20 (4 - 2 cos 1/2 - 2 cos 1/3) / 8 sin(x / 2) cos(y / 3)``, the response of the kernel.
    """
    y, x = np.mgrid[:140, :150].astype(np.float32)
    luma = 120 + 20 * np.sin(x / 2) * np.cos(y / 3)
    picture = np.dstack([luma, np.full_like(luma, 118), np.full_like(luma, 136)])
    added = (restored(loaded(SHARPENING), picture) - picture)[..., 0]
    assert added[66, [30, 33, 36, 70, 72, 73]] == pytest.approx(GOLDEN, abs=0.02)


GOLDEN = [-0.074, 0.292, 0.543, 0.380, 0.880, 0.827]


def test_detail_fades_out_over_the_margin(loaded: Callable[..., Restorer]) -> None:
    picture, margin = patch(), 0.06 * WIDTH_PX
    change = np.abs(restored(loaded(SHARPENING), picture) - picture).max(2)
    outside = np.ones(change.shape, bool)
    low, high = LIPS.min(0) - margin, LIPS.max(0) + margin
    outside[int(low[1]) : int(high[1]) + 1, int(low[0]) : int(high[0]) + 1] = False
    assert change[outside].max() == 0
    rows = change[:, 45:95].mean(1)
    edge = int(low[1])
    assert 0 < rows[edge + 1] < 0.1 * rows[60:75].mean() < rows[edge + 6] < rows[60:75].mean()


def test_colour_cast_of_the_model_is_not_used(loaded: Callable[..., Restorer]) -> None:
    cast = model([Node("Add", ("x", "c"), ("y",))], weights={"c": np.float32([0.1, -0.05, 0]).reshape(1, 3, 1, 1)})
    picture = patch()
    np.testing.assert_allclose(restored(loaded(cast), picture), picture, atol=0.01)


def test_model_gets_its_channel_order_and_range(loaded: Callable[..., Restorer]) -> None:
    red = np.zeros((3, 3, 3, 3), np.float32)
    red[0, 0] = SMOOTH / 8  # only the model's first channel is sharpened
    data = conv(red + kernel(CENTRE))
    rgb = np.asarray(np.clip(cv2.transform(patch(), MATRIX), 0, 255), np.float32)
    for order, channel in (("rgb", 0), ("bgr", 2)):
        seen, made = loaded(data, order=order).model.run(rgb)
        changed = [float(np.abs(made - seen)[..., c].max()) for c in range(3)]
        assert changed[channel] > 1
        assert max(changed[:channel] + changed[channel + 1 :]) < 1e-3
    # min(x, 1) leaves a unit picture alone and wipes out one in bytes.
    capped = model([Node("Min", ("x", "one"), ("y",))], weights={"one": np.ones((1, 1, 1, 1), np.float32)})
    for name, most in (("unit", 255), ("byte", 1)):
        seen, made = loaded(capped, range=name).model.run(rgb)
        np.testing.assert_allclose(seen, rgb, atol=1e-3)
        np.testing.assert_allclose(made, np.minimum(rgb, most), atol=1e-3)


def test_output_of_an_enlarging_model_is_averaged(loaded: Callable[..., Restorer]) -> None:
    # Every pixel becomes four: 1, 1, 1 and 1.4 times itself; their mean is 1.1 times.
    weights = {"k": REPEATING["k"] * np.tile(np.float32([1, 1, 1, 1.4]), 3).reshape(12, 1, 1, 1)}
    restorer, picture = loaded(model(DOUBLING, weights=weights)), patch()
    assert (restorer.model.size, restorer.model.scale) == (None, 2)
    assert restorer.model.runtime.startswith("onnxruntime ")
    luma = (restored(restorer, picture) - picture)[..., 0]
    added = 0.1 * (picture[..., 0] - 16)
    expected = added - cv2.GaussianBlur(added, (0, 0), 0.05 * WIDTH_PX)
    np.testing.assert_allclose(luma[INNER], expected[INNER], atol=0.3)
    assert np.abs(expected[INNER]).max() > 2


@pytest.mark.parametrize("side", [64, 192])
def test_model_of_fixed_size_gets_the_scaled_mouth(side: int, loaded: Callable[..., Restorer]) -> None:
    kernel_node = Node("Conv", ("x", "k"), ("a",), {"kernel_shape": (3, 3), "pads": (1, 1, 1, 1)})
    sizes = {"s": np.array([1, -1]), "t": np.array([1, 3, side, side])}
    nodes = [kernel_node, Node("Reshape", ("a", "s"), ("b",)), Node("Reshape", ("b", "t"), ("y",))]
    restorer = loaded(model(nodes, weights={"k": kernel(CENTRE + SMOOTH / 4), **sizes}, size=(side, side)))
    assert (restorer.model.size, restorer.model.scale) == ((side, side), 1)
    # A wave that the kernel amplifies by a known factor, at the model's scale.
    fit = side / (LIPS[:, 0].max() - LIPS[:, 0].min() + 2 * 0.06 * WIDTH_PX)
    period = 9.0
    wave = np.broadcast_to(10 * np.sin(2 * np.pi * np.arange(150) / period), (140, 150))
    picture = np.dstack([120 + wave, np.full((140, 150, 2), 128)]).astype(np.float32)
    change = (restored(restorer, picture) - picture)[..., 0]
    gain = (2 - 2 * np.cos(2 * np.pi / (period * fit))) / 4
    measured = float((change * wave)[INNER].sum() / (wave * wave)[INNER].sum())
    assert measured == pytest.approx(gain, rel=0.25 if side == 64 else 0.1)  # scaling down low-passes
    assert gain > 0.02


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not an ONNX model"),
        (b"nonsense", "is not an ONNX model"),
        (SHARPENING[:-60], "is not an ONNX model"),
        (model([Node("NoSuchOperator", ("x",), ("y",))]), "is not an ONNX model"),
        (model([Node("Sub", ("x", "x"), ("a",)), Node("Div", ("a", "a"), ("y",))]), "not finite"),
        (conv(np.ones((1, 3, 3, 3), np.float32)), r"it returns \(1, 1, 64, 96\)"),
        (conv(np.ones((1, 1, 3, 3), np.float32), channels=1), r"its input is \(1, 1, 0, 0\)"),
        (
            model([Node("Identity", ("x",), ("y",)), Node("Identity", ("x",), ("z",))], outputs=("y", "z")),
            r"2 outputs \(y, z\)",
        ),
        (model([Node("MaxPool", ("x",), ("y",), {"kernel_shape": (2, 2), "strides": (2, 2)})]), r"\(1, 3, 32, 48\)"),
        (conv(kernel(CENTRE), size=(5000, 5000)), "larger than 4096"),
    ],
    ids=["empty", "nonsense", "cut", "operator", "nan", "channels-out", "channels-in", "outputs", "smaller", "huge"],
)
def test_unusable_models_are_errors_when_loaded(data: bytes, words: str, loaded: Callable[..., Restorer]) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        loaded(data)
    assert "tiny.onnx" in caught.value.message
    assert "restore.model" in caught.value.hint
    assert caught.value.exit_code == 6


def test_missing_file_and_folder_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ModelError, match="cannot be read") as caught:
            load_restorer(RestoreSettings(model=str(path)))
        assert str(path) in caught.value.message


def test_failure_on_a_later_picture_is_an_error(loaded: Callable[..., Restorer]) -> None:
    # log(x - 0.3) is a number for the gray trial picture but not for a darker one.
    nodes = [Node("Sub", ("x", "c"), ("a",)), Node("Log", ("a",), ("y",))]
    restorer = loaded(model(nodes, weights={"c": np.full((1, 1, 1, 1), 0.3, np.float32)}))
    dark = np.dstack([np.full((140, 150), 40), np.full((140, 150, 2), 128)]).astype(np.float32)
    with pytest.raises(ModelError, match="not finite"):
        restored(restorer, dark)


@pytest.mark.parametrize("size", [(96, "w"), ("h", 96), ("h", "w")])
def test_a_model_with_an_open_length_takes_any_size_and_weights_are_no_inputs(
    size: tuple[int | str, int | str], loaded: Callable[..., Restorer]
) -> None:
    if size == ("h", "w"):
        assert loaded(conv(kernel(CENTRE), size=size, name_weights=True)).model.size is None
    else:  # one length is fixed, and the trial uses another
        with pytest.raises(ModelError, match=r"does not run on a picture \(1, 3, "):
            loaded(conv(kernel(CENTRE), size=size, name_weights=True))


@pytest.mark.parametrize("cause", [None, "libgomp.so.1 is missing"])
def test_without_onnxruntime_the_error_says_what_to_install(
    cause: str | None, loaded: Callable[..., Restorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name.partition(".")[0] == "onnxruntime":
                raise ImportError(cause)

    for name in [name for name in sys.modules if name.partition(".")[0] == "onnxruntime"]:
        monkeypatch.delitem(sys.modules, name)
    if cause is None:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    else:
        monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ModelError, match=cause or "onnxruntime cannot be imported") as caught:
        loaded(IDENTITY)
    assert 'pip install ".[restore]" in the checkout' in caught.value.hint
    assert caught.value.exit_code == 6


def test_onnxruntime_is_loaded_only_with_a_model() -> None:
    code = (
        "import sys\n"
        "from lipblend.settings import RestoreSettings\n"
        "from lipblend.stages.detail.restore import load_restorer\n"
        "assert load_restorer(RestoreSettings()) is None\n"
        "assert not any(name.startswith('onnxruntime') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=HANG_S)


def test_results_do_not_depend_on_threads(loaded: Callable[..., Restorer]) -> None:
    many = np.random.default_rng(1).normal(0, 0.05, (3, 3, 3, 3)).astype(np.float32)
    restorer = loaded(conv(kernel(CENTRE) + many))
    pictures = [patch(seed) for seed in range(12)]
    alone = [restored(restorer, picture) for picture in pictures]
    assert not np.array_equal(alone[0], pictures[0])
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            np.testing.assert_array_equal(alone, list(pool.map(partial(restored, restorer), pictures)))
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        np.testing.assert_array_equal(alone, [restored(restorer, picture) for picture in pictures])
    finally:
        cv2.setNumThreads(threads)
