"""Image sequences among the inputs of jobs: what is wrong with them, and what their first picture says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lipblend.batch.job_spec import JobSpec
from lipblend.batch.listing.list_paths import is_address
from lipblend.batch.listing.list_problems import on_one_line
from lipblend.errors import InputError, LipblendError
from lipblend.output.given_videos import DEFAULT_RATE
from lipblend.output.sequence_film import make_film
from lipblend.runtime.stand_ins import (
    as_given,
    check_folders_unnumbered,
    is_pattern,
    stand_in_folder,
    stand_in_path,
)
from lipblend.settings.rate_words import parse_frame_rate
from lipblend.video.info import VideoInfo
from lipblend.video.numbered_files import NumberedFiles, numbered_files
from lipblend.video.probe import probe


def picture_faults(job: JobSpec, *, has_addresses: bool) -> Iterator[str]:
    """What the paths of a job say about image sequences without looking at a disk.

    ``has_addresses``: something of the job lies elsewhere.
    """
    found = {"original": job.original, "synced video": job.synced}
    sequences = {role: text for role, text in found.items() if is_pattern(Path(text))}
    for role, text in sequences.items():
        if is_address(text):
            yield f"{role}: {text} is an image sequence at an address, which cannot be fetched: copy it to a folder"
        elif has_addresses:
            yield f"{role}: {text} is an image sequence, which a job with addresses cannot read: make a video of it"
    if is_pattern(Path(job.output)):
        yield (
            f"output: {job.output} is an image sequence, and a series writes videos: use a lossless one "
            "(.mkv with encode.encoder: ffv1), or `lipblend composite`"
        )
    if job.rate is None:
        return
    if not sequences:
        yield "rate: no input is an image sequence, and a video has its own frame rate: leave it out"
    try:
        parse_frame_rate(job.rate)
    except LipblendError as error:
        yield f"rate: {on_one_line(error)}"


def sequence_info(pattern: str) -> VideoInfo:
    """What the first picture of a sequence says, as of a video of one frame; its names are whole, without a gap.

    Raises
    ------
    InputError
        A picture is missing between the first and the last; there is none; the first cannot be read.
    """
    given = Path(pattern)
    check_folders_unnumbered(given, InputError)
    files = numbered_files(given)
    try:
        with stand_in_folder() as folder:
            film = stand_in_path(folder, given)
            first = NumberedFiles(given, files.paths[:1], files.first)
            make_film(first, film, rate=DEFAULT_RATE, on_picture=lambda _: None)
            return probe(film)
    except LipblendError as error:
        error.message = as_given(error.message)
        raise
