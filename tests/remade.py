"""Clips made again, without loss, in another format, encoding or orientation, and with frames without a face."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lipblend.output.drawn import frame_of_planes
from lipblend.output.sound.audio_plan import AudioPlan, choose_audio
from lipblend.output.writer import VideoWriter
from lipblend.picture.formats import ColourTags
from lipblend.picture.layouts import nearest_layout
from lipblend.picture.orientation import UPRIGHT, Orientation
from lipblend.settings import EncodeSettings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader


def remade(
    source: Path,
    target: Path,
    *,
    pix_fmt: str = "yuv420p",
    blank: tuple[int, ...] = (),
    colour: ColourTags | None = None,
    turn: Orientation = UPRIGHT,
) -> Path:
    """A 4:2:0 clip of 8 bits in another 4:2:0 format, with its sound; frames ``blank`` show a plain gradient."""
    info, layout = probe(source), nearest_layout(pix_fmt)
    width, height = info.width, info.height
    coded = (height, width) if turn.transposed else (width, height)
    made = replace(
        info, layout=layout, source_format=pix_fmt, colour=colour or info.colour, display_matrix=turn.matrix,
        width=coded[0], height=coded[1],
    )  # fmt: skip
    encode = EncodeSettings(preset="ultrafast", crf=0)
    audio = choose_audio(info, info, "original")
    with VideoReader(info) as reader, VideoWriter(target, made, encode=encode, audio=audio, extras_from=None) as writer:
        for frame in reader:
            planes = []
            for plane in frame.planes:
                codes = plane.astype(np.uint16 if layout.depth > 8 else np.uint8)
                if frame.index in blank:
                    codes[:] = np.linspace(90, 110, codes.shape[1]).astype(codes.dtype)
                planes.append(turn.undone(codes * codes.dtype.type(layout.code_scale)))
            writer.write(frame_of_planes(planes, layout, index=frame.index, pts=frame.pts, duration=frame.duration))
    return target


def part_of(source: Path, target: Path, part: range) -> Path:
    """Some frames of a clip, lossless and silent."""
    info = probe(source)
    encode, silent = EncodeSettings(encoder="ffv1"), AudioPlan(None, None, "none", ())
    with VideoReader(info) as reader, VideoWriter(target, info, encode=encode, audio=silent, extras_from=None) as out:
        for frame in reader:
            if frame.index in part:
                out.write(frame)
    return target
