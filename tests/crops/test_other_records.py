"""What generators keep of their crops: lists of boxes and matrices, pickled, as arrays, as text."""

from __future__ import annotations

import json
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import Shared

from lipblend.crops.coordinate_pickle import load_coordinates
from lipblend.crops.read_places import read_places
from lipblend.errors import InputError
from lipblend.picture.crop_places import CropPlaces
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe

BOXES = [(10, 20, 110, 220), (12, 20, 112, 220), (0, 0, 0, 0), (14, 22, 114, 222)]


@pytest.fixture(scope="module")
def info(shared_material: Shared) -> VideoInfo:
    return probe(shared_material.sample(frames=12, size=320).original)


def read(folder: Path, name: str, content: bytes, info: VideoInfo) -> CropPlaces:
    path = folder / name
    path.write_bytes(content)
    return read_places(path, info, info)


def box_of(places: CropPlaces, number: int, size: tuple[int, int] = (256, 256)) -> list[float]:
    """Where the corners of a crop of a size lie in the original."""
    matrix = np.vstack([places.scaled_to(size)[number], [0, 0, 1]])
    back = np.linalg.inv(matrix)
    return [*(back @ [0, 0, 1])[:2].tolist(), *(back @ [*size, 1])[:2].tolist()]


@pytest.mark.parametrize("kind", ["list", "numpy", "protocol 0", "protocol 5"])
def test_coordinates_of_the_real_time_mode_are_complete(kind: str, tmp_path: Path, info: VideoInfo) -> None:
    rows: Any = [list(box) for box in BOXES]
    if kind == "numpy":
        rows = [[np.int64(x0), int(y0), np.float32(x1), np.int32(y1)] for x0, y0, x1, y1 in BOXES]
    content = pickle.dumps(rows, protocol={"protocol 0": 0, "protocol 5": 5}.get(kind, 4))
    places = read(tmp_path, "coords.pkl", content, info)
    assert places.present.tolist() == [True, True, False, True]
    assert box_of(places, 0) == pytest.approx([10, 20, 110, 220])
    assert box_of(places, 2) == pytest.approx([12, 20, 112, 220])  # the nearest one's, so that nothing jumps


def test_pickled_tuples_lack_the_margin_below(tmp_path: Path, info: VideoInfo) -> None:
    rows = [*BOXES, (0, 0, 100, 315)]
    places = read(tmp_path, "coords.pkl", pickle.dumps(rows), info)
    assert box_of(places, 0) == pytest.approx([10, 20, 110, 230])
    assert box_of(places, 4) == pytest.approx([0, 0, 100, 320])  # not beyond the picture
    assert not places.present[2]


class Hostile:
    def __init__(self, *made: Any) -> None:
        self.made = made

    def __reduce__(self) -> Any:
        return self.made


def nested(depth: int) -> bytes:
    """Lists of twice the list before, which are short to write, and long to copy."""
    rows: list[Any] = [1, 2, 3, 4]
    for _ in range(depth):
        rows = [rows, rows]
    return pickle.dumps(rows)


def big_endian() -> bytes:
    return pickle.dumps([np.array(7, ">i4")[()]] * 4)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps([Hostile(os.system, ("touch hacked",))]),
        pickle.dumps([Hostile(eval, ("1",))]),
        pickle.dumps(np.zeros((3, 4))),
        pickle.dumps(OrderedDict(a=1)),
        pickle.dumps([[np.datetime64("2026-01-01")] * 4]),
        pickle.dumps({1, 2}),
        b"cposix\nsystem\n(S'touch hacked'\ntR.",
        b"cnumpy\nload\n.",
        b"",
        b"\x80\x04",
        b"not a pickle",
        b"(" * 100_000,
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff",
        pickle.dumps([[1, 2, 3]]),
        pickle.dumps(["abcd"]),
        pickle.dumps([[1, 2, float("nan"), 4]]),
        pickle.dumps([(1, 2, 3, [1])]),
        b"]r\xff\xff\xff\x7f.",
        nested(40),
    ],
    ids=range(19),
)
def test_a_pickle_that_holds_anything_else_is_an_error(content: bytes, tmp_path: Path, info: VideoInfo) -> None:
    with pytest.raises(InputError):
        read(tmp_path, "coords.pkl", content, info)
    assert not (tmp_path / "hacked").exists()
    assert not Path("hacked").exists()


