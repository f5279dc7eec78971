"""In a generator: blend each generated frame instead of pasting it back.

python examples/paste_back.py original.png synced.png out.png
"""

from __future__ import annotations

import sys

import cv2

from lipblend import FrameBlender


def main(original: str, synced: str, output: str) -> None:
    frame, generated = (cv2.imread(path)[..., ::-1] for path in (original, synced))
    with FrameBlender() as blender:  # once per clip; then call blend for every frame
        result = blender.blend(frame, generated)
    cv2.imwrite(output, result[..., ::-1])


if __name__ == "__main__":
    main(*sys.argv[1:4])
