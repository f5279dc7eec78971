"""Several results side by side, in step by time, as one video or GIF."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from lipblend.errors import InputError, OutputError, SettingsError
from lipblend.lab.comparison.canvas import Canvas, Layout, Part
from lipblend.lab.comparison.face_crop import Crop, face_box
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
_TALLEST = {"video": 1080, "gif": 360}
_PALETTE_SAMPLES = 24


@dataclass(frozen=True)
class CompareResult:
    """What was written.

    Attributes
    ----------
    output : Path
    frames, width, height : int
    duration_s : float
    notes : tuple of str
    """

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
    layout: Layout = "side",
    labels: Sequence[str] | None = None,
    crop: Box | Crop | None = None,
    height_px: int | None = None,
    from_s: float = 0.0,
    to_s: float | None = None,
    model: Path | None = None,
    overwrite: bool = True,
    on_frame: Callable[[int], None] = lambda _: None,
) -> CompareResult:
    """Put two or more videos into one.

    The first one gives the frame times and the length, and the first one that has sound gives that. Of the others the
    picture nearest in time is shown, times counted from each video's first frame. One that ends earlier is held, and
    dimmed.

    Parameters
    ----------
    videos : sequence of Path
    output : Path
        .mp4, .m4v, .mov or .mkv; or .gif, which has no sound and at most 25 pictures a second.
    layout : {"side", "split", "stack"}
        Beside each other; strips of one picture, from left to right; above each other.
    labels : sequence of str, optional
        The files' stems otherwise, with their folders where two are alike.
    crop : Box, "face" or "mouth", optional
        A part of the first video's picture, in its pixels, and the same part of the others'; or a box that holds its
        largest face, or the mouth of that, over the whole time.
    height_px : int, optional
        Height of each picture; the smallest video's otherwise, at most 1080 (GIF: 360).
    from_s, to_s : float
        The part to show, seconds from the first frame.
    model : Path, optional
        Face landmarker bundle, checked; needed for ``crop="face"`` and ``crop="mouth"``.
    overwrite : bool
    on_frame : callable
        Called with the number of frames done.

    Raises
    ------
    SettingsError
        One video only, or labels, times, crop or height that do not fit.
    InputError, NoFaceError, OutputError
    """
    if len(videos) < 2:
        raise SettingsError(f"there is nothing to compare: {len(videos)} video given", hint="Name two or more.")
    if output.suffix.lower() not in _SUFFIXES:
        raise OutputError(
            f"{output}: the suffix {output.suffix or '(none)'} names nothing that compare writes",
            hint="Use .mp4, .mov, .mkv or .gif.",
        )
    names = list(labels) if labels is not None else _names(videos)
    if len(names) != len(videos):
        raise SettingsError(f"{len(names)} labels for {len(videos)} videos", hint="Give one label for each.")
    infos = [probe(path) for path in videos]
    length_s = infos[0].duration_s
    if (to_s is not None and to_s <= from_s) or (length_s is not None and from_s >= length_s):
        known = f" of {length_s:.2f} s" if length_s is not None else ""
        raise SettingsError(
            f"from {from_s:g} to {'the end' if to_s is None else f'{to_s:g} s'} there is nothing to show{known}",
            hint="Choose other times.",
        )
    part = _part(crop, infos[0], from_s, to_s, model)
    is_gif = output.suffix.lower() == ".gif"
    canvas = Canvas(infos, names, layout, part, height_px, _TALLEST["gif" if is_gif else "video"])
    film = _Film(infos, canvas, from_s, to_s)
    write = _write_gif if is_gif else _write_video
    return write(output, film, overwrite, on_frame)


def _names(videos: Sequence[Path]) -> list[str]:
    """The files' stems, with their folders where several have one stem."""
    stems = [path.stem for path in videos]
    return [
        stem if stems.count(stem) == 1 else f"{path.absolute().parent.name}/{stem}"
        for path, stem in zip(videos, stems, strict=True)
    ]


def _part(crop: Box | Crop | None, info: VideoInfo, from_s: float, to_s: float | None, model: Path | None) -> Part:
    width, height = info.upright_size
    if crop is None:
        return 0.0, 0.0, 1.0, 1.0
    box = crop if isinstance(crop, Box) else face_box(info, from_s, to_s, model, crop)
    inside = box.clipped(width, height)
    if inside.width < 16 or inside.height < 16 or (isinstance(crop, Box) and inside != box):
        raise SettingsError(
            f"the crop {box.x0},{box.y0},{box.width},{box.height} is not inside the picture of {width}x{height}, "
            "or smaller than 16 pixels",
            hint="Give X,Y,W,H in pixels of the first video.",
        )
    return inside.x0 / width, inside.y0 / height, inside.x1 / width, inside.y1 / height


