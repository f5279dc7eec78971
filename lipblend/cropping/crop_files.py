"""Writing crops and their records: one or several, in one reading of the original."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from lipblend.analysis.face_reading import FaceReading
from lipblend.cropping.crop_frames import SourceFrame, shown_runs, visibility
from lipblend.cropping.crop_options import CropOptions
from lipblend.cropping.crop_picture import cut_crop
from lipblend.cropping.crop_target import CropTarget, opened_target
from lipblend.crops.crop_record import SCHEMA, CropFrame, CropRecord, Source
from lipblend.output.drawn import frame_of_planes
from lipblend.output.sound.audio_plan import choose_audio
from lipblend.output.writer import VideoWriter
from lipblend.runtime.files import UnfinishedFile
from lipblend.runtime.identity import sha256_of
from lipblend.runtime.prefetch import map_in_threads, one_opencv_thread
from lipblend.runtime.progress import OnProgress, Progress
from lipblend.runtime.stand_ins import as_given, facts_of
from lipblend.video.info import VideoInfo
from lipblend.video.reader import Frame

_WORKERS = 2


@dataclass(frozen=True)
class WantedCrop:
    """One crop: its two files, and where it lies in each frame of the original."""

    output: Path
    record: Path
    places: list[SourceFrame]


def write_crops(
    reading: FaceReading,
    crops: Sequence[WantedCrop],
    shown: list[int],
    target: VideoInfo,
    options: CropOptions,
    on_progress: OnProgress,
    *,
    one_by_one: bool,
) -> list[list[str]]:
    """Write crops and their records; each appears when it is complete, a record after its crop.

    Parameters
    ----------
    reading : FaceReading
    crops : sequence of WantedCrop
    shown : list of int
        The original's frame that each frame of a crop shows.
    target : VideoInfo
        Of a crop.
    options : CropOptions
    on_progress : callable
    one_by_one : bool
        The crops have the original's frames one by one, and so its numbers if it is a sequence of pictures.

    Returns
    -------
    list of list of str
        Notes on the encoding of each crop.

    Raises
    ------
    InputError, OutputError
    """
    info = reading.video.info
    digest = sha256_of(info.path)
    facts = facts_of(info.path) if one_by_one else None
    first = 1 if facts is None or facts.first is None else facts.first
    with ExitStack() as stack:
        records = [stack.enter_context(UnfinishedFile(crop.record)) for crop in crops]
        for crop, text in zip(crops, records, strict=True):
            made = _record(reading, crop.places, shown, target, options, digest)
            text.path.write_text(made.to_text(), encoding="utf-8")
        targets = [stack.enter_context(opened_target(crop.output, info, options, first=first)) for crop in crops]
        with one_opencv_thread(), ExitStack() as films:
            writers = [films.enter_context(_writer(each, info, target, options)) for each in targets]
            for done, frames in enumerate(_frames(reading, crops, shown, target, options), start=1):
                for writer, frame in zip(writers, frames, strict=True):
                    writer.write(frame)
                on_progress(Progress("crop", done, len(shown)))
        notes = [
            [*writer.notes, *each.finish(len(shown), on_progress), *_sound_notes(each, info)]
            for writer, each in zip(writers, targets, strict=True)
        ]
        for text in records:
            text.publish(overwrite=options.overwrite)
    return notes


def _writer(made: CropTarget, info: VideoInfo, target: VideoInfo, options: CropOptions) -> VideoWriter:
    """What encodes a crop."""
    audio = choose_audio(info, info, "original" if info.audio and made.sound else "none")
    audio = replace(audio, shift_s=audio.shift_s - Fraction(info.start_s))
    return VideoWriter(
        made.film, target, encode=made.encode, audio=audio, extras_from=None, trim=True, overwrite=options.overwrite
    )


def _sound_notes(made: CropTarget, info: VideoInfo) -> Iterator[str]:
    if info.audio and not made.sound:
        yield "the crop holds no sound: the generator needs the speech from a file"


def _frames(
    reading: FaceReading, crops: Sequence[WantedCrop], shown: list[int], target: VideoInfo, options: CropOptions
) -> Iterator[list[Frame]]:
    """The frames of all crops, in order; every frame of the original is decoded once."""
    runs = list(shown_runs(shown))

    def cut(item: tuple[Frame, tuple[int, int]]) -> list[list[Any]]:
        frame, (number, _) = item
        picture, fill = reading.video.picture(frame), options.fill
        matrices = [crop.places[number].matrix for crop in crops]
        return [cut_crop(picture, matrix, target, fill, lanczos=options.upscale) for matrix in matrices]

    with closing(reading.video.frames([number for number, _ in runs])) as frames:  # type: ignore[type-var]
        index = 0
        with map_in_threads(cut, zip(frames, runs, strict=True), workers=_WORKERS) as made:
            for cuts, (_, times) in zip(made, runs, strict=True):
                for _ in range(times):
                    layout = target.layout
                    yield [frame_of_planes(each, layout, index=index, pts=index, duration=1) for each in cuts]
                    index += 1


def _record(
    reading: FaceReading,
    places: list[SourceFrame],
    shown: list[int],
    target: VideoInfo,
    options: CropOptions,
    digest: str,
) -> CropRecord:
    info, since = reading.video.info, reading.times_s - reading.times_s[0]
    assert target.frame_rate is not None
    turn = info.rotation if info.rotation in (0, 90, 180, 270) else 0
    return CropRecord(
        **{"schema": SCHEMA},
        size=(target.width, target.height),
        rate=str(target.frame_rate),
        rotation=turn,
        fill=options.fill,
        source=Source(name=as_given(info.path.name), sha256=digest, size=info.upright_size),
        frames=[_frame(places[number], number, float(since[number]), info) for number in shown],
    )


def _frame(place: SourceFrame, number: int, time_s: float, info: VideoInfo) -> CropFrame:
    first, second = (tuple(row) for row in place.matrix.tolist())
    box = None if place.box is None else tuple(round(value, 2) for value in place.box.tolist())
    return CropFrame(
        matrix=(first, second, (0.0, 0.0, 1.0)),
        source_index=number,
        time_s=round(time_s, 6),
        face=box is not None,
        box=box,
        confidence=1.0 if place.found else 0.5 if box is not None else 0.0,
        visibility=round(visibility(place.box, info.upright_size), 4),
    )
