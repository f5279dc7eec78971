"""Hands over consecutive frames: which are the same one, short gaps filled, points smoothed without lag."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lipblend.stages.occlusion.hand_shape import palm_centre, palm_length_px

HandPoints = npt.NDArray[np.floating]

HANDS_SHAPE = (2, 21, 2)
"""Shape of the hands at one face: pixels; NaN for one that is not there."""

_CUTOFF_SIGMAS = 3.0
_SPEED_FRAMES = 4
"""Frames at an end of a path that tell how fast the hand moves there."""
_SAME_POSE_PALMS = 0.11
"""Mean distance of the points from one finding to the next, palms laid on each other. Of hands that keep their pose
0.1; where the model takes one finger for another, or a left hand for a right one, 0.12 to 0.75."""


@dataclass(frozen=True)
class HandPath:
    """One hand in one pose, over a run of frames.

    Attributes
    ----------
    first : int
        Index of its first frame.
    points : (n, 21, 2) float32
        Of frames first to first + n - 1, in pixels, without gaps.
    found : (n,) bool
        False where the points were filled in: in a gap, or beyond the ends.
    """

    first: int
    points: npt.NDArray[np.float32]
    found: npt.NDArray[np.bool_]

    def at(self, frame: int) -> npt.NDArray[np.float32] | None:
        """The (21, 2) points in a frame; None where the hand is not."""
        place = frame - self.first
        return self.points[place] if 0 <= place < len(self.points) else None


@dataclass
class _Open:
    """A path that may go on, or a pose: the frames where it was found, and the points there."""

    frames: list[int] = field(default_factory=list)
    points: list[HandPoints] = field(default_factory=list)

    def speed(self) -> npt.NDArray[np.float64]:
        """Pixels per frame of the palm's middle, (2,); 0 if it is not known."""
        centres = np.array([palm_centre(each) for each in self.points])
        return np.asarray(np.polyfit(self.frames, centres, 1)[0] if len(centres) > 1 else np.zeros(2), np.float64)


def follow_hands(
    hands: Sequence[Sequence[HandPoints]],
    *,
    max_gap: int = 5,
    reach: float = 1.0,
    sigma_frames: float = 1.0,
    min_found: int = 1,
    extend: int = 0,
) -> list[HandPath]:
    """Associate the hands of consecutive frames of one shot.

    The nearest pair goes first. A hand is the same if the middle of its palm moved by at most `reach` palm lengths per
    square root of frames.

    Parameters
    ----------
    hands : sequence of sequences of (21, 2) float
        Per frame, the hands found in it (`Hand.points`), in pixels.
    max_gap : int
        Most frames in a row in which the hand was not found that are filled, by straight lines while it keeps its pose.
    reach : float
        In palm lengths.
    sigma_frames : float
        Standard deviation of the smoothing weights, among frames of one pose; 0 does not smooth.
    min_found : int
        Paths that were found in fewer frames are dropped.
    extend : int
        Frames by which a path is continued at both ends, as the hand moves there: a hand that enters the picture is
        found some frames too late. Its shape does not change. Not beyond the first and the last frame.

    Returns
    -------
    list of HandPath
        By first frame, then in the order in which they were found.
    """
    done: list[_Open] = []
    live: list[_Open] = []
    for frame, found in enumerate(hands):
        done += [path for path in live if frame - path.frames[-1] > max_gap + 1]
        live = [path for path in live if frame - path.frames[-1] <= max_gap + 1]
        _associate(live, frame, found, reach)
    kept = [path for path in (*done, *live) if len(path.frames) >= min_found]
    paths = [part for path in kept for part in _closed(path, sigma_frames, extend, len(hands))]
    return sorted(paths, key=lambda path: path.first)


def _associate(live: list[_Open], frame: int, found: Sequence[HandPoints], reach: float) -> None:
    """Append each hand of a frame to the path that it continues, or to a new one."""
    pairs = []
    for number, points in enumerate(found):
        for place, path in enumerate(live):
            step = float(np.linalg.norm(palm_centre(points) - palm_centre(path.points[-1])))
            palm_px = max(palm_length_px(points), palm_length_px(path.points[-1]), 1e-6)
            share = step / (palm_px * np.sqrt(frame - path.frames[-1]))
            if share <= reach:
                pairs.append((share, place, number))
    taken_paths: set[int] = set()
    taken_hands: set[int] = set()
    for _, place, number in sorted(pairs):
        if place not in taken_paths and number not in taken_hands:
            taken_paths.add(place)
            taken_hands.add(number)
            live[place].frames.append(frame)
            live[place].points.append(found[number])
    live += [_Open([frame], [points]) for number, points in enumerate(found) if number not in taken_hands]


