"""The same pictures give the same bytes, whatever the memory held before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from patience import HANG_S

ROOT = Path(__file__).resolve().parents[2]
FORMATS = {
    "yuv420p": ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "ffv1"),
    "yuv420p10le": ("libx264", "libx265", "libsvtav1"),
    "yuv422p10le": ("prores_ks", "libx264"),
}
LOSSLESS = "ffv1"
PAN_PX = 24  # a frame, to the left: motion by which x264 reached beyond the end of a row
FRAMES = 12
FILLS = ("0", "85", "170", *["junk"] * int(os.environ.get("LIPBLEND_HEAP_RUNS", "1")))

Video = Callable[[str, tuple[int, int], int], Path]


@pytest.fixture(scope="module")
def panned(tmp_path_factory: pytest.TempPathFactory) -> Video:
    """Makes a lossless video that pans to the left over a noisy picture."""
    folder = tmp_path_factory.mktemp("panned")

    def make(pix_fmt: str, size: tuple[int, int], frames: int) -> Path:
        width, height = size
        path = folder / f"{pix_fmt}-{width}x{height}-{frames}.mkv"
        if path.exists():
            return path
        chance = np.random.default_rng(7)
        coarse = chance.integers(0, 256, (height // 8 + 1, (width + PAN_PX * frames) // 8 + 1, 3), dtype=np.uint8)
        wide = cv2.resize(coarse, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
        with av.open(str(path), "w") as output:
            stream = output.add_stream(LOSSLESS, rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
            for index in range(frames):
                view = wide[:height, PAN_PX * index : PAN_PX * index + width]
                grain = chance.integers(0, 10, view.shape, dtype=np.uint8)
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(view // 2 + grain), format="rgb24")
                picture = picture.reformat(format=pix_fmt)
                picture.pts, picture.time_base = index, Fraction(1, 25)
                output.mux(stream.encode(picture))
            output.mux(stream.encode(None))
        return path

    return make


def encoded(path: Path, fills: Sequence[str], encoders: Sequence[str]) -> dict[str, set[str]]:
    """The digests that each encoder's output has, over processes with such heaps."""
    found: dict[str, set[str]] = {}
    for fill in fills:
        words = [sys.executable, "-m", "tests.output.heap_child", fill, str(path), *encoders]
        environment = {**os.environ, "SVT_LOG": "1"}
        done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HANG_S)
        assert done.returncode == 0, done.stderr
        for name, digest in json.loads(done.stdout.splitlines()[-1]).items():
            found.setdefault(name, set()).add(digest)
    return found


@pytest.mark.slow(4)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
@pytest.mark.parametrize(
    ("pix_fmt", "size"), [("yuv420p", (208, 112)), ("yuv420p10le", (144, 80)), ("yuv422p10le", (146, 84))]
)
def test_encoders_are_deterministic_whatever_the_heap_held(panned: Video, pix_fmt: str, size: tuple[int, int]) -> None:
    encoders = [name for name in FORMATS[pix_fmt] if name in av.codecs_available]
    found = encoded(panned(pix_fmt, size, FRAMES), FILLS, encoders)
    assert set(found) == {*encoders, "pictures"}
    assert {name: len(digests) for name, digests in found.items()} == dict.fromkeys(found, 1)
