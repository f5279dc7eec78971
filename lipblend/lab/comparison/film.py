"""Compare several videos in one video or GIF, synchronised by time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from lipblend.errors import InputError, OutputError, SettingsError
from lipblend.lab.comparison.canvas import Canvas, Layout, Part
from lipblend.lab.comparison.face_crop import Crop, face_box
from lipblend.lab.comparison.labels import default_labels, record_notes
from lipblend.output.drawn import drawn_frame, drawn_info
from lipblend.output.encoding import check_output
from lipblend.output.gif import MIN_DELAY_S, GifWriter, palette_of
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.picture.patch import Box
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from lipblend.video.reader import Frame, VideoReader
from lipblend.video.seeking import WindowReader

_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".gif")
_MAX_HEIGHTS = {"video": 1080, "gif": 360}
_PALETTE_SAMPLES = 24


@dataclass(frozen=True)
class CompareOptions:
    """Options of a comparison.

    Attributes
    ----------
    layout : {"side", "split", "stack"}
        Side by side; vertical strips of one picture; one above the other.
    labels : sequence of str, optional
        Default: the files' stems, with their folders if two are alike, and the settings that the files record.
    crop : Box, "face" or "mouth", optional
        A part of the first video's picture, in its pixels, and the same part of the others; or a box that contains its
        largest face, or the mouth of that face, throughout the period shown.
    height_px : int, optional
        Height of each picture. Default: that of the smallest video, at most 1080 (GIF: 360).
    from_s, to_s : float
        Period to show, seconds from the first frame.
    model : Path, optional
        Face landmarker bundle, checked; needed for the crops "face" and "mouth".
    overwrite : bool
    """

    layout: Layout = "side"
    labels: Sequence[str] | None = None
    crop: Box | Crop | None = None
    height_px: int | None = None
    from_s: float = 0.0
    to_s: float | None = None
    model: Path | None = None
    overwrite: bool = True


@dataclass(frozen=True)
class CompareResult:
    """The file written."""

    output: Path
    frames: int
    width: int
    height: int
    duration_s: float
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {**asdict(self), "output": str(self.output), "notes": list(self.notes)}


def compare(
    videos: Sequence[Path],
    output: Path,
    *,
    options: CompareOptions | None = None,
    on_frame: Callable[[int], None] = lambda _: None,
) -> CompareResult:
    """Combine two or more videos into one.

    The first video determines frame times and length; the first one with sound provides the sound. Of the others, the
    frame nearest in time is shown, with times counted from each video's first frame. The last frame of a video that
    ends earlier stays, dimmed.

    Parameters
    ----------
    videos : sequence of Path
    output : Path
        .mp4, .m4v, .mov or .mkv; or .gif, which has no sound and at most 25 frames per second.
    options : CompareOptions, optional
    on_frame : callable
        Called with the number of frames done.

    Raises
    ------
    SettingsError
        Only one video, or labels, times, crop or height that do not fit.
    InputError, NoFaceError, OutputError
    """
    options = options or CompareOptions()
    if len(videos) < 2:
        raise SettingsError(f"there is nothing to compare: {len(videos)} video given", hint="Name two or more.")
    if output.suffix.lower() not in _SUFFIXES:
        raise OutputError(
            f"{output}: compare cannot write files with the suffix {output.suffix or '(none)'}",
            hint="Use .mp4, .mov, .mkv or .gif.",
        )
    if options.labels is not None and len(options.labels) != len(videos):
        found = len(options.labels)
        raise SettingsError(f"{found} labels for {len(videos)} videos", hint="Give one label for each video.")
    infos = [probe(path) for path in videos]
    labels = list(options.labels) if options.labels is not None else default_labels(infos)
    _check_period(options, infos[0].duration_s)
    is_gif = output.suffix.lower() == ".gif"
    max_height = _MAX_HEIGHTS["gif" if is_gif else "video"]
    canvas = Canvas(infos, labels, options.layout, _part(options, infos[0]), options.height_px, max_height)
    film = _Film(infos, canvas, options.from_s, options.to_s)
    write = _write_gif if is_gif else _write_video
    result = write(output, film, options.overwrite, on_frame)
    return replace(result, notes=(*record_notes(infos), *result.notes))


def _check_period(options: CompareOptions, length_s: float | None) -> None:
    from_s, to_s = options.from_s, options.to_s
    if (to_s is not None and to_s <= from_s) or (length_s is not None and from_s >= length_s):
        length = f" of {length_s:.2f} s" if length_s is not None else ""
        raise SettingsError(
            f"from {from_s:g} to {'the end' if to_s is None else f'{to_s:g} s'} there is nothing to show{length}",
            hint="Choose other times.",
        )


def _part(options: CompareOptions, info: VideoInfo) -> Part:
    """The part of each picture to show, from the crop of the first video."""
    crop = options.crop
    if crop is None:
        return 0.0, 0.0, 1.0, 1.0
    width, height = info.upright_size
    box = crop if isinstance(crop, Box) else face_box(info, options.from_s, options.to_s, options.model, crop)
    inside = box.clipped(width, height)
    if inside.width < 16 or inside.height < 16 or (isinstance(crop, Box) and inside != box):
        raise SettingsError(
            f"the crop {box.x0},{box.y0},{box.width},{box.height} is not inside the picture of {width}x{height}, "
            "or is smaller than 16 pixels",
            hint="Give X,Y,W,H in pixels of the first video.",
        )
    return inside.x0 / width, inside.y0 / height, inside.x1 / width, inside.y1 / height


def _plan_sound(film: _Film, start: Frame) -> AudioPlan:
    """Take the sound of the first video that has any, aligned with the pictures."""
    first = film.infos[0]
    info = next((each for each in film.infos if each.audio), None)
    if info is None:
        return AudioPlan(None, None, "none", ())
    begins_s = start.pts * first.time_base - Fraction(first.start_s)
    shift = -info.origin - Fraction(info.start_s) - begins_s
    notes = () if info is first else (f"{first.path.name} has no sound; that of {info.path.name} is used",)
    return AudioPlan(info.path, info.audio[0].index, "file", notes, shift, Fraction(0))


class _Film:
    """The frames of the comparison; they can be read several times."""

    def __init__(self, infos: Sequence[VideoInfo], canvas: Canvas, from_s: float, to_s: float | None) -> None:
        self.infos, self.canvas, self._from_s, self._to_s = infos, canvas, from_s, to_s

    def frames(self) -> Generator[tuple[Frame, list[tuple[Frame, bool]]], None, None]:
        """Each frame of the first video, with the frames of all videos at its time and whether they have ended."""
        with ExitStack() as stack:
            first, *others = (stack.enter_context(self._reader(info)) for info in self.infos)
            followers = [_Follower(iter(reader), reader.info) for reader in others]
            for frame in first:
                time_s = frame.time_s - self.infos[0].start_s
                yield frame, [(frame, False), *(follower.at(time_s) for follower in followers)]

    def first_frame(self) -> Frame:
        """The first frame of the period."""
        with closing(self.frames()) as frames:
            for frame, _ in frames:
                return frame
        raise InputError(f"{self.infos[0].path.name} has no frame in this period", hint="Choose other times.")

    def _reader(self, info: VideoInfo) -> VideoReader:
        if self._from_s == 0 and self._to_s is None:
            return VideoReader(info)
        # Read the others slightly beyond, so that the nearest frame is available at both ends.
        slack_s = 0.0 if info is self.infos[0] else 0.5
        start_s = info.start_s + max(0.0, self._from_s - slack_s)
        stop_s = info.start_s + (self._to_s + slack_s if self._to_s is not None else 1e6)
        # A frame belongs to the period if it starts before the end.
        return WindowReader(info, round(start_s / info.time_base), round(stop_s / info.time_base) - 1)


class _Follower:
    """Finds the frame of a video nearest to a time; times must increase."""

    def __init__(self, frames: Iterator[Frame], info: VideoInfo) -> None:
        self._frames, self._start_s = frames, info.start_s
        self._current = next(frames, None)
        self._upcoming = next(frames, None)
        self._period_s = 0.0
        if self._current is None:
            raise InputError(f"{info.path.name} has no frame in this period", hint="Choose other times.")

    def at(self, time_s: float) -> tuple[Frame, bool]:
        wanted_s = time_s + self._start_s
        current, upcoming = self._current, self._upcoming
        assert current is not None
        while upcoming is not None and abs(upcoming.time_s - wanted_s) <= abs(current.time_s - wanted_s):
            self._period_s = upcoming.time_s - current.time_s
            current, upcoming = upcoming, next(self._frames, None)
        self._current, self._upcoming = current, upcoming
        return current, upcoming is None and wanted_s > current.time_s + 1.5 * self._period_s


def _write_video(output: Path, film: _Film, overwrite: bool, on_frame: Callable[[int], None]) -> CompareResult:
    first, canvas = film.infos[0], film.canvas
    info = drawn_info(first, canvas.width, canvas.height)
    encode = EncodeSettings()
    check_output(output, info, encode, [each.path for each in film.infos], overwrite=overwrite)
    start = film.first_frame()
    audio = _plan_sound(film, start)
    count, end = 0, 0
    ended_early: set[str] = set()
    with VideoWriter(
        output, info, encode=encode, audio=audio, extras_from=None, trim=True, overwrite=overwrite
    ) as writer:
        for frame, shown in film.frames():
            pts = frame.pts - start.pts
            writer.write(drawn_frame(canvas.draw(shown), info.layout, index=count, pts=pts, duration=frame.duration))
            ended_early |= {each.path.name for each, (_, ended) in zip(film.infos, shown, strict=True) if ended}
            count, end = count + 1, pts + frame.duration
            on_frame(count)
    notes = (*audio.notes, *_ended_notes(ended_early), *writer.notes)
    return CompareResult(output, count, canvas.width, canvas.height, float(end * first.time_base), notes)


def _write_gif(output: Path, film: _Film, overwrite: bool, on_frame: Callable[[int], None]) -> CompareResult:
    _check_gif(output, film, overwrite)
    first, canvas = film.infos[0], film.canvas
    total = sum(1 for _ in film.frames())
    if not total:
        film.first_frame()
    step = max(1, total // _PALETTE_SAMPLES)
    palette = palette_of(canvas.draw(shown) for _, shown in itertools.islice(film.frames(), step // 2, None, step))
    count, start_s, shown_s, end_s = 0, None, 0.0, 0.0
    ended_early: set[str] = set()
    with GifWriter(output, canvas.width, canvas.height, palette, overwrite=overwrite) as writer:
        for frame, shown in film.frames():
            start_s = frame.time_s if start_s is None else start_s
            time_s = frame.time_s - start_s
            end_s = time_s + float(frame.duration * first.time_base)
            if count and time_s - shown_s < MIN_DELAY_S - 1e-6:
                continue
            shown_s = time_s
            writer.write(canvas.draw(shown), time_s)
            ended_early |= {each.path.name for each, (_, ended) in zip(film.infos, shown, strict=True) if ended}
            count += 1
            on_frame(count)
    return CompareResult(output, count, canvas.width, canvas.height, end_s, tuple(_ended_notes(ended_early)))


def _check_gif(output: Path, film: _Film, overwrite: bool) -> None:
    if not output.absolute().parent.is_dir():
        raise OutputError(
            f"the folder {output.absolute().parent} does not exist", hint="Create it first, or choose another output."
        )
    if output.is_dir():
        raise OutputError(f"{output} is a folder", hint="Name a file.")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} already exists", hint="Leave out --no-overwrite to replace it, or name another.")
    if output.exists() and any(output.samefile(info.path) for info in film.infos):
        raise OutputError(f"{output} is an input of this run", hint="Choose another name for the output.")


def _ended_notes(names: set[str]) -> list[str]:
    return [f"{name} ends earlier; its last frame stays, dimmed" for name in sorted(names)]
