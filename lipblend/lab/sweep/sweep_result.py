"""The result of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lipblend.lab.sweep.grid import Grid
from lipblend.lab.sweep.ranking import Ranking


@dataclass(frozen=True)
class SweepResult:
    """The result of a sweep.

    Attributes
    ----------
    frames, runs : int
        Frames that every combination was tried on, and runs of consecutive frames among them (whole shots if all frames
        were tried).
    analyses, plans : int
        Number of analyses and plans that the grid needed.
    files : mapping of str to Path
        Files written: see `lipblend.lab.sweep.sweep_files.FILES`.
    """

    ranking: Ranking
    grid: Grid
    frames: int
    runs: int
    analyses: int
    plans: int
    seconds: float
    notes: tuple[str, ...]
    files: Mapping[str, Path]
