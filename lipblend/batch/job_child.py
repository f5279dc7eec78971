"""One job of a series, in a child process: a crash, or memory that runs out, ends this job alone."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal

from lipblend.batch.job_spec import JobSpec
from lipblend.batch.stage_lines import StageLines
from lipblend.runtime.child import Channel, program
from lipblend.runtime.progress import OnProgress, Progress
from lipblend.runtime.stand_ins import as_given
from lipblend.settings.catalogue import setting_specs, value_text
from lipblend.settings.presets import find_preset, preset_values

if TYPE_CHECKING:
    from lipblend.composite_options import CompositeOptions
    from lipblend.quality.evaluation.evaluate import Evaluated
    from lipblend.settings import Settings

Step = Literal["all", "measure", "prepare", "join"] | range
"""The whole job; measuring an output that is complete; or of a job whose segments are made elsewhere: its analysis,
these segments, or their joining."""

_EVERY_S = 0.2  # between two messages about progress


@dataclass(frozen=True)
class JobOrder:
    """What a child is to do.

    Attributes
    ----------
    spec : JobSpec
        Its files are local.
    cache, models : Path or None
        As in `lipblend.composite_options.CompositeOptions`.
    jobs : int
        Processes that render.
    threads : int or None
        Threads that compose.
    step : Step
        What of the job.
    why : str
        Why it is done, for the log; may be empty.
    shared : bool
        Other processes add segments to the same folder.
    """

    spec: JobSpec
    cache: Path | None = None
    models: Path | None = None
    jobs: int = 1
    threads: int | None = None
    step: Step = "all"
    why: str = ""
    shared: bool = True


CHILD = program("lipblend.batch.job_child", "run_order", "a job of a series")
"""The source code that the child runs (`lipblend.runtime.child`)."""


def run_order(channel: Channel) -> None:
    """Receive a `JobOrder`; answer with `Progress` now and then, and at the end with a dict (see `run_job`)."""
    order = channel.receive()
    Thread(target=_end_with_parent, args=(channel,), name="lipblend-parent", daemon=True).start()
    _say(command_text(order.spec))
    if order.why:
        _say(f"why: {order.why}")
    stages = StageLines(_say)

    def say(text: str) -> None:
        stages.end()
        _say(text)

    channel.send(run_job(order, _Reporter(channel, stages), say))


def _end_with_parent(channel: Channel) -> None:
    """End at once when the parent is gone, killed for example: its locks are free then."""
    channel.questions.read(1)  # nothing more is sent, so this waits for the end
    os._exit(1)


def _say(text: str) -> None:
    """A line of the job's log."""
    print(as_given(text), file=sys.stderr, flush=True)


