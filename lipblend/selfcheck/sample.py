"""A generated sample: a talking portrait, and the same clip after a simulated lip-sync generator.

The portrait is NASA's public-domain picture of the astronaut Eileen Collins, which ships with scikit-image (no
download). Head and background move, the mouth talks, and every pixel is known, so the sample includes its ground truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lipblend.output.synth import write_clip
from lipblend.runtime.output_paths import make_folder
from lipblend.selfcheck.sample_scene import Rgb, Scene
from lipblend.selfcheck.sample_speech import FRAME_RATE, SAMPLE_RATE, Speech, make_sound, make_speech


@dataclass(frozen=True)
class SamplePair:
    """A sample pair on disk.

    Attributes
    ----------
    original, synced, truth : Path
        The footage, the same footage after the generator, and a perfect composite of the two.
    frames : int
    show_frame : int
        A frame where the synced mouth is wide open and the original one is not.
    patch_boxes : tuple of (x0, y0, x1, y1)
        The generator's box in every frame, in pixels, half-open.
    """

    original: Path
    synced: Path
    truth: Path
    frames: int
    show_frame: int
    patch_boxes: tuple[tuple[int, int, int, int], ...]


def make_sample(folder: Path, *, frames: int = 75, size: int = 640, seed: int = 1) -> SamplePair:
    """Write ``sample_original.mp4``, ``sample_synced.mp4`` and ``sample_truth.mp4`` (existing files are replaced).

    Parameters
    ----------
    folder : Path
        Created if it does not exist.
    frames : int
        Number of frames at 25 frames per second; at least 1.
    size : int
        Width and height in pixels; even, at least 64. The face is 0.35 of it wide.
    seed : int
        The same seed gives identical files.

    Returns
    -------
    SamplePair

    Raises
    ------
    ValueError
        A number is out of range.
    OutputError
        The folder or a file cannot be written.
    """
    if frames < 1 or size < 64 or size % 2:
        raise ValueError(f"expected frames >= 1 and an even size >= 64, got frames={frames}, size={size}")
    make_folder(folder)
    scene = Scene(frames, size, seed)
    original_speech, synced_speech = make_speech(frames, seed), make_speech(frames, seed + 1)
    pair = SamplePair(
        original=folder / "sample_original.mp4",
        synced=folder / "sample_synced.mp4",
        truth=folder / "sample_truth.mp4",
        frames=frames,
        show_frame=int(np.argmax(synced_speech.openness - original_speech.openness)),
        patch_boxes=tuple(scene.patch_box(index) for index in range(frames)),
    )
    clips: tuple[tuple[Path, Callable[[int], Rgb], Speech, float], ...] = (
        (pair.original, lambda index: scene.footage(index, original_speech), original_speech, 16),
        (pair.truth, lambda index: scene.footage(index, synced_speech), synced_speech, 16),
        (pair.synced, lambda index: scene.generated(index, original_speech, synced_speech), synced_speech, 26),
    )
    for path, picture, speech, crf in clips:
        sound = make_sound(speech, seed)
        pictures: Iterator[Rgb] = map(picture, range(frames))
        write_clip(path, pictures, frame_rate=FRAME_RATE, crf=crf, sound=sound, sample_rate=SAMPLE_RATE)
    return pair
