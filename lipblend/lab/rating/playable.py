"""Clips that browsers play: files as they are, image sequences encoded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipblend.output.synth import write_clip
from lipblend.runtime.stand_ins import facts_of, given_path, stand_in_path
from lipblend.video.info import VideoInfo
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

ENCODED_CRF = 10
"""Of sequences: no difference is seen, and they are some times smaller than lossless."""
_DEFAULT_RATE = Fraction(25)


def is_sequence(path: Path) -> bool:
    """Whether a path is the film of an image sequence (`lipblend.output.given_videos`)."""
    facts = facts_of(path)
    return facts is not None and facts.first is not None


def playable(path: Path, folder: Path) -> VideoInfo:
    """A clip to show: the file itself, or, of an image sequence, H.264 in 8-bit 4:2:0 (`ENCODED_CRF`).

    Odd sides become even by repeating the last row or column. The same pictures give the same bytes.

    Parameters
    ----------
    path : Path
        A video, or the film of a sequence.
    folder : Path
        For what is encoded, of `lipblend.runtime.stand_ins.stand_in_folder`.

    Raises
    ------
    InputError
        It cannot be read.
    OutputError
        The encoded clip cannot be written.
    """
    info = probe(path)
    if not is_sequence(path):
        return info
    target = stand_in_path(folder, given_path(path))
    write_clip(target, _pictures(info), frame_rate=info.frame_rate or _DEFAULT_RATE, crf=ENCODED_CRF)
    return probe(target)


def _pictures(info: VideoInfo) -> Iterator[npt.NDArray[np.uint8]]:
    with VideoReader(info) as reader:
        for frame in reader:
            picture = frame.picture(info).to_rgb()
            height, width = picture.shape[:2]
            yield np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
