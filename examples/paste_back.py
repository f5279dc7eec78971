"""In a generator: blend each generated frame instead of pasting it back.

From the checkout, after scripts/lipblend has made .venv:

    .venv/bin/python examples/paste_back.py original.png synced.png out.png

or with any Python in which `pip install .` was run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from lipblend import FrameBlender, LipblendError


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        print("usage: paste_back.py ORIGINAL.png SYNCED.png OUT.png", file=sys.stderr)
        return 2
    original, synced, output = arguments
    try:
        frame, generated = picture(original), picture(synced)
        with FrameBlender() as blender:  # once per clip; then call blend for every frame
            result = blender.blend(frame, generated)
        if not cv2.haveImageWriter(output) or not cv2.imwrite(output, result[..., ::-1]):
            raise OSError(f"cannot write {output}")
    except (LipblendError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def picture(path: str) -> np.ndarray:
    """(h, w, 3) uint8 RGB."""
    found = cv2.imread(path) if Path(path).is_file() else None
    if found is None:
        raise OSError(f"{path} is missing, or not a picture")
    return found[..., ::-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
