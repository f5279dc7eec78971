"""The whole job on one page: probe, analyse, plan, render, write."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lipblend.analysis.alignment import Alignment
from lipblend.analysis.cache import analyse_cached
from lipblend.analysis.clip import ClipAnalysis
from lipblend.analysis.plan import ClipPlan, PlanRow, make_plan
from lipblend.debug import DebugExport, DebugFormat, DebugFrame, debug_folder
from lipblend.errors import SettingsError
from lipblend.evaluation.evaluate import Evaluated, evaluate_plan
from lipblend.evaluation.walk import spoken_meshes
from lipblend.faces.models import resolve_model
from lipblend.media.info import VideoInfo
from lipblend.media.ordered import frames_at
from lipblend.media.planes import add_delta
from lipblend.media.prefetch import one_opencv_thread, prefetch, worked_on
from lipblend.media.probe import probe
from lipblend.media.reader import Frame
from lipblend.media.remux import AudioPlan, check_audio, choose_audio
from lipblend.media.writer import VideoWriter, check_output
from lipblend.memory import give_back
from lipblend.progress import Progress
from lipblend.render import FrameResult, Picture, render_frame
from lipblend.settings import Settings
from lipblend.stages.restore import Restorer, load_restorer

_QUEUE = 4  # decoded frames waiting a stream
_WORKERS = max(1, min(4, (os.cpu_count() or 1) // 2))  # threads that compose, beside the encoder's


@dataclass(frozen=True)
class CompositeResult:
    """What a run did.

    Attributes
    ----------
    output : Path
    frames, blended : int
        Frames written, and how many of them carry a patch.
    passed_through : mapping of str to int
        Why the other frames are the original's own, and how many of them for each reason.
    fallbacks : mapping of str to int
        Stages done by a second-best method, and on how many frames.
    seconds, analyse_seconds, render_seconds : float
        Wall-clock time.
    audio : str
        Whose sound was taken: original, synced, file or none.
    timeline : str
        Whose time line the output follows: original or synced.
    pairing : mapping
        How the two videos go together: offset_s, in_step, drift, repeated, missing, jumps, backward, before, after (see
        `lipblend.analysis.timeline.Pairing`), likeness and mapping (`lipblend.analysis.alignment.Alignment`).
    notes : tuple of str
        What else the user should know.
    width, height : int
    duration_s : float
        From the first frame's start to the last frame's end.
    evaluation : Evaluated or None
        What was measured on the output, where that was asked for.
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
    notes: tuple[str, ...]
    width: int
    height: int
    duration_s: float
    evaluation: Evaluated | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields but the evaluation, ready for JSON."""
        return {**asdict(replace(self, evaluation=None)), "output": str(self.output), "notes": list(self.notes)}


def composite(
    original: Path,
    synced: Path,
    output: Path,
    *,
    settings: Settings,
    overwrite: bool = True,
    models: Path | None = None,
    debug_dir: Path | None = None,
    measure: bool = False,
    run_tag: str | None = None,
    debug_format: DebugFormat = "png",
    cache: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> CompositeResult:
    """Take the synced mouth over into the original video.

    Parameters
    ----------
    original, synced : Path
        The real footage, and the same footage after a lip-sync generator.
    output : Path
        .mp4, .mov or .mkv; appears only when complete, and replaces what was there.
    settings : Settings
    overwrite : bool
        Replace `output` if it exists, at the start or by the end; otherwise that is an error.
    models : Path, optional
        Face model bundle, or the folder it lies in.
    debug_dir : Path, optional
        Folder for mask, alpha, seam ring and overlay of every frame, and a table (`lipblend.debug.DebugExport`).
    run_tag : str, optional
        Name of a folder in `debug_dir` that they go to instead.
    debug_format : {"png", "video"}
        Pictures, or videos in step with the output.
    measure : bool
        Measure the output when it is written; see `lipblend.evaluation`.
    cache : Path, optional
        Folder in which analyses are kept, so that the same pair need not be looked at twice
        (see `lipblend.analysis.cache`); none is kept without it.
    on_progress : callable, optional
        Called on this thread, about once a frame.

    Raises
    ------
    LipblendError
        One of its subclasses, see `lipblend.errors`. No output is left then.
    """
    started = time.perf_counter()
    report = on_progress or (lambda _: None)
    ours, theirs = probe(original), probe(synced)
    # Sound and restoration model are inputs too; "original" and the like are no names of an output, which has a suffix.
    inputs = (original, synced, Path(settings.audio.source), Path(settings.restore.model))
    check_output(output, ours, encode=settings.encode, inputs=inputs, overwrite=overwrite)
    check_audio(theirs, settings.audio.source)
    model = resolve_model("face_landmarker", models)
    restorer = load_restorer(settings.restore)
    if run_tag is not None and debug_dir is None:
        raise SettingsError(
            "--run-tag names a folder in --debug-dir, which is not given", hint="Add --debug-dir FOLDER."
        )
    export_to = debug_folder(debug_dir, run_tag) if debug_dir is not None else None
    analysis = analyse_cached(
        ours,
        theirs,
        model=model,
        settings=settings,
        on_frame=lambda done: report(Progress("analyse", done, ours.frame_count)),
        cache=cache,
    )
    plan = make_plan(analysis, settings)
    found = analysis.alignment
    audio = choose_audio(
        ours, theirs, settings.audio.source, timeline=found.timeline.follows, offset_s=found.pairing.offset_s
    )
    # Sound of the other video, or of one whose last frames are left out, would go on after the picture.
    foreign = audio.taken in ("original", "synced") and audio.taken != found.timeline.follows
    run = _Render(ours, theirs, analysis, plan, settings, restorer, trim=foreign or found.pairing.after > 0)
    spoken = spoken_meshes(analysis) if measure else ()
    analysis = replace(analysis, tracks={})  # the plan holds all that is needed of the faces from here on
    give_back()
    analysed = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(one_opencv_thread())
        export = None
        if export_to is not None:
            export = stack.enter_context(DebugExport(export_to, run.target, form=debug_format))
        end_s, writer_notes = run.write(output, audio, overwrite=overwrite, export=export, report=report)
    finished = time.perf_counter()
    evaluation = None
    if measure:
        evaluation = evaluate_plan(
            ours,
            theirs,
            probe(output),
            analysis,
            plan,
            spoken,
            settings=settings,
            model=model,
            restorer=restorer,
            matte="settings",
            reference=None,
            on_progress=report,
        )
    return CompositeResult(
        output=output,
        frames=len(plan.rows),
        blended=run.blended,
        passed_through=dict(run.passed_through),
        fallbacks=dict(run.fallbacks),
        seconds=finished - started,
        analyse_seconds=analysed - started,
        render_seconds=finished - analysed,
        audio=audio.taken,
        timeline=found.timeline.follows,
        pairing=_pairing_dict(found),
        notes=(*dict.fromkeys((*ours.warnings, *theirs.warnings)), *plan.notes, *audio.notes, *writer_notes),
        width=ours.upright_width,
        height=ours.upright_height,
        duration_s=end_s - run.start_s,
        evaluation=evaluation,
    )


def _pairing_dict(found: Alignment) -> dict[str, Any]:
    pairing, mapping = found.pairing, found.mapping
    return {
        "offset_s": pairing.offset_s,
        "in_step": pairing.in_step,
        "drift": pairing.drift,
        "repeated": pairing.repeated,
        "missing": pairing.missing,
        "jumps": pairing.jumps,
        "backward": pairing.backward,
        "before": pairing.before,
        "after": pairing.after,
        "likeness": found.likeness,
        "mapping": asdict(mapping),
    }


class _Render:
    """The second pass over both videos, and the counts that the summary shows."""

    def __init__(
        self,
        ours: VideoInfo,
        theirs: VideoInfo,
        analysis: ClipAnalysis,
        plan: ClipPlan,
        settings: Settings,
        restorer: Restorer | None,
        *,
        trim: bool,
    ) -> None:
        self._ours, self._theirs, self._plan, self._settings = ours, theirs, plan, settings
        self._restorer = restorer
        self._mapping = analysis.alignment.mapping
        self._follows_synced = analysis.alignment.timeline.follows == "synced"
        self._stamps = list(zip(analysis.pts.tolist(), analysis.durations.tolist(), strict=True))
        self._original_pts, self._synced_pts = analysis.original_pts, analysis.synced_pts
        self._exact = analysis.exact_times
        self._trim = trim or len(plan.rows) < len(analysis.times_s)
        self.start_s = float(analysis.times_s[0])
        self._timing = timing = theirs if self._follows_synced else ours
        self.target = replace(ours, time_base=timing.time_base, frame_rate=timing.frame_rate, start_s=timing.start_s)
        self.blended = 0
        self.passed_through: Counter[str] = Counter()
        self.fallbacks: Counter[str] = Counter()

    def write(
        self,
        output: Path,
        audio: AudioPlan,
        *,
        overwrite: bool,
        export: DebugExport | None,
        report: Callable[[Progress], None],
    ) -> tuple[float, list[str]]:
        """Render and encode every frame; returns the last frame's end in seconds and what the writer has to say."""
        rows, target = self._plan.rows, self.target
        shown = [row.original_index for row in rows]
        partners = [row.synced_index for row in rows if row.faces]
        end_s = 0.0
        with (
            prefetch(frames_at(self._ours, self._original_pts, shown, exact=self._exact[0]), _QUEUE) as frames,
            prefetch(frames_at(self._theirs, self._synced_pts, partners, exact=self._exact[1]), _QUEUE) as synced,
            worked_on(self._compose, _inputs(rows, frames, synced), workers=_WORKERS) as composed,
            VideoWriter(
                output,
                target,
                encode=self._settings.encode,
                audio=audio,
                extras_from=self._timing,
                trim=self._trim,
                overwrite=overwrite,
            ) as writer,
        ):
            stamped = zip(rows, composed, self._stamps, strict=False)
            for number, (row, (out, result), (pts, duration)) in enumerate(stamped):
                self._count(result)
                if export is not None:
                    time_s, picture = float(pts * target.time_base), self._picture(out, self._ours)
                    made_from = row.original_index, row.synced_index
                    export.save(DebugFrame(number, pts, duration, time_s, *made_from, picture, result))
                writer.write(replace(out, index=number, pts=pts, duration=duration))
                end_s = float((pts + duration) * target.time_base)
                report(Progress("render", number + 1, len(rows)))
        return end_s, writer.notes

    def _count(self, result: FrameResult) -> None:
        self.fallbacks.update(result.fallbacks)
        if result.patches:
            self.blended += 1
        else:
            self.passed_through[result.reason] += 1

    def _compose(self, inputs: tuple[PlanRow, Frame, Frame | None]) -> tuple[Frame, FrameResult]:
        """One frame of the output; called on several threads at the same time."""
        row, frame, partner = inputs
        ours, theirs = self._picture(frame, self._ours), None
        if partner is not None:
            theirs = self._picture(partner, self._theirs)
        result = render_frame(ours, theirs, row, self._settings, mapping=self._mapping, restorer=self._restorer)
        if not result.patches:
            return frame, result
        out = frame.writable()
        for patch in result.patches:
            add_delta(out.planes, out.layout, patch.matte.box, patch.delta)
        return out, result

    @staticmethod
    def _picture(frame: Frame, info: VideoInfo) -> Picture:
        return Picture(frame.planes, frame.layout, info.colour, info.height)


def _inputs(
    rows: Sequence[PlanRow], frames: Iterator[Frame], synced: Iterator[Frame]
) -> Iterator[tuple[PlanRow, Frame, Frame | None]]:
    """Every row with its pictures."""
    for row in rows:
        yield row, next(frames), next(synced) if row.faces else None
