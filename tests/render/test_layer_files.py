"""What the layers of a run say of colours, and the folders of pictures among them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipblend.errors import OutputError
from lipblend.picture.formats import ColourTags
from lipblend.render.layer_mattes import MattePictures
from lipblend.render.layers_export import patch_tags


@pytest.mark.parametrize(
    ("colour", "matrix", "words"),
    [
        (ColourTags(1, 1, 1, 1), 1, ""),
        (ColourTags(2, 2, 2, 0), 1, ""),
        (ColourTags(6, 6, 6, 2), 1, "primaries of SD"),
        (ColourTags(9, 9, 16, 1), 9, "HDR"),
        (ColourTags(9, 9, 18, 1), 9, "HDR"),
        (ColourTags(9, 9, 14, 1), 9, "a wide gamut"),
        (ColourTags(1, 12, 1, 2), 1, "a wide gamut"),
    ],
)
def test_a_patch_is_bt709_unless_the_original_shows_more(colour: ColourTags, matrix: int, words: str) -> None:
    tags, note = patch_tags(colour)
    assert tags.matrix == matrix
    assert words in note
    assert bool(words) == bool(note)
    kept = words in ("HDR", "a wide gamut")
    assert (tags.primaries, tags.transfer, tags.range) == (
        (colour.primaries, colour.transfer, colour.range) if kept else (1, 1, 1)
    )


def save(sink: MattePictures, *values: float) -> None:
    for index, value in enumerate(values):
        sink.save(np.full((4, 6), value, np.float32), index=index, pts=index, duration=1)


def test_pictures_have_sixteen_bits_and_replace_those_of_an_earlier_run(tmp_path: Path) -> None:
    folder = tmp_path / "matte"
    for values in ((0, 0.5, 1), (1, 0.25)):
        with MattePictures(folder, overwrite=True) as sink:
            save(sink, *values)
    assert sorted(path.name for path in folder.iterdir()) == ["000000.png", "000001.png"]
    image = cv2.imread(str(folder / "000001.png"), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16
    assert image.shape == (4, 6)
    assert abs(int(image[0, 0]) - 65535 // 4) <= 1
    assert [path.name for path in tmp_path.iterdir()] == ["matte"]


def test_an_error_leaves_the_pictures_of_the_earlier_run(tmp_path: Path) -> None:
    folder = tmp_path / "matte"
    with MattePictures(folder, overwrite=True) as sink:
        save(sink, 1)

    def stopped() -> None:
        with MattePictures(folder, overwrite=True) as sink:
            save(sink, 0, 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [path.name for path in folder.iterdir()] == ["000000.png"]
    assert cv2.imread(str(folder / "000000.png"), cv2.IMREAD_UNCHANGED).min() == 65535
    assert [path.name for path in tmp_path.iterdir()] == ["matte"]
    with pytest.raises(OutputError, match="already holds"), MattePictures(folder, overwrite=False):
        pass
