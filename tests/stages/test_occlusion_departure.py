"""Departures from the looks of a drawn shot: what lies in front is found, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.stages.occlusion.departure import ShotLooks
from lipblend.stages.occlusion.stored import read_departures, stored_departures
from tests.drawn_looks import DrawnShot, cup, mouth

COUNT = 40
ROWS = np.arange(0, COUNT, 5)
WITH_CUP = range(20, 29)
BESIDE = ~mouth(3)
CORE, AWAY = cup(-2), BESIDE & ~cup(4)


def departures(shot: DrawnShot, rows: np.ndarray = ROWS) -> np.ndarray:
    found = shot.shot().departures(rows)
    assert (found.shape, found.dtype) == ((len(rows), 64, 64), np.float32)
    return found


def test_what_passes_before_the_face_departs_where_it_is_and_when() -> None:
    found = departures(DrawnShot(COUNT).put_cup(WITH_CUP))
    there = np.isin(ROWS, WITH_CUP)
    assert 2 <= np.count_nonzero(there) < len(ROWS)
    assert found[there][:, CORE].min() > 2
    assert found[there][:, AWAY].max() < 1
    assert found[~there][:, BESIDE].max() < 1


def test_what_is_there_in_all_frames_departs_too() -> None:
    found = departures(DrawnShot(COUNT).put_cup(range(COUNT)))
    assert found[:, CORE].min() > 2
    assert found[:, AWAY].max() < 1


def test_the_fainter_it_is_the_less_it_departs() -> None:
    clear, faint, fainter = (
        departures(DrawnShot(COUNT).put_cup(WITH_CUP, share), np.array([25]))[0][CORE].mean()
        for share in (1.0, 0.3, 0.1)
    )
    assert clear > 1.5 * faint > 0.5
    assert faint > 1.5 * fainter


def test_a_glance_sees_it_and_sees_nothing_elsewhere() -> None:
    shot = DrawnShot(COUNT).put_cup(WITH_CUP).shot()
    found = shot.glance(np.array([5, 25]))
    assert found[1][CORE].min() > 2
    assert max(found[0][BESIDE].max(), found[1][AWAY].max()) < 1.2


def flickering(shot: DrawnShot) -> None:
    light = shot.rng.uniform(-18, 18, (len(shot.original), 1, 1)).astype(np.float32)
    shot.original[..., 0] += light
    shot.synced[..., 0] += light


def scaled(shot: DrawnShot, factor: np.ndarray) -> None:
    """The light of each frame changed by a factor: codes above black and beside neutral go with it."""
    zero = np.float32((16, 128, 128))
    for pictures in (shot.original, shot.synced):
        pictures[...] = (pictures - zero) * factor[:, None, None, None].astype(np.float32) + zero


def dimming(shot: DrawnShot) -> None:
    scaled(shot, np.interp(np.arange(COUNT), [0, 12, 24, COUNT], [1, 0.5, 1.2, 1]))


def lamp(shot: DrawnShot) -> None:
    tint = 14 * np.sin(np.arange(COUNT) / 5).astype(np.float32)[:, None, None]
    for pictures in (shot.original, shot.synced):
        pictures[..., 1] -= tint
        pictures[..., 2] += tint


def cast(shot: DrawnShot) -> None:
    shot.synced += np.float32((9, -6, 5))


def shadowed(shot: DrawnShot) -> None:
    shot.original[WITH_CUP.start : WITH_CUP.stop, cup(), 0] -= 35
    shot.synced[WITH_CUP.start : WITH_CUP.stop, cup(), 0] -= 35


def same(shot: DrawnShot) -> None:
    shot.synced = shot.original.copy()


@pytest.mark.parametrize("change", [flickering, dimming, lamp, cast, shadowed, same])
def test_what_is_nothing_in_front_does_not_depart(change: object) -> None:
    shot = DrawnShot(COUNT)
    change(shot)  # type: ignore[operator]
    assert departures(shot)[:, BESIDE].max() < 1


@pytest.mark.parametrize("change", [flickering, dimming, lamp, cast])
def test_and_does_not_hide_what_is_in_front(change: object) -> None:
    shot = DrawnShot(COUNT).put_cup(WITH_CUP)
    change(shot)  # type: ignore[operator]
    assert departures(shot, np.array([25]))[0][CORE].min() > 2


def test_what_both_pictures_show_does_not_depart_however_new_it_is() -> None:
    shot = DrawnShot(COUNT).put_cup(WITH_CUP)
    shot.synced[25] = shot.original[25]
    found = departures(shot, np.array([24, 25]))
    assert found[0][CORE].min() > 2
    assert found[1].max() < 1


def creased(frames: range) -> DrawnShot:
    """A faint crease of the original's cheek, which the generator smooths away."""
    shot = DrawnShot(COUNT)
    shot.original[frames.start : frames.stop : frames.step, cup(), 0] -= 4.5
    return shot


def test_what_the_original_shows_in_other_frames_too_is_no_news() -> None:
    once, often = (
        departures(creased(frames), np.array([25]))[0][CORE].mean() for frames in (range(25, 26), range(1, COUNT, 2))
    )
    assert once > 0.5
    assert often < 0.4 * once


def test_a_mesh_that_is_off_by_a_cell_is_no_news() -> None:
    shot = DrawnShot(COUNT)
    for looks in (shot.original, shot.synced):
        looks[:, :, 46:, 0] -= 40
    shot.original[25] = np.roll(shot.original[25], 1, axis=1)
    found = departures(shot, np.array([25]))[0]
    edges = np.zeros_like(BESIDE)
    edges[:, :3] = edges[:, -3:] = True
    assert found[BESIDE & ~edges].max() < 1
    shot.original[25] = np.roll(shot.original[25], 4, axis=1)
    assert departures(shot, np.array([25]))[0].max() > 2


def test_one_frame_alone_departs_from_nothing() -> None:
    looks = DrawnShot(3).put_cup([1]).looks()
    assert ShotLooks(looks, np.arange(3) / 25).departures(np.arange(3)).max() < 1  # no sample is far enough in time


def test_stored_departures_come_back_nearly() -> None:
    given = np.linspace(0, 15.9, 64 * 64, dtype=np.float32).reshape(64, 64)
    stored = stored_departures(given)
    assert stored.dtype == np.uint8
    np.testing.assert_allclose(read_departures(stored), given, atol=1 / 32 + 1e-6)
    assert read_departures(stored).dtype == np.float32
    beyond = read_departures(stored_departures(np.float32([[-3, 40]])))
    assert beyond[0, 0] == 0
    assert 15.5 < beyond[0, 1] < 16