def run_job(order: JobOrder, on_progress: OnProgress, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """`_run` with a video in the place of each input that is an image sequence."""
    from lipblend.crops.read_places import rates_by_record
    from lipblend.output.given_videos import given_videos
    from lipblend.runtime.stand_ins import data_as_given

    spec = order.spec
    own = rates_by_record(_path(spec.crop), Path(spec.synced))
    with given_videos(spec.original, spec.synced, rate=spec.rate, own=own, on_progress=on_progress) as (first, second):
        videos = replace(spec, original=str(first), synced=str(second))
        answer: dict[str, Any] = data_as_given(_run(replace(order, spec=videos), on_progress, say))
    return answer


def _run(order: JobOrder, on_progress: OnProgress, say: Callable[[str], None]) -> dict[str, Any]:
    """Composite one pair, and measure it if its job asks for that; ``say`` takes the summary.

    Returns what `lipblend composite --json` prints, with ``evaluation`` if it was measured; of a step, the number of
    ``segments`` with the file of the ``analysis``, or of the ``frames`` that were rendered, or the ``evaluation``.

    Raises
    ------
    LipblendError
        As `lipblend.compositing.composite`.
    """
    from lipblend.composite_options import CompositeOptions
    from lipblend.composite_result import summary_text
    from lipblend.compositing import composite
    from lipblend.settings.resolve import resolve_settings

    spec = order.spec
    options = CompositeOptions(
        jobs=order.jobs,
        threads=order.threads,
        resume=True,
        replace_kept=True,
        measure=spec.gate or spec.report is not None,
        preset=spec.preset,
        keep=_path(spec.keep),
        matte=_path(spec.matte),
        crop=_path(spec.crop),
        models=order.models,
        cache=order.cache,
    )
    settings = resolve_settings(overrides=dict(spec.settings)).settings
    Path(spec.output).parent.mkdir(parents=True, exist_ok=True)
    if order.step == "prepare" or isinstance(order.step, range):
        return _step(order, settings, options, on_progress)
    if order.step == "measure":
        evaluated: Evaluated | None = (measured := _measured(spec, settings, options, on_progress))
        data: dict[str, Any] = {"output": spec.output, "frames": len(measured.record.rows)}
    else:
        result = composite(
            spec.original, spec.synced, spec.output, settings=settings, options=options, on_progress=on_progress
        )
        say(summary_text(result))
        evaluated, data = result.evaluation, result.to_dict()
    if evaluated is not None:
        data["evaluation"] = _verdict(evaluated, spec, say)
    json.dumps(data)  # plain values only: it goes to other processes and into files
    return data


def _measured(spec: JobSpec, settings: Settings, options: CompositeOptions, on_progress: OnProgress) -> Evaluated:
    """Measure the output, which is complete and was made with these settings."""
    from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate

    judged = EvaluateOptions(
        matte="known",
        models=options.models,
        cache=options.cache,
        keep=options.keep,
        given_matte=options.matte,
        crop=options.crop,
    )
    return evaluate(spec.original, spec.synced, spec.output, settings=settings, options=judged, on_progress=on_progress)


def _verdict(evaluated: Evaluated, spec: JobSpec, say: Callable[[str], None]) -> dict[str, Any]:
    """Write the report, and return what `--json` says of the evaluation."""
    from lipblend.quality.report import gate_text
    from lipblend.quality.report.verdict_files import verdict_dict, write_files

    written = write_files(evaluated, folder=_path(spec.report), junit=None, video=True, gated=spec.gate)
    say("\n".join([gate_text(evaluated.record, gated=spec.gate), *(f"written: {path}" for path in written.values())]))
    return verdict_dict(evaluated.record, written)


def _step(order: JobOrder, settings: Settings, options: CompositeOptions, on_progress: OnProgress) -> dict[str, Any]:
    from lipblend.composite_segments import prepare_segments, render_segments

    files = Path(order.spec.original), Path(order.spec.synced), Path(order.spec.output)
    if not isinstance(order.step, range):
        prepared = prepare_segments(*files, settings, options, on_progress)
        return {"segments": prepared.count, "analysis": str(prepared.analysis)}
    return {"frames": render_segments(*files, settings, options, order.step, on_progress, shared=order.shared)}


def command_text(spec: JobSpec) -> str:
    """The command that makes this job alone, for its log."""
    words = ["lipblend", "composite", spec.original, spec.synced, "-o", spec.output]
    options = {"--preset": spec.preset, "--crop": spec.crop, "--keep": spec.keep, "--matte": spec.matte}
    for option, value in {**options, "--rate": spec.rate, "--report": spec.report}.items():
        words += [] if value is None else [option, value]
    for key, value in _beside_preset(spec).items():
        words += ["--set", f"{key}={value_text(value)}"]
    return shlex.join([*words, *(["--gate"] if spec.gate else [])])


def _beside_preset(spec: JobSpec) -> dict[str, Any]:
    """The settings that differ from the preset's, also where they are the plain defaults again."""
    preset = {} if spec.preset is None else preset_values(find_preset(spec.preset))
    plain = {key: setting_specs()[key].default for key in preset if key not in spec.settings}
    return {key: value for key, value in (plain | dict(spec.settings)).items() if preset.get(key) != value}


class _Reporter:
    """Passes progress on, but not every frame, and tells the log of the stages."""

    def __init__(self, channel: Channel, stages: StageLines) -> None:
        self._stages = stages
        self._channel, self._sent_s, self._stage = channel, 0.0, ""

    def __call__(self, progress: Progress) -> None:
        now_s = time.monotonic()
        self._stages.take(progress)
        if progress.stage != self._stage or progress.done == progress.total or now_s - self._sent_s >= _EVERY_S:
            self._stage, self._sent_s = progress.stage, now_s
            self._channel.send(progress)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
