"""The drawn hand: what it covers, how it scales and turns, and its soft edge."""

from __future__ import annotations

import numpy as np
import pytest

from lipblend.picture.patch import Box
from lipblend.stages.occlusion.hand_shape import hand_mask, palm_centre, palm_length_px

# A right hand seen from its back, fingers up, in millimetres about the wrist; y down.
HAND = np.array(
    [(0, 0), (-22, -15), (-38, -38), (-50, -60), (-60, -80)]
    + [(-27, -92), (-32, -130), (-34, -152), (-36, -172)]
    + [(-4, -95), (-4, -138), (-4, -164), (-4, -186)]
    + [(17, -90), (21, -130), (23, -154), (25, -175)]
    + [(36, -80), (45, -112), (49, -130), (53, -146)],
    np.float64,
)
BOX = Box(0, 0, 260, 300)
PLACE = np.array([130.0, 230.0])


def drawn(points: np.ndarray = HAND, place: np.ndarray = PLACE, **more: float) -> np.ndarray:
    return hand_mask(points + place, BOX, **more)


def at(mask: np.ndarray, *millimetres: tuple[float, float]) -> list[float]:
    return [float(mask[int(PLACE[1] + y), int(PLACE[0] + x)]) for x, y in millimetres]


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def test_the_hand_is_filled_and_the_gaps_between_its_fingers_are_not() -> None:
    mask = drawn()
    assert (mask.shape, mask.dtype) == ((300, 260), np.float32)
    assert 0 == mask.min() < mask.max() == 1
    assert at(mask, *HAND.tolist()) == [1.0] * 21, "every point"
    assert at(mask, (0, -45), (20, -30), (-15, -70)) == [1.0] * 3, "the palm between the points"
    assert at(mask, (-19, -150), (10, -155), (38, -135), (-60, -120)) == [0.0] * 4, "between and beside the fingers"


def test_fingers_are_as_wide_as_an_average_hands() -> None:
    """At the last joints and at the joints before them, in millimetres: the hand is drawn at 1 mm per pixel."""
    mask = drawn()
    for x, y, breadth in ((-4, -138, 22.4), (-4, -164, 19.8)):
        row = mask[int(PLACE[1] + y), int(PLACE[0] + x) - 14 : int(PLACE[0] + x) + 14]
        assert row.sum() == pytest.approx(breadth, abs=0.8)


def test_the_forearm_goes_on_behind_the_wrist() -> None:
    without, short, long = (drawn(forearm=length) for length in (0.0, 0.25, 0.5))
    assert at(without, (0, 40)) == [0.0]
    assert at(long, (0, 40), (0, 60)) == [1.0, 1.0]
    assert at(short, (0, 40), (0, 68)) == [1.0, 0.0]
    assert (without <= short).all()
    assert (short <= long).all()


def test_a_wrist_seen_from_its_edge_is_narrower() -> None:
    edge_on = HAND * (0.2, 1.0)
    row = int(PLACE[1] + 10)
    assert drawn()[row].sum() == pytest.approx(58, abs=4)
    assert 40 < drawn(edge_on)[row].sum() < 50


def test_the_shape_turns_and_scales_with_its_points() -> None:
    area = float(drawn(forearm=0).sum())
    for degrees in (33, 90, 200):
        moved = turned(HAND, degrees)
        place = np.array([130.0, 150.0]) - (moved.max(0) + moved.min(0)) / 2
        assert float(drawn(moved, place, forearm=0).sum()) == pytest.approx(area, rel=0.01)
    assert float(drawn(HAND / 2, forearm=0).sum()) == pytest.approx(area / 4, rel=0.02)
    assert palm_length_px(turned(HAND, 77)) == pytest.approx(palm_length_px(HAND))
    assert palm_centre(HAND + 5) == pytest.approx(palm_centre(HAND) + 5)


def test_turning_the_hand_away_keeps_its_size() -> None:
    size = palm_length_px(HAND)
    assert palm_length_px(HAND * (0.3, 1)) == pytest.approx(size, rel=0.05)
    assert palm_length_px(HAND * (1, 0.3)) == pytest.approx(size, rel=0.05)
    assert palm_length_px(HAND * 0.3) == pytest.approx(0.3 * size)


def test_width_growth_and_softness() -> None:
    plain = drawn()
    assert drawn(width=1.2).sum() > plain.sum() > drawn(width=0.8).sum()
    grown = drawn(grow_px=4)
    assert (grown >= plain).all()
    tip = int(PLACE[0] - 4)
    top = int(np.argmax(plain[:, tip] > 0.5))
    assert int(np.argmax(grown[:, tip] > 0.5)) == top - 4
    soft = drawn(soft_px=8)
    ramp = soft[top - 5 : top + 6, tip]
    assert (np.diff(ramp) >= 0).all()
    assert np.diff(ramp).max() < 0.2
    assert np.diff(plain[top - 5 : top + 6, tip]).max() > 0.4


def test_a_part_equals_the_same_part_of_the_whole() -> None:
    part = hand_mask(HAND + PLACE, Box(100, 60, 190, 170))
    np.testing.assert_allclose(part, drawn()[60:170, 100:190], atol=1e-3)
    beyond = hand_mask(HAND + PLACE, Box(-40, -30, 260, 300))
    np.testing.assert_allclose(beyond[30:, 40:], drawn(), atol=1e-3)
    assert hand_mask(HAND, Box(5, 5, 5, 9)).shape == (4, 0)


def test_collapsed_points_draw_nothing_that_is_not_finite() -> None:
    mask = hand_mask(np.full((21, 2), 50.0), BOX)
    assert np.isfinite(mask).all()
    assert mask.sum() < 10


@pytest.mark.parametrize("more", [{"width": 0}, {"soft_px": 0}, {"forearm": -1}])
def test_hand_options_that_are_not_allowed(more: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        drawn(**more)


def test_points_that_are_no_hand() -> None:
    with pytest.raises(ValueError, match=r"expected \(21, 2\)"):
        hand_mask(HAND[:20], BOX)
    with pytest.raises(ValueError, match="finite"):
        hand_mask(HAND * np.nan, BOX)
