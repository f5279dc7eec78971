"""A steady square crop of one face, for a generator, with the record that brings it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from lipblend.analysis.face_reading import FaceReading, read_faces
from lipblend.cropping.crop_frames import SourceFrame, crop_rate, output_times, shown_runs, source_frames, visibility
from lipblend.cropping.crop_picture import cut_crop
from lipblend.cropping.crop_profiles import CropProfile
from lipblend.crops.record import SCHEMA, CropFrame, CropRecord, Source
from lipblend.errors import InputError, NoFaceError, OutputError
from lipblend.faces.models import resolve_model
from lipblend.output.drawn import drawn_info, frame_of_planes
from lipblend.output.encoding import check_output
from lipblend.output.sound.audio_plan import choose_audio
from lipblend.output.writer import VideoWriter
from lipblend.runtime.files import UnfinishedFile
from lipblend.runtime.identity import sha256_of
from lipblend.runtime.output_paths import check_file_writable, same_file
from lipblend.runtime.prefetch import map_in_threads, one_opencv_thread
from lipblend.runtime.progress import OnProgress, Progress, no_progress
from lipblend.runtime.stand_ins import as_given
from lipblend.settings import EncodeSettings, TrackSettings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from lipblend.video.reader import Frame

_WORKERS = 2
MIN_SIZE_PX, MAX_SIZE_PX = 32, 4096
FACES = TrackSettings(face="largest")
"""Face tracking of a crop: nothing was changed yet, so the largest face is meant."""
ENCODE = EncodeSettings(crf=10)
"""Encoding of a crop: the generator should not see our encoder."""


@dataclass(frozen=True)
class CropOptions:
    """What is cut, and how.

    Attributes
    ----------
    profile : CropProfile
    track : TrackSettings
        ``face`` selects the face.
    encode : EncodeSettings
    fill : (int, int, int)
        R, G and B beyond the picture's border, 0 to 255.
    upscale : bool
        Sharpen enlarged faces, and do not warn of small ones.
    models : Path, optional
    overwrite : bool
    """

    profile: CropProfile = field(default_factory=CropProfile)
    track: TrackSettings = FACES
    encode: EncodeSettings = ENCODE
    fill: tuple[int, int, int] = (127, 127, 127)
    upscale: bool = False
    models: Path | None = None
    overwrite: bool = True


@dataclass(frozen=True)
class CropResult:
    """The files written.

    Attributes
    ----------
    output, record : Path
    frames : int
    size : (int, int)
    rate : str
    with_face : int
        Frames that show the face, or in which a short gap was bridged.
    face_px : float
        Median width of the face in the original.
    notes : tuple of str
    """

    output: Path
    record: Path
    frames: int
    size: tuple[int, int]
    rate: str
    with_face: int
    face_px: float
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {**asdict(self), "output": str(self.output), "record": str(self.record), "notes": list(self.notes)}


def crop(
    original: Path | str,
    output: Path | str,
    record: Path | str,
    *,
    options: CropOptions | None = None,
    on_progress: OnProgress = no_progress,
) -> CropResult:
    """Cut a steady square crop of a face out of a video.

    Parameters
    ----------
    original : Path
    output : Path
        The crop: .mp4, .mov, .mkv; 8 bits, BT.709, with the original's sound.
    record : Path
        JSON file (`lipblend.crops.record`), which `lipblend.composite` takes to bring the synced crop back.
    options : CropOptions, optional
    on_progress : callable

    Raises
    ------
    InputError, OutputError, ModelError
    NoFaceError
        The face does not appear.
    """
    options = options or CropOptions()
    info, output, record = probe(Path(original)), Path(output), Path(record)
    side = options.profile.size
    target = drawn_info(info, side, side)
    _check(info, target, output, record, options)
    model = resolve_model("face_landmarker", options.models)
    reading = read_faces(
        info, model, options.track, on_frame=lambda done: on_progress(Progress("faces", done, info.frame_count))
    )
    places = source_frames(reading, (side, side), options.profile, options.track)
    if places is None:
        raise _no_face(info, options.track)
    rate, one_by_one = crop_rate(reading, info, options.profile.rate)
    shown = np.arange(len(places)) if one_by_one else output_times(reading, rate)
    target = replace(target, time_base=1 / rate, frame_rate=rate, start_s=0.0)
    made = _record(reading, places, shown.tolist(), target, options)
    notes = [*reading.notes, *info.warnings, *_size_notes(places, options)]
    audio = choose_audio(info, info, "original" if info.audio else "none")
    audio = replace(audio, shift_s=audio.shift_s - Fraction(info.start_s))
    with UnfinishedFile(record) as text:
        text.path.write_text(made.to_text(), encoding="utf-8")
        with (
            one_opencv_thread(),
            VideoWriter(
                output, target, encode=options.encode, audio=audio, extras_from=None, trim=True,
                overwrite=options.overwrite,
            ) as writer,
        ):  # fmt: skip
            for done, frame in enumerate(_frames(reading, places, shown.tolist(), target, options), start=1):
                writer.write(frame)
                on_progress(Progress("crop", done, len(shown)))
        text.publish(overwrite=options.overwrite)
    widths = [each.width_px for each in places if each.box is not None]
    return CropResult(
        output=output,
        record=record,
        frames=len(shown),
        size=(side, side),
        rate=made.rate,
        with_face=sum(frame.face for frame in made.frames),
        face_px=round(float(np.median(widths)), 1),
        notes=tuple(dict.fromkeys([*notes, *writer.notes])),
    )


def _check(info: VideoInfo, target: VideoInfo, output: Path, record: Path, options: CropOptions) -> None:
    """Check the two outputs, before any work."""
    inputs = [info.path]
    check_output(output, target, encode=options.encode, inputs=inputs, overwrite=options.overwrite)
    check_file_writable(record, inputs=inputs, overwrite=options.overwrite)
    if same_file(output, record):
        raise OutputError(f"{record} is the crop itself", hint="Give --meta another name, such as face.json.")


def _no_face(info: VideoInfo, track: TrackSettings) -> NoFaceError:
    which = {"largest": "no face", "all": "no face", "changed": "no face"}.get(str(track.face), f"no face {track.face}")
    return NoFaceError(
        f"{which} was found in {info.path}",
        hint="`lipblend probe` shows what faces there are; faces narrower than "
        f"{track.min_face_px} px are not searched for (--min-face).",
    )


def _frames(
    reading: FaceReading, places: list[SourceFrame], shown: list[int], target: VideoInfo, options: CropOptions
) -> Iterator[Frame]:
    """The frames of the crop, in order."""
    runs = list(shown_runs(shown))

    def cut(item: tuple[Frame, tuple[int, int]]) -> list[Any]:
        frame, (number, _) = item
        picture = reading.video.picture(frame)
        return cut_crop(picture, places[number].matrix, target, options.fill, sharpen=options.upscale)

    with closing(reading.video.frames([number for number, _ in runs])) as frames:  # type: ignore[type-var]
        index = 0
        with map_in_threads(cut, zip(frames, runs, strict=True), workers=_WORKERS) as made:
            for planes, (_, times) in zip(made, runs, strict=True):
                for _ in range(times):
                    yield frame_of_planes(planes, target.layout, index=index, pts=index, duration=1)
                    index += 1


def _record(
    reading: FaceReading, places: list[SourceFrame], shown: list[int], target: VideoInfo, options: CropOptions
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
        source=Source(name=as_given(info.path.name), sha256=sha256_of(info.path), size=info.upright_size),
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


def _size_notes(places: list[SourceFrame], options: CropOptions) -> Iterator[str]:
    widths = [each.width_px for each in places if each.box is not None]
    scales = [float(np.sqrt(abs(np.linalg.det(each.matrix[:, :2])))) for each in places if each.box is not None]
    narrow, least = float(np.median(widths)), options.profile.min_face_px
    if narrow < least and not options.upscale:
        yield (
            f"the face is small: {narrow:.0f} px wide in the original ({least} or more are advised), enlarged "
            f"{np.median(scales):.1f} times in the crop; --upscale sharpens what is enlarged"
        )
    missing = sum(each.box is None for each in places)
    if missing:
        yield f"no face in {missing} of {len(places)} frames: the crop stays where it was there"
    cut_off = sum(each.box is not None and visibility(each.box, (10**9, 10**9)) < 1 for each in places)
    if cut_off:
        yield f"the face reaches beyond the picture's left or upper border in {cut_off} frames"


def check_size(side: int) -> None:
    """Check the side of a crop.

    Raises
    ------
    InputError
        It is odd, or beyond 32 to 4096 pixels.
    """
    if side % 2 or not MIN_SIZE_PX <= side <= MAX_SIZE_PX:
        raise InputError(
            f"a crop of {side} px cannot be written", hint=f"Give an even size from {MIN_SIZE_PX} to {MAX_SIZE_PX}."
        )
