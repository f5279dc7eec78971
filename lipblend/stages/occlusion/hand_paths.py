"""Hands over consecutive frames: which are the same one, short gaps filled, points smoothed without lag."""

from __future__ import annotations

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


@dataclass(frozen=True)
class HandPath:
    """One hand over a run of frames.

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
    """A path that may go on: the frames where it was found, and the points there."""

    frames: list[int] = field(default_factory=list)
    points: list[HandPoints] = field(default_factory=list)


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
        Most frames in a row in which the hand was not found that are filled by straight lines.
    reach : float
        In palm lengths.
    sigma_frames : float
        Standard deviation of the smoothing weights; 0 does not smooth.
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
    paths = [_closed(path, sigma_frames, extend, len(hands)) for path in kept]
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


def _closed(path: _Open, sigma_frames: float, extend: int, frames: int) -> HandPath:
    first, last = path.frames[0], path.frames[-1]
    wanted = np.arange(first, last + 1)
    known = np.asarray(path.points, np.float64).reshape(len(path.points), -1)
    series = np.stack([np.interp(wanted, path.frames, column) for column in known.T], axis=1)
    if sigma_frames > 0:
        series = _smoothed(series, sigma_frames)
    points = series.reshape(len(wanted), -1, 2)
    before, after = min(extend, first), min(extend, frames - 1 - last)
    ends = (points[0] - _speed(points) * np.arange(before, 0, -1)[:, None, None],
            points[-1] - _speed(points[::-1]) * np.arange(1, after + 1)[:, None, None])  # fmt: skip
    points = np.concatenate([ends[0], points, ends[1]])
    found = np.isin(np.arange(first - before, last + after + 1), path.frames)
    return HandPath(first - before, np.asarray(points, np.float32), found)


def _speed(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Pixels per frame of the palm's middle at the beginning of a path, (2,)."""
    centres = np.array([palm_centre(each) for each in points[:_SPEED_FRAMES]])
    if len(centres) < 2:
        return np.zeros(2)
    return np.asarray(np.polyfit(np.arange(len(centres)), centres, 1)[0], np.float64)


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
