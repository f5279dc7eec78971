"""The result of a composite run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lipblend.picture.frame_mapping import FrameMapping
from lipblend.plan.fault_log import many_broken
from lipblend.plan.front_log import frames_by_way, hidden_text

if TYPE_CHECKING:
    from lipblend.analysis.clip_analysis import ClipAnalysis
    from lipblend.plan.frame_plan import FaultRun, HiddenRun
    from lipblend.quality.evaluation.evaluate import Evaluated


@dataclass(frozen=True)
class Faults:
    """Synced frames that the generator broke.

    Attributes
    ----------
    action : str
        ``faults.action``; with "blend" none are looked for.
    broken, bridged, left : int
        Frames of the output: all, those shown by the frames beside them, and those left to the original.
    warning : str
        Says it first if more than a tenth of the frames that have a synced picture are broken; empty otherwise.
    runs : tuple of FaultRun
        In frames of the output, and its time.
    """

    action: str
    broken: int = 0
    bridged: int = 0
    left: int = 0
    warning: str = ""
    runs: tuple[FaultRun, ...] = ()

    @classmethod
    def of(cls, action: str, runs: tuple[FaultRun, ...], synced_frames: int) -> Self:
        """Count them, among the frames that have a synced picture."""
        broken, bridged = sum(run.frames for run in runs), sum(run.frames for run in runs if run.bridged)
        return cls(action, broken, bridged, broken - bridged, many_broken(runs, synced_frames), runs)


@dataclass(frozen=True)
class Hidden:
    """What was found in front of the faces, and stays the original's; without what the user's matte keeps.

    Attributes
    ----------
    frames : int
        Of the output, in which something is.
    ways : mapping of str to int
        Frames by how it was found (`lipblend.plan.front_log.WAYS`); one may be counted in several.
    share : float
        Of the lower face, the largest.
    runs : tuple of HiddenRun
        In frames of the output, and its time.
    """

    frames: int = 0
    ways: Mapping[str, int] = field(default_factory=dict)
    share: float = 0.0
    runs: tuple[HiddenRun, ...] = ()

    @classmethod
    def of(cls, runs: tuple[HiddenRun, ...]) -> Self:
        """Count them."""
        share = max((run.share for run in runs), default=0.0)
        return cls(sum(run.frames for run in runs), frames_by_way(runs), share, runs)


@dataclass(frozen=True)
class Kept:
    """What the user's matte did.

    Attributes
    ----------
    matte : str
        Name of the video or folder, without its path.
    frames : int
        Of the output, in which it holds something of what would be blended.
    """

    matte: str
    frames: int


@dataclass(frozen=True)
class CompositeResult:
    """What a composite run did.

    Attributes
    ----------
    output : Path
    frames, blended : int
        Frames written, and how many of them were blended.
    passed_through : mapping of str to int
        Number of frames left as the original, by reason.
    fallbacks : mapping of str to int
        Number of frames on which a stage used its fallback method, by stage.
    seconds, analyse_seconds, render_seconds : float
        Wall-clock time.
    audio : str
        Source of the sound: original, synced, file or none.
    timeline : str
        Video whose time line the output follows: original or synced.
    pairing : mapping
        How the two videos are paired: offset_s, in_step, drift, repeated, missing, jumps, backward, before, after (see
        `lipblend.pairing.timeline.Pairing`), likeness and mapping (`lipblend.pairing.alignment.Alignment`).
    colour : mapping
        How the colour codes of the synced video were read (`lipblend.analysis.interpret.Interpretation.found`).
    notes : tuple of str
        Other facts for the user.
    width, height : int
        Size of the output as displayed, pixels.
    duration_s : float
        From the start of the first frame to the end of the last.
    evaluation : Evaluated or None
        Measurements of the output, if requested.
    faults : Faults
        Synced frames that the generator broke.
    in_front : Hidden
        What was found in front of the faces.
    keep : Kept or None
        The user's matte, if one was given.
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
    faults: Faults = Faults("bridge")
    in_front: Hidden = Hidden()
    keep: Kept | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields except the evaluation, ready for JSON."""
        return {**asdict(replace(self, evaluation=None)), "output": str(self.output), "notes": list(self.notes)}


def pairing_dict(analysis: ClipAnalysis) -> dict[str, Any]:
    """How the two videos are paired, as in `CompositeResult.pairing`."""
    pairing = asdict(replace(analysis.alignment.pairing, source=None))  # type: ignore[arg-type]
    del pairing["source"]
    mapping = analysis.mapping
    found = asdict(mapping) if isinstance(mapping, FrameMapping) else {"frames": len(mapping.rows)}
    return {**pairing, "likeness": analysis.alignment.likeness, "mapping": found}


def summary_text(result: CompositeResult) -> str:
    """The summary at the end of a composite, one fact per line; first of all, whether many frames are broken."""
    warning = result.faults.warning
    passed = sum(result.passed_through.values())
    reasons = ", ".join(f"{reason} {count}" for reason, count in result.passed_through.items() if count)
    per_frame = f", {result.seconds / result.frames:.3f} s per frame" if result.frames else ""
    keep = result.keep
    lines = [
        f"{result.output}  {result.width}x{result.height}, {result.frames} frames, {result.duration_s:.2f} s",
        *([f"  warning         {warning}"] if warning else []),
        f"  blended         {result.blended} frames",
        f"  passed through  {passed} frames" + (f" ({reasons})" if reasons else ""),
        *([f"  in front        {hidden_text(result.in_front.runs)}"] if result.in_front.runs else []),
        *(
            [f"  matte           {keep.matte}: keeps something in {keep.frames} of {result.frames} frames"]
            if keep
            else []
        ),
        f"  timeline        {result.timeline}",
        f"  audio           {result.audio}",
        f"  time            {result.seconds:.1f} s (analyse {result.analyse_seconds:.1f} s, "
        f"render {result.render_seconds:.1f} s{per_frame})",
    ]
    lines += [f"  fell back       {what}: {count} frames" for what, count in result.fallbacks.items() if count]
    lines += [f"  note            {note}" for note in result.notes]
    return "\n".join(lines)