def test_numbers_of_both_byte_orders_are_decoded() -> None:
    assert load_coordinates(big_endian()) == [7] * 4
    assert load_coordinates(pickle.dumps([np.float64(1.5), np.uint8(255), np.int16(-3)])) == [1.5, 255, -3]


@pytest.mark.parametrize("header", ["x0,y0,x1,y1\n", "", "\ufeffx0,y0,x1,y1\r\n"])
def test_boxes_come_as_text(header: str, tmp_path: Path, info: VideoInfo) -> None:
    text = header + "\n".join(",".join(map(str, box)) for box in BOXES) + "\n"
    places = read(tmp_path, "boxes.csv", text.encode(), info)
    assert len(places) == 4
    assert box_of(places, 3) == pytest.approx([14, 22, 114, 222])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2,3\n", "row 0"),
        ("1,2,30,40\n1,2,x,4\n", "row 1"),
        ("30,2,3,40\n", "x1 must exceed x0"),
        ("0,0,0,0\n", "no box"),
        ("", "no frames"),
        ("1,2,nan,4\n5,6,7,8\n9,1,2,inf\n", "row 1"),
    ],
)
def test_faulty_text_names_the_row(text: str, said: str, tmp_path: Path, info: VideoInfo) -> None:
    with pytest.raises(InputError, match=said):
        read(tmp_path, "boxes.csv", text.encode(), info)


@pytest.mark.parametrize("form", ["json", "npy"])
def test_matrices_to_the_template_canvas(form: str, tmp_path: Path, info: VideoInfo) -> None:
    """LatentSync's matrices count pixels from their centres, and lead to 420 x 560, which becomes 512 x 512."""
    matrices = np.tile(np.array([[2.0, 0.0, 10.0], [0.0, 2.0, -6.0]]), (3, 1, 1))
    path = tmp_path / f"matrices.{form}"
    if form == "json":
        path.write_text(json.dumps(matrices.tolist()))
    else:
        np.save(path, matrices)
    size = info.upright_size
    places = read_places(path, info, info)
    assert places.size == size
    # The centre of the original's pixel (5, 9) is that of the canvas' (20, 12), which is then squeezed.
    x, y = places.matrices[1] @ [5.5, 9.5, 1]
    assert (x, y) == pytest.approx((20.5 * 512 / 420, 12.5 * 512 / 560))


def test_full_matrices_lead_to_the_crop_itself(tmp_path: Path, info: VideoInfo) -> None:
    rows = [[[0.5, 0.1, 3], [-0.1, 0.5, 4], [0, 0, 1]]] * 2
    places = read(tmp_path, "m.json", json.dumps(rows).encode(), info)
    assert (places.matrices[0] @ [10.5, 20.5, 1]).tolist() == pytest.approx([10.5, 13.5])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"[[1, 2, 3, 4], [1, 2]]"),
        ("a.json", b'[["a", "b", "c", "d"]]'),
        ("a.json", b"[[[1, 0, 0], [0, 0, 0]]]"),
        ("a.json", b"[[1, 2, 3, 4, 5]]"),
        ("a.npy", b"\x93NUMPY\x01\x00"),
        ("a.npy", b"text"),
        ("a.npy", b"\x93NUMPY\x01\x00\x76\x00{'descr': (((" + b" " * 105 + b"\n"),
        ("a.json", b"[[[1e200, 1e200, 0], [1e200, 1e200, 0], [0, 0, 1]]]"),
        ("a.json", b"[[0, 0, 10, 1" + b"0" * 400 + b"]]"),
        ("a.txt", b"1,2,3,4"),
        ("a", b"1,2,3,4"),
        ("a.csv", b"\xff\xfe\x00"),
    ],
)
def test_anything_else_is_one_error(name: str, content: bytes, tmp_path: Path, info: VideoInfo) -> None:
    with pytest.raises(InputError):
        read(tmp_path, name, content, info)


def test_an_array_of_objects_is_not_unpickled(tmp_path: Path, info: VideoInfo) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.array([Hostile(os.system, ("touch hacked",))], object), allow_pickle=True)
    with pytest.raises(InputError, match="not an array of numbers"):
        read_places(path, info, info)
    assert not Path("hacked").exists()