def _sound(film: _Film, start: Frame) -> AudioPlan:
    """The sound of the first video that has some, in step with the picture."""
    first = film.infos[0]
    info = next((each for each in film.infos if each.audio), None)
    if info is None:
        return AudioPlan(None, None, "none", ())
    begins_s = start.pts * first.time_base - Fraction(first.start_s)
    shift = -info.origin - Fraction(info.start_s) - begins_s
    notes = () if info is first else (f"{first.path.name} has no sound: that of {info.path.name} was taken",)
    return AudioPlan(info.path, info.audio[0].index, "file", notes, shift, Fraction(0))


class _Film:
    """The pictures of the comparison; it can be gone through several times."""

    def __init__(self, infos: Sequence[VideoInfo], canvas: Canvas, from_s: float, to_s: float | None) -> None:
        self.infos, self.canvas, self._from_s, self._to_s = infos, canvas, from_s, to_s

    def frames(self) -> Generator[tuple[Frame, list[tuple[Frame, bool]]], None, None]:
        """Every frame of the first video that is shown, and all videos' frames at its time, with who has ended."""
        with ExitStack() as stack:
            first, *others = (stack.enter_context(self._reader(info)) for info in self.infos)
            followers = [_Follower(iter(reader), reader.info) for reader in others]
            for frame in first:
                time_s = frame.time_s - self.infos[0].start_s
                yield frame, [(frame, False), *(follower.at(time_s) for follower in followers)]

    def first_frame(self) -> Frame:
        """The first frame that is shown."""
        with closing(self.frames()) as frames:
            for frame, _ in frames:
                return frame
        raise InputError(f"no frame of {self.infos[0].path.name} is shown in that time", hint="Choose other times.")

    def _reader(self, info: VideoInfo) -> VideoReader:
        if self._from_s == 0 and self._to_s is None:
            return VideoReader(info)
        # The others a little longer, so that the nearest frame is there at both ends.
        slack_s = 0.0 if info is self.infos[0] else 0.5
        start_s = info.start_s + max(0.0, self._from_s - slack_s)
        stop_s = info.start_s + (self._to_s + slack_s if self._to_s is not None else 1e6)
        # A frame belongs to the part when it starts before its end.
        return WindowReader(info, round(start_s / info.time_base), round(stop_s / info.time_base) - 1)


class _Follower:
    """The frame of a video that is nearest to a rising time."""

    def __init__(self, frames: Iterator[Frame], info: VideoInfo) -> None:
        self._frames, self._start_s = frames, info.start_s
        self._current = next(frames, None)
        self._upcoming = next(frames, None)
        self._period_s = 0.0
        if self._current is None:
            raise InputError(f"{info.path.name} shows nothing in that time", hint="Choose other times.")

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
    audio = _sound(film, start)
    count, end = 0, 0
    held_short: set[str] = set()
    with VideoWriter(
        output, info, encode=encode, audio=audio, extras_from=None, trim=True, overwrite=overwrite
    ) as writer:
        for frame, shown in film.frames():
            pts = frame.pts - start.pts
            writer.write(drawn_frame(canvas.drawn(shown), info.layout, index=count, pts=pts, duration=frame.duration))
            held_short |= {each.path.name for each, (_, ended) in zip(film.infos, shown, strict=True) if ended}
            count, end = count + 1, pts + frame.duration
            on_frame(count)
    notes = (*audio.notes, *_ended(held_short), *writer.notes)
    return CompareResult(output, count, canvas.width, canvas.height, float(end * first.time_base), notes)


def _write_gif(output: Path, film: _Film, overwrite: bool, on_frame: Callable[[int], None]) -> CompareResult:
    _check_gif(output, film, overwrite)
    first, canvas = film.infos[0], film.canvas
    total = sum(1 for _ in film.frames())
    if not total:
        film.first_frame()
    step = max(1, total // _PALETTE_SAMPLES)
    palette = palette_of(canvas.drawn(shown) for _, shown in itertools.islice(film.frames(), step // 2, None, step))
    count, start_s, shown_s, end_s = 0, None, 0.0, 0.0
    held_short: set[str] = set()
    with GifWriter(output, canvas.width, canvas.height, palette, overwrite=overwrite) as writer:
        for frame, shown in film.frames():
            start_s = frame.time_s if start_s is None else start_s
            time_s = frame.time_s - start_s
            end_s = time_s + float(frame.duration * first.time_base)
            if count and time_s - shown_s < MIN_DELAY_S - 1e-6:
                continue
            shown_s = time_s
            writer.write(canvas.drawn(shown), time_s)
            held_short |= {each.path.name for each, (_, ended) in zip(film.infos, shown, strict=True) if ended}
            count += 1
            on_frame(count)
    return CompareResult(output, count, canvas.width, canvas.height, end_s, tuple(_ended(held_short)))


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


def _ended(names: set[str]) -> list[str]:
    return [f"{name} ends earlier: its last picture is held, dimmed" for name in sorted(names)]
