"""Folders of numbered pictures that are not a whole film are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipblend.errors import InputError, InputMismatchError
from lipblend.video.numbered_pictures import pictures_in
from tests.mattes_to_keep import flat, pictures


def test_pictures_are_taken_by_the_last_number_and_hidden_files_are_not(tmp_path: Path) -> None:
    pictures(tmp_path, [flat(0)] * 3, first=9, name="shot 2 take {} b.PNG")
    (tmp_path / "._shot 2 take 10 b.png").write_bytes(b"resource fork")
    (tmp_path / "notes 1.txt").write_text("x")
    found = pictures_in(tmp_path)
    assert [path.name for path in found.paths] == [f"shot 2 take {number} b.PNG" for number in (9, 10, 11)]
    assert found.size == (64, 48)


def test_a_hole_is_named(tmp_path: Path) -> None:
    pictures(tmp_path, [flat(0)] * 12, first=20)
    for number in (22, 25, 26, 27, 29):
        (tmp_path / f"hand_v2_{number:04d}.png").unlink()
    with pytest.raises(InputError, match=r"5 of the pictures 20 to 31 in .* are missing: 22, 25, 26 \.\.\."):
        pictures_in(tmp_path)


@pytest.mark.parametrize(
    ("name", "words"),
    [("2.png", "the number 2 occurs more than once in"), ("hand.png", "hand.png has no number in its name")],
)
def test_a_name_that_does_not_fit_is_refused(tmp_path: Path, name: str, words: str) -> None:
    pictures(tmp_path, [flat(0)] * 3)
    pictures(tmp_path, [flat(0)], name=name)
    with pytest.raises(InputError, match=words):
        pictures_in(tmp_path)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001.tif").write_bytes(b"x")
    with pytest.raises(InputError, match="holds no PNG pictures"):
        pictures_in(tmp_path)


def test_pictures_of_two_sizes_are_refused(tmp_path: Path) -> None:
    pictures(tmp_path, [flat(0), flat(0), flat(0, (48, 64))])
    with pytest.raises(InputMismatchError, match=r"0002\.png is 48x64, and hand_v2_0000\.png beside it is 64x48"):
        pictures_in(tmp_path)


@pytest.mark.parametrize("content", [b"", b"GIF89a" + bytes(40), None], ids=["empty", "gif", "cut off"])
def test_what_is_not_a_whole_picture_is_refused_before_the_work(tmp_path: Path, content: bytes | None) -> None:
    pictures(tmp_path, [flat(0)] * 3)
    bad = tmp_path / "hand_v2_0001.png"
    bad.write_bytes(bad.read_bytes()[:-9] if content is None else content)
    with pytest.raises(InputError, match=r"0001\.png is not a readable PNG picture"):
        pictures_in(tmp_path)


def test_a_picture_that_is_damaged_within_is_an_error(tmp_path: Path) -> None:
    pictures(tmp_path, [np.random.default_rng(0).integers(0, 255, (48, 64), np.uint8)])
    found = pictures_in(tmp_path)
    data = bytearray(found.paths[0].read_bytes())
    data[len(data) // 2] ^= 0xFF
    found.paths[0].write_bytes(data)
    with pytest.raises(InputError, match=r"0000\.png is not a readable PNG picture"):
        next(found.planes([0]))
