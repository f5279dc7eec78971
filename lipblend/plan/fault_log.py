"""Broken frames of a plan as runs, and what the summary says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lipblend.plan.frame_plan import OUTSIDE_RANGES, FaultRun, FramePlan
from lipblend.settings import FaultSettings

MANY_SHARE = 0.1
"""More broken frames are many: the first thing to say of a run."""
_MAX_NAMED = 4


class FaultLog:
    """Collects the broken frames of a plan, row by row.

    Parameters
    ----------
    times_s : (n,) float64
        Of the plan's rows.
    """

    def __init__(self, times_s: npt.NDArray[np.float64]) -> None:
        self._times_s, self._runs, self._synced = times_s, list[FaultRun](), 0

    def add(self, number: int, row: FramePlan) -> None:
        """Note what is wrong with a row; rows outside the ranges do not count."""
        if row.reason == OUTSIDE_RANGES:
            return
        self._synced += row.synced_index >= 0
        if not row.broken:
            return
        worst = row.worst_fault
        assert worst is not None
        one = FaultRun(number, number, float(self._times_s[number]), worst.kind, worst.certainty, row.is_bridged)
        append_fault(self._runs, one)

    def runs(self) -> Iterator[FaultRun]:
        """Neighbouring frames with the same fault, ascending."""
        return iter(self._runs)

    def notes(self, settings: FaultSettings) -> Iterator[str]:
        """For the summary."""
        if not self._runs:
            return
        counts: Counter[str] = Counter()
        for run in self._runs:
            counts[run.kind] += run.frames
        total, bridged = sum(counts.values()), sum(run.frames for run in self._runs if run.bridged)
        kinds = ", ".join(f"{kind} {count}" for kind, count in counts.most_common())
        where = ", ".join(run.text() for run in self._runs[:_MAX_NAMED])
        more = f" and {len(self._runs) - _MAX_NAMED} more runs" if len(self._runs) > _MAX_NAMED else ""
        yield (
            f"{total} of {self._synced} synced frames are broken ({kinds}): {_done(total, bridged)} "
            f"(faults.action = {settings.action}); frames {where}{more}"
        )


def append_fault(runs: list[FaultRun], one: FaultRun) -> None:
    """Add the next broken frame to the last run, if it goes on with it, or as a new one."""
    last = runs[-1] if runs else None
    if last is not None and last.last == one.first - 1 and (last.kind, last.bridged) == (one.kind, one.bridged):
        runs[-1] = replace(last, last=one.last, certainty=max(last.certainty, one.certainty))
    else:
        runs.append(one)


def many_broken(runs: Sequence[FaultRun], frames: int) -> str:
    """The warning that more than a tenth of the frames are broken; empty if they are not.

    Parameters
    ----------
    runs : sequence of FaultRun
    frames : int
        Of the output, that have a synced picture.
    """
    total, bridged = sum(run.frames for run in runs), sum(run.frames for run in runs if run.bridged)
    if total <= MANY_SHARE * frames:
        return ""
    return (
        f"many frames are broken: {total} of {frames} synced frames ({100 * total / frames:.0f} %), "
        f"{_done(total, bridged)}"
    )


def _done(total: int, bridged: int) -> str:
    done = [f"{bridged} bridged from the frames beside them"] if bridged else []
    done += [f"{total - bridged} left to the original"] if total > bridged else []
    return " and ".join(done)
