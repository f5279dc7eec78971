"""One job of a series: what to make from which files, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Status = Literal["passed", "gate", "failed", "skipped", "locked", "cancelled"]
"""How a job ended: written (and above its marks, if the gate was asked for); written, but below a mark; failed; up to
date; another run is writing the same output; not started, or stopped, because the run ended early."""

Work = Literal["nothing", "measure", "render"]
"""What a job has to do. Measure: its output is complete, and only its verdict or report is missing."""

DONE: frozenset[Status] = frozenset({"passed", "skipped"})


@dataclass(frozen=True)
class JobSpec:
    """One job, complete: nothing of it is found or matched any more. Ready for JSON and for other machines.

    Paths are absolute, or addresses (``s3://bucket/key``).

    Attributes
    ----------
    name : str
        Unique in its list: letters, digits and ``. _ -``, also used for file names.
    original, synced, output : str
        Inputs may be image sequences (``shots/%06d.png``).
    preset : str or None
        None for the plain defaults.
    settings : mapping of str to object
        All settings that differ from the plain defaults, by dotted key: preset, config file and settings of the list
        are resolved in it.
    crop, keep, matte : str or None
        As the options of `composite`.
    report : str or None
        Folder for the report.
    rate : str or None
        Frame rate of inputs that are image sequences, as the option of `composite`.
    gate : bool
        A result that misses a pass mark counts as ``gate`` instead of ``passed``.
    source : str
        Where it comes from, for messages: ``jobs.yaml, line 12``.
    """

    name: str
    original: str
    synced: str
    output: str
    preset: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    crop: str | None = None
    keep: str | None = None
    matte: str | None = None
    report: str | None = None
    rate: str | None = None
    gate: bool = False
    source: str = ""

    @property
    def inputs(self) -> dict[str, str]:
        """Files that the output is made from, by role."""
        optional = {"crop record": self.crop, "matte": self.keep, "matte of the mouth": self.matte}
        return {
            "original": self.original,
            "synced video": self.synced,
            **{role: path for role, path in optional.items() if path is not None},
        }

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The reverse of `to_dict`."""
        return cls(**data)


@dataclass(frozen=True)
class Need:
    """What a job has to do, and why, on one line; empty for nothing."""

    work: Work
    reason: str = ""


@dataclass(frozen=True)
class JobOutcome:
    """How a job ended; a line of results.jsonl.

    Attributes
    ----------
    name, output : str
        Of the job.
    status : Status
    reason : str
        Why it was skipped, failed or is below its marks; of what passed, why it was made. On one line.
    exit_code : int
        That a run of this job alone would have had; 0 for what is done.
    seconds : float
        Wall-clock time.
    frames : int
        Of the output; 0 if there is none.
    headline : mapping or None
        ``word``, ``score`` and what else `lipblend evaluate --json` says of it; None if nothing was measured.
    report, log : str
        Page of the report, and log file; empty without.
    started, finished : str
        UTC, ``2026-01-31T12:00:00Z``.
    host : str
        Machine that ran it.
    details : mapping
        The rest of what `lipblend composite --json` prints; empty if there is no output.
    """

    name: str
    output: str
    status: Status
    reason: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    frames: int = 0
    headline: Mapping[str, Any] | None = None
    report: str = ""
    log: str = ""
    started: str = ""
    finished: str = ""
    host: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The reverse of `to_dict`; unknown keys of later versions are left out."""
        known = cls.__dataclass_fields__
        return cls(**{key: value for key, value in data.items() if key in known})
