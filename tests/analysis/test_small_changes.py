"""The changed part of small pictures, whatever of the original the synced video shows, and in whatever range."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lipblend.analysis.small_changes import SmallChanges
from lipblend.picture.formats import RANGE_FULL, RANGE_LIMITED
from lipblend.picture.frame_mapping import FrameMapping

SCALE = 8  # whole pixels for each of the small picture's


def scan(thumb: np.ndarray, colour_range: int = RANGE_LIMITED) -> SimpleNamespace:
    height, width = thumb.shape
    colour = SimpleNamespace(range=colour_range)
    info = SimpleNamespace(upright_width=width * SCALE, upright_height=height * SCALE, colour=colour)
    return SimpleNamespace(thumbs=[np.clip(np.rint(thumb), 0, 255).astype(np.uint8)], info=info)


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray, np.ndarray]:
    first = np.linspace(40, 200, 96) + np.random.default_rng(4).uniform(-9, 9, (64, 96))
    second = first.copy()
    second[30:44, 50:66] += 30
    return first, second


def centre(original: SimpleNamespace, synced: SimpleNamespace, mapping: FrameMapping) -> np.ndarray | None:
    return SmallChanges(original, synced, mapping).centre(0, 0)  # type: ignore[arg-type]


def test_in_its_place_cropped_and_padded(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = pictures
    wanted = np.array([58, 37]) * SCALE
    for shown, mapping in (
        (second, FrameMapping()),
        (second[6:, 10:], FrameMapping(shift_x=-10.0 * SCALE, shift_y=-6.0 * SCALE)),
        (np.pad(second, ((5, 0), (9, 0))), FrameMapping(shift_x=9.0 * SCALE, shift_y=5.0 * SCALE)),
    ):
        found = centre(scan(first), scan(shown), mapping)
        assert found is not None
        assert found == pytest.approx(wanted, abs=SCALE)


def test_another_range_is_no_change(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = ((each - 16) * (255 / 219) for each in pictures)
    assert centre(scan(pictures[0]), scan(first, RANGE_FULL), FrameMapping()) is None
    found = centre(scan(pictures[0]), scan(second, RANGE_FULL), FrameMapping())
    assert found == pytest.approx(np.array([58, 37]) * SCALE, abs=SCALE)


def test_without_a_synced_frame_there_is_none(pictures: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = pictures
    assert SmallChanges(scan(first), scan(second), FrameMapping()).centre(0, -1) is None  # type: ignore[arg-type]
