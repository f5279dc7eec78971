"""CPU time of each stage of composing a frame, on a synthetic clip. See docs/lab/profile.md."""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import cv2
import numpy as np

from lipblend.analysis.clip_analysis import ClipAnalysis
from lipblend.pair import open_pair
from lipblend.picture.picture import Picture
from lipblend.picture.planes import add_delta
from lipblend.plan.frame_plan import FramePlan
from lipblend.plan.make_plan import make_plan
from lipblend.render import face_patch, generate, synced_patch
from lipblend.render import frame as render
from lipblend.runtime.allocator import keep_freed_memory
from lipblend.selfcheck.sample import make_sample
from lipblend.settings import Settings
from lipblend.settings.resolve import resolve_settings
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

FACE_SHARE = 0.35  # face width / width of the sample
STAGES: tuple[tuple[ModuleType, str], ...] = (
    (face_patch, "face_matte"),
    (face_patch, "cut"),
    (synced_patch, "synced_cut"),
    (synced_patch, "membrane_patch"),
    (synced_patch, "morph"),
    (generate, "still_region"),
    (generate, "register"),
    (generate, "shifted_patch"),
    (generate, "warped_patch"),
    (generate, "_with_detail"),
    (generate, "_grain"),
    (generate, "_reused"),
    (face_patch, "blend"),
)
"""Functions to time, in order of execution; none of them calls another."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="profile-compose", description=__doc__)
    made.add_argument("presets", nargs="*", default=["natural", "max-concealment"], metavar="PRESET")
    made.add_argument("--face-width", type=int, default=300, metavar="PX", help="face width in the clip (300)")
    made.add_argument("--frames", type=int, default=8, metavar="N", help="length of the clip (8)")
    made.add_argument("--rounds", type=int, default=10, metavar="N", help="measurements; the fastest counts (10)")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = parser().parse_args(words)
    cv2.setNumThreads(1)
    keep_freed_memory()  # as the command line does
    with tempfile.TemporaryDirectory() as folder:
        side = round(given.face_width / FACE_SHARE / 2) * 2
        sample = make_sample(Path(folder), frames=given.frames, size=side)
        originals, synced = pictures(sample.original), pictures(sample.synced)
        analysis: ClipAnalysis | None = None
        for preset in given.presets:
            settings = resolve_settings(preset, None, {}).settings
            analysis = analysis or open_pair(sample.original, sample.synced).analyse(settings)
            rows = [row for row in make_plan(analysis, settings).rows if row.faces]
            frames = [
                Frame(
                    originals[row.original_index],
                    synced[row.synced_index],
                    {index: synced[index] for index in row.bridging_indices},
                    row,
                )
                for row in rows
            ]
            profile(preset, settings, frames, given.rounds)
    return 0


class Frame(NamedTuple):
    """What one frame is rendered from."""

    original: Picture
    synced: Picture
    bridging: Mapping[int, Picture]
    row: FramePlan

    def render(self, settings: Settings) -> render.FrameResult:
        return render.render_frame(self.original, self.synced, self.row, settings, bridging=self.bridging)


def profile(preset: str, settings: Settings, frames: Sequence[Frame], rounds: int) -> None:
    """Measure and print the stages of rendering some frames."""

    def render_all() -> None:
        for frame in frames:
            frame.render(settings)

    original = frames[0].original
    patches = frames[0].render(settings).patches
    planes = original.copy().planes

    def add_patches() -> None:
        for patch in patches:
            add_delta(planes, original.layout, patch.matte.box, patch.delta)

    whole, stages = measure(render_all, rounds, len(frames))
    added, _ = measure(add_patches, rounds, 1)
    width = np.mean([face.original.face_width_px for frame in frames for face in frame.row.faces])
    box = patches[0].matte.box
    print(f"{preset}: face {width:.0f} px, box {box.width}x{box.height}, ms per frame")
    times = {**stages, "rest": whole - sum(stages.values()), "add_delta": added, "all": whole + added}
    for name, spent in times.items():
        print(f"  {name:<16}{spent:7.2f}")


def pictures(path: Path) -> list[Picture]:
    """All frames of a clip."""
    info = probe(path)
    with VideoReader(info) as reader:
        planes = [tuple(np.array(plane) for plane in frame.planes) for frame in reader]
        layout = reader.info.upright_layout
    return [Picture(each, layout, info.colour, info.height) for each in planes]


def measure(work: Callable[[], None], rounds: int, frames: int) -> tuple[float, dict[str, float]]:
    """CPU milliseconds per frame of some work, and of each stage in it, in the fastest round."""
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
    """Add up the CPU seconds of the stages during the with-block."""
    originals = [(module, name, getattr(module, name)) for module, name in STAGES]
    for module, name, function in originals:
        setattr(module, name, _timed(function, name.lstrip("_"), spent))
    try:
        yield
    finally:
        for module, name, function in originals:
            setattr(module, name, function)


def _timed(function: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
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
