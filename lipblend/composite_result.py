"""What a composite run did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lipblend.quality.evaluation.evaluate import Evaluated


@dataclass(frozen=True)
class CompositeResult:
    """What a composite run did.

    Attributes
    ----------
    output : Path
    frames, blended : int
        Frames written, and how many of them carry a patch.
    passed_through : mapping of str to int
        Number of frames that are the original's own, by reason.
    fallbacks : mapping of str to int
        Number of frames on which a stage used its second-best method, by stage.
    seconds, analyse_seconds, render_seconds : float
        Wall-clock time.
    audio : str
        Where the sound is from: original, synced, file or none.
    timeline : str
        Whose time line the output follows: original or synced.
    pairing : mapping
        How the two videos go together: offset_s, in_step, drift, repeated, missing, jumps, backward, before, after (see
        `lipblend.pairing.timeline.Pairing`), likeness and mapping (`lipblend.pairing.alignment.Alignment`).
    colour : mapping
        How the colour codes of the synced video were read (`lipblend.analysis.interpret.Interpretation.found`).
    notes : tuple of str
        What else the user should know.
    width, height : int
        Of the output as shown, pixels.
    duration_s : float
        From the first frame's start to the end of the last.
    evaluation : Evaluated or None
        Measurements of the output, if they were asked for.
    """

    output: Path
    frames: int
    blended: int
    passed_through: Mapping[str, int]
    fallbacks: Mapping[str, int]
    seconds: float
    analyse_seconds: float
    render_seconds: float
    audio: str
    timeline: str
    pairing: Mapping[str, Any]
    colour: Mapping[str, Any]
    notes: tuple[str, ...]
    width: int
    height: int
    duration_s: float
    evaluation: Evaluated | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields but the evaluation, ready for JSON."""
        return {**asdict(replace(self, evaluation=None)), "output": str(self.output), "notes": list(self.notes)}
