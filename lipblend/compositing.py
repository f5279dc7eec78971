"""The whole job on one page: probe, analyse, plan, render, write."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lipblend.analysis.analyse import analyse
from lipblend.analysis.plan import ClipPlan, PlanRow, make_plan
from lipblend.debug import DebugPictures
from lipblend.errors import InputError, InputMismatchError
from lipblend.faces.models import resolve_model
from lipblend.media.info import VideoInfo
from lipblend.media.planes import add_delta
from lipblend.media.prefetch import prefetch
from lipblend.media.probe import probe
from lipblend.media.reader import Frame, VideoReader
from lipblend.media.remux import AudioPlan, choose_audio
from lipblend.media.writer import VideoWriter, check_output
from lipblend.render import Picture, render_frame
from lipblend.settings import Settings

_QUEUE = 4  # decoded frames waiting a stream
_RATE_TOLERANCE = 0.01


@dataclass(frozen=True)
class Progress:
    """How far a run has come: ``done`` of ``total`` frames (None if unknown) of a stage, "analyse" or "render"."""

    stage: str
    done: int
    total: int | None


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
    notes : tuple of str
        What else the user should know.
    width, height : int
    duration_s : float
        From the first frame's start to the last frame's end.
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
    notes: tuple[str, ...]
    width: int
    height: int
    duration_s: float

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {**asdict(self), "output": str(self.output), "notes": list(self.notes)}


def composite(
    original: Path,
    synced: Path,
    output: Path,
    *,
    settings: Settings,
    overwrite: bool = True,
    models: Path | None = None,
    debug_dir: Path | None = None,
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
        Folder for mask, alpha, seam ring and overlay pictures of every blended frame.
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
    _check_pair(ours, theirs)
    # The sound's file is an input too; "original" and the like are no names of an output, which has a suffix.
    inputs = (original, synced, Path(settings.audio.source))
    check_output(output, ours, encode=settings.encode, inputs=inputs, overwrite=overwrite)
    model = resolve_model("face_landmarker", models)
    audio = choose_audio(ours, theirs, settings.audio.source)
    pictures = DebugPictures(debug_dir) if debug_dir is not None else None
    analysis = analyse(
        ours,
        theirs,
        model=model,
        track=settings.track,
        lab=settings.colour.space == "lab",
        on_frame=lambda done: report(Progress("analyse", done, ours.frame_count)),
    )
    plan = make_plan(analysis, settings)
    start_s, trim = float(analysis.times_s[0]), len(plan.rows) < len(analysis.times_s)
    del analysis  # the plan holds all that the second pass needs
    analysed = time.perf_counter()
    run = _Render(ours, theirs, plan, settings)
    end_s, writer_notes = run.write(output, audio, trim=trim, overwrite=overwrite, pictures=pictures, report=report)
    finished = time.perf_counter()
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
        notes=(*ours.warnings, *theirs.warnings, *_rate_notes(ours, theirs), *plan.notes, *audio.notes, *writer_notes),
        width=ours.upright_width,
        height=ours.upright_height,
        duration_s=end_s - start_s,
    )


class _Render:
    """The second pass over both videos, and the counts that the summary shows."""

    def __init__(self, ours: VideoInfo, theirs: VideoInfo, plan: ClipPlan, settings: Settings) -> None:
        self._ours, self._theirs, self._plan, self._settings = ours, theirs, plan, settings
        self.blended = 0
        self.passed_through: Counter[str] = Counter()
        self.fallbacks: Counter[str] = Counter()

    def write(
        self,
        output: Path,
        audio: AudioPlan,
        *,
        trim: bool,
        overwrite: bool,
        pictures: DebugPictures | None,
        report: Callable[[Progress], None],
    ) -> tuple[float, list[str]]:
        """Render and encode every frame; returns the last frame's end in seconds and what the writer has to say."""
        rows = self._plan.rows
        end_s = 0.0
        with (
            VideoReader(self._ours, frame_limit=len(rows)) as read_ours,
            VideoReader(self._theirs) as read_theirs,
            prefetch(read_ours, _QUEUE) as frames,
            prefetch(read_theirs, _QUEUE) as synced_frames,
            VideoWriter(
                output,
                self._ours,
                encode=self._settings.encode,
                audio=audio,
                extras_from=self._ours,
                trim=trim,
                overwrite=overwrite,
            ) as writer,
        ):
            for frame, partner, row in _joined(frames, synced_frames, rows):
                out = self._compose(frame, partner, row, pictures)
                writer.write(out)
                end_s = out.time_s + float(out.duration * self._ours.time_base)
                report(Progress("render", frame.index + 1, len(rows)))
        return end_s, writer.notes

    def _compose(self, frame: Frame, partner: Frame | None, row: PlanRow, pictures: DebugPictures | None) -> Frame:
        ours = Picture(frame.planes, frame.layout, self._ours.colour)
        theirs = Picture(partner.planes, partner.layout, self._theirs.colour) if partner is not None else None
        result = render_frame(ours, theirs, row, self._settings)
        self.fallbacks.update(result.fallbacks)
        if result.matte is None or result.delta is None:
            self.passed_through[result.reason] += 1
            return frame
        self.blended += 1
        out = frame.writable()
        add_delta(out.planes, out.layout, result.matte.box, result.delta)
        if pictures is not None:
            pictures.save(frame.index, Picture(out.planes, out.layout, self._ours.colour), result.matte, row)
        return out


def _joined(
    frames: Iterable[Frame], synced: Iterator[Frame], rows: tuple[PlanRow, ...]
) -> Iterator[tuple[Frame, Frame | None, PlanRow]]:
    """Each original frame with its row and its synced frame, both videos read forward once."""
    partner: Frame | None = None
    waiting = iter(rows)
    for frame in frames:
        row = next(waiting, None)
        while row is not None and row.synced_index >= 0 and (partner is None or partner.index < row.synced_index):
            partner = next(synced, None)
            if partner is None:
                break
        if row is None or (row.synced_index >= 0 and partner is None):
            raise _changed()
        yield frame, partner if row.synced_index >= 0 else None, row
    if next(waiting, None) is not None:
        raise _changed()


def _changed() -> InputError:
    return InputError(
        "an input gave other frames at the second reading", hint="Do not write to it while lipblend runs."
    )


def _check_pair(ours: VideoInfo, theirs: VideoInfo) -> None:
    """Refuse what cannot be paired yet, with the values found."""
    size, other = (f"{info.upright_width}x{info.upright_height}" for info in (ours, theirs))
    if size != other:
        raise InputMismatchError(
            "the two videos differ in size",
            details=(f"original  {ours.path.name}  {size}", f"synced    {theirs.path.name}  {other}"),
            hint=f"Scale the synced video to {size} first, without cropping or padding it.",
        )


def _rate_notes(ours: VideoInfo, theirs: VideoInfo) -> tuple[str, ...]:
    if not ours.frame_rate or not theirs.frame_rate:
        return ()
    if abs(float(theirs.frame_rate / ours.frame_rate) - 1) <= _RATE_TOLERANCE:
        return ()
    return (
        f"frame rates differ ({float(ours.frame_rate):.3f} and {float(theirs.frame_rate):.3f}): "
        "frames were paired by time alone",
    )
