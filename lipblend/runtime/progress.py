"""Progress of a run, as passed to ``on_progress`` callbacks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` frames (None if unknown) of a stage: "analyse", "render" or "measure"."""

    stage: str
    done: int
    total: int | None


def no_progress(_: Progress) -> None:
    """Report nothing."""
