"""The note on seconds that keep the old words, because no face could be blended where the generator changed one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lipblend.plan.no_face import find_more_faces
from lipblend.settings import TrackSettings

_MAX_SHARE = 0.1  # of the frames that the generator changed
_JOINED_S = 0.5
_MAX_NAMED = 4


def old_words_note(
    left: Sequence[int], blended: int, times_s: npt.NDArray[np.float64], track: TrackSettings
) -> str | None:
    """Which seconds keep the old words, and what to do; None if they are at most a tenth of the changed frames.

    Parameters
    ----------
    left : sequence of int
        Frames that the generator changed and that pass through without a face, ascending.
    blended : int
        Number of blended frames.
    times_s : (n,) float64
        Of all frames, seconds.
    track : TrackSettings
    """
    if len(left) <= _MAX_SHARE * (len(left) + blended):
        return None
    runs: list[list[int]] = []
    for frame in left:
        if runs and times_s[frame] - times_s[runs[-1][1]] <= _JOINED_S:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    period_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    longest = sorted(sorted(runs, key=lambda run: run[0] - run[1])[:_MAX_NAMED])
    named = ", ".join(f"{times_s[first]:.1f} to {times_s[last] + period_s:.1f} s" for first, last in longest)
    more = f" and {len(runs) - len(longest)} shorter stretches" if len(runs) > len(longest) else ""
    return f"the old words stay at {named}{more}: no face was found there. {find_more_faces(track)}"
