"""Quick runs on hostile streams, and what came out."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from runs import composited

from lipblend.composite_result import CompositeResult
from lipblend.settings import Settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

QUICK = Settings.model_validate({"track": {"min_face_px": 20}, "encode": {"preset": "ultrafast"}})


def run(original: Path, output: Path, synced: Path | None = None, **more: object) -> CompositeResult:
    return composited(original, synced or original, output, settings=QUICK, **more)


def times(path: Path) -> list[Fraction]:
    info = probe(path)
    with VideoReader(info) as reader:
        return [frame.pts * info.time_base for frame in reader]


def rewritten(source: Path, target: Path, change: Callable[[int, av.Packet], bool | None]) -> Path:
    """Copy the video packets of a file, changed by `change`; packets for which it returns False are dropped."""
    with av.open(str(source)) as file, av.open(str(target), "w") as out:
        stream = file.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for index, packet in enumerate(packet for packet in file.demux(stream) if packet.size):
            packet.stream = copy
            if change(index, packet) is not False:
                out.mux(packet)
    return target
