"""Make a pair of clips for `scripts/bench`, and print their paths as one line of JSON."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np

from lipblend.output.synth import write_clip
from lipblend.selfcheck.sample_scene import Scene
from lipblend.selfcheck.sample_speech import FRAME_RATE, make_speech

_LOOP = 48  # frames drawn; longer clips repeat them


def make_pair(folder: Path, height: int, share: float, frames: int) -> tuple[Path, Path]:
    """Make a 16:9 pair with the sample's portrait in the middle; its side is ``share`` of the height."""
    side, width, drawn = int(height * share) // 2 * 2, height * 16 // 9 // 2 * 2, min(frames, _LOOP)
    scene, heard, new = Scene(drawn, side, 1), make_speech(drawn, 1), make_speech(drawn, 2)
    around = np.random.default_rng(0).normal(110, 12, (height, width, 1)).clip(0, 255).astype(np.uint8).repeat(3, 2)
    top, left = (height - side) // 4 * 2, (width - side) // 4 * 2

    def framed(picture: np.ndarray) -> np.ndarray:
        whole = around.copy()
        whole[top : top + side, left : left + side] = picture
        return whole

    pictures: dict[str, Callable[[int], np.ndarray]] = {
        "original": lambda index: scene.footage(index, heard),
        "synced": lambda index: scene.generated(index, heard, new),
    }
    paths = []
    for name, picture in pictures.items():
        once = folder / f"once_{name}.mp4"
        write_clip(once, (framed(picture(index)) for index in range(drawn)), frame_rate=FRAME_RATE, crf=18)
        paths.append(folder / f"{name}.mp4")
        repeat(once, paths[-1], math.ceil(frames / drawn))
    return paths[0], paths[1]


def repeat(path: Path, output: Path, times: int) -> None:
    """Write a video's packets several times in a row."""
    with av.open(str(output), "w") as out:
        stream, shift = None, 0
        for _ in range(times):
            with av.open(str(path)) as source:
                video = source.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                for packet in source.demux(video):
                    if packet.dts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                        out.mux(packet)
                shift += video.frames * round(1 / (video.average_rate * video.time_base))


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    made = argparse.ArgumentParser(prog="bench_clips", description=__doc__)
    made.add_argument("folder", type=Path)
    made.add_argument("height", type=int)
    made.add_argument("share", type=float)
    made.add_argument("frames", type=int)
    given = made.parse_args(words)
    print(json.dumps([str(path) for path in make_pair(given.folder, given.height, given.share, given.frames)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
