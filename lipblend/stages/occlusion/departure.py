"""What departs from the looks of a shot: cells of a face that look like no other frame of either video.

The synced frames show the face without what lies in front of it, since the generator painted the face over it; so do
the original's other frames, once their own departures are left out. A cell that resembles none of them, at a shift of
up to one cell, and that differs from the synced picture of its own frame, shows something else. It is the method of
background subtraction by samples (ViBe: Barnich and Van Droogenbroeck 2011) in axes that follow the face.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.stages.occlusion.face_look import CELLS

Codes = npt.NDArray[np.uint8]
Planes = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Stack = npt.NDArray[np.uint8]

_SAMPLES = 16  # looks of each video that a frame is compared with
_FEW = 8  # of the synced one alone, for a first look
_BASE_ROWS = 40  # frames that show what is usual
_APART_S = 0.3  # samples nearer in time show the same occluder
_GLANCE_SHIFTS, _SHIFTS = (1, 1), (2, 1)  # cells down and across; lips and chin lie less exactly near an occluder
_CHROMA_WEIGHT = 0.8
_USUAL_PERCENTILE = 25.0  # of a cell: an occluder may be there in most frames
_MOST_USUAL_LEVELS = 8.0  # more is an occluder that never leaves: of 18 clips without one, 7.2 at most beside the mouth
_MOST_USUAL_DIFFERENCE_LEVELS = 15.0
_NOISE_LEVELS, _NOISE_SHARE = 3.0, 0.35  # of what is usual
_DIFFERENT_LEVELS = 4.0  # between the two pictures of a frame, for a departure of 1
_KNOWN = 1.5  # departure above which a cell of the original is no sample
_SAME_SHARE = 0.3  # of the frames, those in which a cell differs least: they show the cast
_CAST_CELLS = 4.0  # standard deviation
_UPPER = (slice(2, 16), slice(12, 52))  # cells that show how the light changes
_BLACK, _NEUTRAL = 16.0, 128.0  # codes without light, and without colour
_LIGHT_PERCENTILES, _STEADY_LIGHT = (5, 95), 0.12  # share of the usual light by which it may change and count as steady
_STEADY_TINT_LEVELS = 4.0  # likewise of its colour
_MOST_LIGHT = 3.0  # factor by which the light of a frame differs from the usual at most
_BEYOND = 255


@dataclass(frozen=True)
class ShotLooks:
    """The looks of one face in n consecutive frames, at most some twenty seconds.

    Attributes
    ----------
    looks : (n, 64, 64, 7) uint8
        See `lipblend.stages.occlusion.face_look.look_samples`.
    times_s : (n,) float64
    """

    looks: npt.NDArray[np.uint8]
    times_s: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.looks)

    @cached_property
    def _pictures(self) -> tuple[Codes, Codes]:
        """Both videos' looks under one light and in one colour, (n, 64, 64, 3)."""
        looks = _under_one_light(self.looks[..., :6])
        original, synced = looks[..., :3], looks[..., 3:]
        synced += _cast(original, synced)
        first, second = (np.clip(planes, 0, 255).astype(np.uint8) for planes in (original, synced))
        return first, second

    @cached_property
    def difference(self) -> Planes:
        """How far the two pictures of a frame are apart, beyond what is usual; (n, 64, 64) levels."""
        found = self.looks[..., 6].astype(np.float32)
        usual = np.percentile(found, _USUAL_PERCENTILE, axis=0).astype(np.float32)
        return np.maximum(found - np.minimum(usual, np.float32(_MOST_USUAL_DIFFERENCE_LEVELS)), 0)

    def glance(self, rows: npt.NDArray[np.intp]) -> Planes:
        """Departures of some rows, (k, 64, 64) float32, from few samples: enough to raise a suspicion."""
        samples = _Samples.of(self._pictures[1], self.times_s, _FEW, _GLANCE_SHIFTS)
        original = self._pictures[0]
        news = np.stack([samples.distance(original[row], self.times_s[row]) for row in rows])
        return self._gated(_beyond_usual(news, _usual(news)), rows)

    def departures(self, rows: npt.NDArray[np.intp]) -> Planes:
        """Departures of some rows, (k, 64, 64) float32: 0 is usual, 1 faint, 2 clear."""
        original, synced = self._pictures
        base = np.unique(np.linspace(0, len(self) - 1, _BASE_ROWS).round().astype(np.intp))
        from_synced = _Samples.of(synced, self.times_s, _SAMPLES, _SHIFTS)
        wanted = np.union1d(np.union1d(base, from_synced.rows), rows)
        news = {row: from_synced.distance(original[row], self.times_s[row]) for row in wanted.tolist()}
        first = _usual(np.stack([news[row] for row in base.tolist()]))
        unknown = [_beyond_usual(news[row], first) > _KNOWN for row in from_synced.rows.tolist()]
        from_original = _Samples.of(original, self.times_s, _SAMPLES, _SHIFTS, np.stack(unknown))
        for row in wanted.tolist():
            news[row] = np.minimum(news[row], from_original.distance(original[row], self.times_s[row]))
        usual = _usual(np.stack([news[row] for row in base.tolist()]))
        return self._gated(_beyond_usual(np.stack([news[row] for row in rows.tolist()]), usual), rows)

    def _gated(self, departures: Planes, rows: npt.NDArray[np.intp]) -> Planes:
        return np.asarray(np.minimum(departures, self.difference[rows] / np.float32(_DIFFERENT_LEVELS)), np.float32)


