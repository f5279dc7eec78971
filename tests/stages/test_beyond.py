"""At the edge of what the generator painted: where it lies in a frame, and how motion goes on beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from registered import SIZE, WIDTH, found, jaw_flow, skin

from lipblend.stages.registration.beyond import continued, unpainted
from lipblend.stages.registration.flow import moved_by, warped

EDGE = 140
LOW = 170  # where the jaw moves evenly


def planes(whole: np.ndarray) -> list[np.ndarray]:
    return [np.ascontiguousarray(whole[..., channel]) for channel in range(3)]


def painted_to(row: int) -> np.ndarray:
    painted = np.ones((SIZE, SIZE), np.float32)
    painted[row:] = 0
    return painted


def box(edge: int, *, cast: float = 4.0, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A picture and the same with a cast down to an edge, and noise everywhere."""
    original = skin()
    synced = original + np.random.default_rng(5).normal(0, noise or 1e-6, original.shape).astype(np.float32)
    synced[:edge] += np.float32(cast)
    return original, synced


def test_edge_of_the_frame_is_found_above_that_of_the_shot() -> None:
    original, synced = box(EDGE)
    left = unpainted(planes(synced), planes(original), painted_to(EDGE + 6), WIDTH)
    assert left[EDGE + 2 :].min() > 0.99
    assert left[: EDGE - 8].max() < 0.01


def test_equal_skin_far_inside_counts_as_painted() -> None:
    original, _ = box(EDGE)
    left = unpainted(planes(original), planes(original), painted_to(EDGE), WIDTH)
    assert left[: EDGE - 20].max() < 0.01
    assert left[EDGE:].min() > 0.99


def test_equal_skin_apart_from_the_edge_counts_as_painted() -> None:
    original, synced = box(EDGE)
    synced[EDGE - 6 : EDGE - 4] = original[EDGE - 6 : EDGE - 4]
    left = unpainted(planes(synced), planes(original), painted_to(EDGE), WIDTH)
    assert left[EDGE - 9 : EDGE - 5].max() < 0.5


def test_noise_of_the_encoding_is_no_paint_and_too_much_of_it_tells_nothing() -> None:
    original, synced = box(EDGE, cast=10, noise=2)
    left = unpainted(planes(synced), planes(original), painted_to(EDGE + 6), WIDTH)
    assert left[EDGE + 2 :].mean() > 0.9
    original, synced = box(EDGE, cast=10, noise=40)
    assert not unpainted(planes(synced), planes(original), painted_to(EDGE + 6), WIDTH).any()


def test_nothing_is_told_without_pixels_beside() -> None:
    original, synced = box(EDGE)
    assert not unpainted(planes(synced), planes(original), np.ones((SIZE, SIZE), np.float32), WIDTH).any()


@pytest.mark.parametrize("turns", range(4))
def test_motion_goes_on_below_the_chin_and_not_beside_or_above(turns: int) -> None:
    inside = np.zeros((SIZE, SIZE), np.float32)
    inside[60:140, 60:140] = 1
    right, down = np.rot90(np.zeros_like(inside), turns), np.rot90(5 * inside, turns)
    y_axis = [(0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0)][turns]
    flow = tuple(np.ascontiguousarray(plane) for plane in (right, down))
    ones = np.ones_like(inside)
    moved = continued(flow, ones, np.ascontiguousarray(np.rot90(inside, turns)), WIDTH, np.array(y_axis))
    ways = np.rot90(moved[1], -turns)
    assert ways[150, 100] > 4
    assert 1 < ways[165, 100] < ways[150, 100]
    assert ways[195, 100] < 1
    assert ways[75, 152] < 2
    assert ways[48, 100] < 2
    assert ways[100, 100] == 5


def test_motion_goes_on_below_an_edge_that_lies_above_that_of_the_shot() -> None:
    """The dark band between the generator's edge and what counts as painted: the synced picture shows the old neck."""
    original = skin()
    truth = warped(original, jaw_flow(5.0))
    synced = truth.copy()
    synced[LOW:] = original[LOW:]
    lying = synced.copy()
    lying[:LOW] += 6
    shot, band = painted_to(LOW + 6), np.s_[LOW + 1 : LOW + 5, 40:160]
    misled = found(original, synced, painted=shot)
    told = found(original, synced, painted=shot, lying=lying)
    wrong, right = (
        np.abs(moved_by(original, each.flow.right, each.flow.down) - truth)[band].mean() for each in (misled, told)
    )
    assert right < 0.5 * wrong
    assert told.trust[band].min() > 0.99