def _closed(path: _Open, sigma_frames: float, extend: int, frames: int) -> list[HandPath]:
    """The poses of a path, without gaps, and continued at both ends, or to the middle of the gap to the next one."""
    poses = _poses(path)
    gaps = [then.frames[0] - first.frames[-1] - 1 for first, then in itertools.pairwise(poses)]
    inner = [(gap + 1) // 2 for gap in gaps]
    before = [min(extend, path.frames[0]), *inner]
    after = [*inner, min(extend, frames - 1 - path.frames[-1])]
    return [
        _continued(pose, path, sigma_frames, earlier, later)
        for pose, earlier, later in zip(poses, before, after, strict=True)
    ]


def _continued(pose: _Open, path: _Open, sigma_frames: float, before: int, after: int) -> HandPath:
    """One pose of a path without gaps, smoothed, and some frames more, as the hand moves."""
    first, last = pose.frames[0], pose.frames[-1]
    wanted = np.arange(first, last + 1)
    known = np.asarray(pose.points, np.float64).reshape(len(pose.points), -1)
    series = np.stack([np.interp(wanted, pose.frames, column) for column in known.T], axis=1)
    if sigma_frames > 0:
        series = _smoothed(series, sigma_frames)
    points = series.reshape(len(wanted), -1, 2)
    if len(pose.frames) > 1:
        parts = slice(_SPEED_FRAMES), slice(-_SPEED_FRAMES, None)
        speeds = [_Open(wanted[part].tolist(), list(points[part])).speed() for part in parts]
    else:
        near = slice(max(0, (place := path.frames.index(first)) - 1), place + 2)
        speeds = [_Open(path.frames[near], path.points[near]).speed()] * 2
    ends = (points[0] - speeds[0] * np.arange(before, 0, -1)[:, None, None],
            points[-1] + speeds[1] * np.arange(1, after + 1)[:, None, None])  # fmt: skip
    points = np.concatenate([ends[0], points, ends[1]])
    found = np.isin(np.arange(first - before, last + after + 1), pose.frames)
    return HandPath(first - before, np.asarray(points, np.float32), found)


def _poses(path: _Open) -> list[_Open]:
    """The parts of a path in which the hand keeps its pose.

    A model that takes one finger for another finds the hand well before and after, but half way between the two lies no
    hand: nothing is smoothed, and no gap filled by lines, across.
    """
    parts = [_Open(path.frames[:1], path.points[:1])]
    for earlier, later in itertools.pairwise(range(len(path.frames))):
        if _shape_change(path.points[earlier], path.points[later]) > _SAME_POSE_PALMS:
            parts.append(_Open())
        parts[-1].frames.append(path.frames[later])
        parts[-1].points.append(path.points[later])
    return parts


def _shape_change(first: HandPoints, then: HandPoints) -> float:
    """Mean distance of the points of two hands whose palms lie on each other, in palm lengths."""
    apart = (first - palm_centre(first)) - (then - palm_centre(then))
    palm_px = max(palm_length_px(first), palm_length_px(then), 1e-6)
    return float(np.linalg.norm(apart, axis=1).mean()) / palm_px


def _smoothed(series: npt.NDArray[np.float64], sigma_frames: float) -> npt.NDArray[np.float64]:
    """Local lines fitted with Gaussian weights over past and future frames: zero phase, as `plan` smooths meshes.

    Lines rather than means, so that even motion stays as it is, also at the ends. ``series`` is (n, k).
    """
    reach = min(int(_CUTOFF_SIGMAS * sigma_frames), len(series) - 1)
    offset = np.arange(-reach, reach + 1)
    place = np.arange(len(series))[:, None] + offset
    weight = np.exp(-0.5 * (offset / sigma_frames) ** 2) * ((place >= 0) & (place < len(series)))
    total, first, second = ((weight * offset**power).sum(axis=1) for power in range(3))
    spread = total * second - first**2
    flat = spread < 1e-9 * total**2  # one frame in reach
    kernel = (second[:, None] - first[:, None] * offset) * weight / np.where(flat, 1, spread)[:, None]
    padded = np.pad(series, ((reach, reach), (0, 0)))  # of weight 0
    parts = (kernel[:, [each]] * padded[each : each + len(series)] for each in range(len(offset)))
    return np.where(flat[:, None], series, sum(parts))
