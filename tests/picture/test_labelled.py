"""Rows and sheets of pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipblend.picture.labelled import contact_sheet, labelled_row, resize_to_width, save_png

RED = np.full((20, 90, 3), (250, 0, 0), np.uint8)
BLUE = np.full((30, 60, 3), (0, 0, 250), np.uint8)


def count(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((image == colour).all(axis=2).sum())


def test_a_row_holds_every_picture_whole_and_a_label_above() -> None:
    row = labelled_row([("one", RED), ("a label far too long for its picture", BLUE)])
    assert count(row, (250, 0, 0)) == 20 * 90
    assert count(row, (0, 0, 250)) == 30 * 60
    assert (row[-38:-8, 8 + 90 : 8 + 90 + 8] == 255).all()
    assert (row[-38:-8, 8 + 90 + 8 : 8 + 90 + 8 + 60] == (0, 0, 250)).all()
    labels = row[: row.shape[0] - 30 - 8]
    assert (labels < 128).any()
    assert (labels[:, -8:] == 255).all()


def test_a_sheet_stacks_its_rows() -> None:
    sheet = contact_sheet([RED, BLUE])
    assert sheet.shape == (50, 90, 3)
    np.testing.assert_array_equal(sheet[:20], RED)
    np.testing.assert_array_equal(sheet[20:, :60], BLUE)
    assert (sheet[20:, 60:] == 255).all()


def test_what_is_not_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        labelled_row([])
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])
    with pytest.raises(ValueError, match="grey: expected"):
        labelled_row([("grey", RED[..., 0])])
    with pytest.raises(ValueError, match="float32"):
        contact_sheet([RED.astype(np.float32)])


def test_pictures_keep_their_proportions_when_enlarged_and_their_colours_when_saved(tmp_path: Path) -> None:
    assert resize_to_width(RED, 180).shape == (40, 180, 3)
    assert resize_to_width(RED, 45).shape == (10, 45, 3)
    assert save_png(str(tmp_path / "red.png"), RED)
    saved = cv2.imread(str(tmp_path / "red.png"))
    assert saved is not None
    assert tuple(saved[0, 0]) == (0, 0, 250)
