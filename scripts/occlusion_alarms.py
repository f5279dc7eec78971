"""How often something is found in front of faces: the evidence for clips in which nothing is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipblend.errors import InputError
from lipblend.pair import open_pair
from lipblend.plan.front_log import FrontLog, frames_by_way, when_text
from lipblend.plan.make_plan import make_plan
from lipblend.settings import Settings


@dataclass(frozen=True)
class Alarms:
    """What was found in one pair, without composing it.

    Attributes
    ----------
    frames : int
        With a face that is taken over.
    by_way : dict of str to int
        Frames by way.
    hidden : int
        Frames in which anything was found.
    when : str
    departing : int
        Faces for which the second, closer look was taken.
    """

    frames: int
    by_way: dict[str, int]
    hidden: int
    when: str
    departing: int

    def __str__(self) -> str:
        ways = ", ".join(f"{way} {count}" for way, count in self.by_way.items()) or "-"
        share = 100 * self.hidden / max(1, self.frames)
        found = f"{self.hidden:4d} of {self.frames} frames ({share:.1f} %)  {ways}  {self.when}"
        return f"{found}  [{self.departing} looked at closely]"


def alarms(folder: Path, settings: Settings) -> Alarms:
    """Analyse and plan orig.mp4 and synced.mp4 of a folder."""
    pair = [folder / f"{name}.mp4" for name in ("orig", "synced")]
    if missing := [path.name for path in pair if not path.is_file()]:
        raise InputError(f"{folder} has no {' and no '.join(missing)}", hint="Give folders with orig and synced.mp4.")
    analysis = open_pair(*pair).analyse(settings)
    plan = make_plan(analysis, settings)
    log = FrontLog(analysis.times_s)
    for number, row in enumerate(plan.rows):
        log.add(number, row)
    runs = log.runs
    return Alarms(
        frames=sum(bool(row.faces) for row in plan.rows),
        by_way=frames_by_way(runs),
        hidden=sum(run.frames for run in runs),
        when=when_text(runs),
        departing=sum(int(track.has("departures").sum()) for track in analysis.tracks.values()),
    )
