"""Hands over frames: which are the same, gaps, smoothing without lag, and the ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from lipblend.stages.occlusion.hand_paths import HandPath, follow_hands

SHAPE = np.random.default_rng(3).uniform(-40, 40, (21, 2))
SHAPE[[0, 5, 9, 13, 17]] = (0, 0), (-27, -92), (-4, -95), (17, -90), (36, -80)


def hand(x: float, y: float = 0.0) -> np.ndarray:
    return SHAPE + (x, y)


def moving(frames: int, missing: Sequence[int] = (), speed: float = 6.0) -> list[list[np.ndarray]]:
    return [[] if frame in missing else [hand(frame * speed)] for frame in range(frames)]


def check_even(path: HandPath, speed: float = 6.0) -> None:
    for place, points in enumerate(path.points):
        np.testing.assert_allclose(points, hand((path.first + place) * speed), atol=1e-3)


def test_an_evenly_moving_hand_is_one_path_and_not_changed() -> None:
    (path,) = follow_hands([[], [], *moving(12)[2:], []])
    assert (path.first, len(path.points)) == (2, 10)
    assert path.points.dtype == np.float32
    assert path.found.all()
    check_even(path)
    assert path.at(1) is None
    assert path.at(12) is None
    np.testing.assert_array_equal(path.at(4), path.points[2])


@pytest.mark.parametrize(("gap", "paths"), [(1, 1), (5, 1), (6, 2)])
def test_short_gaps_are_filled_by_lines(gap: int, paths: int) -> None:
    missing = range(4, 4 + gap)
    found = follow_hands(moving(16, missing))
    assert len(found) == paths
    for path in found:
        check_even(path)
    if paths == 1:
        assert (~found[0].found).nonzero()[0].tolist() == list(missing)
    else:
        assert [path.first for path in found] == [0, 4 + gap]


def test_noise_is_smoothed_without_lag() -> None:
    rng = np.random.default_rng(1)
    noisy = [[hand(60 * np.sin(frame / 12)) + rng.normal(0, 2, (21, 2))] for frame in range(60)]
    (path,) = follow_hands(noisy, sigma_frames=1.5)
    (raw,) = follow_hands(noisy, sigma_frames=0)
    right = np.stack([hand(60 * np.sin(frame / 12)) for frame in range(60)])
    assert np.abs(path.points - right)[5:-5].mean() < 0.75 * np.abs(raw.points - right)[5:-5].mean()
    np.testing.assert_allclose(raw.points, np.stack([each for (each,) in noisy]), atol=1e-4)
    shown = path.points.mean(axis=1)[:, 0] - SHAPE.mean(axis=0)[0]
    errors = {lag: np.abs(shown[5:-5] - 60 * np.sin((np.arange(5, 55) + lag) / 12)).mean() for lag in (-1, 0, 1)}
    assert min(errors, key=errors.__getitem__) == 0
    backwards = follow_hands(noisy[::-1], sigma_frames=1.5)[0]
    np.testing.assert_allclose(backwards.points[::-1], path.points, atol=1e-3)


def test_two_hands_keep_apart_whatever_their_order() -> None:
    rng = np.random.default_rng(2)
    frames = []
    for frame in range(20):
        pair = [hand(frame * 4, 0), hand(300 - frame * 4, 150)]
        frames.append(pair if rng.random() < 0.5 else pair[::-1])
    left, right = sorted(follow_hands(frames), key=lambda path: path.points[0, 0, 0])
    check_even(left, 4.0)
    assert len(right.points) == 20
    assert right.points[-1, 0, 0] == pytest.approx(300 - 19 * 4, abs=0.01)


def test_the_nearest_hand_goes_first() -> None:
    near, far = hand(10), hand(60)
    (path, other) = follow_hands([[hand(0)], [far, near]])
    np.testing.assert_allclose(path.points[1], near, atol=1e-3)
    np.testing.assert_allclose(other.points[0], far, atol=1e-3)


def test_a_hand_elsewhere_is_another_one() -> None:
    assert len(follow_hands([[hand(0)], [hand(90)]])) == 1  # a palm is 95 long
    assert len(follow_hands([[hand(0)], [hand(110)]])) == 2
    assert len(follow_hands([[hand(0)], [hand(110)]], reach=1.5)) == 1
    assert len(follow_hands([[hand(0)], [], [hand(110)]])) == 1  # it had twice the time


def test_hands_found_too_rarely_are_dropped() -> None:
    frames = moving(9)
    frames[3].append(hand(0, 500))
    assert len(follow_hands(frames)) == 2
    assert [path.first for path in follow_hands(frames, min_found=2)] == [0]
    assert follow_hands([[], []]) == []
    assert follow_hands([]) == []


def test_paths_can_go_on_at_their_ends() -> None:
    frames = moving(12, missing=(0, 1, 2, 3, 9, 10, 11))
    (path,) = follow_hands(frames, extend=2)
    assert (path.first, len(path.points)) == (2, 9)
    assert path.found.tolist() == [False] * 2 + [True] * 5 + [False] * 2
    check_even(path)
    (path,) = follow_hands(frames, extend=9)
    assert (path.first, len(path.points)) == (0, 12)
    check_even(path)
    (single,) = follow_hands([[], [hand(7)], []], extend=1)
    np.testing.assert_allclose(single.points, np.stack([hand(7)] * 3), atol=1e-3)


OTHER = SHAPE * (-1, 1)  # as if a left hand had been taken for a right one


@pytest.mark.parametrize("gap", [0, 1, 2, 4])
@pytest.mark.parametrize("stays", [1, 2, 5])
def test_no_hand_lies_half_way_between_two_poses(gap: int, stays: int) -> None:
    """A model that takes one hand for the other finds it in both poses: what is shown is one of the two, or both."""
    shapes = [OTHER if 6 + gap <= frame < 6 + gap + stays else SHAPE for frame in range(16 + gap)]
    seen = [[] if 6 <= frame < 6 + gap else [shape + (frame * 6.0, 0)] for frame, shape in enumerate(shapes)]
    paths = follow_hands(seen)
    for frame, shape in enumerate(shapes):
        shown = [points for path in paths if (points := path.at(frame)) is not None]
        assert shown, frame
        poses = (SHAPE, OTHER) if not seen[frame] else (shape,)
        for points in shown:
            assert min(np.abs(points - pose - (frame * 6.0, 0)).max() for pose in poses) < 12, frame
        if seen[frame]:
            np.testing.assert_allclose(shown[0], shape + (frame * 6.0, 0), atol=1e-3)
