"""Finding and decoding the pictures of an image sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipblend.errors import InputError
from lipblend.runtime.stand_ins import is_pattern
from lipblend.video.numbered_files import matching_numbers, numbered_files, numbered_path
from lipblend.video.still_picture import read_still
from tests.sequences import pictures, write_pictures


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


def test_patterns(tmp_path: Path) -> None:
    touch(tmp_path, "100%d.png")
    assert is_pattern(tmp_path / "a_%06d.png")
    assert is_pattern(Path("%d.exr"))
    assert not is_pattern(tmp_path / "a_000001.png")
    assert not is_pattern(tmp_path / "100%d.png")  # a file of that very name
    assert not is_pattern(tmp_path / "%d" / "a.png")  # a pattern in a folder's name is none
    assert not is_pattern(Path("50%.mp4"))
    assert not is_pattern(Path("%6d.png"))  # padded with spaces
    assert not is_pattern(Path("%0999999999d.png"))


def test_files_by_number(tmp_path: Path) -> None:
    touch(tmp_path, "a_0009.png", "a_0010.png", "a_10000.png", "a_010001.png", "a_11.png", "b_0012.png", "a_0011.jpg")
    assert matching_numbers(tmp_path / "a_%04d.png") == [9, 10, 10000]
    assert matching_numbers(tmp_path / "a_%d.png") == [11, 10000]
    assert matching_numbers(tmp_path / "gone" / "%d.png") == []
    touch(tmp_path, "c%0001.png", "c%0002.png")
    found = numbered_files(tmp_path / "c%%04d.png")
    assert (len(found), found.first) == (2, 1)
    assert found.paths[1] == numbered_path(tmp_path / "c%%04d.png", 2)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a_%04d.png", "2 of the pictures 1 to 5 in "),
        ("a_%04d.gif", "unknown suffix '.gif'"),
        ("b_%06d.png", "is named as b_%06d.png"),
        ("gone/%d.png", "does not exist"),
    ],
)
def test_what_is_not_found(tmp_path: Path, pattern: str, message: str) -> None:
    touch(tmp_path, "a_0001.png", "a_0004.png", "a_0005.png")
    with pytest.raises(InputError) as caught:
        numbered_files(tmp_path / pattern)
    assert message in caught.value.message
    assert caught.value.hint


def test_missing_numbers_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a_0001.png", "a_0004.png", "a_0005.png")
    with pytest.raises(InputError, match="are missing: 2, 3"):
        numbered_files(tmp_path / "a_%04d.png")


def test_a_folder_of_many_files_without_a_match(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="write as many digits"):
        numbered_files(tmp_path / "%099d.png")


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "checksum", "other"])
def test_damaged_pictures_are_named(tmp_path: Path, damage: str) -> None:
    (path,) = write_pictures(tmp_path / "%d.png", pictures(1))
    data = bytearray(path.read_bytes())
    at = {"flipped": len(data) // 2, "checksum": len(data) - 14}.get(damage)  # the last chunk has 12 bytes
    if at is not None:
        data[at] ^= 0xFF
    changed = {"empty": b"", "cut": data[: len(data) // 2], "other": b"no picture" * 9}
    path.write_bytes(changed.get(damage, bytes(data)))
    with pytest.raises(InputError, match=r"1\.png is not a readable PNG picture"):
        read_still(path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(("bits", "alpha"), [(8, False), (8, True), (16, False), (16, True)])
def test_codes_are_read_exactly(tmp_path: Path, suffix: str, bits: int, alpha: bool) -> None:
    (shown,) = pictures(1, bits=bits, alpha=alpha)
    (path,) = write_pictures(tmp_path / f"%d{suffix}", [shown])
    found = read_still(path)
    assert (found.bits, found.size, found.is_linear) == (bits, (64, 48), False)
    assert (np.rint(found.values * ((1 << bits) - 1)) == shown[..., :3]).all()
    assert (found.alpha is not None) == alpha
    assert found.alpha is None or (found.alpha == shown[..., 3]).all()


def test_jpeg_is_read_as_rgb(tmp_path: Path) -> None:
    flat = np.full((48, 64, 3), (200, 60, 30), np.uint8)
    (path,) = write_pictures(tmp_path / "%d.jpg", [flat])
    assert np.abs(read_still(path).values * 255 - flat).max() < 3
