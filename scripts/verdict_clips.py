"""Write clips with damage laid on a right result."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from clip_writer import ClipWriter
from verdict_damage import DAMAGES, Memory

from lipblend.lab.ablation.triples import Triple
from lipblend.picture.picture import Picture
from lipblend.picture.planes import add_delta
from lipblend.quality.evaluation.evaluate import EvaluateOptions, evaluate
from lipblend.quality.view import FaceView
from lipblend.settings import Settings
from lipblend.video.probe import probe

CRF = "10"  # almost no loss


def write_damaged(
    triple: Triple, right: Path, targets: Mapping[Path, tuple[str, float]], *, settings: Settings, cache: Path
) -> None:
    """Write a right result of a triple with each of some damages.

    Parameters
    ----------
    triple : Triple
    right : Path
        The right result.
    targets : mapping of Path to (str, float)
        Damage and strength of every file to write.
    settings : Settings
        Of the right result; they say where its patch lies.
    cache : Path
    """
    options = EvaluateOptions(matte="settings", cache=cache)
    walk = evaluate(triple.original, triple.synced, right, settings=settings, options=options).walk
    memories = {path: Memory() for path in targets}
    count, video = len(walk), walk.result.video
    with ExitStack() as stack:
        writers = {path: stack.enter_context(_Writer(path, right)) for path in targets}
        pictures = (video.picture(frame) for frame in video.frames(range(count)))
        for (number, views), picture in zip(walk.views(range(count)), pictures, strict=True):
            for path, (name, strength) in targets.items():
                memories[path].number = number
                damaged = DAMAGES[name].covers(number, count)
                changed = _damaged(picture, views if damaged else (), name, strength, memories[path])
                writers[path].add(changed)


def _damaged(picture: Picture, views: tuple[FaceView, ...], name: str, strength: float, memory: Memory) -> Picture:
    changed = picture.copy()
    for view in views:
        change = DAMAGES[name].apply(view, strength, memory) - view.result
        add_delta(changed.planes, changed.layout, view.box, np.ascontiguousarray(change, np.float32))
    return changed


class _Writer(ClipWriter):
    """Encodes pictures as another file's, almost without loss."""

    def __init__(self, path: Path, like: Path) -> None:
        self._info = probe(like)
        super().__init__(path, self._info.upright_size, self._info.frame_rate or Fraction(25), CRF)

    def tag(self, codec: Any) -> None:
        """As the other file."""
        with av.open(str(self._info.path)) as source:
            known = source.streams.video[0].codec_context
            codec.colorspace, codec.color_range = known.colorspace, known.color_range
            codec.color_primaries, codec.color_trc = known.color_primaries, known.color_trc

    def add(self, picture: Picture) -> None:
        """Encode the next picture, 8 bits 4:2:0."""
        frame = av.VideoFrame(*picture.size, "yuv420p")
        for plane, values in zip(frame.planes, picture.planes, strict=True):
            rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
            rows[:, : plane.width] = values
        self.write(frame)
