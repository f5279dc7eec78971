"""Patches that stay at their place in the picture while the head moves on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.analysis.health import CELL_FRAC, CELLS, LEFT_FRAC, TOP_FRAC, Health

Series = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Thumbs = npt.NDArray[np.float32]

FROZEN_EVIDENCE = 1.6
"""Log ratio of the change along with the head to the change in place, summed over a stretch, from which it is frozen:
healthy stretches reach 1.46; of 170 frozen frames whose head moved by 0.01 face widths, four stay below."""

_MAX_STILL_SHARE, _MAX_STILL_LEVELS = 0.5, 0.15  # frames of a frozen stretch have 0.15 to 0.35, or 0.05 to 0.12 levels
_NOISE_LEVELS = 0.06  # of resampling a thumbnail twice
_MIN_OWN_EVIDENCE = 0.3  # of a single frame of the stretch
_MAX_STRETCH = 25  # rows from the first frame that are compared with it
_SHARE = 0.75  # of the cells, those that change least: beside a narrow patch the picture moves on
_MIDDLE = np.s_[1:9, 3:13]  # 0.5 x 0.4 face widths around the mouth, which every generator paints
_TOP = np.s_[0:4, 2:14]  # nose base and cheeks
_WARP_FLAGS = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP


def frozen_scores(health: Health) -> Series:
    """How clearly each row belongs to a stretch with a frozen patch, (n,); 1 at the limit.

    The patch of an earlier frame is laid on each frame twice: at its place in the picture, and moved along with the
    original's mesh. A frozen patch fits the first, a living one the second. The original has to confirm that the head
    moved, because meshes jitter.
    """
    cells = [_cells_to_pixels(health, row) for row in range(len(health))]
    scores = np.zeros(len(health))
    source, summed = 0, 0.0
    own: list[float] = []  # evidence of each row since the source
    for row in range(1, len(health)):
        change = _change(health, cells, row, row - 1)
        if change.in_place >= max(_MAX_STILL_SHARE * change.along + 0.05, _MAX_STILL_LEVELS):
            source, summed, own = row, 0.0, []
            continue
        summed += max(0.0, change.evidence)
        first = max(source, row - _MAX_STRETCH)
        since = _change(health, cells, row, first)
        own.append(since.evidence)
        if since.head_moved:
            evidence = max(summed if row - source > 1 else 0.0, since.evidence)
            for each in range(source + 1, row + 1):
                if own[each - source - 1] > _MIN_OWN_EVIDENCE or each == row:
                    scores[each] = max(scores[each], evidence / FROZEN_EVIDENCE)
    return scores


@dataclass(frozen=True)
class _Change:
    """Changes between two frames, 8-bit levels: the synced mouth's in place and along with the head, the original's."""

    in_place: float
    along: float
    original: float
    head_moved: bool

    @property
    def evidence(self) -> float:
        """Log ratio of what a living patch would change to what this one changes."""
        return float(np.log((min(self.along, self.original) + 1e-6) / (self.in_place + _NOISE_LEVELS)))


def _change(health: Health, cells: list[Matrix], row: int, source: int) -> _Change:
    matrix = (np.linalg.inv(cells[source]) @ cells[row])[:2]

    def between(thumbs: Thumbs, *, in_place: bool) -> Thumbs:
        luma: Thumbs = np.ascontiguousarray(thumbs[source, ..., 0])
        if in_place:
            warped = cv2.warpAffine(luma, matrix, CELLS, flags=_WARP_FLAGS, borderMode=cv2.BORDER_REPLICATE)
            luma = np.asarray(warped, np.float32)
        return np.asarray(np.abs(thumbs[row, ..., 0] - luma))

    synced, original = health.face_synced, health.face_original
    stays = between(original, in_place=True)
    return _Change(
        _least(between(synced, in_place=True)[_MIDDLE]),
        _least(between(synced, in_place=False)[_MIDDLE]),
        _least(stays[_MIDDLE]),
        _least(stays[_TOP]) >= _least(between(original, in_place=False)[_TOP]),
    )


def _least(values: Thumbs) -> float:
    """Mean of the smallest three quarters."""
    return float(np.sort(values, axis=None)[: round(_SHARE * values.size)].mean())


def _cells_to_pixels(health: Health, row: int) -> Matrix:
    """(3, 3) from the cell indices of a thumbnail to pixels."""
    across = np.array([health.axis_x[row], health.axis_y[row]], np.float64)
    down = np.array([-across[1], across[0]])
    width = float(health.width[row])
    first = across * (LEFT_FRAC + CELL_FRAC / 2) + down * (TOP_FRAC + CELL_FRAC / 2)
    matrix = np.eye(3)
    matrix[:2, 0], matrix[:2, 1] = across * CELL_FRAC * width, down * CELL_FRAC * width
    matrix[:2, 2] = first * width + (health.origin_x[row], health.origin_y[row])
    return matrix
