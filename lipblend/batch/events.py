"""What happens during a series, for whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass

from lipblend.batch.job_spec import JobOutcome
from lipblend.runtime.progress import Progress


@dataclass(frozen=True)
class Started:
    """A job has begun."""

    name: str


@dataclass(frozen=True)
class Advanced:
    """A job has made progress."""

    name: str
    progress: Progress


@dataclass(frozen=True)
class Ended:
    """A job has ended."""

    outcome: JobOutcome


Event = Started | Advanced | Ended
