"""How far a patch with straight alpha, put over the original, is from the finished composite.

    layers_error ORIGINAL RESULT PATCH

ORIGINAL may be longer. RESULT must be lossless (ffv1, or libx264 with crf 0), PATCH is the run's patch.mov. Chroma
of the first two is interpolated to every pixel in the same way, and both are converted to the encoding of the patch.
Per sample, original * (1 - alpha) + patch * alpha is compared with the result: Y, Cb, Cr, and R'G'B', in 8-bit codes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from lipblend.picture.alpha_channel import alpha_plane
from lipblend.picture.patch import Box
from lipblend.picture.straight_alpha import full_chroma
from lipblend.picture.ycbcr import change_of_encoding, ycbcr_matrix
from lipblend.video.probe import probe
from lipblend.video.reader import VideoReader

_TRUE_BINS = 1 << 12
_STEP = 1 / 64  # codes, of the histogram


@dataclass(frozen=True)
class FrameOver:
    """One frame: errors in 8-bit codes as (h, w, 3) float32 in YCbCr and R'G'B', and alpha, (h, w) float32 in [0, 1].

    ``changed`` says where the result differs from the original, (h, w) bool.
    """

    ycbcr: npt.NDArray[np.float32]
    rgb: npt.NDArray[np.float32]
    alpha: npt.NDArray[np.float32]
    changed: npt.NDArray[np.bool_]


def frames_over(original: Path, result: Path, patch: Path) -> Iterator[FrameOver]:
    """Every frame of a patch over the original, compared with the result; all coded pictures, not turned."""
    infos = [probe(path) for path in (original, result, patch)]
    top = infos[2]
    change = change_of_encoding(infos[0].colour, top.colour, top.height)
    matrix = ycbcr_matrix(top.colour, top.height)[:, :3].astype(np.float32)
    whole = Box(0, 0, top.width, top.height)
    with VideoReader(infos[0]) as first, VideoReader(infos[1]) as second, VideoReader(infos[2]) as third:
        for old, (new, over) in zip(first, zip(second, third, strict=True), strict=False):
            below, made = (
                full_chroma([frame.orientation.undone(plane) for plane in frame.planes], info.layout, whole)
                for frame, info in ((old, infos[0]), (new, infos[1]))
            )
            changed = (below != made).any(axis=2)
            if change is not None:
                below, made = (cv2.transform(each, change.astype(np.float32)) for each in (below, made))
            codes = alpha_plane(over.handle, top.layout)
            assert codes is not None
            alpha = (codes / np.float32(top.layout.code_max)).astype(np.float32)
            planes = [over.orientation.undone(plane) for plane in over.planes]
            patched = full_chroma(planes, top.layout, whole)
            error = below + (patched - below) * alpha[..., None] - made
            yield FrameOver(error, cv2.transform(error, matrix), alpha, changed)


def main(original: str, result: str, patch: str) -> None:
    """Print shares and maxima over all frames, and over what changed."""
    counts = {name: np.zeros(_TRUE_BINS, np.int64) for name in ("YCbCr", "R'G'B'", "YCbCr changed", "R'G'B' changed")}
    frames, area = 0, 0.0
    for frame in frames_over(Path(original), Path(result), Path(patch)):
        frames, area = frames + 1, area + float((frame.alpha > 0).mean())
        for name, error in (("YCbCr", frame.ycbcr), ("R'G'B'", frame.rgb)):
            for key, values in ((name, error), (f"{name} changed", error[frame.changed])):
                bins = np.minimum(np.abs(values).ravel() / _STEP, _TRUE_BINS - 1).astype(np.int64)
                counts[key] += np.bincount(bins, minlength=_TRUE_BINS)
    size = Path(patch).stat().st_size / 1e6
    print(f"{frames} frames, alpha above 0 in {100 * area / frames:.2f} % of the pixels, {size:.1f} MB")
    for key, bins in counts.items():
        total = max(1, int(bins.sum()))
        over = ", ".join(f"over {limit:g} {bins[int(limit / _STEP) + 1 :].sum() / total:.2e}" for limit in (0.5, 1, 2))
        largest = (int(np.flatnonzero(bins)[-1]) + 1) * _STEP if total > 1 else 0.0
        print(f"{key:15s} {over}, at most {largest:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
