"""Broken frames of a plan as runs, and what the summary says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lipblend.plan.frame_plan import FaultRun, FramePlan
from lipblend.settings import FaultSettings

_MANY_SHARE = 0.1
_MAX_NAMED = 4


class FaultLog:
    """Collects the broken frames of a plan, row by row.

    Parameters
    ----------
    times_s : (n,) float64
        Of the plan's rows.
    """

    def __init__(self, times_s: npt.NDArray[np.float64]) -> None:
        self._times_s, self._runs, self._rows = times_s, list[FaultRun](), 0

    def add(self, number: int, row: FramePlan) -> None:
        """Note what is wrong with a row."""
        self._rows = number + 1
        if not row.broken:
            return
        worst = max(row.broken, key=lambda each: each.certainty)
        bridged = any(face.bridge is not None for face in row.faces)
        one = FaultRun(number, number, float(self._times_s[number]), worst.kind, worst.certainty, bridged)
        last = self._runs[-1] if self._runs else None
        if last is not None and last.last == number - 1 and (last.kind, last.bridged) == (one.kind, bridged):
            self._runs[-1] = replace(last, last=number, certainty=max(last.certainty, one.certainty))
        else:
            self._runs.append(one)

    def runs(self) -> Iterator[FaultRun]:
        """Neighbouring frames with the same fault, ascending."""
        return iter(self._runs)

    def notes(self, settings: FaultSettings) -> Iterator[str]:
        """For the summary; a warning if there are many."""
        if not self._runs:
            return
        counts: Counter[str] = Counter()
        for run in self._runs:
            counts[run.kind] += run.frames
        total, bridged = sum(counts.values()), sum(run.frames for run in self._runs if run.bridged)
        kinds = ", ".join(f"{kind} {count}" for kind, count in counts.most_common())
        where = ", ".join(run.text() for run in self._runs[:_MAX_NAMED])
        more = f" and {len(self._runs) - _MAX_NAMED} more runs" if len(self._runs) > _MAX_NAMED else ""
        done = [f"{bridged} bridged from the frames beside them"] if bridged else []
        done += [f"{total - bridged} left to the original"] if total > bridged else []
        many = "many frames are broken: " if total > _MANY_SHARE * self._rows else ""
        yield (
            f"{many}{total} of {self._rows} synced frames are broken ({kinds}): {' and '.join(done)} "
            f"(faults.action = {settings.action}); frames {where}{more}"
        )
