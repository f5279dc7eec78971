"""How visible a part is over stretches of time, for the headline and for the moments that the page shows.

In time the mean over 0.4 seconds counts, about as long as the eye adds up; parts that scatter from frame to frame are
also seen, from a lower value on, if they last for 2 seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from lipblend.quality.frame_rates import frame_rate
from lipblend.quality.measure_entry import Visible
from lipblend.quality.record import FrameRow, Shot

WINDOW_S, LASTING_S = 0.4, 2.0
_MAX_VISIBILITY = 8.0
_FLASH = 1.5  # what a single frame may show, however wrong it is
_MIN_KNOWN, _MIN_FRAMES = 0.5, 3.0  # of a window
_LASTING_UNSEEN = 0.6  # single frames scatter more than stretches

Series = npt.NDArray[np.float64]


def values_of(key: str, rows: Sequence[FrameRow]) -> Series:
    """A measure in every frame; nan where it was not measured."""
    return np.array([row.values.get(key, np.nan) for row in rows], np.float64)


def visibility(values: Series, scale: Visible, *, lasting: bool = False, most: float = _MAX_VISIBILITY) -> Series:
    """Values of a part on the common scale, 0 to ``most``; nan stays."""
    unseen, seen = scale.unseen, scale.seen
    if lasting and scale.lasting is not None:
        unseen, seen = _LASTING_UNSEEN * unseen, scale.lasting
    return np.clip((values - unseen) / (seen - unseen), 0, most)


def stretches(key: str, scale: Visible, rows: Sequence[FrameRow]) -> list[tuple[float, int, int]]:
    """How visible a part is over every whole stretch of a shot that is known well enough.

    Parameters
    ----------
    key : str
    scale : Visible
    rows : sequence of FrameRow
        Of one shot.

    Returns
    -------
    list of (visibility, first, stop)
        Positions in the shot; the short stretches first, then the long ones.
    """
    found = []
    for levels, length in _lengths(values_of(key, rows), scale, rows):
        sums, counts = _sums(levels, length, "valid")
        # A face that is there for a moment only is judged by it.
        least = min(_MIN_KNOWN * length, max(_MIN_FRAMES, float(np.isfinite(levels).sum())))
        enough = np.flatnonzero(counts >= max(1.0, least))
        found += [(min(float(sums[at] / counts[at]), _MAX_VISIBILITY), int(at), int(at) + length) for at in enough]
    return found


def visibility_over_time(key: str, scale: Visible, rows: Sequence[FrameRow], shots: Sequence[Shot]) -> Series:
    """How visible a part is in every frame: the mean over the stretch around it; nan where it was not measured.

    Near the ends of a shot the stretch is what lies inside. The longer stretch counts where it shows more.
    """
    found = np.full(len(rows), np.nan)
    for shot in shots:
        inside = rows[shot.start : shot.stop]
        for levels, length in _lengths(values_of(key, inside), scale, inside):
            sums, counts = _sums(levels, length, "same")
            mean = np.where(np.isfinite(levels), np.minimum(sums / np.maximum(counts, 1), _MAX_VISIBILITY), np.nan)
            found[shot.start : shot.stop] = np.fmax(found[shot.start : shot.stop], mean)
    return found


def _lengths(values: Series, scale: Visible, rows: Sequence[FrameRow]) -> Iterator[tuple[Series, int]]:
    """Visibilities of a shot, and over how many frames they are to be averaged."""
    if not np.isfinite(values).any():
        return
    rate = frame_rate([row.time_s for row in rows])
    for window_s, lasting in ((WINDOW_S, False), (LASTING_S, True)):
        if not lasting or scale.lasting is not None:
            length = min(max(1, round(window_s * rate)), len(values))
            most = max(_MAX_VISIBILITY, _FLASH * length) if not lasting else _MAX_VISIBILITY
            yield visibility(values, scale, lasting=lasting, most=most), length


def _sums(levels: Series, length: int, mode: Literal["valid", "same"]) -> tuple[Series, Series]:
    """Sums of the known levels over windows of ``length`` frames, and how many there are."""
    known = np.isfinite(levels)
    kernel = np.ones(length)
    return np.convolve(np.where(known, levels, 0), kernel, mode), np.convolve(known, kernel, mode)
