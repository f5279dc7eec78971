"""Checking jobs before anything starts: videos, mattes, records, encoders, and where they read and write."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lipblend.analysis.parse_parts import check_parser
from lipblend.batch.job_spec import JobSpec
from lipblend.batch.listing.job_list import read_jobs_and_problems
from lipblend.batch.listing.job_pictures import sequence_info
from lipblend.batch.listing.job_places import place_problems
from lipblend.batch.listing.job_settings import named_files
from lipblend.batch.listing.list_paths import is_address
from lipblend.batch.listing.list_problems import on_one_line, raise_problems
from lipblend.composite_options import CompositeOptions, usable_processors
from lipblend.crops.read_places import read_places
from lipblend.errors import InputError, LipblendError, ModelError
from lipblend.output.encoders import FORMATS
from lipblend.output.encoding import check_encoder
from lipblend.output.sound.audio_plan import check_audio
from lipblend.runtime.prefetch import map_in_threads
from lipblend.runtime.stand_ins import is_pattern
from lipblend.settings import EncodeSettings, Settings
from lipblend.settings.resolve import resolve_settings
from lipblend.video.info import VideoInfo
from lipblend.video.keep_matte import open_keep
from lipblend.video.probe import probe

_MAX_THREADS = 16

Problems = dict[str, list[str]]
"""What is wrong with jobs, by their names."""


def check_jobs(jobs: Sequence[JobSpec], *, remote: bool, unopened: Collection[str] = ()) -> None:
    """Check jobs; nothing is left on the disk.

    Parameters
    ----------
    jobs : sequence of JobSpec
    remote : bool
        Addresses may be read and written; of them only the form is checked. Otherwise they are problems.
    unopened : collection of str
        Names of jobs whose videos are not opened, because nothing is to be made from them.

    Raises
    ------
    SettingsError
        Something is wrong: all of it is in the details, with the place in the list.
    """
    problems = job_problems(jobs, remote=remote, unopened=unopened)
    raise_problems(_file_of(jobs), problem_lines(jobs, problems))


def read_checked_jobs(path: Path, *, base: Path | None = None, remote: bool = False) -> list[JobSpec]:
    """Read a list and check its jobs, with what is wrong with both in one error; see `read_jobs` and `check_jobs`.

    Raises
    ------
    SettingsError
    """
    jobs, wrong = read_jobs_and_problems(path, base=base)
    raise_problems(path.name, (*wrong, *problem_lines(jobs, job_problems(jobs, remote=remote))))
    return jobs


def job_problems(jobs: Sequence[JobSpec], *, remote: bool, unopened: Collection[str] = ()) -> Problems:
    """What is wrong with jobs, by their names; see `check_jobs`."""
    problems = place_problems(jobs, remote=remote)
    for name, found in _media_problems([job for job in jobs if job.name not in unopened]).items():
        problems.setdefault(name, []).extend(found)
    return problems


def problem_lines(jobs: Iterable[JobSpec], problems: Mapping[str, Sequence[str]]) -> list[str]:
    """``jobs.yaml, line 12: job intro: ...``, in the order of the jobs."""
    return [f"{job.source}: job {job.name}: {text}" for job in jobs for text in problems.get(job.name, ())]


def _file_of(jobs: Sequence[JobSpec]) -> str:
    return jobs[0].source.rpartition(", line ")[0] or "the list of jobs" if jobs else "the list of jobs"


def _media_problems(jobs: Sequence[JobSpec]) -> Problems:
    """What the content of the files says: unreadable videos, mattes and records that do not fit, encoders."""
    videos = list(dict.fromkeys(path for job in jobs for path in (job.original, job.synced) if not is_address(path)))
    threads = min(2 * usable_processors(), _MAX_THREADS)
    with map_in_threads(_probed, videos, workers=threads) as answers:
        infos = dict(zip(videos, answers, strict=True))
    encoders: dict[Any, list[str]] = {}
    found: Problems = {}
    with map_in_threads(lambda job: _job_faults(job, infos), jobs, workers=threads) as faults:
        for job, (settings, wrong) in zip(jobs, faults, strict=True):
            original = infos.get(job.original)
            if isinstance(original, VideoInfo) and Path(job.output).suffix.lower() in FORMATS:
                wrong += _encoder_faults(job, original, settings.encode, encoders)
            if wrong:
                found[job.name] = wrong
    return found


def _probed(path: str) -> VideoInfo | LipblendError:
    try:
        return sequence_info(path) if is_pattern(Path(path)) else probe(path)
    except LipblendError as error:
        return error


def _job_faults(job: JobSpec, infos: Mapping[str, VideoInfo | LipblendError]) -> tuple[Settings, list[str]]:
    """The settings of a job, and what is wrong with its inputs."""
    settings = resolve_settings(overrides=job.settings).settings
    original, synced = infos.get(job.original), infos.get(job.synced)
    wrong = [on_one_line(each) for each in (original, synced) if isinstance(each, LipblendError)]
    pictures = any(is_pattern(Path(text)) for text in (job.original, job.synced))  # of them only the first was read
    measured = job.gate or job.report is not None
    checks: list[Callable[[], object]] = [
        CompositeOptions(measure=measured, matte=None if job.matte is None else Path(job.matte)).check,
        partial(_check_models, job),
        partial(check_parser, settings),
    ]
    for option, text in (("--keep", job.keep), ("--matte", job.matte), ("--crop", job.crop)):
        if text is None or is_address(text):
            continue
        if not os.path.exists(text):
            wrong.append(f"{text} ({option[2:]}) does not exist")
        elif pictures:
            continue
        elif option != "--crop" and isinstance(original, VideoInfo):
            checks.append(partial(open_keep, text, original, option=option))
        elif option == "--crop" and isinstance(original, VideoInfo) and isinstance(synced, VideoInfo):
            checks.append(partial(read_places, Path(text), original, synced, by_content=False))
    if isinstance(synced, VideoInfo) and not pictures and not is_address(settings.audio.source):
        checks.append(partial(check_audio, synced, settings.audio.source))
    for check in checks:
        try:
            check()
        except LipblendError as error:
            wrong.append(on_one_line(error))
    return settings, wrong


def _check_models(job: JobSpec) -> None:
    for path in named_files({key: value for key, value in job.settings.items() if key.endswith(".model")}):
        if is_address(path):
            raise InputError(f"{path} is an address, and models are read from files", hint="Fetch it first.")
        if not Path(path).is_file():
            raise ModelError(f"the model {path} is missing", hint="Paths are relative to the list.")


def _encoder_faults(
    job: JobSpec, original: VideoInfo, encode: EncodeSettings, known: dict[Any, list[str]]
) -> list[str]:
    """What is wrong with encoding such pictures into such a container; each combination is tried once."""
    output = Path(job.output)
    key = (
        output.suffix.lower(), encode, original.width, original.height, original.layout.name, original.source_format,
        original.time_base, original.frame_rate, original.colour, original.interlaced, original.opaque,
    )  # fmt: skip
    if key not in known:
        try:
            check_encoder(output, original, encode)
            known[key] = []
        except LipblendError as error:
            known[key] = [on_one_line(error)]
    return known[key]
