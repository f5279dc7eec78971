"""Round trips of real clips."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipblend.output.encoding import check_output
from lipblend.output.sound.audio_plan import choose_audio
from lipblend.output.writer import VideoWriter
from lipblend.runtime.prefetch import prefetch
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader


@pytest.mark.slow(2)
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_a_clip_comes_back_in_sync(
    clip: Path,
    suffix: str,
    tmp_path: Path,
    timeline: Callable[[Path], list[tuple[Fraction, Fraction]]],
    samples: Callable[..., tuple[Fraction, np.ndarray]],
) -> None:
    info, target = probe(clip), tmp_path / f"out.{suffix}"
    encode = EncodeSettings(preset="ultrafast", crf=35)
    check_output(target, info, encode, [clip])
    with (
        VideoReader(info) as reader,
        prefetch(reader, 4) as frames,
        VideoWriter(
            target, info, encode=encode, audio=choose_audio(info, info, "original"), extras_from=info
        ) as writer,
    ):
        for frame in frames:
            writer.write(frame)
    assert (reader.corrupt_packets, reader.bumped_pts, writer.notes) == (0, 0, [])
    original, result = timeline(clip), timeline(target)
    assert len(original) == len(result)
    tolerance = Fraction(1, 1000) if suffix == "mkv" else Fraction(0)
    assert max(abs(a[0] - b[0]) for a, b in zip(original, result, strict=True)) <= tolerance
    assert max(abs(a[1] - b[1]) for a, b in zip(original, result, strict=True)) <= 2 * tolerance
    (start_s, wave), (copied_start_s, copied) = samples(clip), samples(target)
    np.testing.assert_array_equal(wave, copied)
    assert abs(start_s - copied_start_s) <= (Fraction(1, 1000) if suffix == "mkv" else Fraction(1, 20000))
    tags = [(each.colour, each.sample_aspect, each.frame_rate) for each in (probe(target), info)]
    assert tags[0] == tags[1]
