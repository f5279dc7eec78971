"""Pairs re-timed and re-framed from one sample, and what came out of composing them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import Flags

from lipblend.settings import Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

SIZE, COUNT, RATE = 288, 60, Fraction(25)


NTSC = Fraction(30000, 1001)


CLOCK = Fraction(1, 90000)


ORIGINAL_HZ, SYNCED_HZ = 440, 990


Times = Sequence[Fraction]


@dataclass(frozen=True)
class Material:
    """Pictures of the sample, (SIZE, SIZE, 3) uint8 RGB each, and the box that the generator repaints."""

    original: list[np.ndarray]
    synced: list[np.ndarray]
    truth: list[np.ndarray]
    boxes: list[tuple[int, int, int, int]]


@dataclass(frozen=True)
class Video:
    """A decoded file."""

    times: list[Fraction]
    luma: list[np.ndarray]


def every(rate: Fraction, count: int, start: Fraction = Fraction(0)) -> list[Fraction]:
    return [start + index / rate for index in range(count)]


def write(path: Path, pictures: Sequence[np.ndarray], times: Times, *, tone_hz: int | None, crf: int = 14) -> Path:
    """H.264 with these times, rounded to 1/90000 s, and a tone of the same length."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": str(crf)})
        context = video.codec_context
        context.height, context.width = pictures[0].shape[:2]
        context.pix_fmt = "yuv420p"
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        video.time_base = context.time_base = CLOCK
        context.flags |= Flags.frame_duration
        sound = out.add_stream("aac", rate=48000, layout="mono") if tone_hz else None
        last = times[-1] - times[-2] if len(times) > 1 else 1 / RATE
        ends = [*times[1:], times[-1] + last]
        for picture, time, end in zip(pictures, times, ends, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
                format="yuv420p", dst_colorspace=1, dst_color_range=1
            )
            frame.pts, frame.duration, frame.time_base = round(time / CLOCK), round((end - time) / CLOCK), CLOCK
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if sound is not None:
            at = np.arange(round(float(ends[-1] - times[0]) * 48000)) / 48000
            tone = av.AudioFrame.from_ndarray(
                (0.4 * np.sin(2 * np.pi * tone_hz * at)).astype(np.float32)[None], format="fltp", layout="mono"
            )
            tone.sample_rate, tone.pts, tone.time_base = 48000, round(times[0] * 48000), Fraction(1, 48000)
            out.mux([*sound.encode(tone), *sound.encode(None)])
    return path


def read(path: Path) -> Video:
    info = probe(path)
    with VideoReader(info) as reader:
        frames = [(frame.pts * info.time_base, np.array(frame.planes[0])) for frame in reader]
    return Video([time for time, _ in frames], [luma for _, luma in frames])


def tone_of(path: Path) -> float:
    """Loudest frequency of the sound, Hz."""
    with av.open(str(path)) as container:
        wave = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    return float(np.fft.rfftfreq(len(wave), 1 / 48000)[np.abs(np.fft.rfft(wave)).argmax()])


@dataclass(frozen=True)
class Outcome:
    """A run, with both sides decoded."""

    result: object
    out: Video
    original: Video
    material: Material
    frames: Sequence[int]

    def originals_shown(self) -> list[int]:
        """The original's frame in every output frame, by the rows above the face, which must be equal to the bit."""
        shown = []
        for luma in self.out.luma:
            same = [np.array_equal(luma[:24], other[:24]) for other in self.original.luma]
            assert sum(same) == 1, f"{sum(same)} of the original's frames are shown"
            shown.append(same.index(True))
        return shown

    def error_to_truth(self, synced_source: Sequence[int]) -> float:
        """Squared error about the mouth against the truth, over that of the original; ``synced_source``: -1 left out.

        Both count frames of the material.
        """
        out = before = 0.0
        for place, made_from in enumerate(synced_source):
            if made_from < 0:
                continue
            x0, y0, x1, y1 = self.material.boxes[made_from]
            w, h = x1 - x0, y1 - y0
            part = (slice(y0, y0 + int(0.7 * h)), slice(x0 + int(0.2 * w), x1 - int(0.2 * w)))
            rgb = av.VideoFrame.from_ndarray(self.material.truth[made_from], format="rgb24")
            truth = rgb.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1).to_ndarray()[:SIZE][part]
            shown = self.original.luma[self.originals_shown()[place]][part]
            out += float(np.square(self.out.luma[place][part].astype(float) - truth).mean())
            before += float(np.square(shown.astype(float) - truth).mean())
        return out / before


def assert_follows_original(done: Outcome) -> None:
    assert done.result.timeline == done.result.audio == "original"
    assert done.out.times == done.original.times
    assert done.originals_shown() == list(range(len(done.original.times)))
    assert done.result.frames == len(done.out.times)
    assert tone_of(done.result.output) == pytest.approx(ORIGINAL_HZ, abs=5)


def assert_follows_synced(done: Outcome, times: Times, shown: Sequence[int]) -> None:
    assert done.result.timeline == done.result.audio == "synced"
    assert [round(time / CLOCK) for time in done.out.times] == [round(time / CLOCK) for time in times]
    assert done.originals_shown() == list(shown)
    assert tone_of(done.result.output) == pytest.approx(SYNCED_HZ, abs=5)
    assert any("follows the synced video's timeline" in note for note in done.result.notes)


def composite_pair(
    material: Material,
    folder: Path,
    original: Sequence[int],
    synced: Sequence[int],
    *,
    original_times: Times | None = None,
    synced_times: Times | None = None,
    frame: Callable[[np.ndarray], np.ndarray] = lambda picture: picture,
    suffix: str = "mp4",
    **pair: object,
) -> Outcome:
    """Make a pair out of the material by two maps, and composite it without loss."""
    from lipblend import composite

    original_path = write(
        folder / f"original.{suffix}",
        [material.original[index] for index in original],
        original_times or every(RATE, len(original)),
        tone_hz=ORIGINAL_HZ,
    )
    synced_path = write(
        folder / f"synced.{suffix}",
        [frame(material.synced[index]) for index in synced],
        synced_times or every(RATE, len(synced)),
        tone_hz=SYNCED_HZ,
    )
    groups = {"encode": {"preset": "ultrafast", "crf": 0}, "pair": pair}
    result = composite(original_path, synced_path, folder / f"out.{suffix}", settings=Settings.model_validate(groups))
    return Outcome(result, read(result.output), read(original_path), material, original)
