"""A steady square crop of one face, for a generator, with the record that brings it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lipblend.analysis.face_reading import FaceReading, read_faces
from lipblend.cropping.crop_files import WantedCrop, write_crops
from lipblend.cropping.crop_frames import SourceFrame, crop_rate, output_times, source_frames, visibility
from lipblend.cropping.crop_names import numbered
from lipblend.cropping.crop_options import CropOptions
from lipblend.cropping.crop_target import check_targets, crop_info
from lipblend.errors import NoFaceError, SettingsError
from lipblend.faces.models import resolve_model
from lipblend.output.given_videos import GivenRate, given_videos
from lipblend.plan.choose import count_people
from lipblend.runtime.progress import OnProgress, Progress, no_progress
from lipblend.runtime.stand_ins import as_given
from lipblend.settings import TrackSettings
from lipblend.video.asked_times import check_asked_times
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe

MIN_SIZE_PX, MAX_SIZE_PX = 32, 4096


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


def crop_video(
    original: Path | str,
    output: Path | str,
    record: Path | str,
    *,
    options: CropOptions | None = None,
    rate: GivenRate = None,
    on_progress: OnProgress = no_progress,
) -> CropResult:
    """Cut a steady square crop of a face out of a video.

    Parameters
    ----------
    original : Path
        Also an image sequence (``shots/%06d.png``), which is read once into a temporary film.
    output : Path
        The crop: .mp4, .mov, .mkv; 8 bits, BT.709, with the original's sound. Or pictures, such as ``out/%06d.png``
        (see `lipblend.output.picture_sequence`).
    record : Path
        JSON file (`lipblend.crops.crop_record`), which `lipblend.composite` takes to bring the synced crop back.
    options : CropOptions, optional
    rate : str, int or Fraction, optional
        Pictures per second of an image sequence; 25 by default.
    on_progress : callable

    Raises
    ------
    InputError, OutputError, ModelError
    NoFaceError
        The face does not appear.
    SettingsError
        All faces are asked for, which is what `crop_all_faces` does; or several faces of a shot are named by points.
    """
    options = options or CropOptions()
    if options.track.face == "all":
        raise SettingsError("one crop cannot show all faces", hint="Name one face, or use crop_all_faces.")
    return _crops(original, Path(output), Path(record), options, rate, on_progress)[0]


def crop_all_faces(
    original: Path | str,
    output: Path | str,
    record: Path | str,
    *,
    options: CropOptions | None = None,
    rate: GivenRate = None,
    on_progress: OnProgress = no_progress,
) -> list[CropResult]:
    """Cut a crop of every face that lasts, as `crop` does of one; the video is read once for all of them.

    The files are numbered as the faces are, from the left in each shot: ``face.mp4`` becomes ``face-0.mp4``,
    ``face-1.mp4`` ... and ``face.json`` likewise; pictures go to a folder for each face (`numbered`). A face
    that is seen for less than a tenth of the time of the longest one of its shot has no crop.

    Raises
    ------
    InputError, OutputError, ModelError, NoFaceError
        See `crop`.
    """
    options = options or CropOptions()
    options = replace(options, track=options.track.model_copy(update={"face": "all"}))
    return _crops(original, Path(output), Path(record), options, rate, on_progress)


def _crops(
    original: Path | str,
    output: Path,
    record: Path,
    options: CropOptions,
    rate: GivenRate,
    on_progress: OnProgress,
) -> list[CropResult]:
    """Crops of a video or an image sequence."""
    with given_videos(original, rate=rate, on_progress=on_progress) as (video,):
        made = _crops_of(video, output, record, options, on_progress)
    return [replace(each, notes=tuple(map(as_given, each.notes))) for each in made]


def _crops_of(
    original: Path, output: Path, record: Path, options: CropOptions, on_progress: OnProgress
) -> list[CropResult]:
    """Read a video, and cut the face asked for, or each of all."""
    info, track, profile = probe(original), options.track, options.profile
    side = profile.size
    target = crop_info(info, output, side, options)
    several = track.face == "all"
    first = (numbered(output, 0), numbered(record, 0)) if several else (output, record)
    check_targets(info, target, *first, options)
    check_asked_times(track, [info])
    model = resolve_model("face_landmarker", options.models)
    reading = read_faces(
        info, model, track, on_frame=lambda done: on_progress(Progress("faces", done, info.frame_count))
    )
    faces = range(_count(reading, track)) if several else [track.face]
    rate, one_by_one = crop_rate(reading, info, profile.rate)
    target = replace(target, time_base=1 / rate, frame_rate=rate, start_s=0.0)
    wanted: list[WantedCrop] = []
    for number, face in enumerate(faces):
        places = source_frames(reading, (side, side), profile, track.model_copy(update={"face": face}))
        if places is None:
            raise _no_face(info, track)
        names = (numbered(output, number), numbered(record, number)) if several else (output, record)
        wanted.append(WantedCrop(*names, places))
    if not wanted:
        raise _no_face(info, track)
    for each in wanted[1:]:
        check_targets(info, target, each.output, each.record, options)
    count = len(wanted[0].places)
    shown = list(range(count)) if one_by_one else output_times(reading, rate).tolist()
    written = write_crops(reading, wanted, shown, target, options, on_progress, one_by_one=one_by_one)
    return [_result(each, reading, shown, target, options, notes) for each, notes in zip(wanted, written, strict=True)]


def _count(reading: FaceReading, track: TrackSettings) -> int:
    """The most faces that last in a shot."""
    return max(
        count_people(reading.tracks, reading.times_s, *shot, max_gap_s=track.max_gap_s, lasting=True)
        for shot in reading.shots
    )


def _result(
    crop: WantedCrop,
    reading: FaceReading,
    shown: list[int],
    target: VideoInfo,
    options: CropOptions,
    writer_notes: list[str],
) -> CropResult:
    widths = [each.width_px for each in crop.places if each.box is not None]
    notes = [*reading.notes, *reading.video.info.warnings, *_size_notes(crop.places, options), *writer_notes]
    return CropResult(
        output=crop.output,
        record=crop.record,
        frames=len(shown),
        size=(target.width, target.height),
        rate=str(target.frame_rate),
        with_face=sum(crop.places[number].box is not None for number in shown),
        face_px=round(float(np.median(widths)), 1),
        notes=tuple(dict.fromkeys(notes)),
    )


def _no_face(info: VideoInfo, track: TrackSettings) -> NoFaceError:
    which = {"largest": "no face", "all": "no face", "changed": "no face"}.get(str(track.face), f"no face {track.face}")
    return NoFaceError(
        f"{which} was found in {info.path}",
        hint="`lipblend probe` shows what faces there are; faces narrower than "
        f"{track.min_face_px} px are not searched for (--min-face).",
    )


def _size_notes(places: list[SourceFrame], options: CropOptions) -> Iterator[str]:
    widths = [each.width_px for each in places if each.box is not None]
    scales = [float(np.sqrt(abs(np.linalg.det(each.matrix[:, :2])))) for each in places if each.box is not None]
    narrow, least = float(np.median(widths)), options.profile.min_face_px
    if narrow < least and not options.upscale:
        yield (
            f"the face is small: {narrow:.0f} px wide in the original ({least} or more are advised), enlarged "
            f"{np.median(scales):.1f} times in the crop; --upscale enlarges by a sharper kernel"
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
    SettingsError
        It is odd, or beyond 32 to 4096 pixels.
    """
    if side % 2 or not MIN_SIZE_PX <= side <= MAX_SIZE_PX:
        raise SettingsError(
            f"a crop of {side} px cannot be written", hint=f"Give an even size from {MIN_SIZE_PX} to {MAX_SIZE_PX}."
        )