@dataclass(frozen=True)
class _Samples:
    """Looks that a frame is compared with, one above the other, once for each shift."""

    rows: npt.NDArray[np.intp]
    times_s: npt.NDArray[np.float64]
    shifted: tuple[Stack, ...]
    unknown: tuple[Stack, ...] | None

    @classmethod
    def of(
        cls,
        looks: Codes,
        times_s: npt.NDArray[np.float64],
        count: int,
        shifts: tuple[int, int],
        unknown: Mask | None = None,
    ) -> _Samples:
        """Evenly spaced looks; ``unknown`` (count, 64, 64) says which cells of them do not count."""
        rows = np.unique(np.linspace(0, len(looks) - 1, count).round().astype(np.intp))
        without = None
        if unknown is not None:
            wide = [
                cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) * np.uint8(_BEYOND) for mask in unknown
            ]
            without = _shifted(np.stack(wide)[..., None], shifts, "constant", constant_values=_BEYOND)
        return cls(rows, times_s[rows], _shifted(looks[rows], shifts, "edge"), without)

    def distance(self, look: Codes, time_s: float) -> Planes:
        """(64, 64) float32 levels: from the nearest sample that is far enough in time.

        0 if there is none, and 255 in cells that none of them knows.
        """
        apart = np.abs(self.times_s - time_s) >= _APART_S
        if not apart.any():
            return np.zeros((CELLS, CELLS), np.float32)
        keep = None if apart.all() else np.repeat(apart, CELLS)
        tiled = np.tile(look, (int(np.count_nonzero(apart)), 1, 1))
        best = np.full((CELLS, CELLS), _BEYOND, np.uint8)
        for number, stack in enumerate(self.shifted):
            luma, blue, red = cv2.split(cv2.absdiff(tiled, stack if keep is None else stack[keep]))
            levels = cv2.add(luma, cv2.addWeighted(blue, _CHROMA_WEIGHT, red, _CHROMA_WEIGHT, 0))
            if self.unknown is not None:
                unknown = self.unknown[number]
                levels = cv2.max(levels, unknown if keep is None else unknown[keep])
            smooth = cv2.blur(levels, (3, 3)).reshape(-1, CELLS, CELLS)
            best = np.minimum(best, smooth.min(0))
        return best.astype(np.float32)


def _under_one_light(looks: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """Looks of two pictures, (n, 64, 64, 6), as under the usual light of the shot.

    Where light hardly changes, the upper face's median tells more of how it is held than of light, and moves all codes
    alike. Where it does change, codes go with it in proportion.
    """
    shown = np.median(looks[:, *_UPPER, :3].reshape(len(looks), -1, 3), axis=1).astype(np.float32)
    shown -= (_BLACK, _NEUTRAL, _NEUTRAL)
    usual, (low, high) = np.median(shown, axis=0), np.percentile(shown, _LIGHT_PERCENTILES, axis=0)
    factor = np.ones(len(looks), np.float32)
    if high[0] - low[0] >= _STEADY_LIGHT * max(usual[0], 1):
        factor = np.clip(usual[0] / np.maximum(shown[:, 0], 1), 1 / _MOST_LIGHT, _MOST_LIGHT).astype(np.float32)
    # What is left of a change is the light's colour, or, where it is steady, how the face is held.
    shown *= factor[:, None]
    change = shown - np.median(shown, axis=0)
    low, high = np.percentile(shown, _LIGHT_PERCENTILES, axis=0)
    change[:, 1:] *= (high - low)[1:] > _STEADY_TINT_LEVELS
    zero = np.array([_BLACK, _NEUTRAL, _NEUTRAL] * 2, np.float32)
    out = np.empty(looks.shape, np.int16)
    for row, look in enumerate(looks):  # not all at once, which would take twelve times the memory
        out[row] = np.rint((look - zero) * factor[row] + zero - np.tile(np.rint(change[row]), 2))
    return out


def _shifted(looks: Codes, shifts: tuple[int, int], mode: str, **options: int) -> tuple[Stack, ...]:
    """The looks, one above the other, moved by up to some cells up and down, and to both sides."""
    down, across = shifts
    padded = np.pad(looks, ((0, 0), (down, down), (across, across), (0, 0)), mode, **options)  # type: ignore[call-overload]
    places = itertools.product(range(2 * down + 1), range(2 * across + 1))
    parts = (padded[:, top : top + CELLS, left : left + CELLS] for top, left in places)
    stacks = (np.ascontiguousarray(part).reshape(len(looks) * CELLS, CELLS, -1) for part in parts)
    return tuple(stack[..., 0] if stack.shape[-1] == 1 else stack for stack in stacks)


def _usual(news: Planes) -> Planes:
    """What a cell usually is away from its samples, (64, 64) levels, from k frames."""
    low = np.percentile(news, _USUAL_PERCENTILE, axis=0).astype(np.float32)
    wide = cv2.dilate(cv2.blur(low, (3, 3)), np.ones((3, 3), np.uint8))
    return np.minimum(wide, np.float32(_MOST_USUAL_LEVELS))


def _beyond_usual(news: Planes, usual: Planes) -> Planes:
    return np.asarray((news - usual) / (np.float32(_NOISE_LEVELS) + np.float32(_NOISE_SHARE) * usual), np.float32)


def _cast(original: npt.NDArray[np.int16], synced: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """What the synced looks lack in colour, from the frames in which a cell differs least; (64, 64, 3) levels."""
    apart = original - synced
    count = max(1, round(_SAME_SHARE * len(apart)))
    least = np.argpartition(np.abs(apart).sum(-1), count - 1, axis=0)[:count]
    mean = np.take_along_axis(apart, least[..., None], axis=0).mean(0).astype(np.float32)
    return np.asarray(np.rint(cv2.GaussianBlur(mean, (0, 0), _CAST_CELLS)), np.int16)
