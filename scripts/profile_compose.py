"""CPU time of each stage of composing a frame, on a made clip. See docs/lab/profile.md."""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from lipblend.analysis.analyse import analyse
from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.faces.models import resolve_model
from lipblend.picture.picture import Picture
from lipblend.picture.planes import add_delta
from lipblend.plan.frame_plan import FramePlan
from lipblend.plan.make_plan import make_plan
from lipblend.render import frame as render
from lipblend.render import generate
from lipblend.runtime.allocator import keep_freed_memory
from lipblend.selfcheck.sample import make_sample
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FACE_SHARE = 0.35  # of the sample's width
STAGES: tuple[tuple[ModuleType, str], ...] = (
    (render, "_matte"),
    (render, "cut"),
    (render, "synced_cut"),
    (render, "membrane_patch"),
    (generate, "still_region"),
    (generate, "register"),
    (generate, "shifted_patch"),
    (generate, "warped_patch"),
    (generate, "_with_detail"),
    (generate, "_grain"),
    (generate, "_reused"),
    (render, "_blend"),
)
"""Functions that are timed, in the order of the work; none of them calls another."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="profile-compose", description=__doc__)
    made.add_argument("presets", nargs="*", default=["natural", "max-concealment"], metavar="PRESET")
    made.add_argument("--face-width", type=int, default=300, metavar="PX", help="of the made clip's face (300)")
    made.add_argument("--frames", type=int, default=8, metavar="N", help="length of the clip (8)")
    made.add_argument("--rounds", type=int, default=10, metavar="N", help="the least of so many measurements (10)")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Run it; returns the exit code."""
    given = parser().parse_args(words)
    cv2.setNumThreads(1)
    keep_freed_memory()  # as the command line does
    with tempfile.TemporaryDirectory() as folder:
        side = round(given.face_width / FACE_SHARE / 2) * 2
        pair = make_sample(Path(folder), frames=given.frames, size=side)
        originals, synced = pictures(pair.original), pictures(pair.synced)
        analysis: ClipAnalysis | None = None
        for preset in given.presets:
            settings = resolve_settings(preset, None, {}).settings
            analysis = analysis or analyse(
                probe(pair.original),
                probe(pair.synced),
                model=resolve_model("face_landmarker"),
                settings=settings,
                on_frame=lambda _: None,
            )
            rows = [row for row in make_plan(analysis, settings).rows if row.faces]
            width = np.mean([face.original.face_width_px for row in rows for face in row.faces])

            def once(rows: list[FramePlan] = rows, settings: Any = settings) -> None:
                for row in rows:
                    ours = originals[row.original_index]
                    render.render_frame(ours, synced[row.synced_index], row, settings)

            ours, theirs = originals[rows[0].original_index], synced[rows[0].synced_index]
            done = render.render_frame(ours, theirs, rows[0], settings).patches
            planes = [plane.copy() for plane in ours.planes]

            def put(patches: Any = done, planes: Any = planes, layout: Any = ours.layout) -> None:
                for patch in patches:
                    add_delta(planes, layout, patch.matte.box, patch.delta)

            whole, stages = measured(once, given.rounds, len(rows))
            added, _ = measured(put, given.rounds, 1)
            box = done[0].matte.box
            print(f"{preset}: face {width:.0f} px, box {box.width}x{box.height}, ms a frame")
            for name, spent in stages.items():
                print(f"  {name:<16}{spent:7.2f}")
            print(f"  {'rest':<16}{whole - sum(stages.values()):7.2f}")
            print(f"  {'add_delta':<16}{added:7.2f}")
            print(f"  {'all':<16}{whole + added:7.2f}")
    return 0


def pictures(path: Path) -> list[Picture]:
    """All of a clip."""
    info = probe(path)
    with VideoReader(info) as reader:
        planes = [tuple(np.array(plane) for plane in frame.planes) for frame in reader]
        layout = reader.info.upright_layout
    return [Picture(each, layout, info.colour, info.height) for each in planes]


def measured(work: Callable[[], None], rounds: int, frames: int) -> tuple[float, dict[str, float]]:
    """CPU milliseconds a frame of some work and of each stage in it: the round that took the least."""
    work()
    best: tuple[float, dict[str, float]] = (float("inf"), {})
    for _ in range(rounds):
        spent: dict[str, float] = {}
        with clocks(spent):
            start = time.process_time()
            work()
            whole = time.process_time() - start
        if whole < best[0]:
            best = whole, spent
    scale = 1000 / frames
    return best[0] * scale, {name: value * scale for name, value in best[1].items()}


@contextmanager
def clocks(spent: dict[str, float]) -> Iterator[None]:
    """While it lasts, the stages' CPU seconds are added up."""
    plain = [(module, name, getattr(module, name)) for module, name in STAGES]
    for module, name, function in plain:
        setattr(module, name, _clocked(function, name.lstrip("_"), spent))
    try:
        yield
    finally:
        for module, name, function in plain:
            setattr(module, name, function)


def _clocked(function: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    @functools.wraps(function)
    def timed(*args: Any, **options: Any) -> Any:
        start = time.process_time()
        try:
            return function(*args, **options)
        finally:
            spent[name] = spent.get(name, 0.0) + time.process_time() - start

    return timed


if __name__ == "__main__":
    raise SystemExit(main())
