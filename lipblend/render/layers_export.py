"""The layers of a run for an editor: the patch with straight alpha, mattes, and a timeline."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from lipblend.errors import OutputError
from lipblend.output.drawn import patch_frame, patch_info
from lipblend.output.otio_timeline import TimelineClip, TimelineTrack, timeline_rate, timeline_text
from lipblend.output.sound.audio_plan import AudioPlan
from lipblend.output.writer import VideoWriter
from lipblend.picture.formats import RANGE_LIMITED, UNSPECIFIED, ColourTags
from lipblend.picture.light import SDR, transfer_kind
from lipblend.picture.straight_alpha import straight_patch
from lipblend.picture.ycbcr import BT709, change_of_encoding
from lipblend.render.debug_frame import DebugFrame
from lipblend.render.frame import FrameResult
from lipblend.render.front_drawing import front_of_frame
from lipblend.render.layer_mattes import LayersFormat, MattePictures, MatteSink, MatteVideo, check_own_pictures
from lipblend.runtime.files import file_exists_error, write_atomically
from lipblend.runtime.output_paths import check_folder_writable, make_folder, same_file
from lipblend.settings import EncodeSettings
from lipblend.video.info import VideoInfo
from lipblend.video.keep_matte import LAYER_FRONTS, LAYER_MATTES

Plane = npt.NDArray[np.float32]

PATCH, TIMELINE = "patch.mov", "timeline.otio"
PRORES_OPTIONS = {"profile": "4444", "alpha_bits": "16", "vendor": "apl0", "flags": "+qscale", "global_quality": "118"}
"""ProRes 4444 with 16-bit alpha at its finest quantiser, 1 (118 is FFmpeg's unit of it)."""
SOUND_CODEC = "pcm_s24le"
_BT709_TAGS = ColourTags(BT709, 1, 1, RANGE_LIMITED)
_NARROW = (1, 4, 5, 6, 7)  # primaries of SD and HD (ITU-T H.273)


@dataclass(frozen=True)
class LayersTarget:
    """Where the layers go.

    Attributes
    ----------
    folder : Path
    form : {"video", "png"}
        Of the mattes.
    overwrite : bool
    """

    folder: Path
    form: LayersFormat
    overwrite: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """What is written into the folder; the mattes are folders if they are pictures."""
        which = 0 if self.form == "png" else 1
        return PATCH, LAYER_MATTES[which], LAYER_FRONTS[which], TIMELINE

    def check(self, inputs: Iterable[Path], output: Path) -> None:
        """Check, before any work, that the layers can be written, and over nothing that the run reads or writes.

        Raises
        ------
        OutputError
        """
        check_folder_writable(self.folder)
        taken = [*inputs, output]
        for name in self.names:
            path = self.folder / name
            for each in taken:
                if same_file(path, each) or each.resolve().is_relative_to(path.resolve()):
                    raise OutputError(
                        f"the layer {path} would be written over {each}",
                        hint="Choose another folder (--layers), or copy that file elsewhere first.",
                    )
            if self.form == "png" and "." not in name:
                check_own_pictures(path, overwrite=self.overwrite)
            elif path.exists() and not path.is_file():
                raise OutputError(f"{path} is not a file", hint="Move it elsewhere, or choose another folder.")
            elif path.exists() and not self.overwrite:
                raise file_exists_error(path)


class LayersExport:
    """Writes the layers of a run; a context manager. They appear when it ends without an exception.

    Parameters
    ----------
    target : LayersTarget
    info : VideoInfo
        The original, with the clock of the output.
    original : VideoInfo
    output : Path
    original_frames : int
    audio : AudioPlan
        Sound of the output.
    trim : bool
        End the sound with the last picture.

    Attributes
    ----------
    notes : list of str
        For the summary, complete at the end.

    Raises
    ------
    OutputError
        A layer cannot be written.
    """

    def __init__(
        self,
        target: LayersTarget,
        info: VideoInfo,
        *,
        output: Path,
        original_frames: int,
        audio: AudioPlan,
        trim: bool,
    ) -> None:
        self.notes: list[str] = []
        self._target, self._info, self._output, self._frames = target, info, output, original_frames
        self._audio, self._trim = audio, trim
        tags, note = patch_tags(info.colour)
        self.notes += [note] if note else []
        self._patch_info = patch_info(info, tags)
        self._change = change_of_encoding(info.colour, tags, info.height)
        self._indices: list[int] = []  # of the original: the first, and the last so far
        self._in_step, self._durations = True, set[int]()

    def __enter__(self) -> Self:
        folder, overwrite = self._target.folder, self._target.overwrite
        made = [each for each in (folder, *folder.parents) if not each.exists()]
        make_folder(folder)
        with ExitStack() as stack:
            stack.callback(_remove_empty, made)
            names = self._target.names
            self._writer = stack.enter_context(
                VideoWriter(
                    folder / PATCH,
                    self._patch_info,
                    encode=EncodeSettings(encoder="prores_ks"),
                    audio=self._audio,
                    extras_from=None,
                    trim=self._trim,
                    overwrite=overwrite,
                    more_options=PRORES_OPTIONS,
                    sound_codec=SOUND_CODEC,
                )
            )
            self._matte, self._front = (self._sink(folder / name, stack) for name in names[1:3])
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        if kind is None:
            self.notes += [f"{PATCH}: {note}" for note in self._writer.notes]
            self._write_timeline()

    def save(self, frame: DebugFrame) -> None:
        """Write the next frame of the output, blended or not.

        Its result holds the original's picture (`lipblend.segments.job.RenderJob.with_originals`).
        """
        self._note_place(frame)
        result, turn, finished = frame.result, self._info.orientation, frame.picture
        before = finished if result.before is None else result.before
        old, new = ([turn.undone(plane) for plane in picture.planes] for picture in (before, finished))
        alpha = np.ascontiguousarray(turn.undone(alpha_of_frame(result, finished.size, whole=False)))
        patch = straight_patch(old, new, self._info.layout, alpha, self._change)
        place = {"index": frame.index, "pts": frame.pts, "duration": frame.duration}
        self._writer.write(patch_frame((*patch.colours, patch.alpha), self._patch_info, **place))
        self._matte.save(alpha_of_frame(result, finished.size, whole=True), **place)
        self._front.save(front_of_frame(result, finished.size), **place)

    def _sink(self, path: Path, stack: ExitStack) -> MatteSink:
        if self._target.form == "png":
            return stack.enter_context(MattePictures(path, overwrite=self._target.overwrite))
        return stack.enter_context(MatteVideo(path, self._info, overwrite=self._target.overwrite))

    def _note_place(self, frame: DebugFrame) -> None:
        index = frame.row.original_index
        if self._indices:
            self._in_step &= index == self._indices[1] + 1
            self._indices[1] = index
        else:
            self._indices = [index, index]
        self._durations.add(frame.duration)

    def _write_timeline(self) -> None:
        folder, count = self._target.folder, self._writer.frames_written
        below = TimelineClip(self._output, 0, count, count)
        if self._in_step:
            below = TimelineClip(self._info.path, self._indices[0], count, max(self._frames, self._indices[1] + 1))
        else:
            self.notes.append(
                f"{TIMELINE}: the output repeats or skips frames of the original, so the output lies below the patch"
            )
        if max(self._durations) - min(self._durations) > _tick(self._info):
            self.notes.append(f"{TIMELINE}: frames last differently, and it counts them at the mean rate")
        above = TimelineClip(folder / PATCH, 0, count, count)
        tracks = [TimelineTrack("V1", "Video", below), TimelineTrack("V2", "Video", above)]
        if self._audio.source is not None:
            own = self._audio.source == self._info.path and self._in_step
            tracks.append(TimelineTrack("A1", "Audio", below if own else above))
        text = timeline_text(self._output.stem, tracks, timeline_rate(self._info.frame_rate), folder)
        write_atomically(folder / TIMELINE, text.encode(), overwrite=self._target.overwrite)


def patch_tags(colour: ColourTags) -> tuple[ColourTags, str]:
    """The encoding of a patch: BT.709 of limited range, or the original's for HDR and wide gamuts; and a note."""
    wide = colour.primaries not in (*_NARROW, 0, UNSPECIFIED, 3)
    if transfer_kind(colour.transfer) != SDR or wide:
        kind = "a wide gamut" if transfer_kind(colour.transfer) == SDR else "HDR"
        kept = ColourTags(colour.matrix, colour.primaries, colour.transfer, colour.range)
        return kept, f"{PATCH} has the colour tags of the original, which is {kind}, not BT.709"
    if colour.primaries in _NARROW[1:]:
        return _BT709_TAGS, f"{PATCH} is BT.709; the original has the primaries of SD, which were read as BT.709's"
    return _BT709_TAGS, ""


def alpha_of_frame(result: FrameResult, size: tuple[int, int], *, whole: bool) -> Plane:
    """Alpha of all faces of a whole upright frame, (h, w) float32 in [0, 1]; 0 beyond them.

    ``whole`` means as if nothing stood in front of them. ``size`` is (width, height).
    """
    plane = np.zeros((size[1], size[0]), np.float32)
    for patch in result.patches:
        box = patch.matte.box
        part = plane[box.y0 : box.y1, box.x0 : box.x1]
        np.maximum(part, patch.whole_alpha if whole else patch.matte.alpha, out=part)
    return plane


def _tick(info: VideoInfo) -> float:
    """The most by which durations differ for rounding: Matroska's clock has milliseconds."""
    return max(1.0, 0.0015 / float(info.time_base))


def _remove_empty(folders: Iterable[Path]) -> None:
    for each in folders:
        with suppress(OSError):  # something is in it
            each.rmdir()
