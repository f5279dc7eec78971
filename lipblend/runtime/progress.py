"""Progress of a run, as passed to ``on_progress`` callbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` frames (None if unknown) of a stage: "analyse", "render" or "measure"."""

    stage: str
    done: int
    total: int | None


OnProgress = Callable[[Progress], None]
"""Called about once per frame, on the calling thread."""


def no_progress(_: Progress) -> None:
    """Report nothing."""
